"""Owns the review: the arguments in pages, for those that do not fit beside a button.

Page by page the sealed value for the next page exists only in the modal of the page before it, and
only the last page has Approve. So who sends that form back was sent every page. The values behind
its buttons for an edit or a result stand there and nowhere else, so they say the same.

A page on which values are masked leads on only once they are revealed. Who goes on without goes
another way, `masked`, on which there is no Approve; from its first page one can begin again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from gate import Approval, InvalidId

from ...masking import Masking
from ..ids import BLOCK_PREFIX, PAGE, PAGE_BACK, REJECT, REVEAL, REVIEW_FORM
from .asked import answers_line, asked_line, asked_of
from .buttons import Stamp, amending, button, plain
from .card import facts_line
from .cautions import cautions
from .claims import claims
from .forms import hidden
from .line import Line, Names, Words, rich_text, section
from .offers import Offers, offers_of, unedited
from .payload import (
    MASKING,
    REVIEW_LIMIT,
    Page,
    approvable,
    frame_shown,
    masked_words,
    pieces_of,
    result_in,
    review_texts,
)
from .payload import PAGE as PAGE_ROOM
from .proposal import arguments_label, changed_line, result_label
from .titles import full_names, preformatted, title

__all__ = ["PageKind", "ReviewForm", "page_surface", "read_surface", "review_modal"]

Block = dict[str, Any]


class PageKind(StrEnum):
    """What a sealed page says of the person who brings it back."""

    PLAIN = ""
    """Was sent all of the pages before it."""
    MASKED = "masked"
    """Was sent something before it, or on it, with values masked."""
    REVEAL = "reveal"
    """Asks for the values of this page, after all of the pages before it."""
    REVEALED = "revealed"
    """Was sent all of this page too, with what was masked on it."""
    WHOLE = "whole"
    """Was sent the last page too, so all there is, with nothing masked."""


@dataclass(frozen=True)
class ReviewForm:
    """What a page of a review brings back, with a button or as a submission."""

    value: str
    """The sealed value, unopened: sealed for `page_surface(page, pages)` and the person."""
    place: str
    """Where the person is told what came of it."""
    page: int
    pages: int

    @property
    def last(self) -> bool:
        """Whether it is the last page, the only one that can be submitted."""
        return self.page == self.pages

    @classmethod
    def parse(cls, view: Mapping[str, Any]) -> Self:
        """Read the `view` of an interaction with a modal of `review_modal`.

        Raises:
            InvalidId: Not such a view. The error does not repeat its content.
        """
        if view.get("callback_id") != REVIEW_FORM:
            raise InvalidId(field="review", reason="it is another form")
        try:
            kept = json.loads(view["private_metadata"])
            value, place, page, pages = kept["v"], kept["c"], kept["p"], kept["n"]
        except (KeyError, TypeError, ValueError, RecursionError):
            raise InvalidId(field="review", reason="its fields are not ours") from None
        if not (isinstance(value, str) and isinstance(place, str)):
            raise InvalidId(field="review", reason="its fields are not ours")
        if type(page) is not int or type(pages) is not int:
            raise InvalidId(field="review", reason="its fields are not ours")
        if not 1 <= page <= pages <= REVIEW_LIMIT:
            raise InvalidId(field="review", reason="there is no such page")
        return cls(value=value, place=place, page=page, pages=pages)


def page_surface(page: int, pages: int, kind: PageKind = PageKind.PLAIN) -> str:
    """Return the word in a seal for one page of a review."""
    return f"review:{page}/{pages}" + (f" {kind}" if kind else "")


def read_surface(surface: str) -> tuple[int, int, PageKind]:
    """Return the page, the number of pages and the kind from a word that a seal of ours bore."""
    numbers, _, kind = surface.removeprefix("review:").partition(" ")
    page, _, pages = numbers.partition("/")
    return int(page), int(pages), PageKind(kind)


def review_modal(
    approval: Approval,
    page: int,
    *,
    stamp: Stamp,
    person: str,
    place: str,
    kind: PageKind = PageKind.PLAIN,
    notice: str | None = None,
    names: Names | None = None,
    masking: Masking = MASKING,
) -> dict[str, Any]:
    """Return one page of a review.

    Its buttons: Next and Back, sealed for the page that they lead to; Reject, sealed for this page,
    as is the hidden value. The last page is a form whose submission approves, if all of it and of
    the pages before was sent with nothing masked; then Edit and Answer instead are there, too,
    where request and route offer them.

    Args:
        approval: What is reviewed, pending and routed.
        page: From 1 to `review_pages`.
        stamp: Seals the buttons and the hidden value.
        person: The id of the person whom it is shown to.
        place: Where that person is told what came of an answer.
        kind: `REVEALED` shows what is masked on this page: only for whom that is on record.
        notice: Words of our own above the page: why it opened.
        names: Display names by principal.
        masking: Masks what looks like a secret.

    Raises:
        LookupError: There is no such page: the caller asks `review_pages` first.
        InvalidId: The record has an id, nonce or digest that no gate makes.
    """
    offers = offers_of(approval, masking)
    approval = masking.veil(approval)
    texts = review_texts(approval)
    if texts is None or not 1 <= page <= len(texts):
        raise LookupError("no such page")
    pages = len(texts)
    if not frame_shown(approval, masking):
        kind = PageKind.MASKED
    elif page == 1 and kind is PageKind.MASKED:
        kind = PageKind.PLAIN
    sheet = _Sheet(
        approval,
        texts[page - 1],
        number=page,
        pages=pages,
        kind=kind,
        reveals=approvable(approval, masked=True),
        secrets=any(text.spots for text in texts) or not frame_shown(approval, masking),
        names=names,
        offers=offers,
    )

    def seal(number: int, kind: PageKind) -> str:
        return stamp(approval, surface=page_surface(number, pages, kind), place=person)

    blocks: list[Block] = []
    if notice:
        blocks.append(rich_text(section([Words("❗ "), Words(notice)])))
    blocks.extend(_head(approval, names=names, first=page == 1))
    blocks.extend(_page(sheet))
    warned = cautions(approval)
    if warned:
        blocks.append(rich_text(*warned))
    blocks.append(rich_text(*map(section, _guides(sheet))))
    blocks.append({"type": "actions", "elements": _buttons(sheet, seal)})
    for index, block in enumerate(blocks):
        block["block_id"] = f"{BLOCK_PREFIX}:review:{approval.version}:{page}{sheet.kind}:{index}"
    view: dict[str, Any] = {
        "type": "modal",
        "callback_id": REVIEW_FORM,
        "private_metadata": hidden(seal(page, sheet.kind), place, p=page, n=pages),
        "title": plain("Review" if pages == 1 else f"Review: page {page} of {pages}"),
        "close": plain("Close"),
        "blocks": blocks,
    }
    return view | {"submit": plain("Approve")} if sheet.whole else view


@dataclass(frozen=True)
class _Sheet:
    """One page as one person sees it."""

    approval: Approval
    text: Page
    number: int
    pages: int
    kind: PageKind
    reveals: bool
    """Whether the route allows to reveal."""
    secrets: bool
    """Whether anything is masked on any page."""
    names: Names | None
    offers: Offers
    """What may be answered besides yes and no."""

    @property
    def masked(self) -> int:
        """How many values this page does not show."""
        return 0 if self.kind is PageKind.REVEALED else len(self.text.spots)

    @property
    def onward(self) -> PageKind:
        """What is known of a person who goes on from here."""
        seen = self.kind is not PageKind.MASKED and not self.masked
        return PageKind.PLAIN if seen else PageKind.MASKED

    @property
    def whole(self) -> bool:
        """Whether all there is was sent with this page: here is Approve."""
        return self.number == self.pages and self.onward is PageKind.PLAIN


def _head(approval: Approval, *, names: Names | None, first: bool) -> list[Block]:
    """Return who asks for what; on the first page also the agent's words and who may answer."""
    blocks: list[Block] = [
        {"type": "header", "text": plain(title(approval))},
        {
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": facts_line(approval, pending=True)}],
        },
    ]
    if not first:
        return blocks
    blocks.extend(rich_text(*parts) for parts in full_names(approval))
    said = claims(approval)
    if said:
        blocks.append(rich_text(*said))
    terms = asked_of(approval)
    if terms is not None:
        who = asked_line(terms, names=names, ping=False)
        blocks.append(rich_text(section([Words("⏳ Waiting for "), *who])))
        answers = answers_line(approval, names=names, ping=False)
        if answers:
            blocks.append(rich_text(section(answers)))
    blocks.extend(_changed(approval, names=names))
    return blocks


