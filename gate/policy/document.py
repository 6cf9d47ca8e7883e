"""Owns a policy as text: TOML, read strictly, whole or not at all. Pure.

The text ends with a table that counts the rules, so that a text that was cut anywhere is not taken
for a shorter policy.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..errors import PolicyError
from .conditions import Condition
from .permission import MAX_RULES, PermissionPolicy
from .rules import Rule
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

__all__ = ["MAX_FILE", "PolicyDocument", "read_policy"]

MAX_FILE: Final = 256 * 1024
"""Bytes of a policy's text."""

_REASONS: Final = {
    "extra_forbidden": "there is no such key",
    "missing": "a key that is required is not there",
}
"""pydantic's word for a fault → ours."""

_Names = Annotated[
    list[str],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    Field(min_length=1),
]
_ByArgument = Annotated[dict[str, _Names], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class RuleTable(_Table):
    """One `[[rules]]` table."""

    name: str
    effect: Literal["allow", "ask", "deny"]
    reason: str | None = None
    source: _Names | None = None
    action: _Names | None = None
    kind: _Names | None = None
    tool: _Names | None = None
    paths: _ByArgument | None = None
    commands: _ByArgument | None = None
    urls: _ByArgument | None = None
    categories: _ByArgument | None = None
    compound: bool = False
    args: Annotated[dict[str, Condition], Field(min_length=1)] | None = None
    only_args: list[str] | None = None


class _End(_Table):
    rules: int = Field(ge=0)


class PolicyText(_Table):
    """The whole text."""

    version: int = Field(ge=1, le=2**53)
    root: str | None = None
    rules: list[RuleTable] = Field(max_length=MAX_RULES)
    end: _End


@dataclass(frozen=True, kw_only=True)
class PolicyDocument:
    """A policy that was read, and the number that its author gave it."""

    number: int
    policy: PermissionPolicy


def read_policy(text: bytes | str, *, file: str = "policy") -> PolicyDocument:
    """Return the policy that *text* says.

    Args:
        text: TOML in UTF-8, at most 256 KiB; see `docs/policy.md`.
        file: What to call it in errors.

    Raises:
        PolicyError: Anything unknown, missing, doubled, empty, of the wrong type or incomplete;
            with the line and the key where they are known.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > MAX_FILE:
        raise PolicyError(f"over {MAX_FILE} bytes", file=file)
    try:
        plain = raw.decode("utf-8")
        data = tomllib.loads(plain)
    except UnicodeDecodeError:
        raise PolicyError("it is not UTF-8", file=file) from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        found = re.search(r"at line ([0-9]+)", str(error))
        line = int(found[1]) if found else None
        raise PolicyError("it is not TOML, or not whole", file=file, line=line) from None
    _check_end(plain, file=file)
    try:
        read = PolicyText.model_validate(data)
    except ValidationError as error:
        # A misspelt key is told before the one that is missing because of it.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        raise PolicyError(
            _REASONS.get(first["type"], first["msg"].removeprefix("Value error, ")),
            file=file,
            line=_line(plain, first["loc"]),
            key=".".join(str(part) for part in first["loc"]) or None,
        ) from None
    if read.end.rules != len(read.rules):
        raise PolicyError(
            f"it has {len(read.rules)} rules, and says {read.end.rules}: it is not whole",
            file=file,
            key="end.rules",
        )
    return PolicyDocument(number=read.version, policy=_policy(read, plain, file=file))


def _check_end(text: str, *, file: str) -> None:
    lines = [line.strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith("#")]
    if told[-2:-1] != ["[end]"] or not re.fullmatch(r"rules *= *[0-9]+", told[-1]):
        raise PolicyError(
            "it does not end with [end] and `rules = ` their number: it may not be whole",
            file=file,
            key="end",
        )


def _policy(read: PolicyText, text: str, *, file: str) -> PermissionPolicy:
    rules: list[Rule] = []
    for place, table in enumerate(read.rules):
        key = "name"
        try:
            if any(rule.name == table.name for rule in rules):
                raise PolicyError("another rule has this name")
            if table.effect == "allow" and table.tool is None and table.kind is None:
                key = "tool"
                raise PolicyError("a rule that allows says for which tools, or for which kinds")
            matchers: list[Matcher] = []
            for key, made in _selectors(table, read.root):  # noqa: B007  (told below)
                matchers.append(made())
            rules.append(
                Rule(
                    name=table.name,
                    effect=table.effect,
                    source=table.source,
                    action=table.action,
                    target=matchers or None,
                    reason=table.reason,
                )
            )
        except PolicyError as error:
            where = error.key or key
            raise PolicyError(
                error.reason,
                file=file,
                line=_line(text, ("rules", place, where)),
                key=f"rules.{place}.{where}",
            ) from None
    return PermissionPolicy(rules)


def _selectors(table: RuleTable, root: str | None) -> Iterator[tuple[str, Callable[[], Matcher]]]:
    """Yield the key and the maker of each matcher that a table asks for."""
    if table.kind is not None:
        yield "kind", partial(KindSelector, table.kind)
    if table.tool is not None:
        yield "tool", partial(ToolSelector, table.tool)
    for arg, patterns in (table.paths or {}).items():
        yield "paths", partial(PathSelector, patterns, arg=arg, root=root)
    for arg, patterns in (table.commands or {}).items():
        yield "commands", partial(CommandSelector, patterns, arg=arg, compound=table.compound)
    for arg, patterns in (table.urls or {}).items():
        yield "urls", partial(UrlSelector, patterns, arg=arg)
    for arg, patterns in (table.categories or {}).items():
        yield "categories", partial(CategorySelector, patterns, arg=arg)
    for arg, condition in (table.args or {}).items():
        yield "args", partial(ArgumentSelector, arg, condition, condition.terms)
    if table.only_args is not None:
        yield "only_args", partial(OnlySelector, table.only_args)


def _line(text: str, place: Sequence[Any]) -> int | None:
    """Return the line of a key, as far as looking at lines can tell."""
    if not place:
        return None
    rule = place[1] if place[0] == "rules" and len(place) > 1 else None
    key = str(place[2] if len(place) > 2 else place[0])
    seen, header = -1, None
    for number, line in enumerate(text.splitlines(), 1):
        head = line.strip()
        if head.startswith("[[rules]]"):
            seen += 1
            if seen == rule:
                header = number
        inside = rule is None or seen == rule
        if inside and re.match(rf"(?:\[rules\.)?{re.escape(key)}\b", head):
            return number
    return header
