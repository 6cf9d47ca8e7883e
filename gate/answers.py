"""Owns what people say, as the record has it: verdicts, votes, views, amendments, decisions."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from .wire import Moment, WireModel

__all__ = ["Amendment", "Decision", "Verdict", "View", "Vote"]


class Verdict(StrEnum):
    """What a person answers. `APPROVE` leads to approved, the other two to rejected."""

    APPROVE = "approve"
    DENY = "deny"
    SKIP = "skip"


class Vote(WireModel, frozen=True):
    """One person's answer to one approval."""

    principal: str | None
    """Who, as the transport proved it; `None` is an unnamed trusted caller, never with a route."""
    groups: tuple[str, ...] = ()
    """Those of the route's groups that the person was found in when voting."""
    verdict: Verdict
    note: str | None = None
    override_result: str | None = None
    at: Moment
    digest: str
    """What the answer was given to: the action as asked, or as this person edited it."""
    surface: str = "api"
    mac: str | None = None


class View(WireModel, frozen=True):
    """One person has been sent everything that there is to see."""

    principal: str
    digest: str
    """Of what was shown; see `Approval.proposed_digest`."""
    at: Moment
    surface: str
    mac: str | None = None


class Amendment(WireModel, frozen=True):
    """What a person made of the question, while more people have to agree.

    From then on it is this that is asked. Who said yes before said so to something else.
    """

    payload: Any = None
    """The edited payload, where `digest` is set."""
    digest: str | None = None
    override_result: str | None = None
    """What the agent is to get in place of a run."""
    principal: str | None
    at: Moment
    mac: str | None = None


class Decision(WireModel, frozen=True):
    """The final answer of people."""

    verdict: Verdict
    note: str | None = None
    override_result: str | None = None
    """What the agent gets in place of a run; with it nothing can be consumed."""
    payload: Any = None
    """The edited payload, where a person changed it; `digest` then is its digest."""
    digest: str | None = None
