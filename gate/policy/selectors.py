"""Owns the selectors: the parts of a rule as data, so that rules can be hashed and compared.

A selector is a matcher: called with a target it answers whether it fits (see `fit`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from ..errors import PolicyError
from .addresses import UrlGlob
from .commands import CommandGlob, command_fit
from .fit import Fit, any_fit
from .globs import NameGlob
from .paths import PathGlob, read_path
from .target import PermissionTarget

__all__ = [
    "ArgumentSelector",
    "CategorySelector",
    "CommandSelector",
    "KindSelector",
    "Matcher",
    "OnlySelector",
    "PathSelector",
    "Selector",
    "ToolSelector",
    "UrlSelector",
]

MAX_PATTERNS: Final = 200
"""Patterns of one selector."""

Matcher = Callable[[PermissionTarget], Fit]
"""Says whether a target fits: yes, no, or `None` for "cannot be told"."""


class _Pattern(Protocol):
    @property
    def pattern(self) -> str: ...

    def covers(self, other: Any, /) -> bool: ...


G = TypeVar("G", bound=_Pattern)


class Selector(ABC):
    """One part of a rule: some patterns, of which one must fit."""

    what: ClassVar[str]

    @property
    @abstractmethod
    def spec(self) -> list[Any]:
        """What the selector says, as JSON: equal for equal selectors."""

    @abstractmethod
    def __call__(self, target: PermissionTarget) -> Fit:
        """Say whether *target* fits."""

    @abstractmethod
    def covers(self, other: Selector) -> bool:
        """Say whether whatever fits *other* surely fits this one, and whatever may, may."""

    @abstractmethod
    def pieces(self) -> Sequence[Selector]:
        """Return one selector for each pattern."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selector) and self.spec == other.spec

    def __hash__(self) -> int:
        return hash(repr(self.spec))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.spec[1:]!r})"


class _Globs(Selector, Generic[G]):
    """A selector whose patterns are globs of one kind.

    Args:
        patterns: At least one.
        where: What else tells it apart from others: the argument's name, the root.
    """

    def __init__(self, patterns: Sequence[str], glob: Callable[[str], G], *where: Any) -> None:
        if isinstance(patterns, str):
            # It would be read as its letters.
            raise PolicyError(f"{self.what}: a list of patterns is text")
        if not patterns:
            raise PolicyError(f"{self.what}: a list of patterns is empty")
        if len(patterns) > MAX_PATTERNS:
            raise PolicyError(f"{self.what}: {len(patterns)} patterns, the limit is {MAX_PATTERNS}")
        self.globs: tuple[G, ...] = tuple(glob(pattern) for pattern in patterns)
        self._where = where

    @property
    def spec(self) -> list[Any]:
        """See `Selector.spec`."""
        return [self.what, *self._where, sorted({glob.pattern for glob in self.globs})]

    def covers(self, other: Selector) -> bool:
        """See `Selector.covers`."""
        return (
            isinstance(other, _Globs)
            and (other.what, other._where) == (self.what, self._where)
            and all(any(mine.covers(theirs) for mine in self.globs) for theirs in other.globs)
        )

    def pieces(self) -> Sequence[Selector]:
        """See `Selector.pieces`."""
        return [self._with(glob) for glob in self.globs]

    def _with(self, glob: G) -> Selector:
        piece = copy(self)
        piece.globs = (glob,)
        return piece


class KindSelector(_Globs[NameGlob]):
    """The target's kind is one of these words, as written."""

    what = "kind"

    def __init__(self, kinds: Sequence[str]) -> None:
        super().__init__(kinds, NameGlob)
        self._kinds = frozenset(kinds)

    def __call__(self, target: PermissionTarget) -> Fit:
        """Say whether *target* fits."""
        return target.kind in self._kinds

    def covers(self, other: Selector) -> bool:
        """See `Selector.covers`."""
        if isinstance(other, (ToolSelector, OnlySelector, ArgumentSelector)):
            return "tool" in self._kinds
        return isinstance(other, KindSelector) and self._kinds >= other._kinds

    def _with(self, glob: NameGlob) -> Selector:
        return KindSelector([glob.pattern])


class ToolSelector(_Globs[NameGlob]):
    """The target is a tool whose name fits."""

    what = "tool"

    def __init__(self, patterns: Sequence[str]) -> None:
        super().__init__(patterns, NameGlob)

    def __call__(self, target: PermissionTarget) -> Fit:
        """Say whether *target* fits."""
        if target.kind != "tool":
            return False
        return any_fit(glob.fits(target.tool_name) for glob in self.globs)


