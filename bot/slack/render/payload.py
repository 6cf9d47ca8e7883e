"""Owns how much of the arguments stands where: whole on a card, or page by page in a review."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gate import Approval

from ..text import cut, units
from .notation import rows_of, strings_of
from .rows import columns
from .titles import names_fit

__all__ = [
    "BLOCK_CHARACTERS",
    "CARD",
    "HOME",
    "MAX_CHARACTERS",
    "MAX_COLUMNS",
    "MAX_ROWS",
    "REVIEW_LIMIT",
    "Arguments",
    "Room",
    "arguments",
    "pages_of",
    "pieces_of",
    "review_pages",
    "shows_all",
    "strings_of",
]

MAX_CHARACTERS: Final = 2800
"""Characters of rendered arguments that a card shows whole."""
MAX_ROWS: Final = 80
"""Rows of rendered arguments that a card shows whole."""
MAX_COLUMNS: Final = 120
"""Columns of the widest row. Strings are folded; deep nesting, huge numbers and long names are
not, and a row that a client wraps by itself could seem to be two."""
REVIEW_LIMIT: Final = 20
"""Pages of the longest review: more than that nobody reads to the end."""
BLOCK_CHARACTERS: Final = 2800
"""Characters of one block of a page."""
BEGINNING: Final = 1200
"""Characters that are shown of arguments that do not fit."""
BEGINNING_ROWS: Final = 20


@dataclass(frozen=True)
class Room:
    """How much of the arguments a surface shows whole."""

    characters: int
    rows: int
    wire: int
    """Characters as JSON: quotation marks and line breaks take two."""


CARD: Final = Room(MAX_CHARACTERS, MAX_ROWS, 3000)
"""On a card and on its copy in a direct message."""
HOME: Final = Room(600, 12, 900)
"""In one of the rows of a home."""
PAGE: Final = Room(7000, 200, 10_000)
"""On one page of a review. A view of Slack's may have 250,000 bytes; people have less."""

_ROOMS: Final = {"card": CARD, "direct": CARD, "home": HOME}


@dataclass(frozen=True)
class Arguments:
    """Rendered arguments. Where `whole` is false, `text` is only their beginning."""

    text: str
    whole: bool
    characters: int
    """Of the rendered whole."""
    rows: int
    """Of the rendered whole."""
    shown: int
    """Characters of `text`."""


def arguments(payload: Any, room: Room = CARD) -> Arguments:
    """Return *payload* as it stands in *room*.

    Args:
        payload: A JSON value, as `gate.canonical_text` accepts it.
        room: How much may be shown.

    Raises:
        TypeError: Something else. What cannot be shown must not be approved.
        ValueError: NaN or an infinity.
    """
    rows = list(rows_of(payload))
    text = "\n".join(rows)
    whole = (
        units(text) <= room.characters
        and len(rows) <= room.rows
        and _wire(text) <= room.wire
        and all(columns(row) <= MAX_COLUMNS for row in rows)
    )
    shown = text if whole else cut(text, BEGINNING, rows=BEGINNING_ROWS)[0]
    return Arguments(
        text=shown, whole=whole, characters=len(text), rows=len(rows), shown=len(shown)
    )


def shows_all(approval: Approval, surface: str) -> bool:
    """Say whether *surface* shows everything that would run beside its buttons.

    It decides both whether Approve is drawn there and whether a click on it counts as seen.

    Args:
        approval: What is asked.
        surface: `card`, `direct` or `home`; any other shows nothing by itself.
    """
    room = _ROOMS.get(surface)
    if room is None:
        return False
    if surface == "home" and not names_fit(approval):
        return False
    return arguments(approval.effective_payload, room).whole


def pages_of(payload: Any) -> list[str] | None:
    """Return *payload* in pages, cut between rows; joined by line breaks they are all of it.

    Returns:
        At least one page; `None` where a row is too wide for a screen, or there are more pages
        than `REVIEW_LIMIT`.
    """
    pages: list[str] = []
    for page in _filled(rows_of(payload), PAGE):
        if len(pages) == REVIEW_LIMIT or any(columns(row) > MAX_COLUMNS for row in page):
            return None
        pages.append("\n".join(page))
    return pages


def review_pages(approval: Approval) -> int:
    """Return how many pages a review of *approval* has, 1 or more.

    More than `REVIEW_LIMIT`: it cannot be reviewed in Slack.
    """
    pages = pages_of(approval.effective_payload)
    return REVIEW_LIMIT + 1 if pages is None else len(pages)


def pieces_of(page: str) -> list[str]:
    """Return a page in pieces for one block each, cut between rows."""
    room = Room(BLOCK_CHARACTERS, 1000, 10_000)
    return ["\n".join(rows) for rows in _filled(page.split("\n"), room)]


def _filled(rows: Iterator[str] | Sequence[str], room: Room) -> Iterator[list[str]]:
    """Yield *rows* in as few groups as have *room*; one row always has."""
    group: list[str] = []
    length = wire = 0
    for row in rows:
        more, heavier = units(row) + 1, _wire(row) + 2
        full = (
            length + more > room.characters or len(group) == room.rows or wire + heavier > room.wire
        )
        if group and full:
            yield group
            group, length, wire = [], 0, 0
        group.append(row)
        length, wire = length + more, wire + heavier
    yield group


def _wire(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False)) - 2
