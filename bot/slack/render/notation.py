"""Owns how a payload is written for people: a notation that holds nothing back.

An object has one argument per line, `name: value`. Numbers, `true`, `false`, `null`, `{}` and `[]`
stand bare. A short string stands between quotation marks on its own line, so `"42"` is not `42`.
A string with line breaks, quotation marks or backslashes, or a long one, stands word for word
behind a bar: `│` begins a line of it, `┊` goes on with a line that was too long for the card. So no
value can begin a line of the notation, and every value can be read back exactly.

Two texts before and after a change, and a patch, are shown as changes; see `changes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from ..text import visible
from .changes import between, of_patch
from .rows import FOLD, barred, columns

__all__ = ["rows_of", "strings_of"]

_STEP: Final = "  "
_BAR: Final = "│"
_BARE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,59}", re.ASCII)
_PAIRS: Final = (
    ("before", "after"),
    ("old", "new"),
    ("old_string", "new_string"),
    ("old_text", "new_text"),
    ("old_str", "new_str"),
)
_PATCHES: Final = ("patch", "diff")


def rows_of(value: Any) -> Iterator[str]:
    """Yield the rows of *value*, a JSON value as `gate.canonical_text` accepts it.

    Raises:
        TypeError: Something else. What cannot be shown must not be approved.
        ValueError: NaN or an infinity.
    """
    if isinstance(value, str):
        yield from _string(value)
    elif isinstance(value, dict) and value:
        yield from _members(value)
    elif isinstance(value, list) and value:
        for item in value:
            inner = rows_of(item)
            yield f"- {next(inner)}"
            yield from (_STEP + row for row in inner)
    else:
        yield _scalar(value)


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


def _members(value: dict[str, Any]) -> Iterator[str]:
    pairs = {first: (first, second) for first, second in _PAIRS if _changed(value, first, second)}
    done = {second for _, second in pairs.values()}
    for name, item in value.items():
        if name in done:
            continue
        if name in pairs:
            _, second = pairs[name]
            head, rows = between(item, value[second])
            yield f"{name} → {second} {head}:"
            yield from (_STEP + row for row in rows)
        elif name in _PATCHES and isinstance(item, str) and (patch := of_patch(item)) is not None:
            head, rows = patch
            yield f"{name} {head}:"
            yield from (_STEP + row for row in rows)
        else:
            yield from _member(f"{_name(name)}:", item)


def _changed(value: dict[str, Any], first: str, second: str) -> bool:
    """Say whether the two are texts of which at least one has several lines."""
    one, two = value.get(first), value.get(second)
    return isinstance(one, str) and isinstance(two, str) and "\n" in one + two


def _member(label: str, value: Any) -> Iterator[str]:
    inner = list(rows_of(value))
    if (
        len(inner) == 1
        and not inner[0].startswith(_BAR)
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
    if not set(shown) & set('\n"\\') and columns(shown) <= FOLD:
        yield f'"{shown}"'
        return
    for line in shown.split("\n"):
        yield from barred(line)


def _name(name: str) -> str:
    if _BARE_NAME.fullmatch(name):
        return name
    return '"' + visible(name).replace('"', "⟨U+0022⟩") + '"'
