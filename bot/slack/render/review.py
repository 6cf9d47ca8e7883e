"""Owns the review: the arguments in pages, for those that do not fit beside a button.

Page by page the sealed value for the next page exists only in the modal of the page before it, and
only the last page has Approve. So who sends that form back was sent every page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gate import Approval, InvalidId

from ..ids import BLOCK_PREFIX, PAGE, PAGE_BACK, REJECT, REVIEW_FORM
from .asked import answers_line, asked_line
from .buttons import Stamp, button, plain
from .card import facts_line
from .cautions import cautions
from .forms import hidden
from .line import Line, Names, Words, quote, rich_text, section
from .payload import REVIEW_LIMIT, pages_of, pieces_of
from .titles import full_names, preformatted, title

__all__ = ["ReviewForm", "page_surface", "review_modal"]

Block = dict[str, Any]


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


def page_surface(page: int, pages: int) -> str:
    """Return the word in a seal for one page of a review."""
    return f"review:{page}/{pages}"


def review_modal(
    approval: Approval,
    page: int,
    *,
    stamp: Stamp,
    person: str,
    place: str,
    notice: str | None = None,
    names: Names | None = None,
) -> dict[str, Any]:
    """Return one page of a review.

    Its buttons: Next and Back, sealed for the page that they lead to; Reject, sealed for this page,
    as is the hidden value. The last page is a form whose submission approves.

    Args:
        approval: What is reviewed, pending and routed.
        page: From 1 to `review_pages`.
        stamp: Seals the buttons and the hidden value.
        person: The id of the person whom it is shown to.
        place: Where that person is told what came of an answer.
        notice: Words of our own above the page: why it opened.
        names: Display names by principal.

    Raises:
        LookupError: There is no such page: the caller asks `review_pages` first.
        InvalidId: The record has an id, nonce or digest that no gate makes.
    """
    texts = pages_of(approval.effective_payload)
    if texts is None or not 1 <= page <= len(texts):
        raise LookupError("no such page")
    pages = len(texts)

    def seal(number: int) -> str:
        return stamp(approval, surface=page_surface(number, pages), place=person)

    blocks: list[Block] = []
    if notice:
        blocks.append(rich_text(section([Words("❗ "), Words(notice)])))
    blocks.extend(_head(approval, names=names or {}, first=page == 1))
    blocks.extend(_page(texts[page - 1], page, pages))
    warned = cautions(approval)
    if warned:
        blocks.append(rich_text(*warned))
    blocks.append(rich_text(section(_guide(page, pages))))
    blocks.append({"type": "actions", "elements": _buttons(approval, page, pages, seal)})
    for index, block in enumerate(blocks):
        block["block_id"] = f"{BLOCK_PREFIX}:review:{approval.version}:{page}:{index}"
    view: dict[str, Any] = {
        "type": "modal",
        "callback_id": REVIEW_FORM,
        "private_metadata": hidden(seal(page), place, p=page, n=pages),
        "title": plain("Review" if pages == 1 else f"Review: page {page} of {pages}"),
        "close": plain("Close"),
        "blocks": blocks,
    }
    return view | {"submit": plain("Approve")} if page == pages else view


def _head(approval: Approval, *, names: Names, first: bool) -> list[Block]:
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
    if approval.reason:
        said = section([Words("The agent says:", bold=True)])
        blocks.append(rich_text(said, *quote(approval.reason)))
    if approval.terms is not None:
        who = asked_line(approval.terms, names=names, ping=False)
        blocks.append(rich_text(section([Words("⏳ Waiting for "), *who])))
        answers = answers_line(approval, names=names, ping=False)
        if answers:
            blocks.append(rich_text(section(answers)))
    return blocks


def _page(text: str, page: int, pages: int) -> list[Block]:
    label = "Arguments" if pages == 1 else f"Arguments, page {page} of {pages}"
    first, *rest = pieces_of(text)
    return [
        rich_text(section([Words(label, bold=True)]), preformatted(first)),
        *(rich_text(preformatted(piece)) for piece in rest),
    ]


def _guide(page: int, pages: int) -> Line:
    if page < pages:
        return [Words(f"Approve is on page {pages}, after all the others.")]
    if pages == 1:
        return [Words("This is everything that would run.")]
    return [Words(f"This is the last page. Approve counts for all {pages} pages.")]


def _buttons(approval: Approval, page: int, pages: int, seal: Any) -> list[dict[str, Any]]:
    made = []
    if page > 1:
        made.append(button(PAGE_BACK, "Back", seal(page - 1), approval))
    if page < pages:
        made.append(button(PAGE, "Next", seal(page + 1), approval, style="primary"))
    made.append(button(REJECT, "Reject", seal(page), approval, style="danger"))
    return made
