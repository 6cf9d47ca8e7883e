"""Owns how a change of a text looks: every line of both sides, marked in the margin.

` │` stands before a line that stays, `-│` before one that goes, `+│` before one that comes, and
`@│` before a line of a patch that says where its changes belong. `┊` goes on with a long line. A
row without a bar is ours and says that a side ends without a line break. Nothing is left out
because it stays, so both sides can be read back exactly, and no text can begin a row of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..text import visible
from .rows import barred

__all__ = ["NO_BREAK", "between", "of_patch"]

NO_BREAK: Final = "\\ no line break at the end"
"""The row under a line that ends its side without a line break."""
_MOST_PAIRS: Final = 90_000
"""Lines of one side times lines of the other that are compared; it bounds the time."""
_STAYS, _GOES, _COMES, _HEAD = " ", "-", "+", "@"
_HUNK = re.compile(r"@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@(?: .*)?", re.ASCII)

_Marked = tuple[str, str]


def between(before: str, after: str) -> tuple[str, list[str]]:
    """Return a heading and the rows that show the change from *before* to *after*."""
    marked = list(_compared(_lines(before), _lines(after)))
    return _heading("changes", marked), list(_rows(marked))


def of_patch(text: str) -> tuple[str, list[str]] | None:
    """Return a heading and the rows of a patch; `None` for a text that is no unified diff.

    The number of lines in each hunk has to be the one that its head announces.
    """
    if not text.endswith("\n"):
        text, ended = text + "\n", False
    else:
        ended = True
    marked = _marked(text.split("\n")[:-1])
    if marked is None:
        return None
    shown = [(margin, visible(line) + "\n") for margin, line in marked]
    if not ended:
        shown[-1] = shown[-1][0], shown[-1][1].removesuffix("\n")
    return _heading("unified diff", shown), list(_rows(shown))


def _marked(lines: list[str]) -> list[_Marked] | None:
    """Return the lines of a patch without their signs, beside the margin that has them."""
    found: list[_Marked] = []
    old = new = hunks = 0
    for line in lines:
        sign, rest = line[:1], line[1:]
        if old == new == 0:
            head = _HUNK.fullmatch(line)
            if head is not None:
                old, new = (int(count) if count is not None else 1 for count in head.groups())
                hunks += 1
            found.append((_HEAD, line))
        elif sign == "\\":
            found.append((_HEAD, line))
        elif sign in (_STAYS, _GOES, _COMES) and sign:
            old -= sign != _COMES
            new -= sign != _GOES
            found.append((sign, rest))
        else:
            return None
        if old < 0 or new < 0:
            return None
    return found if hunks and old == new == 0 else None


def _lines(text: str) -> list[str]:
    """Return the visible lines of *text*, each with its line break where it has one."""
    parts = visible(text, lines=True).split("\n")
    lines = [part + "\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _compared(old: list[str], new: list[str]) -> Iterator[_Marked]:
    """Yield every line of both sides once, those in common together."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    yield from ((_STAYS, line) for line in old[:head])
    yield from _middle(old[head : len(old) - tail], new[head : len(new) - tail])
    yield from ((_STAYS, line) for line in old[len(old) - tail :])


def _middle(old: Sequence[str], new: Sequence[str]) -> Iterator[_Marked]:
    if len(old) * len(new) > _MOST_PAIRS:
        yield from ((_GOES, line) for line in old)
        yield from ((_COMES, line) for line in new)
        return
    common = _common(old, new)
    at, to = 0, 0
    while at < len(old) or to < len(new):
        if at < len(old) and to < len(new) and old[at] == new[to]:
            yield _STAYS, old[at]
            at, to = at + 1, to + 1
        elif at < len(old) and (to == len(new) or common[at + 1][to] >= common[at][to + 1]):
            yield _GOES, old[at]
            at += 1
        else:
            yield _COMES, new[to]
            to += 1


def _common(old: Sequence[str], new: Sequence[str]) -> list[list[int]]:
    """Return how many lines the rests of both sides have in common, by where they begin."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for at in range(len(old) - 1, -1, -1):
        row, below = table[at], table[at + 1]
        for to in range(len(new) - 1, -1, -1):
            row[to] = below[to + 1] + 1 if old[at] == new[to] else max(below[to], row[to + 1])
    return table


def _heading(what: str, marked: Sequence[_Marked]) -> str:
    goes = sum(margin == _GOES for margin, _ in marked)
    comes = sum(margin == _COMES for margin, _ in marked)
    return f"({what}: {goes} out, {comes} in)"


def _rows(marked: Sequence[_Marked]) -> Iterator[str]:
    for margin, line in marked:
        yield from barred(line.removesuffix("\n"), margin=margin)
        if not line.endswith("\n"):
            yield NO_BREAK
