"""Owns who is asked and who may answer: the operator's rules, first match wins. Pure.

What the agent sends is a claim; it chooses neither channel nor approvers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Literal

from gate import Approval, Quorum, Terms

__all__ = ["RouteRule", "find_route", "terms_for"]


@dataclass(frozen=True, kw_only=True)
class RouteRule:
    """One rule of the operator. Patterns are whole-text, case-sensitive, with `*`, `?`, `[…]`."""

    agents: tuple[str, ...] = ("*",)
    names: tuple[str, ...] = ("*",)
    namespaces: tuple[str, ...] = ("*",)
    channel: str
    approvers: tuple[str, ...]
    """User ids (`U…`), user group ids (`S…`) and `cli:<login name>`."""
    expires_in: float | None = None
    """Seconds; only ever shortens what the agent asked for."""
    notify: tuple[Literal["mention", "dm"], ...] = ()

    def matches(self, approval: Approval) -> bool:
        """Say whether the rule is for this approval."""
        return (
            _any(self.agents, approval.agent)
            and _any(self.names, approval.name)
            and _any(self.namespaces, approval.namespace)
        )


def find_route(rules: Sequence[RouteRule], approval: Approval) -> RouteRule | None:
    """Return the first rule that matches, or `None`: then nobody may be asked."""
    return next((rule for rule in rules if rule.matches(approval)), None)


def terms_for(rule: RouteRule, approval: Approval, *, team: str) -> Terms:
    """Return the terms that *rule* gives *approval*.

    Args:
        rule: The operator's rule.
        approval: What is asked.
        team: The id of the workspace that the rule's user and group ids belong to.
    """
    people = tuple(
        approver if approver.startswith("cli:") else f"slack:{team}:{approver}"
        for approver in rule.approvers
    )
    shortened = None
    if rule.expires_in is not None and rule.expires_in < approval.expires_in:
        shortened = approval.created_at + timedelta(seconds=rule.expires_in)
    return Terms(
        channel=rule.channel,
        quorums=(Quorum(of=people),),
        expires_at=shortened,
        notify=rule.notify,
    )


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
