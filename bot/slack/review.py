"""Owns the review: it opens page by page, and its last page approves or leads to another answer.

That every page was sent needs no note: the value that opens page three stands on page two and
nowhere else, and the form that approves is the last page. What is masked on a page is shown once it
is on record who is shown it; the seals tell whether it was. The view goes on record with Approve,
or before a form is opened from the last page.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from gate import Approval, NotAllowed, Offer, Verdict

from ..deciding import Answer, Answers
from ..masking import Masking
from .parse import Click, Reviewed
from .reception import Reception, Shown, Use
from .render import (
    MASKING,
    PageKind,
    ended_modal,
    form_failed,
    read_surface,
    review_modal,
)
from .render.payload import Page, frame_shown, review_texts
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
        masking: Masks what looks like a secret.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        reception: Reception,
        client: AsyncWebClient,
        seal: Seal,
        masking: Masking = MASKING,
    ) -> None:
        self._answers = answers
        self._reception = reception
        self._client = client
        self._seal = seal
        self._masking = masking

    def open(self, use: Use, *, trigger: str) -> None:
        """Open the first page, by the way."""
        self._reception.later(self._open(use, trigger), name="review")

    def turn(self, use: Use, click: Click) -> None:
        """Show the page that the button leads to, by the way."""
        self._reception.later(self._turn(use, click), name="review")

    async def submit(self, form: Reviewed) -> Mapping[str, Any]:
        """Take Approve on the last page: the view goes on record, then the answer."""
        use = await self._reception.receive(form.presented)
        if use is None:
            return {"response_action": "clear"}
        pages = self._pages(use.approval)
        shown_all = bool(pages and pages[-1].spots) is (_kind(use) is PageKind.REVEALED)
        shown_all = shown_all and frame_shown(use.approval, self._masking)
        if len(pages) != form.pages or not shown_all:
            await self._reception.turn_away_stale(use)
        else:
            answer = await self._answers.answer(
                use.approval, use.attempt, Verdict.APPROVE, viewed=True
            )
            self._reception.conclude(use.attempt, answer)
        return {"response_action": "clear"}

    async def finish(self, use: Use, further: Offer) -> bool:
        """Say whether the person was shown all of it and may go on to an answer; it is on record.

        Whoever may not is told.

        Args:
            use: Of a button on a page.
            further: The answer that the button leads to.
        """
        _, count, kind = read_surface(use.surface)
        whole = kind is PageKind.WHOLE and frame_shown(use.approval, self._masking)
        if not whole or len(self._pages(use.approval)) != count:
            await self._reception.turn_away_stale(use)
            return False
        answer = await self._answers.view(use.approval, use.attempt, further=further)
        if answer.refused is not None:
            self._reception.conclude(use.attempt, answer)
        return answer.refused is None

    async def _open(self, use: Use, trigger: str) -> None:
        approval, voter = use.approval, use.attempt.voter
        if not self._pages(approval):
            unseen = NotAllowed(approval.id, reason="incomplete_view", principal=voter.principal)
            told = self._reception.words(unseen, approval=approval)
            self._reception.tell(voter, use.told_at, told)
            return
        view = self._page(approval, 1, use)
        shown = await self._reception.show(
            partial(self._client.views_open, trigger_id=trigger, view=view), seconds=_SECONDS
        )
        if shown is Shown.FAILED:
            what = None if use.surface == "slash" else "Review"
            self._reception.tell(voter, use.told_at, form_failed(what=what))

    async def _turn(self, use: Use, click: Click) -> None:
        approval = use.approval
        page, count, kind = read_surface(use.surface)
        if click.view is None:
            return
        pages = self._pages(approval)
        if approval.final:
            names = self._reception.names(approval)
            view = ended_modal(approval, names=names, masking=self._masking)
        elif len(pages) != count:
            await self._reception.turn_away_stale(use)
            return
        elif kind is PageKind.REVEAL:
            if not await self._may_reveal(use, pages[page - 1]):
                return
            view = self._page(approval, page, use, kind=PageKind.REVEALED)
        else:
            # Who comes back to a page finds it as it was before anything on it was revealed.
            seen = PageKind.MASKED if kind is PageKind.MASKED else PageKind.PLAIN
            view = self._page(approval, page, use, kind=seen)
        # With the hash, of two clicks on one page only the first turns it.
        change = partial(
            self._client.views_update, view_id=click.view.id, hash=click.view.hash, view=view
        )
        shown = await self._reception.show(change, seconds=_SECONDS)
        if shown is Shown.FAILED:
            label = "Reveal" if kind is PageKind.REVEAL else "Next or Back"
            self._reception.tell(use.attempt.voter, use.told_at, form_failed(what=label))

    async def _may_reveal(self, use: Use, page: Page) -> bool:
        """Put the reveal on record; whoever is not shown the values is told why."""
        paths = [spot.path for spot in page.spots]
        answer = await self._answers.reveal(use.approval, use.attempt, paths)
        if answer.refused is None:
            return True
        if isinstance(answer.refused, NotAllowed):
            self._reception.conclude(use.attempt, answer)
        else:
            told = form_failed(what="Reveal")
            self._reception.tell(use.attempt.voter, use.told_at, told)
        return False

    def _pages(self, approval: Approval) -> list[Page]:
        """Return the pages; none where it is too much for Slack."""
        return review_texts(approval, masking=self._masking) or []

    def _page(
        self, approval: Approval, page: int, use: Use, *, kind: PageKind = PageKind.PLAIN
    ) -> dict[str, Any]:
        return review_modal(
            approval,
            page,
            stamp=self._seal.value,
            person=use.person,
            place=use.told_at,
            kind=kind,
            names=self._reception.names(approval),
            masking=self._masking,
        )


def _kind(use: Use) -> PageKind:
    return read_surface(use.surface)[2]
