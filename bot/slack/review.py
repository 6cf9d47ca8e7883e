"""Owns the review: it opens page by page, and its last page approves.

That every page was sent needs no note: the value that opens page three stands on page two and
nowhere else, and the form that approves is the last page.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from gate import Approval, NotAllowed, Verdict

from ..deciding import Answer, Answers
from .parse import Click, Reviewed
from .reception import Reception, Shown, Use
from .render import (
    REVIEW_LIMIT,
    ended_modal,
    form_failed,
    review_modal,
    review_pages,
    unrecorded,
)
from .seal import Seal

__all__ = ["Reviews", "wants_review"]

_SECONDS: Final = 2.5
"""For opening or turning a page: Slack takes a trigger for three."""


def wants_review(answer: Answer) -> bool:
    """Say whether an answer was refused only because not everything had been shown."""
    return isinstance(answer.refused, NotAllowed) and answer.refused.reason == "incomplete_view"


class Reviews:
    """Shows arguments that do not fit beside a button.

    Args:
        answers: Takes the answer on the last page.
        reception: Judges what comes back.
        client: Opens and changes views; without retry handlers.
        seal: Seals the buttons of each page.
    """

    def __init__(
        self, answers: Answers, *, reception: Reception, client: AsyncWebClient, seal: Seal
    ) -> None:
        self._answers = answers
        self._reception = reception
        self._client = client
        self._seal = seal

    def open(self, use: Use, *, trigger: str) -> None:
        """Open the first page, by the way."""
        self._reception.later(self._open(use, trigger), name="review")

    def turn(self, use: Use, click: Click) -> None:
        """Show the page that the button leads to, by the way."""
        self._reception.later(self._turn(use, click), name="review")

    async def submit(self, form: Reviewed) -> Mapping[str, Any]:
        """Take Approve on the last page: the view goes on record, then the answer."""
        use = await self._reception.receive(form.presented)
        if use is not None and review_pages(use.approval) != form.pages:
            await self._reception.turn_away_stale(use)
        elif use is not None:
            answer = await self._answers.answer(
                use.approval, use.attempt, Verdict.APPROVE, viewed=True
            )
            self._reception.conclude(use.attempt, answer)
        return {"response_action": "clear"}

    async def _open(self, use: Use, trigger: str) -> None:
        approval, voter = use.approval, use.attempt.voter
        if review_pages(approval) > REVIEW_LIMIT:
            unseen = NotAllowed(approval.id, reason="incomplete_view", principal=voter.principal)
            self._reception.tell(voter, use.told_at, unrecorded(unseen, approval=approval))
            return
        view = self._page(approval, 1, use)
        shown = await self._reception.show(
            partial(self._client.views_open, trigger_id=trigger, view=view), seconds=_SECONDS
        )
        if shown is Shown.FAILED:
            self._reception.tell(voter, use.told_at, form_failed(what="Review"))

    async def _turn(self, use: Use, click: Click) -> None:
        approval = use.approval
        page, pages = (int(number) for number in use.surface.removeprefix("review:").split("/"))
        if click.view is None:
            return
        if approval.final:
            view = ended_modal(approval, names={})
        elif review_pages(approval) != pages:
            await self._reception.turn_away_stale(use)
            return
        else:
            view = self._page(approval, page, use)
        # With the hash, of two clicks on one page only the first turns it.
        change = partial(
            self._client.views_update, view_id=click.view.id, hash=click.view.hash, view=view
        )
        shown = await self._reception.show(change, seconds=_SECONDS)
        if shown is Shown.FAILED:
            label = "Next or Back"
            self._reception.tell(use.attempt.voter, use.told_at, form_failed(what=label))

    def _page(self, approval: Approval, page: int, use: Use) -> dict[str, Any]:
        return review_modal(
            approval, page, stamp=self._seal.value, person=use.person, place=use.told_at
        )
