"""Owns the tables of the operator's TOML file: routes and agents, strictly read."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from gate import MAX_RETENTION, MIN_RETENTION, MOST_ASKED, Bounds

from .routing import AgentRule, Demand, RouteRule, Step
from .secret_looks import SecretLooks

__all__ = ["FileTables", "MaskingTable"]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_USER = r"[UW][A-Z0-9]{1,30}"
_CLI = r"cli:[A-Za-z0-9_][A-Za-z0-9_.@+\\$-]{0,99}"
_PERSON = re.compile(rf"(?:[TE][A-Z0-9]{{1,30}}:)?{_USER}|{_CLI}")
_APPROVER = re.compile(rf"(?:[TE][A-Z0-9]{{1,30}}:)?{_USER}|S[A-Z0-9]{{1,30}}|{_CLI}")


def _duration(value: Any) -> Any:
    if isinstance(value, bool):
        # It would count as one second, or as none.
        raise ValueError("a number of seconds, or text such as 90s, 30m, 24h or 7d")
    if isinstance(value, str):
        found = re.fullmatch(r"([0-9]{1,9})([smhd])", value)
        if not found:
            raise ValueError("a number of seconds, or text such as 90s, 30m, 24h or 7d")
        return int(found[1]) * _UNITS[found[2]]
    return value


Duration = Annotated[float, BeforeValidator(_duration), Field(gt=0, le=90 * 86400)]
Retention = Annotated[
    float,
    BeforeValidator(_duration),
    Field(ge=MIN_RETENTION.total_seconds(), le=MAX_RETENTION.total_seconds()),
]
_Names = Annotated[
    # Without a pattern a route fits nothing, and nobody would notice.
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    Field(min_length=1),
]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _approver(text: str) -> str:
    if not _APPROVER.fullmatch(text):
        raise ValueError("an approver is a user id (U…), a user group id (S…) or cli:<login name>")
    return text


def _person(text: str) -> str:
    if not _PERSON.fullmatch(text):
        raise ValueError("a person is a user id (U…) or cli:<login name>")
    return text


def _channel(text: str) -> str:
    if not re.fullmatch(r"[CG][A-Z0-9]{1,30}", text):
        raise ValueError("a channel is named by its id (C… or G…), not by its name")
    return text


def _team(text: str) -> str:
    if not re.fullmatch(r"[TE][A-Z0-9]{1,30}", text):
        raise ValueError("a workspace is named by its id (T… or E…)")
    return text


def _absolute(text: str) -> str:
    if not re.fullmatch(r"/[^\x00]{1,4000}", text):
        raise ValueError("it must be an absolute path")
    return text


Channel = Annotated[str, AfterValidator(_channel)]
Approvers = Annotated[
    tuple[Annotated[str, AfterValidator(_approver)], ...], Field(min_length=1, max_length=1000)
]
Person = Annotated[str, AfterValidator(_person)]


class QuorumTable(_Table):
    """One `[[routes.quorums]]` table: so many distinct people out of a circle."""

    name: str = Field(min_length=1, max_length=60)
    of: Approvers
    needed: int = Field(default=1, ge=1, le=100, strict=True)

    def demand(self) -> Demand:
        """Return the table as routing has it."""
        return Demand(name=self.name, of=self.of, needed=self.needed)


class LadderTable(_Table):
    """One `[[routes.ladder]]` table: what is done when nobody has decided for so long."""

    after: Duration
    action: Literal["remind", "widen", "move"]
    also: Approvers | None = None
    channel: Channel | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.action == "widen") is not (self.also is not None):
            raise ValueError("`also` belongs to the action widen, and to no other")
        if (self.action == "move") is not (self.channel is not None):
            raise ValueError("`channel` belongs to the action move, and to no other")
        return self

    def step(self) -> Step:
        """Return the table as routing has it."""
        return Step(
            after=self.after, action=self.action, also=self.also or (), channel=self.channel
        )


class AgentTable(_Table):
    """One `[agents.<name>]` table: whose an agent is."""

    owner: Person | None = None
    principal: Person | None = None

    def rule(self) -> AgentRule:
        """Return the table as routing has it."""
        return AgentRule(owner=self.owner, principal=self.principal)


class RouteTable(_Table):
    """One `[[routes]]` table of the file."""

    agent: _Names = ("*",)
    name: _Names = ("*",)
    namespace: _Names = ("*",)
    channel: Channel
    approvers: Approvers | None = None
    needed: int = Field(default=1, ge=1, le=100, strict=True)
    quorums: tuple[QuorumTable, ...] = ()
    deny_threshold: int = Field(default=1, ge=1, le=100, strict=True)
    expires_in: Duration | None = None
    notify: tuple[Literal["mention", "dm"], ...] = ("mention",)
    ladder: tuple[LadderTable, ...] = Field(default=(), max_length=20)
    teams: tuple[Annotated[str, AfterValidator(_team)], ...] = ()
    self_approval: bool = Field(default=False, strict=True)
    reveal: bool = Field(default=True, strict=True)
    answers: tuple[Literal["edit", "override", "skip"], ...] = ("edit", "override")

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if len(set(self.answers)) < len(self.answers):
            raise ValueError("each of the further answers is listed once")
        if bool(self.approvers) is bool(self.quorums):
            raise ValueError("a route has either approvers or quorums")
        if self.quorums and self.needed != 1:
            raise ValueError("with quorums, needed stands in each of them")
        times = [step.after for step in self.ladder]
        if times != sorted(times):
            raise ValueError("the steps of a ladder stand in the order of time")
        for demand in self.rule().demands:
            if demand.needed > len(demand.of) and not any(who[0] == "S" for who in demand.of):
                raise ValueError(f"{demand.needed} people are needed, {len(demand.of)} are named")
        return self

    def rule(self) -> RouteRule:
        """Return the table as the rule that routing works with."""
        return RouteRule(
            agents=self.agent,
            names=self.name,
            namespaces=self.namespace,
            channel=self.channel,
            approvers=self.approvers or (),
            needed=self.needed,
            quorums=tuple(table.demand() for table in self.quorums),
            deny_threshold=self.deny_threshold,
            expires_in=self.expires_in,
            notify=self.notify,
            ladder=tuple(table.step() for table in self.ladder),
            teams=self.teams,
            self_approval=self.self_approval,
            reveal=self.reveal,
            answers=self.answers,
        )


class MaskingTable(_Table):
    """The `[masking]` table: what looks like a secret, beside what does by default."""

    keys: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(
        default=(), max_length=1000
    )
    shapes: tuple[Annotated[str, Field(min_length=1, max_length=500)], ...] = Field(
        default=(), max_length=100
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        SecretLooks(keys=self.keys, shapes=self.shapes)
        return self


class FileTables(_Table):
    """The whole TOML file."""

    routes: tuple[RouteTable, ...] = Field(min_length=1)
    agents: dict[str, AgentTable] = Field(default_factory=dict, max_length=10_000)
    undeliverable_after: Duration = 600.0
    masking: MaskingTable = MaskingTable()
    max_pending: int = Field(default=Bounds.pending, ge=1, le=MOST_ASKED, strict=True)
    max_per_minute: int = Field(default=Bounds.per_minute, ge=1, le=MOST_ASKED, strict=True)
    retention: Retention = Bounds.retention
    audit_archive: Annotated[str, AfterValidator(_absolute)] | None = None

    def bounds(self) -> Bounds:
        """Return what every agent is held to."""
        return Bounds(
            pending=self.max_pending, per_minute=self.max_per_minute, retention=self.retention
        )
