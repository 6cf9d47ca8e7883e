"""Owns what is said about settings that cannot work: which one, where it stands, what would do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gate import ConfigError

from .tables import AgentTable, FileTables, LadderTable, MaskingTable, QuorumTable, RouteTable

__all__ = ["config_errors"]

_COUNTED: Final[Mapping[str, str]] = {"routes": "route", "quorums": "quorum", "ladder": "step"}
"""Lists of tables → what one of them is called."""
_TABLES: Final[Mapping[tuple[str, ...], type[BaseModel]]] = {
    (): FileTables,
    ("routes",): RouteTable,
    ("routes", "quorums"): QuorumTable,
    ("routes", "ladder"): LadderTable,
    ("masking",): MaskingTable,
}
"""Where a table stands, without numbers → what may stand in it."""
_REASONS: Final[Mapping[str, str]] = {
    "missing": "it is not set",
    "tuple_type": "it must be a list, in [ ]",
    "string_type": "it must be text, in quotes",
    "dict_type": "it must be a table",
    "model_type": "it must be a table",
}
"""pydantic's word for a fault → ours, where its own sentence speaks of Python."""


def config_errors(
    error: ValidationError, *, fallback: str, file: str | None = None
) -> list[ConfigError]:
    """Return one error for each thing that is wrong; none holds a value.

    A key that nobody knows comes first: what is missing beside it is missing because of it.

    Args:
        error: What the models say.
        fallback: The setting to name where the whole is wrong, and no part of it.
        file: The file that was read, as it is named; `None` for the environment.
    """
    prefix = "" if file is None else f"{file}: "
    found = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    return [
        ConfigError(f"{prefix}{_place(each['loc'])}" if each["loc"] else fallback, _reason(each))
        for each in found
    ]


def _place(loc: Sequence[int | str]) -> str:
    """Return where it stands: tables are counted from one, as people count them."""
    place = ""
    for part in loc:
        if isinstance(part, int):
            head, _, last = place.rpartition(", ")
            named = f"{_COUNTED[last]} {part + 1}" if last in _COUNTED else f"{last} {part + 1}"
            place = f"{head}, {named}" if head else named
        else:
            place += f", {part}" if place else part
    return place


def _reason(fault: ErrorDetails) -> str:
    if fault["type"] != "extra_forbidden":
        return _REASONS.get(fault["type"], fault["msg"].removeprefix("Value error, "))
    *above, key = fault["loc"]
    where = tuple(part for part in above if isinstance(part, str))
    table = AgentTable if where[:1] == ("agents",) else _TABLES.get(where)
    known = list(table.model_fields) if table else []
    near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.7)
    return f"there is no such key; is {near[0]!r} meant?" if near else "there is no such key"
