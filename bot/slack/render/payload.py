"""Owns how arguments look: a notation that people can read and that holds nothing back.

An object has one argument per line, `name: value`. Numbers, `true`, `false`, `null`, `{}` and `[]`
stand bare. A short string stands between quotation marks on its own line, so `"42"` is not `42`.
A string with line breaks, quotation marks or backslashes, or a long one, stands word for word
behind a bar: `│` begins a line of it, `┊` goes on with a line that was too long for the card. So no
value can begin a line of the notation, and every value can be read back exactly.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ..text import clusters, cut, visible, weight

__all__ = ["MAX_CHARACTERS", "MAX_COLUMNS", "MAX_ROWS", "Arguments", "arguments", "strings_of"]

MAX_CHARACTERS: Final = 2800
"""Characters of rendered arguments that a card shows whole."""
MAX_ROWS: Final = 80
"""Rows of rendered arguments that a card shows whole."""
MAX_COLUMNS: Final = 120
"""Columns of the widest row. Strings are folded; deep nesting, huge numbers and long names are
not, and a row that a client wraps by itself could seem to be two."""
MAX_WEIGHT: Final = 16_000
"""Bytes of rendered arguments on the wire."""
BEGINNING: Final = 1200
"""Characters that are shown of arguments that do not fit."""
BEGINNING_ROWS: Final = 20

_FOLD: Final = 76
_STEP: Final = "  "
_FIRST, _NEXT = "│ ", "┊ "
_BARE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,59}", re.ASCII)


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


def arguments(payload: Any) -> Arguments:
    """Return *payload* as it stands on a card.

    Args:
        payload: A JSON value, as `gate.canonical_text` accepts it.

    Raises:
        TypeError: Something else. What cannot be shown must not be approved.
        ValueError: NaN or an infinity.
    """
    rows = list(_rows(payload))
    text = "\n".join(rows)
    whole = (
        len(text) <= MAX_CHARACTERS
        and len(rows) <= MAX_ROWS
        and weight(text) <= MAX_WEIGHT
        and all(_columns(row) <= MAX_COLUMNS for row in rows)
    )
    shown = text if whole else cut(text, BEGINNING, rows=BEGINNING_ROWS)[0]
    return Arguments(
        text=shown, whole=whole, characters=len(text), rows=len(rows), shown=len(shown)
    )


def strings_of(payload: Any) -> Iterator[str]:
    """Yield every string of *payload*, names of arguments included."""
    if isinstance(payload, str):
        yield payload
    elif isinstance(payload, list):
        for item in payload:
            yield from strings_of(item)
    elif isinstance(payload, dict):
        for name, value in payload.items():
            yield name
            yield from strings_of(value)


def _rows(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _string(value)
    elif isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _member(f"{_name(name)}:", item)
    elif isinstance(value, list) and value:
        for item in value:
            inner = _rows(item)
            yield f"- {next(inner)}"
            yield from (_STEP + row for row in inner)
    else:
        yield _scalar(value)


def _member(label: str, value: Any) -> Iterator[str]:
    inner = list(_rows(value))
    if (
        len(inner) == 1
        and not inner[0].startswith(_FIRST[0])
        and not (isinstance(value, (dict, list)) and value)
    ):
        yield f"{label} {inner[0]}"
        return
    yield label
    yield from (_STEP + row for row in inner)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float) or value in ({}, []):
        return json.dumps(value, allow_nan=False)
    raise TypeError(f"{type(value).__name__} is not a JSON type")


def _string(value: str) -> Iterator[str]:
    shown = visible(value, lines=True)
    if not set(shown) & set('\n"\\') and _columns(shown) <= _FOLD:
        yield f'"{shown}"'
        return
    for line in shown.split("\n"):
        for index, row in enumerate(_fold(line)):
            yield ((_NEXT if index else _FIRST) + row).rstrip(" ")


def _name(name: str) -> str:
    if _BARE_NAME.fullmatch(name):
        return name
    return '"' + visible(name).replace('"', "⟨U+0022⟩") + '"'


def _fold(line: str) -> Iterator[str]:
    """Yield *line* in rows of `_FOLD` columns, broken before spaces, so that none ends in one."""
    if len(line) <= _FOLD and line.isascii():
        yield line
        return
    pieces = [(piece, _columns(piece)) for piece in clusters(line)]
    start = 0
    while start < len(pieces):
        end, width = start, 0
        while end < len(pieces) and width + pieces[end][1] <= _FOLD:
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


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