class _Field(_Globs[G]):
    """Looks at one value: a field of its own kind of target, or an argument of a tool call."""

    kind: ClassVar[str]
    field: ClassVar[str]

    def __init__(
        self, patterns: Sequence[str], glob: Callable[[str], G], arg: str, *where: Any
    ) -> None:
        super().__init__(patterns, glob, arg, *where)
        self.arg = arg

    def __call__(self, target: PermissionTarget) -> Fit:
        """Say whether *target* fits."""
        if target.kind == self.kind:
            return self._fits(getattr(target, self.field))
        if target.kind != "tool" or self.arg not in (target.arguments or {}):
            return False
        return self._fits((target.arguments or {})[self.arg])

    @abstractmethod
    def _fits(self, value: object) -> Fit: ...


class PathSelector(_Field[PathGlob]):
    """A path fits; see `PathGlob`."""

    what = "paths"
    kind = "fs"
    field = "path"

    def __init__(self, patterns: Sequence[str], *, arg: str, root: str | None) -> None:
        base = None if root is None else read_path(root)
        if root is not None and (base is None or not base.absolute):
            raise PolicyError("root is not an absolute path with one reading")
        super().__init__(patterns, lambda pattern: PathGlob(pattern, base), arg, root)
        self.root = root

    def _fits(self, value: object) -> Fit:
        return any_fit(glob.fits(value) for glob in self.globs)


class CommandSelector(_Field[CommandGlob]):
    """A shell command fits; see `CommandGlob`."""

    what = "commands"
    kind = "shell"
    field = "command"

    def __init__(self, patterns: Sequence[str], *, arg: str, compound: bool) -> None:
        super().__init__(patterns, CommandGlob, arg, compound)
        self._compound = compound

    def _fits(self, value: object) -> Fit:
        return command_fit(value, self.globs, compound=self._compound)


class UrlSelector(_Field[UrlGlob]):
    """An address fits; see `UrlGlob`."""

    what = "urls"
    kind = "url"
    field = "url"

    def __init__(self, patterns: Sequence[str], *, arg: str) -> None:
        super().__init__(patterns, UrlGlob, arg)

    def _fits(self, value: object) -> Fit:
        return any_fit(glob.fits(value) for glob in self.globs)


class CategorySelector(_Field[NameGlob]):
    """A memory's category fits."""

    what = "categories"
    kind = "memory"
    field = "category"

    def __init__(self, patterns: Sequence[str], *, arg: str) -> None:
        super().__init__(patterns, NameGlob, arg)

    def _fits(self, value: object) -> Fit:
        return any_fit(glob.fits(value) for glob in self.globs)


class OnlySelector(Selector):
    """A tool call has no other arguments than these."""

    what = "only_args"

    def __init__(self, names: Sequence[str]) -> None:
        if isinstance(names, str) or any(not isinstance(name, str) for name in names):
            raise PolicyError("only_args is not a list of names")
        self._names = frozenset(names)

    @property
    def spec(self) -> list[Any]:
        """See `Selector.spec`."""
        return [self.what, sorted(self._names)]

    def __call__(self, target: PermissionTarget) -> Fit:
        """Say whether *target* fits."""
        return target.kind == "tool" and self._names.issuperset(target.arguments or ())

    def covers(self, other: Selector) -> bool:
        """See `Selector.covers`."""
        return isinstance(other, OnlySelector) and self._names >= other._names

    def pieces(self) -> Sequence[Selector]:
        """See `Selector.pieces`."""
        return [self]


class ArgumentSelector(Selector):
    """A tool call has an argument, and a predicate says yes to its value.

    Args:
        key: The argument's name.
        predicate: Called with the value as it is. Anything but `True` and `False` is "cannot be
            told", and so is an exception.
        terms: What the predicate says, as JSON; by default where its code stands.
    """

    what = "args"

    def __init__(self, key: str, predicate: Callable[[Any], Fit], terms: Any = None) -> None:
        if not key:
            raise PolicyError("the name of an argument is empty")
        self._key = key
        self._predicate = predicate
        self._terms = code_name(predicate) if terms is None else terms

    @property
    def spec(self) -> list[Any]:
        """See `Selector.spec`."""
        return [self.what, self._key, self._terms]

    def __call__(self, target: PermissionTarget) -> Fit:
        """Say whether *target* fits."""
        if target.kind != "tool" or self._key not in (target.arguments or {}):
            return False
        return self._predicate((target.arguments or {})[self._key])

    def covers(self, other: Selector) -> bool:
        """See `Selector.covers`."""
        if not isinstance(other, ArgumentSelector) or self.spec != other.spec:
            return False
        # Of two pieces of code nothing is known but whether they are one.
        declared = not isinstance(self._terms, list) or self._terms[:1] != ["python"]
        return declared or self._predicate is other._predicate

    def pieces(self) -> Sequence[Selector]:
        """See `Selector.pieces`."""
        return [self]


def code_name(function: object) -> list[str]:
    """Return where a function's code stands, as part of a policy's version."""
    kind = type(function)
    module = getattr(function, "__module__", None) or kind.__module__
    return ["python", module, getattr(function, "__qualname__", kind.__qualname__)]
