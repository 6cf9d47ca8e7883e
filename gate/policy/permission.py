"""Owns the policy: rules in order, the first that fits decides, and nothing fitting is a no.

Where it cannot be told whether a rule fits, the stricter of both readings counts: a rule that
allows is passed over, one that denies applies, and one that asks keeps everything after it from
allowing without a question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ..canonical import canonical_text
from ..errors import PolicyError
from .rules import Effect, Rule
from .target import PermissionTarget

__all__ = ["DENY_ALL", "PermissionDecision", "PermissionPolicy"]

MAX_RULES: Final = 1000
_VERSION_PREFIX: Final = "signoff/policy/v1\n"
_DEFAULT: Final = "no rule matched (default deny)"
_SHOWN: Final = 12
"""Hexadecimal digits of a version that people see."""


@dataclass(frozen=True, kw_only=True)
class PermissionDecision:
    """What a policy says to one call, and why.

    Attributes:
        effect: `allow`, `ask` or `deny`.
        reason: The rule's, or that no rule fitted; `None` where the rule gives none.
        matched_rule: The rule's index; `None` if no rule fitted.
        rule: The rule's name, where it has one.
        policy_version: The policy's hash: 64 hexadecimal digits.
        sure: Whether the rule surely fitted; else it may have.
    """

    effect: Effect
    reason: str | None
    matched_rule: int | None = None
    rule: str | None = None
    policy_version: str
    sure: bool = True

    @property
    def allow(self) -> bool:
        """Whether it may run without a question."""
        return self.effect is Effect.ALLOW

    @property
    def ask(self) -> bool:
        """Whether people decide."""
        return self.effect is Effect.ASK

    def sentence(self) -> str:
        """Return why, in one sentence for people: the operator's words only, none of the call's."""
        verb = {Effect.ALLOW: "Allowed", Effect.ASK: "Asked", Effect.DENY: "Denied"}[self.effect]
        policy = f"policy {self.policy_version[:_SHOWN]}"
        if self.matched_rule is None:
            return f"{verb}: no rule of {policy} fits."
        rule = f"rule {self.matched_rule + 1}" + (f' "{self.rule}"' if self.rule else "")
        told = f"{verb} by {rule} of {policy}"
        if not self.sure:
            told += " (it may fit; the call cannot be read for certain)"
        if self.reason is None:
            return told + "."
        return f"{told}: {self.reason}" + ("" if self.reason.endswith((".", "!", "?")) else ".")


class PermissionPolicy:
    """Rules in order. A policy never changes; `with_additional` makes another.

    Args:
        rules: At most 1,000. None denies everything.

    Raises:
        PolicyError: Two rules have one name, or there are too many.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules: Final = tuple(rules)
        if len(self.rules) > MAX_RULES:
            raise PolicyError(f"{len(self.rules)} rules, the limit is {MAX_RULES}")
        names: set[str] = set()
        for rule in self.rules:
            if not isinstance(rule, Rule):
                raise PolicyError(f"a rule is {type(rule).__name__}, not Rule")
            if rule.name in names:
                raise PolicyError(f"two rules are named {rule.name!r}", key="name")
            if rule.name is not None:
                names.add(rule.name)

    def __len__(self) -> int:
        return len(self.rules)

    @cached_property
    def version(self) -> str:
        """The hash of all that the rules say: 64 hexadecimal digits.

        Of a function of your own it holds the module and the name, not the code.
        """
        text = canonical_text([rule.spec for rule in self.rules], max_size=64 * 1024 * 1024)
        return hashlib.sha256(f"{_VERSION_PREFIX}{text}".encode()).hexdigest()

    def with_additional(self, rules: Iterable[Rule]) -> PermissionPolicy:
        """Return a policy with *rules* after these: they decide only what these leave open."""
        return PermissionPolicy((*self.rules, *rules))

    def check(
        self, source: str, target: PermissionTarget, action: str = "execute"
    ) -> PermissionDecision:
        """Say whether *source* may do *action* with *target*."""
        held: PermissionDecision | None = None
        for index, rule in enumerate(self.rules):
            fit = rule.fits(source, target, action)
            if fit is False or (fit is None and rule.effect is Effect.ALLOW):
                continue
            found = self._decision(index, rule, sure=fit is True)
            if fit is True:
                # A rule before that may have asked is not overruled by one that allows.
                return held if held is not None and rule.effect is not Effect.DENY else found
            if rule.effect is Effect.DENY:
                return found
            held = held or found
        return PermissionDecision(effect=Effect.DENY, reason=_DEFAULT, policy_version=self.version)

    def check_tool(
        self, name: str, arguments: dict[str, object] | None = None, *, source: str = "agent"
    ) -> PermissionDecision:
        """Say whether *source* may call the tool *name* with *arguments*; see `check`."""
        return self.check(source, PermissionTarget.tool(name, arguments), "execute")

    def _decision(self, index: int, rule: Rule, *, sure: bool) -> PermissionDecision:
        return PermissionDecision(
            effect=Effect(rule.effect),
            reason=rule.reason,
            matched_rule=index,
            rule=rule.name,
            policy_version=self.version,
            sure=sure,
        )


DENY_ALL: Final = PermissionPolicy()
"""What is in force where no policy could be read."""
