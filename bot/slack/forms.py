"""Owns the forms that buttons open: a reason for a no, other arguments, an answer without a run.

A form is opened for one person and one state of a request, and the seal in it says so. Whoever
edits or answers instead says yes to something: so they have seen what was asked, like who approves.
It stood beside the button, or it is on record that they were shown it page by page: who comes from
the last page of a review is put there on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypedDict

from slack_sdk.web.async_client import AsyncWebClient

from gate import UNCHANGED, Approval, InvalidId, Offer, Verdict

from ..deciding import Answers
from ..masking import Masking
from ..messenger import Message
from .parse import Answered, Edited, Submission
from .reception import Reception, Shown, Use
from .render import MASKING, form_failed, reject_modal, shows_all
from .render.answer_form import answer_modal
from .render.buttons import LABELS, Stamp
from .render.editing import edit_modal, why_no_edit
from .render.line import Words, message
from .render.shell import edit_there
from .review import Reviews
from .seal import Seal

__all__ = ["FORM_SECONDS", "Forms"]

FORM_SECONDS: Final = 0.8
"""For opening a form, beside the budgets of `bot.deciding`; Slack waits 3 s in all."""

_CLOSED: Final[Mapping[str, Any]] = {"response_action": "clear"}

View = dict[str, Any]


class _SealedFor(TypedDict):
    """What every form is made with, beside the approval."""

    stamp: Stamp
    person: str
    place: str
    masking: Masking


class Forms:
    """Opens forms, and takes what is submitted.

    Args:
        answers: Takes people's answers.
        reception: Judges what comes back.
        reviews: Opens what has to be seen first.
        client: Opens views; without retry handlers.
        seal: Seals what comes back.
        seconds: How long Slack may take to open a form.
        masking: Masks what looks like a secret.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        reception: Reception,
        reviews: Reviews,
        client: AsyncWebClient,
        seal: Seal,
        seconds: float = FORM_SECONDS,
        masking: Masking = MASKING,
    ) -> None:
        self._answers = answers
        self._reception = reception
        self._reviews = reviews
        self._client = client
        self._seal = seal
        self._seconds = seconds
        self._masking = masking

    async def reject(self, use: Use, *, trigger: str) -> bool:
        """Ask for a reason; where Slack does not open the form, reject without one and say so.

        Returns:
            Whether it was rejected without one, or tried to be.
        """
        view = reject_modal(use.approval, **self._sealed_for(use))
        if await self._open(view, use, trigger) is not Shown.FAILED:
            return False
        await self._reject_at_once(use)
        return True

    async def edit(self, use: Use, *, trigger: str) -> None:
        """Open the arguments for editing; whoever has not seen them all gets the review."""
        if not await self._may(use, "edit"):
            return
        view = edit_modal(use.approval, **self._sealed_for(use))
        if view is None:
            why = why_no_edit(use.approval, self._masking) or ""
            told = _not_editable(why, self._masking.veil(use.approval))
            self._reception.tell(use.attempt.voter, use.told_at, told)
            return
        await self._show(view, use, trigger, label=LABELS["edit"])

    async def answer(self, use: Use, *, trigger: str) -> None:
        """Ask for the result that the agent gets in place of a run."""
        if await self._may(use, "override"):
            view = answer_modal(use.approval, **self._sealed_for(use))
            await self._show(view, use, trigger, label=LABELS["override"])

    async def submit_reason(self, form: Submission) -> Mapping[str, Any]:
        """Take the form behind Reject."""
        use = await self._reception.receive(form.presented)
        if use is not None:
            answer = await self._answers.answer(
                use.approval, use.attempt, Verdict.DENY, note=form.note
            )
            self._reception.conclude(use.attempt, answer)
        return _CLOSED

    async def submit_edit(self, form: Edited) -> Mapping[str, Any]:
        """Take the form behind Edit: a yes to the arguments as edited, or what is wrong in them."""
        use = await self._reception.receive(form.presented)
        if use is None:
            return _CLOSED
        if use.approval.final:
            # What is wrong with an entry is of no use any more.
            self._reception.conclude(
                use.attempt, await self._answers.admit(use.approval, use.attempt)
            )
            return _CLOSED
        try:
            edited = form.form.apply(use.approval, masking=self._masking)
        except InvalidId:
            # Made before the bot was set up otherwise: it shows other inputs than it would now.
            await self._reception.turn_away_stale(use)
            return _CLOSED
        if isinstance(edited, dict):
            return {"response_action": "errors", "errors": edited}
        # Where a result stands that somebody else gave, a yes without arguments would be one to it.
        says = edited.changed or use.approval.proposed_result is not None
        answer = await self._answers.answer(
            use.approval,
            use.attempt,
            Verdict.APPROVE,
            seen=self._seen_beside(use),
            note=form.form.note,
            payload=edited.payload if says else UNCHANGED,
        )
        self._reception.conclude(use.attempt, answer)
        return _CLOSED

    async def submit_answer(self, form: Answered) -> Mapping[str, Any]:
        """Take the form behind Answer instead: a yes to that result."""
        use = await self._reception.receive(form.presented)
        if use is None:
            return _CLOSED
        answer = await self._answers.answer(
            use.approval,
            use.attempt,
            Verdict.APPROVE,
            seen=self._seen_beside(use),
            note=form.form.note,
            override_result=form.form.override_result,
        )
        self._reception.conclude(use.attempt, answer)
        return _CLOSED

    def _sealed_for(self, use: Use) -> _SealedFor:
        """Return what makes a form one for this person, who is told where the button was used."""
        return {
            "stamp": self._seal.value,
            "person": use.person,
            "place": use.told_at,
            "masking": self._masking,
        }

    async def _may(self, use: Use, further: Offer) -> bool:
        """Say whether this person may answer by the way; who may not is told."""
        if _in_review(use):
            return await self._reviews.finish(use, further)
        admitted = await self._answers.admit(use.approval, use.attempt, further=further)
        if admitted.refused is not None:
            self._reception.conclude(use.attempt, admitted)
        return admitted.refused is None

    async def _show(self, view: View, use: Use, trigger: str, *, label: str) -> None:
        """Open a form for an answer to what was seen; whoever has not seen it gets the review."""
        if not self._seen(use):
            self._reviews.open(use, trigger=trigger)
        elif await self._open(view, use, trigger) is Shown.FAILED:
            told = form_failed(what=None if use.surface == "slash" else label)
            self._reception.tell(use.attempt.voter, use.told_at, told)

    def _seen(self, use: Use) -> bool:
        """Say whether the person was shown all of it: beside the button, or before."""
        beside = shows_all(use.approval, use.surface, masking=self._masking)
        return beside or _in_review(use) or use.approval.seen_by(use.attempt.voter.principal)

    def _seen_beside(self, use: Use) -> bool:
        """Say whether what is asked stood beside the button that opened the form.

        It was opened on a surface with room for all of it, and no surface has more than a card; or
        it is on record that its person was shown all of it, which the gate looks at by itself.
        """
        return shows_all(use.approval, "card", masking=self._masking)

    async def _open(self, view: View, use: Use, trigger: str) -> Shown:
        # On top of the review, to which Back leads.
        call = self._client.views_push if _in_review(use) else self._client.views_open
        return await self._reception.show(
            partial(call, trigger_id=trigger, view=view), seconds=self._seconds
        )

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


def _in_review(use: Use) -> bool:
    """Say whether the button stands on a page of a review."""
    return use.surface.startswith("review:")


def _not_editable(why: str, approval: Approval) -> Message:
    where = f"It can be approved as it stands, or rejected with a reason. {edit_there(approval)}"
    return message([Words(f"✋ {why} {where}")])
