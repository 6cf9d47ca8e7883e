"""Owns whether a record bears out an event: who may write to the store may write events, too.

What an event says of people's answers is told only if a record that this side vouches for holds it.
"""

from __future__ import annotations

from datetime import datetime

from gate import (
    Approval,
    ApprovalAmended,
    ApprovalEscalated,
    ApprovalEvent,
    ApprovalResolved,
    ApprovalVoted,
    Verdict,
)

__all__ = ["bears_out"]


def bears_out(approval: Approval, event: ApprovalEvent) -> bool:
    """Say whether *approval*, which bears its proofs, holds what *event* says.

    Of events that tell of no answer and of no rung there is nothing to hold: always.
    """
    match event:
        case ApprovalResolved():
            decision = approval.decision
            if decision is None:
                return False
            said = (event.principal, event.verdict, event.note)
            return said == (approval.approver, decision.verdict, decision.note)
        case ApprovalVoted():
            # An answer may have been changed since, and an amendment voids the yeses before it.
            return _amended_since(approval, event.at) or any(
                vote.principal == event.principal
                and (vote.at > event.at or vote.verdict is event.verdict)
                for vote in approval.votes
            )
        case ApprovalAmended():
            return _amended_since(approval, event.at) or _taken_back(approval, event)
        case ApprovalEscalated():
            return event.rung < approval.climbed
    return True


def _amended_since(approval: Approval, at: datetime) -> bool:
    """Say whether what is asked was changed at *at* or later, as far as the record knows."""
    if approval.amendment is not None:
        return approval.amendment.at >= at
    decision = approval.decision
    return decision is not None and (decision.digest, decision.override_result) != (None, None)


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
