"""Owns what happens on a click: parse, ask the domain, acknowledge. No rules.

The order is commit, then acknowledge: a decision that Slack has acknowledged is stored. Everything
that only informs happens after the acknowledgement, as work of its own. Who did something is told
what came of it by whoever reads the events (`bot.answering`); here only what left no event.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

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
from .home import Homes
from .ids import (
    APPROVE,
    COMMAND,
    PAGE,
    PAGE_BACK,
    REASON_BLOCK,
    REJECT,
    REJECT_FORM,
    REVEAL,
    REVIEW,
    REVIEW_FORM,
    WHO,
)
from .parse import Click, HomeOpened, Reviewed, ShortcutUse, SlashCall, Submission
from .reception import Adopt, Reception, Shown, Use
from .render import (
    MASKING,
    TOO_MANY,
    form_failed,
    reject_modal,
    shows_all,
    too_many_modal,
)
from .review import Reviews, wants_review
from .seal import Seal

__all__ = ["Doors", "Handlers"]

Ack = Callable[..., Awaitable[Any]]
Reply = Mapping[str, Any]
"""What goes back to Slack with the acknowledgement."""

_FORM_UNREADABLE: Final = (
    "Nothing was recorded: this form does not belong to a request that is known here."
)
_NOTHING_ELSE: Final[Mapping[str, Any]] = {}
_FORM_BUDGET: Final = 0.8
"""Seconds for opening a form, beside the budgets of `bot.deciding`; Slack waits 3 s in all."""


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
        bot_id: Our own.
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
    bot_id: str
    adopt: Adopt | None = None
    form_budget: float = _FORM_BUDGET
    masking: Masking = MASKING


class Handlers:
    """The app's listeners.

    Attributes:
        homes: The homes that are open.
    """

    def __init__(self, doors: Doors) -> None:
        self._answers = doors.answers
        self._client = doors.client
        self._seal = doors.seal
        self._form_budget = doors.form_budget
        self._masking = doors.masking
        self._reception = Reception(
            doors.answers,
            seal=doors.seal,
            messenger=doors.messenger,
            background=doors.background,
            now=doors.now,
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
            seal=doors.seal,
            bot_id=doors.bot_id,
            masking=doors.masking,
        )
        self._log = get_logger("signoff.slack")

    def register(self, bolt: AsyncApp) -> None:
        """Make *bolt* call these listeners."""
        for action, work in (
            (APPROVE, self._approve),
            (REJECT, self._reject),
            (REVIEW, self._review),
            (PAGE, self._turn),
            (PAGE_BACK, self._turn),
            (REVEAL, self._turn),
        ):
            bolt.action(action)(self._clicked(work))
        bolt.view(REJECT_FORM)(self.submit_reason)
        bolt.view(REVIEW_FORM)(self.submit_review)
        bolt.command(COMMAND)(self.slash)
        bolt.shortcut({"type": "message_action", "callback_id": WHO})(self.who)
        bolt.event("app_home_opened")(self.home_opened)

    async def submit_reason(self, ack: Ack, body: dict[str, Any]) -> None:
        """Take the form behind Reject."""
        try:
            form = Submission.parse(body)
        except LimitExceeded as error:
            await ack(response_action="errors", errors={REASON_BLOCK: str(error)})
            return
        except InvalidId as error:
            self._log.warning("form.refused", reason=error.reason)
            await ack(response_action="errors", errors={REASON_BLOCK: _FORM_UNREADABLE})
            return
        presented = form.presented
        reply, _ = await self._take(
            form.voter,
            presented.attempt,
            presented.told_at,
            partial(self._submit_reason, form),
            turned_away={"response_action": "errors", "errors": {REASON_BLOCK: TOO_MANY}},
        )
        await ack(**reply)

    async def submit_review(self, ack: Ack, body: dict[str, Any]) -> BoltResponse | None:
        """Take Approve on the last page of a review."""
        form = self._read(Reviewed.parse, body)
        if form is None:
            return _not_acknowledged()
        presented = form.presented
        reply, _ = await self._take(
            form.voter,
            presented.attempt,
            presented.told_at,
            partial(self._submit_review, form),
            # Slack takes errors for inputs only, and a page has none.
            turned_away={"response_action": "push", "view": too_many_modal()},
        )
        await ack(**reply)
        return None

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

    async def _take(
        self,
        voter: Voter,
        attempt: str,
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

    async def _reject(self, click: Click) -> None:
        use = await self._admitted(click)
        if use is None:
            return
        view = reject_modal(
            use.approval,
            stamp=self._seal.value,
            person=use.person,
            place=use.told_at,
            masking=self._masking,
        )
        inside = click.view is not None and click.view.review is not None
        call = self._client.views_push if inside else self._client.views_open
        shown = await self._reception.show(
            partial(call, trigger_id=click.trigger, view=view), seconds=self._form_budget
        )
        if shown is Shown.FAILED:
            await self._reject_at_once(use)

    async def _reject_at_once(self, use: Use) -> None:
        """Reject without the reason that could not be asked for, and say where it can be given."""
        quiet = replace(use.attempt, place=None)
        answer = await self._answers.answer(use.approval, quiet, Verdict.DENY)
        told = (
            form_failed(rejected=True)
            if answer.refused is None
            else self._reception.words(answer.refused, approval=answer.approval)
        )
        self._reception.tell(use.attempt.voter, use.told_at, told)
        self._acted(use)

    async def _submit_reason(self, form: Submission) -> Reply:
        use = await self._reception.receive(form.presented)
        if use is not None:
            answer = await self._answers.answer(
                use.approval, use.attempt, Verdict.DENY, note=form.note
            )
            self._reception.conclude(use.attempt, answer)
            self._acted(use)
        return {"response_action": "clear"}

    async def _submit_review(self, form: Reviewed) -> Reply:
        reply = await self._reviews.submit(form)
        self.homes.acted(form.voter, there=form.presented.told_at == form.voter.user)
        return reply

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


def _not_acknowledged() -> BoltResponse:
    """Return the answer after which Slack shows an error sign: nobody is known to be told why."""
    return BoltResponse(status=400, body="malformed")
