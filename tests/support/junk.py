"""Owns the bad values that every entry point is tried with, and how to put them everywhere."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

__all__ = ["JSON_JUNK", "MARK", "PYTHON_JUNK", "TEXT_JUNK", "places", "replaced", "text_of"]

MARK: Final = "s3cret-in-the-input"
"""In every long text: no error and no log may repeat it."""


class _Text(str):
    """Text that is not quite text."""

    __slots__ = ()


def _endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def _deep(levels: int) -> Any:
    value: Any = MARK
    for _ in range(levels):
        value = [value]
    return value


TEXT_JUNK: Final[dict[str, str]] = {
    "empty": "",
    "space": " ",
    "long": MARK * 10_000,
    "path": f"../../{MARK}",
    "absolute": "/etc/passwd",
    "null": f"{MARK}\0",
    "newline": f"a\nb {MARK}",
    "escape": f"\x1b[2J{MARK}",
    "brace": "{0}",
    "glob": f"{MARK}*",
    "format": "%s%n{x}",
    "bidi": f"\u202e{MARK}",
    "invisible": f"a\u200b\u3164{MARK}",
    "key": f"signoff:{{0}}:state:{MARK}",
    "script": f"]] redis.call('FLUSHALL') -- {MARK}",
    "digits": "9" * 5000,
    "not ascii": "٣",
    "option": "--yes",
}
JSON_JUNK: Final[dict[str, Any]] = TEXT_JUNK | {
    "nothing": None,
    "true": True,
    "zero": 0,
    "negative": -1,
    "large": 10**400,
    "float": 1.5,
    "list": [],
    "full list": [MARK],
    "list of nothing": [None],
    "object": {},
    "dunder": {"__class__": MARK, "__proto__": {"x": MARK}},
    "deep": _deep(100),
}
PYTHON_JUNK: Final[dict[str, Any]] = JSON_JUNK | {
    "lone surrogate": "\ud800",
    "more digits": 10**6000,
    "not a number": float("nan"),
    "infinity": float("inf"),
    "bytes": MARK.encode(),
    "bytearray": bytearray(MARK.encode()),
    "set": {MARK},
    "thing": object(),
    "class": int,
    "function": print,
    "error": ValueError(MARK),
    "time": datetime(2026, 1, 1, tzinfo=UTC),
    "decimal": Decimal("1.5"),
    "complex": 1j,
    "endless": _endless(),
    "very deep": _deep(5000),
    "other keys": {1: MARK},
    "odd text": _Text(f"/{MARK}"),
    "surrogates": ["\ud800"],
}

Path = tuple[str | int, ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Return the path of every value inside *value*, itself not included."""
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for name, part in inside:
        yield (*path, name)
        yield from places(part, (*path, name))


def replaced(value: Any, path: Path, junk: Any) -> Any:
    """Return a copy of *value* with *junk* at *path*."""
    changed = copy.deepcopy(value)
    part = changed
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = junk
    return changed


def text_of(value: Any) -> str:
    """Return JSON, as somebody without our checks would write it."""
    return json.dumps(value)
