"""Owns how much of the arguments stands where: whole on a card, or page by page in a review."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gate import Approval

from ...masking import PROSE_MARK, Masking, Spot
from ..text import cut, units
from .notation import Segment, segments_of, strings_of
from .rows import columns
from .titles import names_fit

__all__ = [
    "BLOCK_CHARACTERS",
    "CARD",
    "HOME",
    "MASKING",
    "MAX_CHARACTERS",
    "MAX_COLUMNS",
    "MAX_ROWS",
    "REVIEW_LIMIT",
    "Arguments",
    "Page",
    "Room",
    "approvable",
    "arguments",
    "frame_shown",
    "masked_words",
    "names_shown",
    "pages_of",
    "pieces_of",
    "result_in",
    "review_pages",
    "review_texts",
    "shows_all",
    "strings_of",
]

MASKING: Final = Masking()
"""What masks where nothing else is said: nothing is ever drawn without."""
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
_RESULT_BEGINNING: Final = (300, 5)
"""Characters and rows that are shown of a proposed result that does not fit."""


@dataclass(frozen=True)
class Room:
    """How much of the arguments a surface shows whole."""

    characters: int
    rows: int
    wire: int
    """Characters as JSON: quotation marks and line breaks take two."""

    def beside(self, shown: Arguments) -> Room:
        """Return the room that is left beside *shown*."""
        text = shown.text
        rows = text.count("\n") + 1
        return Room(self.characters - units(text), self.rows - rows, self.wire - _wire(text))


CARD: Final = Room(MAX_CHARACTERS, MAX_ROWS, 3000)
"""On a card and on its copy in a direct message."""
HOME: Final = Room(600, 12, 900)
"""In one of the rows of a home."""
PAGE: Final = Room(7000, 200, 10_000)
"""On one page of a review. A view of Slack's may have 250,000 bytes; people have less."""

_ROOMS: Final = {"card": CARD, "direct": CARD, "home": HOME}


@dataclass(frozen=True)
class Arguments:
    """Rendered arguments. Where `fits` is false, `text` is only their beginning."""

    text: str
    fits: bool
    characters: int
    """Of the rendered whole."""
    rows: int
    """Of the rendered whole."""
    shown: int
    """Characters of `text`."""
    masked: int = 0
    """Texts and numbers that are masked in the rendered whole."""
    wide: bool = False
    """Whether a row of it, with a long name or number, is too wide for any screen of Slack's."""

    @property
    def whole(self) -> bool:
        """Whether every character of the arguments is in `text`."""
        return self.fits and not self.masked

    @property
    def size(self) -> str:
        """How large the rendered whole is, in words."""
        characters = "1 character" if self.characters == 1 else f"{self.characters:,} characters"
        return f"{characters} on {'1 line' if self.rows == 1 else f'{self.rows:,} lines'}"

    @property
    def excess(self) -> str:
        """Why Slack cannot show it, in words behind its size."""
        return (
            "with a name or number too wide for Slack" if self.wide else "more than Slack can show"
        )


@dataclass(frozen=True)
class Page:
    """A page of a review."""

    text: str
    """As everybody sees it."""
    revealed: str
    """With what is masked in `text`."""
    spots: tuple[Spot, ...] = ()
    """What is masked."""


def arguments(
    payload: Any, room: Room = CARD, *, beginning: tuple[int, int] = (BEGINNING, BEGINNING_ROWS)
) -> Arguments:
    """Return *payload* as it stands in *room*.

    Args:
        payload: A JSON value, as `gate.canonical_text` accepts it, or a veiled one.
        room: How much may be shown.
        beginning: Characters and rows that are shown of what does not fit.

    Raises:
        TypeError: Something else. What cannot be shown must not be approved.
        ValueError: NaN or an infinity.
    """
    segments = list(segments_of(payload))
    rows = [row for segment in segments for row in segment.rows]
    text = "\n".join(rows)
    wide = any(columns(row) > MAX_COLUMNS for row in rows)
    fits = (
        units(text) <= room.characters
        and len(rows) <= room.rows
        and _wire(text) <= room.wire
        and not wide
    )
    shown = text if fits else cut(text, beginning[0], rows=beginning[1])[0]
    return Arguments(
        text=shown,
        fits=fits,
        characters=len(text),
        rows=len(rows),
        shown=len(shown),
        masked=sum(len(segment.spots) for segment in segments),
        wide=wide,
    )


