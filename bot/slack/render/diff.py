"""Owns how an edit of the arguments looks in a thread: the rows that differ, and a few around them.

The rows are those of the card's notation, each behind a margin of two characters: a blank before
what stays, `-` before what goes, `+` before what comes. A row of our own begins with `⋮` or `…`,
which no margin does, so no text can write one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from gate import canonical_text

from ...masking import Masking
from ..text import clip, units, weight
from .notation import rows_of
from .payload import MASKING

__all__ = ["MASKED_ONLY", "NO_CHANGE", "edit_diff"]

NO_CHANGE: Final = "… nothing was changed"
MASKED_ONLY: Final = "… only what is masked was changed"

_AROUND: Final = 2
"""Rows that stay, before and after each that does not."""
_CHARACTERS: Final = 2800
_ROWS: Final = 60
_WEIGHT: Final = 9000
"""Characters of it as JSON. All blocks of a message together may have 13,200."""
_ROW: Final = 300
"""Characters of one row; names and numbers are not folded."""
_MOST_PAIRS: Final = 40_000
"""Rows of one side times rows of the other that are compared; it bounds the time."""
_DEEPEST: Final = 8
"""Times that what is too much to compare is divided again."""
_STAYS, _GOES, _COMES = "  ", "- ", "+ "


@dataclass(frozen=True)
class _Row:
    margin: str
    text: str

    @property
    def changed(self) -> bool:
        return self.margin != _STAYS

    def __str__(self) -> str:
        return (self.margin + clip(self.text, _ROW)).rstrip(" ")


def edit_diff(before: Any, after: Any, *, masking: Masking = MASKING) -> str:
    """Return the change from *before* to *after* in rows, short enough for one message.

    Args:
        before: The arguments, a JSON value.
        after: The arguments as they were edited.
        masking: Masks what looks like a secret.

    Returns:
        Text for a preformatted block, at most 60 rows and about 2,800 characters; what is cut off
        is counted in its last row.
    """
    old, new = (list(rows_of(masking.payload(value))) for value in (before, after))
    if old == new:
        same = canonical_text(before) == canonical_text(after)
        return NO_CHANGE if same else MASKED_ONLY
    rows = list(_compared(old, new))
    shown = list(_shown(rows))
    taken = list(_fitting(shown))
    left = sum(row.changed for row in shown[len(taken) :] if isinstance(row, _Row))
    lines = [str(row) for row in taken]
    if left:
        lines.append(f"… {left:,} more changed line{'' if left == 1 else 's'}: see the request")
    return "\n".join(lines)


def _compared(old: Sequence[str], new: Sequence[str], *, deep: int = 0) -> Iterator[_Row]:
    """Yield every row of both sides once, those in common together."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    yield from (_Row(_STAYS, text) for text in old[:head])
    yield from _middle(old[head : len(old) - tail], new[head : len(new) - tail], deep=deep)
    yield from (_Row(_STAYS, text) for text in old[len(old) - tail :])


def _middle(old: Sequence[str], new: Sequence[str], *, deep: int) -> Iterator[_Row]:
    if len(old) * len(new) <= _MOST_PAIRS:
        steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        for _, at, end, to, until in steps:
            same = old[at:end] == new[to:until]
            yield from (_Row(_STAYS if same else _GOES, text) for text in old[at:end])
            yield from (_Row(_COMES, text) for text in ([] if same else new[to:until]))
        return
    # Too much to compare row by row: the rows between those that each side has once.
    anchors = _anchors(old, new) if deep < _DEEPEST else []
    if not anchors:
        yield from (_Row(_GOES, text) for text in old)
        yield from (_Row(_COMES, text) for text in new)
        return
    before_old = before_new = 0
    for at, to in anchors:
        yield from _compared(old[before_old:at], new[before_new:to], deep=deep + 1)
        yield _Row(_STAYS, old[at])
        before_old, before_new = at + 1, to + 1
    yield from _compared(old[before_old:], new[before_new:], deep=deep + 1)


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the most rows that stand once on each side and in the same order, by their places."""
    once_old, once_new = (
        {text: at for at, text in enumerate(rows) if counts[text] == 1}
        for rows, counts in ((old, Counter(old)), (new, Counter(new)))
    )
    pairs = [(at, once_new[text]) for text, at in once_old.items() if text in once_new]
    # The longest row of pairs that rises on both sides: the last of each length, and its way back.
    ends: list[int] = []
    last: list[int] = []
    back: list[int] = []
    for index, (_, to) in enumerate(pairs):
        length = bisect_left(ends, to)
        back.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [to]
        last[length : length + 1] = [index]
    found = []
    index = last[-1] if last else -1
    while index >= 0:
        found.append(pairs[index])
        index = back[index]
    return found[::-1]


def _shown(rows: Sequence[_Row]) -> Iterator[_Row | str]:
    """Yield what is near to a change, and in place of the rest how many rows stay."""
    near = bytearray(len(rows))
    for at, row in enumerate(rows):
        if row.changed:
            start, end = max(0, at - _AROUND), min(len(rows), at + _AROUND + 1)
            near[start:end] = b"\1" * (end - start)
    skipped = 0
    for row, keep in zip(rows, near, strict=True):
        if not keep:
            skipped += 1
            continue
        if skipped:
            yield _gap(skipped)
            skipped = 0
        yield row
    if skipped:
        yield _gap(skipped)


def _gap(count: int) -> str:
    return f"⋮ {count:,} line{'' if count == 1 else 's'} as before"


def _fitting(shown: Sequence[_Row | str]) -> Iterator[_Row | str]:
    length = heavy = 0
    for number, row in enumerate(shown):
        length += units(str(row)) + 1
        heavy += weight(str(row)) + 2
        if number == _ROWS or length > _CHARACTERS or heavy > _WEIGHT:
            return
        yield row
