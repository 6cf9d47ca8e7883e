"""Owns whether a record bears out an event: who may write to the store may write events, too.

What an event says is told only if a record that this side vouches for holds it. What people said
before they changed it is in no record: then only that they may have said it can be seen.
"""

from __future__ import annotations

from datetime import datetime

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

__all__ = ["bears_out"]


def bears_out(approval: Approval, event: ApprovalEvent) -> bool:
    """Say whether *approval*, which bears its proofs, holds what *event* says.

    Of events that change no record there is nothing to hold: always.
    """
    match event:
        case ApprovalResolved():
            decision = approval.decision
            if decision is None:
                return False
            said = (event.principal, event.verdict, event.note)
            return said == (approval.approver, decision.verdict, decision.note)
        case ApprovalVoted():
            return _voted(approval, event)
        case ApprovalAmended():
            return _amended(approval, event) or _taken_back(approval, event)
    return _happened(approval, event)


def _happened(approval: Approval, event: ApprovalEvent) -> bool:
    """Say the same of what no answer of people is."""
    match event:
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


def _voted(approval: Approval, event: ApprovalVoted) -> bool:
    """Say whether the answer stands, or the person may have changed it, or an amendment voided it.

    What voids is a yes of somebody else, and it voids no no.
    """
    own = [vote for vote in approval.votes if vote.principal == event.principal]
    if own:
        said = (event.at, event.verdict, event.note)
        return any(event.at < vote.at or said == (vote.at, vote.verdict, vote.note) for vote in own)
    changed = _changed_at(approval)
    return event.verdict is Verdict.APPROVE and changed is not None and event.at < changed


def _amended(approval: Approval, event: ApprovalAmended) -> bool:
    """Say whether the change stands, or may have been changed again."""
    amendment = approval.amendment
    if amendment is not None and amendment.at == event.at:
        said = (event.principal, event.digest, event.override)
        result = amendment.override_result is not None
        return said == (amendment.principal, amendment.digest or approval.digest, result)
    changed = _changed_at(approval)
    return changed is not None and event.at <= changed


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
    """Say whether *event* tells that what the agent asked is asked again, with a yes to that.

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
