"""Owns the rows of a text: behind a bar, and folded where a line is too long for the screen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from ..text import clusters

__all__ = ["FOLD", "barred", "columns"]

FOLD: Final = 76
"""Columns of a text after which it goes on in the next row."""
_FIRST, _NEXT = "│ ", "┊ "


def barred(line: str, *, margin: str = "") -> Iterator[str]:
    """Yield a visible *line* behind bars, each with *margin* before it.

    No row ends in a space: on a screen it could not be seen.
    """
    for index, row in enumerate(_fold(line)):
        yield (margin + (_NEXT if index else _FIRST) + row).rstrip(" ")


def columns(text: str) -> int:
    """Return how many columns visible *text* takes in a font of one width."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _fold(line: str) -> Iterator[str]:
    """Yield *line* in rows of `FOLD` columns, broken before spaces, so that none ends in one."""
    if len(line) <= FOLD and line.isascii():
        yield line
        return
    pieces = [(piece, columns(piece)) for piece in clusters(line)]
    start = 0
    while start < len(pieces):
        end, width = start, 0
        while end < len(pieces) and width + pieces[end][1] <= FOLD:
            width += pieces[end][1]
            end += 1
        end = max(end, start + 1)
        if end < len(pieces):
            end = _break(pieces, start, end)
        yield "".join(piece for piece, _ in pieces[start:end])
        start = end
    if not pieces:
        yield ""


def _break(pieces: list[tuple[str, int]], start: int, end: int) -> int:
    """Return where a row that may last until *end* is best ended."""
    half = start + (end - start) // 2
    for at in range(end, half, -1):
        if pieces[at][0] == " " and pieces[at - 1][0] != " ":
            return at
    while end > start + 1 and pieces[end - 1][0] == " ":
        end -= 1
    return end
