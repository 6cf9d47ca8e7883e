"""Owns the commands: what somebody wants to happen to an approval, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from .answers import Verdict
from .approval import Approval, Outcome
from .terms import Terms

__all__ = [
    "Cancel",
    "CastVote",
    "Climb",
    "Command",
    "Consume",
    "Expire",
    "RecordView",
    "Report",
    "Reveal",
    "Route",
    "Shown",
]


@dataclass(frozen=True, kw_only=True)
class Route:
    """Fix who is asked and who may answer."""

    terms: Terms


@dataclass(frozen=True)
class Shown:
    """What a person was shown, when this came of it: a store may say something else by now."""

    nonce: str
    digest: str

    @classmethod
    def of(cls, approval: Approval | None) -> Self | None:
        """Return what stands for *approval* as it was read; `None` for nothing in particular."""
        return None if approval is None else cls(approval.nonce, approval.proposed_digest)


@dataclass(frozen=True, kw_only=True)
class CastVote:
    """Answer, as *principal*, found in *groups* by the caller just now."""

    verdict: Verdict
    principal: str | None = None
    groups: tuple[str, ...] = ()
    note: str | None = None
    override_result: str | None = None
    edited: Any = None
    """Other arguments than those that are asked, where `edited_digest` is set."""
    edited_digest: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    surface: str = "api"
    seen: bool = False
    """Whether the surface showed everything beside the button that was used."""
    require_route: bool = False
    """Refuse where no route was fixed: what every surface for people asks for."""
    place: str | None = None
    """Where in the chat the person is told what came of it."""
    attempt: str | None = None
    """The click, so that one which comes twice is answered once."""
    shown: Shown | None = None


@dataclass(frozen=True, kw_only=True)
class RecordView:
    """Note that *principal*, found in *groups* just now, was shown everything there is to see."""

    principal: str
    groups: tuple[str, ...] = ()
    surface: str = "api"
    shown: Shown | None = None


@dataclass(frozen=True, kw_only=True)
class Reveal:
    """Show the masked values at *paths* to *principal*, found in *groups* just now.

    It changes no record, and so it is no `Command`: it leaves events and nothing else.
    """

    principal: str
    paths: tuple[str, ...]
    groups: tuple[str, ...] = ()
    surface: str = "api"
    shown: Shown | None = None


@dataclass(frozen=True, kw_only=True)
class Climb:
    """Take the rung number *rung* of the ladder, from 0, if its time has come."""

    rung: int


@dataclass(frozen=True, kw_only=True)
class Cancel:
    """Withdraw before a decision."""

    by: str | None = None
    reason: str | None = None
    undeliverable: str | None = None


@dataclass(frozen=True, kw_only=True)
class Expire:
    """End it, if its end has come."""


@dataclass(frozen=True, kw_only=True)
class Consume:
    """Take the one run, for exactly *digest*."""

    operation_id: str
    digest: str
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """Tell how the run ended."""

    outcome: Outcome


Command = Route | RecordView | CastVote | Climb | Cancel | Expire | Consume | Report
