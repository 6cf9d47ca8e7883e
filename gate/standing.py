"""Owns how a record stands at a time, and what a change of it looks like. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .answers import Verdict
from .approval import Approval, ApprovalStatus
from .errors import (
    AlreadyDecided,
    ApprovalCancelled,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalSkipped,
    Refused,
    Undeliverable,
)
from .events import ApprovalEvent

__all__ = ["Transition", "about", "as_of", "check_open", "refusal"]


@dataclass(frozen=True)
class Transition:
    """What a command makes of a record.

    `events` is empty exactly when nothing changes. `before` is the latest store time at which the
    change may be written.
    """

    approval: Approval
    events: tuple[ApprovalEvent, ...] = ()
    before: datetime | None = None

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.events)


def as_of(approval: Approval, now: datetime) -> Approval:
    """Return *approval* as it counts at *now*: a pending one past its end counts as expired."""
    if approval.final or now < approval.deadline:
        return approval
    return approval.model_copy(
        update={"status": ApprovalStatus.EXPIRED, "decided_at": approval.deadline}
    )


def refusal(approval: Approval) -> Refused | None:
    """Return why *approval* does not release a run, or `None` if it does or is still pending."""
    match approval.status:
        case ApprovalStatus.PENDING | ApprovalStatus.APPROVED:
            return None
        case ApprovalStatus.REJECTED:
            decision = approval.decision
            kind = (
                ApprovalSkipped
                if decision is not None and decision.verdict is Verdict.SKIP
                else ApprovalDenied
            )
            return kind(
                approval, note=decision.note if decision else None, approver=approval.approver
            )
        case ApprovalStatus.CANCELLED:
            ended = approval.cancellation
            if ended is not None and ended.undeliverable is not None:
                return Undeliverable(approval, reason=ended.undeliverable)
            return ApprovalCancelled(approval)
        case ApprovalStatus.EXPIRED:
            return ApprovalExpired(approval)


def about(current: Approval, at: datetime) -> dict[str, Any]:
    """Return what every event says."""
    return {"id": current.id, "namespace": current.namespace, "at": at}


def check_open(current: Approval) -> None:
    """Return if *current* can still change.

    Raises:
        AlreadyDecided: It is final.
    """
    if current.final:
        raise AlreadyDecided(current)
