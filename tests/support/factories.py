"""Owns whole, valid records for tests. Each call says only what matters to its test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gate import (
    Approval,
    ApprovalStatus,
    Cancellation,
    Consumption,
    Decision,
    Outcome,
    Quorum,
    Terms,
    Verdict,
    View,
    Vote,
    action_digest,
)

__all__ = [
    "ANA",
    "BEN",
    "CAT",
    "START",
    "after",
    "approved",
    "cancelled",
    "everything",
    "expired",
    "pending",
    "rejected",
    "route",
]

START: Final = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
"""When everything was asked; `gate.testing.FakeClock` starts there too."""
ANA: Final = "slack:T1:UANA"
BEN: Final = "slack:T1:UBEN"
CAT: Final = "slack:T1:UCAT"


def after(seconds: float) -> datetime:
    """Return the time *seconds* after everything was asked."""
    return START + timedelta(seconds=seconds)


def pending(approval_id: str = "delete-42", **fields: Any) -> Approval:
    """Return the record of a question that nobody has answered; it ends after an hour."""
    asked: dict[str, Any] = {
        "namespace": "default",
        "agent": "billing",
        "name": "delete-user",
        "payload": {"user_id": 42},
        "expires_in": 3600.0,
    } | fields
    digest = action_digest(
        namespace=asked["namespace"],
        agent=asked["agent"],
        name=asked["name"],
        payload=asked["payload"],
    )
    whole: dict[str, Any] = {
        "id": approval_id,
        "digest": digest,
        "nonce": "n0nce",
        "created_at": START,
        "expires_at": after(asked["expires_in"]),
    }
    return Approval(**(whole | asked))


def route(*quorums: Quorum, **fields: Any) -> Terms:
    """Return the terms of a route; Ana or Ben, one of them, where nothing else is said."""
    return Terms(channel="C1", quorums=quorums or (Quorum(of=(ANA, BEN)),), **fields)


def approved(base: Approval | None = None, **changes: Any) -> Approval:
    """Return a record that Ana approved after a minute."""
    return _decided(base or pending(), ApprovalStatus.APPROVED, Verdict.APPROVE, changes)


def rejected(
    base: Approval | None = None, *, verdict: Verdict = Verdict.DENY, **changes: Any
) -> Approval:
    """Return a record that Ana denied or skipped after a minute."""
    return _decided(base or pending(), ApprovalStatus.REJECTED, verdict, changes)


def cancelled(base: Approval | None = None, **why: Any) -> Approval:
    """Return a record that was withdrawn after a minute."""
    return (base or pending()).model_copy(
        update={
            "version": 2,
            "status": ApprovalStatus.CANCELLED,
            "decided_at": after(60),
            "cancellation": Cancellation(**why),
        }
    )


def expired(base: Approval | None = None) -> Approval:
    """Return a record that ended undecided."""
    base = base or pending()
    return base.model_copy(
        update={
            "version": 2,
            "status": ApprovalStatus.EXPIRED,
            "decided_at": base.deadline,
        }
    )


def everything() -> Approval:
    """Return a record in which every part and every field is filled with something of its own."""
    base = pending(
        namespace="prod",
        payload={"n": 10**100, "f": 0.1, "z": -0.0, "t": "☃ \u202e", "deep": [[None, True]]},
        reason="the user asked",
        run="job-7",
        editable=True,
        allow_override=True,
        not_by=("slack:T1:UBOT",),
    )
    edited = {"n": 2**53 + 1}
    digest = base.digest_of(edited)
    terms = route(
        Quorum(name="finance", of=("slack:T1:SFIN",), needed=2),
        deny_threshold=2,
        expires_at=after(1800),
        notify=("mention", "dm"),
        mac="m1",
    )
    vote = Vote(
        principal=ANA,
        groups=("slack:T1:SFIN",),
        verdict=Verdict.APPROVE,
        note="fine",
        override_result="as if",
        at=after(60),
        digest=digest,
        surface="modal",
        mac="m2",
    )
    view = View(principal=ANA, digest=digest, at=after(50), surface="modal", mac="m3")
    taken = Consumption(operation_id="op-1", digest=digest, at=after(61), by="billing")
    return base.model_copy(
        update={
            "version": 7,
            "status": ApprovalStatus.APPROVED,
            "terms": terms,
            "votes": (vote,),
            "views": (view,),
            "decided_at": after(60),
            "decision": Decision(
                verdict=Verdict.APPROVE,
                note="fine",
                override_result="as if",
                payload=edited,
                digest=digest,
            ),
            "decision_metadata": {"approver": ANA, "ticket": 2**64, "share": 1.0},
            "cancellation": Cancellation(by=ANA, reason="why", undeliverable="no_route"),
            "receipt": "r3ceipt",
            "outcome": Outcome(status="failed", error="OSError", seconds=0.25, at=after(70)),
            "consumption": taken,
        }
    )


def _decided(
    base: Approval, status: ApprovalStatus, verdict: Verdict, changes: dict[str, Any]
) -> Approval:
    vote = Vote(principal=ANA, verdict=verdict, at=after(60), digest=base.digest)
    return base.model_copy(
        update={
            "version": 2,
            "status": status,
            "votes": (vote,),
            "decided_at": after(60),
            "decision": Decision(verdict=verdict),
            "decision_metadata": {"approver": ANA},
        }
        | changes
    )