def _changed(approval: Approval, *, names: Names | None) -> list[Block]:
    """Return what a person made of the question; the result in place of a run is there whole."""
    line = changed_line(approval, names=names, ping=False)
    if not line:
        return []
    blocks = [rich_text(section(line))]
    result = result_in(approval, PAGE_ROOM)
    if result is not None:
        first, *rest = pieces_of(result.text)
        label = section([Words(result_label(), bold=True)])
        blocks.append(rich_text(label, preformatted(first)))
        blocks.extend(rich_text(preformatted(piece)) for piece in rest)
    return blocks


def _page(sheet: _Sheet) -> list[Block]:
    part = ""
    if sheet.pages > 1:
        part += f", page {sheet.number} of {sheet.pages}"
    if sheet.masked:
        part += f": {masked_words(sheet.masked)}"
    label = arguments_label(sheet.approval, names=sheet.names, ping=False, page=part)
    revealed = sheet.kind is PageKind.REVEALED
    first, *rest = pieces_of(sheet.text.revealed if revealed else sheet.text.text)
    return [
        rich_text(section(label), preformatted(first)),
        *(rich_text(preformatted(piece)) for piece in rest),
    ]


def _guides(sheet: _Sheet) -> Iterator[Line]:
    """Yield what can be done from here, and why a button is missed where it could be."""
    yield _guide(sheet)
    why = sheet.offers.no_form
    if sheet.whole and why is not None:
        no_edit = Words("No Edit button:", bold=True)
        yield [no_edit, Words(f" {unedited(why, sheet.approval)}")]


