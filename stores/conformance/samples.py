"""Owns the records and events that the suite writes: whole, valid, far from any edge of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from gate import (
    Approval,
    ApprovalEvent,
    ApprovalRequested,
    ApprovalResolved,
    ApprovalStatus,
    ApprovalStore,
    Bucketed,
    Consumption,
    Decision,
    EventLog,
    Quorum,
    Rung,
    Terms,
    Verdict,
    Vote,
    action_digest,
)

__all__ = [
    "FAR_FUTURE",
    "LONG_AGO",
    "START",
    "consumption",
    "decided",
    "pending",
    "requested",
    "resolved",
    "routed",
    "told",
]

START: Final = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
LONG_AGO: Final = datetime(2001, 1, 1, tzinfo=UTC)
FAR_FUTURE: Final = datetime(2999, 1, 1, tzinfo=UTC)


def pending(
    approval_id: str = "delete-42",
    *,
    namespace: str = "default",
    agent: str = "billing",
    payload: Any = None,
    created_at: datetime = START,
    expires_at: datetime = FAR_FUTURE,
) -> Approval:
    """Return a record as an agent puts it."""
    return Approval(
        id=approval_id,
        namespace=namespace,
        agent=agent,
        name="delete-user",
        payload=payload,
        digest=action_digest(namespace=namespace, agent=agent, name="delete-user", payload=payload),
        nonce="n0nce",
        reason="the user asked for it",
        created_at=created_at,
        expires_in=max(1.0, (expires_at - created_at).total_seconds()),
        expires_at=expires_at,
    )


def routed(
    approval: Approval, *, expires_at: datetime | None = None, again: Sequence[float] = ()
) -> Approval:
    """Return *approval* with fixed terms; *again* is when it is asked again, in seconds."""
    terms = Terms(
        channel="C1",
        quorums=(Quorum(of=("slack:T1:U1", "cli:ana"), needed=1),),
        expires_at=expires_at,
        ladder=tuple(Rung(after=seconds, action="remind") for seconds in again),
        mac="m4c",
    )
    return approval.model_copy(update={"terms": terms})


def decided(approval: Approval, *, by: str = "cli:ana", approve: bool = True) -> Approval:
    """Return *approval* with a final decision."""
    verdict = Verdict.APPROVE if approve else Verdict.DENY
    vote = Vote(principal=by, verdict=verdict, at=START, digest=approval.digest, note="Ünïcode ☃")
    return approval.model_copy(
        update={
            "status": ApprovalStatus.APPROVED if approve else ApprovalStatus.REJECTED,
            "votes": (*approval.votes, vote),
            "decided_at": START,
            "decision": Decision(verdict=verdict, note="Ünïcode ☃"),
            "decision_metadata": {"approver": by, "deep": {"list": [1, 2.5, None, True]}},
            "receipt": "r3ceipt",
        }
    )


def consumption(approval: Approval, *, operation: str = "op-1") -> Consumption:
    """Return the taking of *approval*'s one run."""
    return Consumption(operation_id=operation, digest=approval.digest, at=START, by="billing")


def requested(approval: Approval) -> ApprovalRequested:
    """Return the event of the request."""
    return ApprovalRequested(
        id=approval.id,
        namespace=approval.namespace,
        at=START,
        agent=approval.agent,
        name=approval.name,
        digest=approval.digest,
    )


def resolved(approval: Approval, *, by: str = "cli:ana") -> ApprovalResolved:
    """Return the event of the decision."""
    return ApprovalResolved(
        id=approval.id,
        namespace=approval.namespace,
        at=START,
        principal=by,
        verdict=Verdict.APPROVE,
        note="Ünïcode ☃",
    )


async def told(store: ApprovalStore) -> list[ApprovalEvent]:
    """Return the events in every log of *store*."""
    parts = store.buckets if isinstance(store, Bucketed) else (store,)
    logs = [part for part in parts if isinstance(part, EventLog)]
    return [logged.event for log in logs for logged in await log.read("")]
