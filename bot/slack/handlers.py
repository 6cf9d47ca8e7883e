"""Owns what happens on a click: parse, ask the domain, acknowledge, answer in private. No rules.

The order is commit, then acknowledge: a decision that Slack has acknowledged is stored. Everything
that only informs happens after the acknowledgement, as work of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from gate import Approval, InvalidId, LimitExceeded, NotAllowed, SignoffError, Verdict, get_logger

from ..background import Background
from ..deciding import Answers, Voter
from ..messenger import DeliveryFailed, Message, Messenger, Posted
from .ids import APPROVE, REASON_BLOCK, REJECT, REJECT_FORM, ButtonValue
from .parse import Click, Submission
from .render.line import Words, message
from .render.modals import reject_modal
from .render.notices import applied, foreign_card, notice_for, stale_card
from .render.payload import arguments

__all__ = ["Handlers"]

Ack = Callable[..., Awaitable[Any]]

_FORM_FAILED: Final = message(
    [Words("❗ Nothing was recorded: Slack did not open the form. Please click Reject again.")]
)

_FORM_UNREADABLE: Final = (
    "Nothing was recorded: this form does not belong to a request that is known here."
)
_FORM_BUDGET: Final = 1.2
"""Seconds for opening a form, after the budgets of `bot.deciding`; Slack waits 3 s in all."""


class Handlers:
    """The app's listeners.

    Args:
        answers: Takes people's answers.
        messenger: For private answers.
        client: Opens forms; without retry handlers.
        background: Owns what happens after the acknowledgement.
        adopt: Is told by the way which card of an approval was used; `None` if nobody cares.
        form_budget: Seconds that Slack may take to open a form.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        messenger: Messenger,
        client: AsyncWebClient,
        background: Background,
        adopt: Callable[[str, Posted], Awaitable[None]] | None = None,
        form_budget: float = _FORM_BUDGET,
    ) -> None:
        self._answers = answers
        self._messenger = messenger
        self._client = client
        self._background = background
        self._adopt = adopt
        self._form_budget = form_budget
        self._log = get_logger("signoff.slack")

    def register(self, bolt: AsyncApp) -> None:
        """Make *bolt* call these listeners."""
        bolt.action(APPROVE)(self.approve)
        bolt.action(REJECT)(self.reject)
        bolt.view(REJECT_FORM)(self.submit)

    async def approve(self, ack: Ack, body: dict[str, Any]) -> BoltResponse | None:
        """Take a click on Approve."""
        click = self._read(body)
        if click is None:
            return _not_acknowledged()
        await self._approve(click)
        await ack()
        return None

    async def reject(self, ack: Ack, body: dict[str, Any]) -> BoltResponse | None:
        """Take a click on Reject: open the form for the reason, for those who may answer."""
        click = self._read(body)
        if click is None:
            return _not_acknowledged()
        await self._ask_reason(click)
        await ack()
        return None

    async def submit(self, ack: Ack, body: dict[str, Any]) -> None:
        """Take the form behind Reject."""
        try:
            submission = Submission.parse(body)
        except LimitExceeded as error:
            await ack(response_action="errors", errors={REASON_BLOCK: str(error)})
            return
        except InvalidId as error:
            self._log.warning("form.refused", reason=error.reason)
            await ack(response_action="errors", errors={REASON_BLOCK: _FORM_UNREADABLE})
            return
        form = submission.form
        click = Click(submission.voter, form.channel, form.ts, "", form.value)
        approval = await self._look(click)
        if approval is not None:
            await self._answer(click, approval, Verdict.DENY, surface="modal", note=form.note)
        await ack()

    async def _approve(self, click: Click) -> None:
        approval = await self._look(click)
        if approval is None:
            return
        if not approval.final and not arguments(approval.effective_payload).whole:
            # The card has no such button; what cannot be seen whole cannot be approved.
            error = NotAllowed(
                approval.id, reason="incomplete_view", principal=click.voter.principal
            )
            await self._answers.refuse(approval, click.voter, reason=error.reason, surface="card")
            self._tell(click, notice_for(error, approval=approval))
            return
        await self._answer(click, approval, Verdict.APPROVE, surface="card")

    async def _ask_reason(self, click: Click) -> None:
        approval = await self._look(click)
        if approval is None or click.value is None:
            return
        try:
            await self._answers.admit(approval, click.voter)
        except SignoffError as error:
            reason = error.reason if isinstance(error, NotAllowed) else error.code
            await self._answers.refuse(approval, click.voter, reason=reason, surface="card")
            self._tell(click, notice_for(error, approval=approval))
            return
        view = reject_modal(approval, click.value, channel=click.channel, ts=click.ts)
        try:
            async with asyncio.timeout(self._form_budget):
                await self._client.views_open(trigger_id=click.trigger, view=view)
        except Exception as error:  # noqa: BLE001  (whatever it was, the person must hear of it)
            self._log.warning("form.not_opened", approval=approval.key, error=type(error).__name__)
            self._tell(click, _FORM_FAILED)

    async def _look(self, click: Click) -> Approval | None:
        """Return the approval that the button stands for; answers for itself if there is none."""
        if click.value is None:
            self._tell(click, foreign_card())
            return None
        try:
            approval = await self._answers.look(click.value.key)
        except SignoffError as error:
            self._tell(click, notice_for(error))
            return None
        if not click.value.fits(approval):
            await self._refuse_stale(click.voter, approval, click.value)
            self._tell(click, stale_card())
            return None
        self._background.start(self._used(click, approval), name="used-card")
        return approval

    async def _used(self, click: Click, approval: Approval) -> None:
        if self._adopt is None:
            return
        try:
            await self._adopt(approval.key, Posted(click.channel, click.ts))
        except (DeliveryFailed, SignoffError) as error:
            self._log.warning("card.not_adopted", approval=approval.key, error=type(error).__name__)

    async def _refuse_stale(self, voter: Voter, approval: Approval, value: ButtonValue) -> None:
        self._log.warning("click.stale", approval=value.key, principal=voter.principal)
        await self._answers.refuse(approval, voter, reason="stale_card", surface="card")

    async def _answer(
        self,
        click: Click,
        approval: Approval,
        verdict: Verdict,
        *,
        surface: str,
        note: str | None = None,
    ) -> None:
        answer = await self._answers.answer(
            approval, click.voter, verdict, surface=surface, note=note
        )
        if answer.refused is not None:
            self._tell(click, notice_for(answer.refused, approval=answer.approval))
        elif answer.approval is not None:
            self._tell(click, applied(answer.approval, verdict))

    def _read(self, body: Mapping[str, Any]) -> Click | None:
        try:
            return Click.parse(body)
        except InvalidId as error:
            self._log.warning("click.refused", reason=error.reason)
            return None

    def _tell(self, click: Click, answer: Message) -> None:
        self._background.start(self._deliver(click, answer), name="private-answer")

    async def _deliver(self, click: Click, answer: Message) -> None:
        if click.voter.user is None:
            return
        try:
            await self._messenger.tell(click.channel, click.voter.user, answer)
        except DeliveryFailed as error:
            self._log.warning(
                "answer.not_delivered", principal=click.voter.principal, reason=error.reason
            )


def _not_acknowledged() -> BoltResponse:
    """Return the answer after which Slack shows an error sign: nobody is known to be told why."""
    return BoltResponse(status=400, body="malformed")
