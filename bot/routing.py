"""Owns who is asked and who may answer: the operator's rules, first match wins. Pure.

What the agent sends is a claim; it chooses neither channel nor approvers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Literal

from gate import Approval, Quorum, Rung, Terms

__all__ = ["AgentRule", "Demand", "RouteRule", "Step", "find_route", "terms_for"]


@dataclass(frozen=True, kw_only=True)
class Demand:
    """So many distinct people out of a circle."""

    name: str = "approvers"
    of: tuple[str, ...]
    needed: int = 1


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is done when nobody has decided for so many seconds; see `gate.Rung`."""

    after: float
    action: Literal["remind", "widen", "move"]
    also: tuple[str, ...] = ()
    channel: str | None = None


@dataclass(frozen=True, kw_only=True)
class AgentRule:
    """Whose an agent is, by the operator's word: who must not approve what it asks for."""

    owner: str | None = None
    principal: str | None = None
    """On whose behalf it acts, where that is another person."""


@dataclass(frozen=True, kw_only=True)
class RouteRule:
    """One rule of the operator. Patterns are whole-text, case-sensitive, with `*`, `?`, `[…]`."""

    agents: tuple[str, ...] = ("*",)
    names: tuple[str, ...] = ("*",)
    namespaces: tuple[str, ...] = ("*",)
    channel: str
    approvers: tuple[str, ...] = ()
    """User ids (`U…`), user group ids (`S…`) and `cli:<login name>`."""
    needed: int = 1
    """How many distinct people of `approvers`."""
    quorums: tuple[Demand, ...] = ()
    """In place of `approvers`: so many of each of several circles."""
    deny_threshold: int = 1
    expires_in: float | None = None
    """Seconds; only ever shortens what the agent asked for."""
    notify: tuple[Literal["mention", "dm"], ...] = ()
    ladder: tuple[Step, ...] = ()
    teams: tuple[str, ...] = ()
    """Other workspaces (`T…`, `E…`) whose people may answer, where they are named or in a group."""
    self_approval: bool = False
    """Whether the owner and the principal of an agent may decide for it."""
    reveal: bool = True
    """Whether what is masked as a secret may be revealed to those who may answer."""
    answers: tuple[Literal["edit", "override", "skip"], ...] = ("edit", "override")
    """What people may answer besides yes and no; the first two where the request allows it too."""

    @property
    def demands(self) -> tuple[Demand, ...]:
        """All that is demanded, in one form."""
        return self.quorums or (Demand(of=self.approvers, needed=self.needed),)

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


def terms_for(
    rule: RouteRule,
    approval: Approval,
    *,
    team: str,
    agents: Mapping[str, AgentRule] = MappingProxyType({}),
) -> Terms:
    """Return the terms that *rule* gives *approval*.

    Args:
        rule: The operator's rule.
        approval: What is asked.
        team: The id of the workspace that the rule's user and group ids belong to.
        agents: Agent → whose it is.
    """
    shortened = None
    if rule.expires_in is not None and rule.expires_in < approval.expires_in:
        shortened = approval.created_at + timedelta(seconds=rule.expires_in)
    whose = agents.get(approval.agent, AgentRule())
    own = () if rule.self_approval else (whose.owner, whose.principal)
    return Terms(
        channel=rule.channel,
        quorums=tuple(
            Quorum(name=demand.name, of=_principals(demand.of, team), needed=demand.needed)
            for demand in rule.demands
        ),
        deny_threshold=rule.deny_threshold,
        expires_at=shortened,
        notify=rule.notify,
        excluded=_principals(tuple(who for who in own if who is not None), team),
        teams=rule.teams,
        reveal=rule.reveal,
        answers=rule.answers,
        ladder=tuple(
            Rung(
                after=step.after,
                action=step.action,
                also=_principals(step.also, team),
                channel=step.channel,
            )
            for step in rule.ladder
        ),
    )


def _principals(ids: Iterable[str], team: str) -> tuple[str, ...]:
    """Return the principals of the rule's ids; one of another workspace is written `T…:U…`."""
    return tuple(
        each
        if each.startswith("cli:")
        else f"slack:{each}"
        if ":" in each
        else f"slack:{team}:{each}"
        for each in dict.fromkeys(ids)
    )


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