def shows_all(approval: Approval, surface: str, *, masking: Masking = MASKING) -> bool:
    """Say whether *surface* shows everything that a yes is said to beside its buttons.

    That is what would run or, where a person proposes a result in place of a run, that too. It
    decides both whether Approve is drawn there and whether a click on it counts as seen.

    Args:
        approval: What is asked.
        surface: `card`, `direct` or `home`; any other shows nothing by itself.
        masking: What is masked is not shown.
    """
    room = _ROOMS.get(surface)
    if room is None:
        return False
    if (surface == "home" and not names_fit(approval)) or not frame_shown(approval, masking):
        return False
    shown = arguments(masking.payload(approval.effective_payload), room)
    result = result_in(approval, room.beside(shown), masking=masking)
    return shown.whole and (result is None or result.fits)


def result_in(approval: Approval, room: Room, *, masking: Masking = MASKING) -> Arguments | None:
    """Return what the agent is to get in place of a run as it stands in *room*, masked.

    Returns:
        Rows of the same notation as arguments have; `None` where nobody proposes a result.
    """
    result = approval.proposed_result
    if result is None:
        return None
    return arguments(masking.prose(result), room, beginning=_RESULT_BEGINNING)


def pages_of(payload: Any) -> list[Page] | None:
    """Return *payload* in pages, cut between rows; joined by line breaks they are all of it.

    The cuts are those of the revealed text, so that no page changes another by what it reveals.

    Returns:
        At least one page; `None` where a row is too wide for a screen, or there are more pages
        than `REVIEW_LIMIT`.
    """
    origin: list[Segment] = []

    def rows() -> Iterator[str]:
        for segment in segments_of(payload):
            origin.extend([segment] * len(segment.revealed))
            yield from segment.revealed

    pages: list[Page] = []
    at = 0
    for group in _filled(rows(), PAGE):
        page = _page(group, origin[at : at + len(group)])
        at += len(group)
        wide = max(map(columns, (*group, *page.text.split("\n")))) > MAX_COLUMNS
        if wide or len(pages) == REVIEW_LIMIT:
            return None
        pages.append(page)
    return pages


def review_texts(approval: Approval, *, masking: Masking = MASKING) -> list[Page] | None:
    """Return the pages of the arguments of *approval*.

    Returns:
        At least one page; `None` where it cannot be reviewed in Slack: the arguments are too large,
        or the result that a person proposes, which stands on the first page.
    """
    result = result_in(approval, PAGE, masking=masking)
    if result is not None and not result.fits:
        return None
    return pages_of(masking.payload(approval.effective_payload))


def review_pages(approval: Approval, *, masking: Masking = MASKING) -> int:
    """Return how many pages a review of *approval* has, 1 or more.

    More than `REVIEW_LIMIT`: it cannot be reviewed in Slack.
    """
    pages = review_texts(approval, masking=masking)
    return REVIEW_LIMIT + 1 if pages is None else len(pages)


def approvable(approval: Approval, *, masked: bool) -> bool:
    """Say whether all of *approval* may be shown to those who decide.

    Args:
        approval: What is asked.
        masked: Whether any of it is masked.
    """
    if not frame_shown(approval, MASKING):
        return False
    return not masked or approval.terms is None or approval.terms.reveal


def names_shown(approval: Approval, masking: Masking) -> bool:
    """Say whether nothing is masked in what the action and its agent are called.

    There it cannot be revealed, and what runs has these names.
    """
    names = (approval.name, approval.agent)
    return not any(PROSE_MARK in name or masking.prose(name) != name for name in names)


def frame_shown(approval: Approval, masking: Masking) -> bool:
    """Say whether nothing is masked beside the arguments, where it cannot be revealed.

    That are the names, and a result that a person proposes in place of a run.
    """
    result = approval.proposed_result or ""
    hidden = PROSE_MARK in result or masking.prose(result) != result
    return names_shown(approval, masking) and not hidden


def masked_words(count: int) -> str:
    """Return how many values are masked, as the beginning of a sentence."""
    if count == 1:
        return "1 value looks like a secret and is masked"
    return f"{count:,} values look like secrets and are masked"


def pieces_of(page: str) -> list[str]:
    """Return a page in pieces for one block each, cut between rows."""
    room = Room(BLOCK_CHARACTERS, 1000, 10_000)
    return ["\n".join(rows) for rows in _filled(page.split("\n"), room)]


def _page(rows: Sequence[str], origin: Sequence[Segment]) -> Page:
    """Return a page of *rows* that come from *origin*, one segment for each row."""
    shown: list[str] = []
    spots: list[Spot] = []
    before: Segment | None = None
    for row, segment in zip(rows, origin, strict=True):
        if not segment.spots:
            shown.append(row)
        elif segment is not before:
            shown.extend(segment.rows)
            spots.extend(segment.spots)
        before = segment
    return Page("\n".join(shown), "\n".join(rows), tuple(spots))


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