def _guide(sheet: _Sheet) -> Line:
    pages = sheet.pages
    if sheet.secrets and not sheet.reveals:
        return [Words("What is masked here is not revealed: it can only be rejected.")]
    if sheet.kind is PageKind.MASKED:
        said = "Not all of the pages before were shown in full, so there is no Approve here."
        return [Words(f"{said} To approve, go back to page 1 and reveal what is masked.")]
    if sheet.masked:
        said = "Approve needs all of it to be seen. That you reveal it goes on record."
        return [Words(said if pages == 1 else f"{said} Next goes on without Approve.")]
    if sheet.number < pages:
        return [Words(f"{sheet.offers.labels} on page {pages}, after all the others.")]
    if pages == 1:
        if sheet.approval.proposed_result is not None:
            return [Words("This is everything: the result, and what does not run.")]
        return [Words("This is everything that would run.")]
    return [Words(f"This is the last page. Approve counts for all {pages} pages.")]


def _buttons(sheet: _Sheet, seal: Callable[[int, PageKind], str]) -> list[dict[str, Any]]:
    made = []
    approval, number = sheet.approval, sheet.number
    if number > 1:
        # Who goes back was sent the pages before as much as on the way here.
        back = PageKind.MASKED if sheet.kind is PageKind.MASKED else PageKind.PLAIN
        made.append(button(PAGE_BACK, "Back", seal(number - 1, back), approval))
    if sheet.masked and sheet.reveals and sheet.kind is PageKind.PLAIN:
        value = seal(number, PageKind.REVEAL)
        made.append(button(REVEAL, "Reveal", value, approval, style="primary"))
    if number < sheet.pages:
        style = "primary" if sheet.onward is PageKind.PLAIN else None
        made.append(button(PAGE, "Next", seal(number + 1, sheet.onward), approval, style=style))
    if sheet.whole:
        # Next leads here too. So that it proves this page was sent, the value is another one.
        made.extend(amending(approval, seal(number, PageKind.WHOLE), sheet.offers.answers))
    made.append(button(REJECT, "Reject", seal(number, sheet.kind), approval, style="danger"))
    return made
