"""Owns the lint: what a policy says that its author hardly meant. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from .permission import PermissionPolicy
from .rules import Effect, Rule, covers, pieces
from .selectors import (
    CommandSelector,
    KindSelector,
    PathSelector,
    ToolSelector,
    UrlSelector,
)

__all__ = ["Answered", "PolicyFinding", "lint_policy"]

Answered = Callable[[str | None, str], bool]
"""Says whether somebody may answer when this source (`None`: any) asks for this tool."""

_EVERY_TOOL: Final = Rule(effect=Effect.ALLOW, source="*", action="*", target=ToolSelector(["*"]))
_VERBS: Final[Mapping[str, str]] = {"allow": "allows", "ask": "asks about", "deny": "denies"}
_EVERYTHING: Final = {"paths": {"/**"}, "commands": {"*"}, "urls": {"*://*/**"}}


@dataclass(frozen=True, kw_only=True)
class PolicyFinding:
    """One thing that should be looked at.

    Attributes:
        code: A stable word: `allow_all`, `wide`, `unreachable`, `shadowed`, `never`,
            `no_reason`, `no_root`, `nobody_answers`.
        rule: The rule's index; `None` for the policy as a whole.
        name: Its name, where it has one.
        sentence: What is found, in one sentence.
    """

    code: str
    rule: int | None
    name: str | None
    sentence: str


def lint_policy(
    policy: PermissionPolicy, *, answered: Answered | None = None
) -> list[PolicyFinding]:
    """Return what should be looked at, in the order of the rules.

    What is found is so; what is not found may be so, since functions cannot be looked into. A clear
    call is one of which a rule can tell whether it fits.

    Args:
        policy: The policy.
        answered: Whether anybody may answer; without it that is not looked at.
    """
    found: list[PolicyFinding] = []
    for place, rule in enumerate(policy.rules):
        checks = (_reach(policy, place), _width(rule), _words(rule), _answers(rule, answered))
        found.extend(
            PolicyFinding(code=code, rule=place, name=rule.name, sentence=sentence)
            for check in checks
            for code, sentence in check
        )
    return found


def _reach(policy: PermissionPolicy, place: int) -> Iterator[tuple[str, str]]:
    rule = policy.rules[place]
    earlier = list(enumerate(policy.rules[:place]))
    kinds = [each for each in rule.matchers if isinstance(each, KindSelector)]
    tools = [each for each in rule.matchers if isinstance(each, ToolSelector)]
    if tools and any(not kind.covers(tools[0]) for kind in kinds):
        yield "never", "it never applies: it is for a tool, and for kinds that are no tools"
    for index, before in earlier:
        if covers(before, rule):
            first = f"{_called(index, before)} comes first and {_VERBS[before.effect]}"
            yield "unreachable", f"it decides no clear call: {first} everything that it is for"
            return
    for part in pieces(rule):
        for index, before in earlier:
            if before.effect != rule.effect and covers(before, part):
                yield (
                    "shadowed",
                    f"a part of it decides no clear call: {_called(index, before)} comes first and "
                    f"{_VERBS[before.effect]} it",
                )
                return


def _width(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.effect is not Effect.ALLOW:
        return
    if covers(rule, _EVERY_TOOL):
        yield "allow_all", "it allows every tool that no rule before it is for"
        return
    for matcher in rule.matchers:
        if isinstance(matcher, (PathSelector, CommandSelector, UrlSelector)):
            patterns = {glob.pattern for glob in matcher.globs}
            if patterns & _EVERYTHING[matcher.what]:
                yield "wide", f"it allows all {matcher.what}"


def _words(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.effect is Effect.ASK and rule.reason is None:
        yield "no_reason", "it asks people and does not tell them why"
    if rule.effect is Effect.ALLOW:
        return
    for matcher in rule.matchers:
        if isinstance(matcher, PathSelector) and matcher.root is None:
            absolute = any(glob.pattern.startswith("/") for glob in matcher.globs)
            if absolute:
                yield (
                    "no_root",
                    "its absolute paths are not compared with relative ones: set root",
                )


def _answers(rule: Rule, answered: Answered | None) -> Iterator[tuple[str, str]]:
    if answered is None or rule.effect is not Effect.ASK:
        return
    tools = [each for each in rule.matchers if isinstance(each, ToolSelector)]
    names = [glob.pattern for each in tools for glob in each.globs] or ["*"]
    for source in (None,) if rule.source is None else rule.source:
        for name in names:
            example = name.replace("*", "x").replace("?", "x")
            who = None if source is None else source.replace("*", "x").replace("?", "x")
            if not answered(who, example):
                yield (
                    "nobody_answers",
                    f"no route of the bot fits {example!r}"
                    + (f" of {who!r}" if who is not None else "")
                    + ": nobody could answer",
                )
                return


def _called(index: int, rule: Rule) -> str:
    return f"rule {index + 1}" + (f' "{rule.name}"' if rule.name else "")
