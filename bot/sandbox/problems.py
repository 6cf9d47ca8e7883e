"""What is wrong with a piece of Block Kit: each problem with pointer, code and constraint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .wire import Json


@dataclass(frozen=True)
class Problem:
    """One refusal.

    Attributes:
        message: A sentence in the style of Slack's.
        pointer: JSON pointer to the culprit.
        code: `failed_constraint`, `missing_field`, `invalid_type` or `unknown_field`.
        constraint: `type`, `expected` and `got`, where a limit was broken.
    """

    message: str
    pointer: str
    code: str = "failed_constraint"
    constraint: Json | None = None

    def wire(self) -> Json:
        """The problem as `blocks.validate` reports it."""
        wire: Json = {"pointer": self.pointer, "code": self.code, "message": self.message}
        if self.constraint is not None:
            wire["constraint"] = self.constraint
        return wire


class Problems:
    """Collects problems, and has the checks that every part of Block Kit needs."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    @property
    def errors(self) -> list[str]:
        """The problems as `invalid_blocks` of other methods lists them."""
        return [f"{item.message} [json-pointer:{item.pointer}]" for item in self.problems]

    def error(
        self,
        message: str,
        pointer: str,
        *,
        code: str = "failed_constraint",
        constraint: tuple[str, Any, Any] | None = None,
    ) -> None:
        """Note one refusal; `constraint` is its type, what was expected, what was got."""
        broken: Json | None = None
        if constraint is not None:
            kind, expected, got = constraint
            broken = {"type": kind, "expected": expected, "got": got}
        self.problems.append(Problem(message, pointer, code, broken))

    def missing(self, name: str, pointer: str) -> None:
        """Note a required field that is not there."""
        self.error(f"missing required field: {name}", pointer, code="missing_field")

    def unsupported(self, kind: Any, pointer: str) -> None:
        """Note a `type` that is unknown, or not allowed here."""
        self.error(
            f"unsupported type: {kind}",
            f"{pointer}/type",
            constraint=("enum", "a supported type", kind),
        )

    def keys(self, value: Json, allowed: Iterable[str], pointer: str) -> None:
        """Refuse keys that Slack does not know."""
        for key in sorted(set(value) - set(allowed)):
            self.error(f"invalid additional property: {key}", pointer, code="unknown_field")

    def choice(self, value: Any, pointer: str, allowed: Iterable[Any]) -> None:
        """Refuse a value that is none of `allowed`."""
        expected = [item for item in allowed if item is not None]
        if value not in allowed:
            self.error("must be a valid enum value", pointer, constraint=("enum", expected, value))

    def whole(self, value: Any, pointer: str, *, least: int, most: int) -> None:
        """Refuse what is given and no whole number from `least` to `most`."""
        if value is not None and not (isinstance(value, int) and least <= value <= most):
            self.error(
                f"must be between {least} and {most}",
                pointer,
                constraint=("range", [least, most], value),
            )

    def amount(self, values: list[Any], pointer: str, *, least: int, most: int) -> None:
        """Refuse too few or too many items."""
        count = len(values)
        if count < least:
            self.error(
                f"no fewer than {least} items allowed",
                pointer,
                constraint=("min_items", least, count),
            )
        if count > most:
            self.error(
                f"no more than {most} items allowed",
                pointer,
                constraint=("max_items", most, count),
            )

    def string(
        self, value: Any, pointer: str, *, limit: int, least: int = 1, optional: bool = False
    ) -> None:
        """Check a string's presence and length (in code points)."""
        if value is None:
            if not optional:
                self.missing(pointer.rsplit("/", 1)[-1], pointer)
        elif not isinstance(value, str):
            self.error("must be a string", pointer, code="invalid_type")
        elif len(value) > limit:
            self.error(
                f"must be less than {limit + 1} characters",
                pointer,
                constraint=("max_length", limit, len(value)),
            )
        elif len(value) < least:
            self.error(
                f"must be more than {least - 1} characters",
                pointer,
                constraint=("min_length", least, len(value)),
            )

    def text(
        self,
        value: Any,
        pointer: str,
        *,
        limit: int,
        kinds: tuple[str, ...] = ("plain_text", "mrkdwn"),
    ) -> None:
        """Check a text object of 1..`limit` characters and one of `kinds`."""
        if value is None:
            self.missing(pointer.rsplit("/", 1)[-1], pointer)
            return
        if not isinstance(value, dict):
            self.error("must provide an object", pointer, code="invalid_type")
            return
        kind = value.get("type")
        if kind not in kinds:
            self.unsupported(kind, pointer)
        elif kind == "plain_text":
            self.keys(value, ("type", "text", "emoji"), pointer)
        else:
            self.keys(value, ("type", "text", "verbatim"), pointer)
        self.string(value.get("text"), f"{pointer}/text", limit=limit)

    def items(
        self, holder: Json, key: str, pointer: str, *, most: int, least: int = 1
    ) -> list[tuple[Json, str]]:
        """The objects in the list `holder[key]` with their pointers; refuses what is no object."""
        values = holder.get(key)
        here = f"{pointer}/{key}"
        if not isinstance(values, list):
            self.missing(key, pointer)
            return []
        self.amount(values, here, least=least, most=most)
        found = []
        for index, value in enumerate(values):
            if isinstance(value, dict):
                found.append((value, f"{here}/{index}"))
            else:
                self.error("must be an object", f"{here}/{index}", code="invalid_type")
        return found
