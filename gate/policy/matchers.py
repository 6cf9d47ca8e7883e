"""Owns the matchers that developers write rules with; the seeds' names, without the seeds' holes.

Each returns a function from a target to yes, no, or `None` for "cannot be told". A path, command,
address or category is looked for in the field of the target that is made for it, and in a tool call
in the argument *arg*; a tool call without that argument does not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .fit import Fit
from .selectors import (
    ArgumentSelector,
    CategorySelector,
    CommandSelector,
    KindSelector,
    Matcher,
    OnlySelector,
    PathSelector,
    ToolSelector,
    UrlSelector,
)

__all__ = [
    "any_of_kind",
    "fs_glob",
    "memory_category",
    "only_args",
    "shell_glob",
    "tool_named",
    "url_pattern",
    "with_args",
]


def any_of_kind(*kinds: str) -> Matcher:
    """Fit targets of these kinds, whatever else they hold; no kinds never fit."""
    return KindSelector(kinds) if kinds else lambda _: False


def tool_named(*patterns: str) -> Matcher:
    """Fit calls of tools with these names; `*` and `?` as in `compile_globs`.

    Raises:
        PolicyError: No pattern, or one that cannot be one.
    """
    return ToolSelector(patterns)


def fs_glob(*patterns: str, arg: str = "path", root: str | None = None) -> Matcher:
    """Fit paths; see `PathGlob` for the patterns.

    Args:
        patterns: At least one.
        arg: The argument that holds the path in a tool call.
        root: Where relative paths and patterns begin: an absolute path, no link.

    Raises:
        PolicyError: No pattern, or one that cannot be one.
    """
    return PathSelector(patterns, arg=arg, root=root)


def shell_glob(*patterns: str, arg: str = "command", compound: bool = False) -> Matcher:
    """Fit plain shell commands; see `CommandGlob` for the patterns.

    Args:
        patterns: At least one.
        arg: The argument that holds the command in a tool call.
        compound: Also fit lists of commands (`a && b`, `a | b`) if each of them fits.

    Raises:
        PolicyError: No pattern, or one that cannot be one.
    """
    return CommandSelector(patterns, arg=arg, compound=compound)


def url_pattern(*patterns: str, arg: str = "url") -> Matcher:
    """Fit addresses; see `UrlGlob` for the patterns.

    Args:
        patterns: At least one.
        arg: The argument that holds the address in a tool call.

    Raises:
        PolicyError: No pattern, or one that cannot be one.
    """
    return UrlSelector(patterns, arg=arg)


def memory_category(*categories: str, arg: str = "category") -> Matcher:
    """Fit memories of these categories; `*` and `?` as in `compile_globs`.

    Args:
        categories: At least one.
        arg: The argument that holds the category in a tool call.

    Raises:
        PolicyError: No category, or one that cannot be one.
    """
    return CategorySelector(categories, arg=arg)


def with_args(key: str, predicate: Callable[[Any], Fit]) -> Matcher:
    """Fit tool calls that have the argument *key* with a value that *predicate* says yes to.

    The value is passed as it is, read-only. `0`, `""` and `None` are values; a call without the
    argument does not fit. Anything but `True` and `False`, and an exception, is "cannot be told".
    """
    return ArgumentSelector(key, predicate)


def only_args(*names: str) -> Matcher:
    """Fit tool calls that have no other arguments than these; none need be there."""
    return OnlySelector(names)
