"""Owns whether a record bears out an event: who may write to the store may write events, too.

What an event says is told only if a record that this side vouches for holds it. What people said
before they changed it, or before an amendment voided it, is in no record: nobody can vouch for it.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from gate import (
    Approval,
    ApprovalAmended,
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEscalated,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalReported,
    ApprovalResolved,
    ApprovalRouted,
    ApprovalStatus,
    ApprovalVoted,
    Verdict,
)

__all__ = ["Bearing", "bearing"]


class Bearing(Enum):
    """What a record says of an event."""

    HELD = "held"
    """It holds what the event says, or the event is of a kind that changes no record."""
    GONE = "gone"
    """It cannot say: if it was so, it was changed or void since. It counts for nothing."""
    UNTRUE = "untrue"
    """It was not so."""


def bearing(approval: Approval, event: ApprovalEvent) -> Bearing:
    """Return what *approval*, which bears its proofs, says of *event*."""
    match event:
        case ApprovalVoted():
            held, gone = _answered(approval, event), _may_have_answered(approval, event)
        case ApprovalAmended():
            held, gone = _amended(approval, event), _may_have_amended(approval, event)
        case _:
            held, gone = _happened(approval, event), False
    return Bearing.HELD if held else Bearing.GONE if gone else Bearing.UNTRUE


def _happened(approval: Approval, event: ApprovalEvent) -> bool:
    """Say whether *approval* holds what is neither changed nor void later."""
    match event:
        case ApprovalResolved():
            decision = approval.decision
            return decision is not None and (event.principal, event.verdict, event.note) == (
                approval.approver,
                decision.verdict,
                decision.note,
            )
        case ApprovalRouted():
            return approval.terms is not None and event.channel == approval.terms.channel
        case ApprovalEscalated():
            return event.rung < approval.climbed
        case ApprovalCancelledEvent():
            ended = approval.cancellation
            return ended is not None and (event.by, event.reason, event.undeliverable) == (
                ended.by,
                ended.reason,
                ended.undeliverable,
            )
        case ApprovalExpiredEvent():
            return approval.status is ApprovalStatus.EXPIRED
        case ApprovalConsumed():
            taken = approval.consumption
            said = (event.operation_id, event.by)
            return taken is not None and said == (taken.operation_id, taken.by)
        case ApprovalReported():
            end = approval.outcome
            return end is not None and (event.status, event.error, event.seconds) == (
                end.status,
                end.error,
                end.seconds,
            )
    return True


def _answered(approval: Approval, event: ApprovalVoted) -> bool:
    """Say whether the answer stands."""
    said = (event.principal, event.at, event.verdict, event.note)
    return any(
        said == (vote.principal, vote.at, vote.verdict, vote.note) for vote in approval.votes
    )


def _may_have_answered(approval: Approval, event: ApprovalVoted) -> bool:
    """Say whether the person may have changed the answer, or an amendment voided it.

    What voids is a yes of somebody else, and it voids no no.
    """
    own = [vote for vote in approval.votes if vote.principal == event.principal]
    if own:
        return any(event.at < vote.at for vote in own)
    changed = _changed_at(approval)
    return event.verdict is Verdict.APPROVE and changed is not None and event.at < changed


def _amended(approval: Approval, event: ApprovalAmended) -> bool:
    """Say whether the change stands as this person's.

    An approved record has no amendment, and neither has one that asks again what the agent asked.
    Both have the yes that came with the change, of its time: the first to what is asked now.
    """
    said = (event.principal, event.at, event.digest, event.override)
    amendment = approval.amendment
    if amendment is not None:
        result = amendment.override_result is not None
        digest = amendment.digest or approval.digest
        return said == (amendment.principal, amendment.at, digest, result)
    result = approval.proposed_result is not None
    yeses = [vote for vote in approval.votes if vote.verdict is Verdict.APPROVE]
    first = min(yeses, key=lambda vote: vote.at, default=None)
    return first is not None and said == (
        first.principal, first.at, approval.effective_digest, result
    )  # fmt: skip


def _may_have_amended(approval: Approval, event: ApprovalAmended) -> bool:
    """Say whether the change may have been changed again, or its person have answered again."""
    if approval.amendment is not None:
        return event.at < approval.amendment.at
    changed = _changed_at(approval)
    return (changed is not None and event.at <= changed) or _taken_back(approval, event)


def _changed_at(approval: Approval) -> datetime | None:
    """Return when what is asked was changed the last time, at the latest; `None` if it was not."""
    if approval.amendment is not None:
        return approval.amendment.at
    decision = approval.decision
    if decision is None or (decision.digest, decision.override_result) == (None, None):
        return None
    # With the first yes to it, which voided those before.
    yeses = [vote.at for vote in approval.votes if vote.verdict is Verdict.APPROVE]
    return min(yeses, default=None)


def _taken_back(approval: Approval, event: ApprovalAmended) -> bool:
    """Say whether *event* tells that what the agent asked is asked again, with a later yes to that.

    Then no amendment is left on the record; the yes is.
    """
    return (
        not event.override
        and event.digest == approval.digest
        and any(
            (vote.principal, vote.verdict, vote.digest)
            == (event.principal, Verdict.APPROVE, event.digest)
            and vote.at >= event.at
            for vote in approval.votes
        )
    )
