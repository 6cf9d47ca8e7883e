"""Owns how a payload is written for people: a notation that holds nothing back.

An object has one argument per line, `name: value`. Numbers, `true`, `false`, `null`, `{}` and `[]`
stand bare. A short string stands between quotation marks on its own line, so `"42"` is not `42`.
A string with line breaks, quotation marks or backslashes, or a long one, stands word for word
behind a bar: `│` begins a line of it, `┊` goes on with a line that was too long for the card. So no
value can begin a line of the notation, and every value can be read back exactly.

Two texts before and after a change, and a patch, are shown as changes; see `changes`.

In place of a masked text stands its mark, `⟦masked, 40 characters, fingerprint 3f9a0b1c⟧`: bare
where all of a value is masked, else inside of what is left of it. No other text can hold these
brackets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ...masking import MARK_END, MARK_START, MASKED, Spot, Veiled
from ..text import visible
from .changes import between, of_patch
from .rows import FOLD, barred, columns

__all__ = ["Segment", "rows_of", "segments_of", "strings_of"]

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
_MOST_ROWS: Final = 50
"""Rows of one line beside its masked part; a longer line is masked whole."""


_Piece = tuple[str, str, Spot | None]


@dataclass(frozen=True)
class Segment:
    """Rows that belong together: those of one text, or one row of the frame."""

    rows: tuple[str, ...]
    """As everybody sees them."""
    revealed: tuple[str, ...]
    """With what is masked in `rows`."""
    spots: tuple[Spot, ...] = ()
    """What is masked."""

    def under(self, first: str, rest: str) -> Segment:
        """Return it with *first* before its first row, and *rest* before the others."""
        rows, revealed = (
            (first + shown[0], *(rest + row for row in shown[1:]))
            for shown in (self.rows, self.revealed)
        )
        return Segment(rows, revealed, self.spots)


def rows_of(value: Any) -> Iterator[str]:
    """Yield the rows of *value*, a JSON value as `gate.canonical_text` accepts it, or a veiled one.

    Raises:
        TypeError: Something else. What cannot be shown must not be approved.
        ValueError: NaN or an infinity.
    """
    for segment in segments_of(value):
        yield from segment.rows


def segments_of(value: Any) -> Iterator[Segment]:
    """Yield the rows of *value* in segments; see `rows_of`."""
    if isinstance(value, str | Veiled):
        yield from _text(value)
    elif isinstance(value, dict) and value:
        yield from _members(value)
    elif isinstance(value, list) and value:
        for item in value:
            inner = segments_of(item)
            yield next(inner).under("- ", _STEP)
            for segment in inner:
                yield segment.under(_STEP, _STEP)
    else:
        yield _plain(_scalar(value))


def strings_of(payload: Any) -> Iterator[str]:
    """Yield every string of *payload*, names of arguments included, and nothing that is masked."""
    if isinstance(payload, str):
        yield payload
    elif isinstance(payload, Veiled):
        yield "".join(MASKED if isinstance(part, Spot) else part for part in payload.parts)
    elif isinstance(payload, list):
        for item in payload:
            yield from strings_of(item)
    elif isinstance(payload, dict):
        for name, value in payload.items():
            yield from strings_of(name)
            yield from strings_of(value)


def _members(value: dict[Any, Any]) -> Iterator[Segment]:
    pairs = {first: (first, second) for first, second in _PAIRS if _changed(value, first, second)}
    done = {second for _, second in pairs.values()}
    for name, item in value.items():
        if name in done:
            continue
        if name in pairs:
            _, second = pairs[name]
            head, rows = between(item, value[second])
            yield _plain(f"{name} → {second} {head}:")
            yield from (_plain(_STEP + row) for row in rows)
        elif name in _PATCHES and isinstance(item, str) and (patch := of_patch(item)) is not None:
            head, rows = patch
            yield _plain(f"{name} {head}:")
            yield from (_plain(_STEP + row) for row in rows)
        else:
            yield from _member(_label(name), item)


def _changed(value: dict[str, Any], first: str, second: str) -> bool:
    """Say whether the two are texts of which at least one has several lines."""
    one, two = value.get(first), value.get(second)
    return isinstance(one, str) and isinstance(two, str) and "\n" in one + two


def _member(label: Segment, value: Any) -> Iterator[Segment]:
    if isinstance(value, (dict, list)) and value:
        yield label
        for segment in segments_of(value):
            yield segment.under(_STEP, _STEP)
        return
    inner = list(_text(value)) if isinstance(value, str | Veiled) else [_plain(_scalar(value))]
    if len(inner) > 1:
        yield label
        for segment in inner:
            yield segment.under(_STEP, _STEP)
        return
    yield Segment(
        _labelled(label.rows, inner[0].rows),
        _labelled(label.revealed, inner[0].revealed),
        (*label.spots, *inner[0].spots),
    )


def _labelled(label: tuple[str, ...], rows: tuple[str, ...]) -> tuple[str, ...]:
    if len(rows) == 1 and not rows[0].startswith(_BAR):
        return (*label[:-1], f"{label[-1]} {rows[0]}")
    return (*label, *(_STEP + row for row in rows))


def _label(name: str | Veiled) -> Segment:
    if isinstance(name, str):
        return _plain(f"{_name(name)}:")
    shown = "".join(part.mark if isinstance(part, Spot) else _quotable(part) for part in name.parts)
    return Segment((f'"{shown}":',), (f"{_name(str(name.value))}:",), name.spots)


def _plain(row: str) -> Segment:
    return Segment((row,), (row,))


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float) or value in ({}, []):
        return json.dumps(value, allow_nan=False)
    raise TypeError(f"{type(value).__name__} is not a JSON type")


def _text(value: str | Veiled) -> Iterator[Segment]:
    if isinstance(value, str):
        rows = tuple(_string(visible(value, lines=True)))
        yield Segment(rows, rows)
    elif len(value.parts) > 1:
        yield from _partly(value.parts)
    else:
        whole = value.value
        revealed = tuple(_string(visible(whole, lines=True))) if isinstance(whole, str) else ()
        yield Segment((value.spots[0].mark,), revealed or (_scalar(whole),), value.spots)


def _partly(parts: Sequence[str | Spot]) -> Iterator[Segment]:
    """Yield a text of which a part is masked, in segments of one line each."""
    pieces = list(_pieces(parts))
    masked, full = "".join(each[0] for each in pieces), "".join(each[1] for each in pieces)
    if _is_short(masked) and _is_short(full):
        spots = tuple(part for part in parts if isinstance(part, Spot))
        yield Segment((f'"{masked}"',), (f'"{full}"',), spots)
        return
    line: list[_Piece] = []
    for shown, text, spot in pieces:
        if spot is not None:
            line.append((shown, text, spot))
            continue
        begun, *lines = shown.split("\n")
        line.append((begun, begun, None))
        for fresh in lines:
            yield _line(line)
            line = [(fresh, fresh, None)]
    yield _line(line)


def _pieces(parts: Sequence[str | Spot]) -> Iterator[_Piece]:
    """Yield the parts made visible: as everybody sees them, in full, and what is masked."""
    for at, part in enumerate(parts):
        text = part.value if isinstance(part, Spot) else part
        after = parts[at + 1] if at + 1 < len(parts) else None
        # Only at the end of a line a space cannot be seen.
        guard = "" if after is None else "." if isinstance(after, Spot) else after[0]
        guard = "\n" if guard == "\n" else guard and "."
        full = visible(text + guard, lines=True).removesuffix(guard)
        yield (part.mark, full, part) if isinstance(part, Spot) else (full, full, None)


def _line(pieces: Sequence[_Piece]) -> Segment:
    masked, full = "".join(each[0] for each in pieces), "".join(each[1] for each in pieces)
    rows = tuple(barred(masked))
    spots = tuple(spot for _, _, spot in pieces if spot is not None)
    if not spots:
        return Segment(rows, rows)
    if len(rows) > _MOST_ROWS:
        rows = (f"{_BAR} {MARK_START}masked, a line of {len(full):,} characters{MARK_END}",)
    revealed = tuple(row for line in full.split("\n") for row in barred(line))
    return Segment(rows, revealed, spots)


def _string(shown: str) -> Iterator[str]:
    """Yield the rows of a string that was made visible."""
    if _is_short(shown):
        yield f'"{shown}"'
        return
    for line in shown.split("\n"):
        yield from barred(line)


def _is_short(shown: str) -> bool:
    return not set(shown) & set('\n"\\') and columns(shown) <= FOLD


def _name(name: str) -> str:
    return name if _BARE_NAME.fullmatch(name) else f'"{_quotable(name)}"'


def _quotable(text: str) -> str:
    return visible(text).replace('"', "⟨U+0022⟩")
