"""Owns what happens on a click: parse, ask the domain, acknowledge. No rules.

The order is commit, then acknowledge: a decision that Slack has acknowledged is stored. Everything
that only informs happens after the acknowledgement, as work of its own. Who did something is told
what came of it by whoever reads the events (`bot.answering`); here only what left no event.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from gate import InvalidId, LimitExceeded, Verdict, get_logger

from ..background import Background
from ..deciding import Answers, Voter
from ..directory import CachedDirectory
from ..inbox import Inboxes
from ..masking import Masking
from ..messenger import Messenger
from .commands import Commands
from .forms import FORM_SECONDS, Forms
from .home import Homes
from .ids import (
    ANSWER,
    ANSWER_FORM,
    APPROVE,
    COMMAND,
    EDIT,
    EDIT_FORM,
    PAGE,
    PAGE_BACK,
    REASON_BLOCK,
    REJECT,
    REJECT_FORM,
    REVEAL,
    REVIEW,
    REVIEW_FORM,
    SKIP,
    WHO,
)
from .parse import (
    Answered,
    Click,
    Edited,
    HomeOpened,
    Reviewed,
    ShortcutUse,
    SlashCall,
    Submission,
)
from .reception import Adopt, Reception, Use
from .render import MASKING, TOO_MANY, shows_all, too_many_modal
from .review import Reviews, wants_review
from .seal import Seal

__all__ = ["Doors", "Handlers"]

Ack = Callable[..., Awaitable[Any]]
F = TypeVar("F", Submission, Edited, Answered, Reviewed)
Reply = Mapping[str, Any]
"""What goes back to Slack with the acknowledgement."""

_FORM_UNREADABLE: Final = (
    "Nothing was recorded: this form does not belong to a request that is known here."
)
_NOTHING_ELSE: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class Doors:
    """What the listeners work with.

    Attributes:
        answers: Takes people's answers.
        inboxes: What is pending, and for whom.
        directory: Names that are known.
        messenger: For private answers that no event holds.
        client: Opens forms; without retry handlers.
        seal: Seals and opens what goes to Slack and comes back.
        background: Owns what happens after the acknowledgement.
        now: Seconds that never run backwards.
        own: Says whether a message is ours.
        adopt: Is told by the way which message was used; `None` if nobody cares.
        form_budget: Seconds that Slack may take to open a form.
        masking: Masks what looks like a secret.
    """

    answers: Answers
    inboxes: Inboxes
    directory: CachedDirectory
    messenger: Messenger
    client: AsyncWebClient
    seal: Seal
    background: Background
    now: Callable[[], float]
    own: Callable[[Mapping[str, Any]], bool]
    adopt: Adopt | None = None
    form_budget: float = FORM_SECONDS
    masking: Masking = MASKING


class Handlers:
    """The app's listeners.

    Attributes:
        homes: The homes that are open.
    """

    def __init__(self, doors: Doors) -> None:
        self._answers = doors.answers
        self._masking = doors.masking
        self._reception = Reception(
            doors.answers,
            seal=doors.seal,
            messenger=doors.messenger,
            background=doors.background,
            now=doors.now,
            directory=doors.directory,
            adopt=doors.adopt,
            masking=doors.masking,
        )
        self._reviews = Reviews(
            doors.answers,
            reception=self._reception,
            client=doors.client,
            seal=doors.seal,
            masking=doors.masking,
        )
        self._forms = Forms(
            doors.answers,
            reception=self._reception,
            reviews=self._reviews,
            client=doors.client,
            seal=doors.seal,
            seconds=doors.form_budget,
            masking=doors.masking,
        )
        self.homes = Homes(
            doors.inboxes,
            reception=self._reception,
            client=doors.client,
            seal=doors.seal,
            now=doors.now,
            masking=doors.masking,
        )
        self._commands = Commands(
            doors.answers,
            inboxes=doors.inboxes,
            directory=doors.directory,
            reception=self._reception,
            reviews=self._reviews,
            forms=self._forms,
            seal=doors.seal,
            own=doors.own,
            masking=doors.masking,
        )
        self._log = get_logger("signoff.slack")

    def register(self, bolt: AsyncApp) -> None:
        """Make *bolt* call these listeners."""
        for action, work in (
            (APPROVE, self._approve),
            (REJECT, self._reject),
            (SKIP, self._skip),
            (EDIT, self._edit),
            (ANSWER, self._answer_instead),
            (REVIEW, self._review),
            (PAGE, self._turn),
            (PAGE_BACK, self._turn),
            (REVEAL, self._turn),
        ):
            bolt.action(action)(self._clicked(work))
        forms = self._forms
        unreadable = _error(_FORM_UNREADABLE)
        # Slack takes errors for inputs only, and a page of a review has none.
        on_top = {"response_action": "push", "view": too_many_modal()}
        for name, submitted in (
            (REJECT_FORM, self._form(Submission.parse, forms.submit_reason, unread=unreadable)),
            (REVIEW_FORM, self._form(Reviewed.parse, self._reviews.submit, too_many=on_top)),
            (EDIT_FORM, self._form(Edited.parse, forms.submit_edit)),
            (ANSWER_FORM, self._form(Answered.parse, forms.submit_answer)),
        ):
            bolt.view(name)(submitted)
        bolt.command(COMMAND)(self.slash)
        bolt.shortcut({"type": "message_action", "callback_id": WHO})(self.who)
        bolt.event("app_home_opened")(self.home_opened)

    async def slash(self, ack: Ack, body: dict[str, Any]) -> BoltResponse | None:
        """Take a slash command."""
        call = self._read(SlashCall.parse, body)
        if call is None:
            return _not_acknowledged()
        reply, first = await self._take(
            call.voter, call.attempt, call.channel, partial(self._slash, call)
        )
        await ack(**(reply if first else {}))
        return None

    async def who(self, ack: Ack, body: dict[str, Any]) -> BoltResponse | None:
        """Take the shortcut "Who can decide this?"."""
        use = self._read(ShortcutUse.parse, body)
        if use is None:
            return _not_acknowledged()

        async def work() -> Reply:
            self._commands.who(use)
            return {}

        await self._take(use.voter, use.attempt, use.posted.channel, work)
        await ack()
        return None

    async def home_opened(self, body: dict[str, Any]) -> None:
        """Draw the home of somebody who opens it."""
        opened = self._read(HomeOpened.parse, body)
        if opened is not None and opened.tab == "home":
            self.homes.opened(opened.voter)

    def _clicked(
        self, work: Callable[[Click], Awaitable[None]]
    ) -> Callable[..., Awaitable[BoltResponse | None]]:
        """Return a listener that reads a click, does *work* with it once, and acknowledges."""

        async def listener(ack: Ack, body: dict[str, Any]) -> BoltResponse | None:
            click = self._read(Click.parse, body)
            if click is None:
                return _not_acknowledged()

            async def take() -> Reply:
                await work(click)
                return {}

            presented = click.presented
            await self._take(click.voter, presented.attempt, presented.told_at, take)
            await ack()
            return None

        return listener

    def _form(
        self,
        parse: Callable[[Mapping[str, Any]], F],
        work: Callable[[F], Awaitable[Reply]],
        *,
        unread: Reply | None = None,
        too_many: Reply | None = None,
    ) -> Callable[..., Awaitable[BoltResponse | None]]:
        """Return a listener that reads a form, does *work* with it once, and acknowledges.

        Args:
            parse: Reads it.
            work: Returns what goes back.
            unread: Goes back where it is no form of ours; by default Slack shows an error sign.
            too_many: Goes back where it was too much; by default an error on the form.
        """

        async def listener(ack: Ack, body: dict[str, Any]) -> BoltResponse | None:
            try:
                form = parse(body)
            except LimitExceeded as error:
                await ack(**_error(str(error)))
                return None
            except InvalidId as error:
                self._log.warning("form.refused", reason=error.reason)
                if unread is None:
                    return _not_acknowledged()
                await ack(**unread)
                return None

            presented = form.presented
            voter = presented.voter

            async def take() -> Reply:
                reply = await work(form)
                self.homes.acted(voter, there=presented.told_at == voter.user)
                return reply

            turned_away = too_many or _error(TOO_MANY)
            reply, _ = await self._take(
                voter, presented.attempt, presented.told_at, take, turned_away=turned_away
            )
            await ack(**reply)
            return None

        return listener

    async def _take(
        self,
        voter: Voter,
        attempt: str | None,
        place: str,
        work: Callable[[], Awaitable[Reply]],
        *,
        turned_away: Reply = _NOTHING_ELSE,
    ) -> tuple[Reply, bool]:
        """Do *work* once, at a bearable rate; return its reply, and whether it was done now.

        Where it was too much the reply is *turned_away*: a form that just closes looks as if its
        answer counted.
        """

        async def admitted() -> Reply:
            return await work() if self._reception.admits(voter, told_at=place) else turned_away

        return await self._reception.once(attempt, admitted)

    async def _approve(self, click: Click) -> None:
        use = await self._reception.receive(click.presented)
        if use is None:
            return
        seen = shows_all(use.approval, use.surface, masking=self._masking)
        answer = await self._answers.answer(use.approval, use.attempt, Verdict.APPROVE, seen=seen)
        if wants_review(answer):
            self._reviews.open(use, trigger=click.trigger)
            return
        self._reception.conclude(use.attempt, answer)
        self._acted(use)

    async def _review(self, click: Click) -> None:
        use = await self._admitted(click)
        if use is not None:
            self._reviews.open(use, trigger=click.trigger)

    async def _turn(self, click: Click) -> None:
        use = await self._reception.receive(click.presented)
        if use is not None:
            self._reviews.turn(use, click)

    async def _skip(self, click: Click) -> None:
        use = await self._reception.receive(click.presented)
        if use is None:
            return
        answer = await self._answers.answer(use.approval, use.attempt, Verdict.SKIP)
        self._reception.conclude(use.attempt, answer)
        self._acted(use)

    async def _reject(self, click: Click) -> None:
        use = await self._admitted(click)
        if use is not None and await self._forms.reject(use, trigger=click.trigger):
            self._acted(use)

    async def _edit(self, click: Click) -> None:
        use = await self._reception.receive(click.presented)
        if use is not None:
            await self._forms.edit(use, trigger=click.trigger)

    async def _answer_instead(self, click: Click) -> None:
        use = await self._reception.receive(click.presented)
        if use is not None:
            await self._forms.answer(use, trigger=click.trigger)

    async def _slash(self, call: SlashCall) -> Reply:
        reply = await self._commands.slash(call)
        self.homes.acted(call.voter, there=False)
        return reply

    async def _admitted(self, click: Click) -> Use | None:
        """Return the use, if the person may answer now; whoever may not is told."""
        use = await self._reception.receive(click.presented)
        if use is None:
            return None
        admitted = await self._answers.admit(use.approval, use.attempt)
        if admitted.refused is None:
            return use
        self._reception.conclude(use.attempt, admitted)
        self._acted(use)
        return None

    def _acted(self, use: Use) -> None:
        self.homes.acted(use.attempt.voter, there=use.surface == "home")

    def _read(self, parse: Callable[[Mapping[str, Any]], Any], body: Mapping[str, Any]) -> Any:
        try:
            return parse(body)
        except InvalidId as error:
            self._log.warning("click.refused", reason=error.reason)
            return None


def _error(words: str) -> Reply:
    """Return what says *words* on a form of ours: at the input for a reason or a note."""
    return {"response_action": "errors", "errors": {REASON_BLOCK: words}}


def _not_acknowledged() -> BoltResponse:
    """Return the answer after which Slack shows an error sign: nobody is known to be told why."""
    return BoltResponse(status=400, body="malformed")
