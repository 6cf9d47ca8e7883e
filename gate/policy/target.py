"""Owns the target: what a rule looks at, with a copy of the arguments that nobody can change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..canonical import canonical_text
from ..frozen import FrozenDict, freeze, thaw

__all__ = ["PermissionTarget"]


@dataclass(frozen=True, kw_only=True)
class PermissionTarget:
    """What somebody wants to touch.

    Attributes:
        kind: `tool`, `fs`, `shell`, `url`, `memory`, or a word of your own.
        tool_name: The tool's name, for kind `tool`.
        arguments: The tool's arguments: strict JSON, kept as a read-only copy.
        path: For kind `fs`.
        command: For kind `shell`.
        url: For kind `url`.
        category: For kind `memory`.

    Raises:
        PayloadNotCanonical: *arguments* are not strict JSON.
        LimitExceeded: *arguments* are too large or too deep.
    """

    kind: str
    tool_name: str | None = None
    arguments: Mapping[str, Any] | None = None
    path: str | None = None
    command: str | None = None
    url: str | None = None
    category: str | None = None

    def __post_init__(self) -> None:
        if self.arguments is not None and not isinstance(self.arguments, FrozenDict):
            plain = thaw(dict(self.arguments))
            # What the gate could not ask for is not judged either.
            canonical_text(plain)
            object.__setattr__(self, "arguments", freeze(plain))

    @classmethod
    def tool(cls, name: str, arguments: Mapping[str, Any] | None = None) -> Self:
        """Return the target of a tool call."""
        return cls(kind="tool", tool_name=name, arguments={} if arguments is None else arguments)
