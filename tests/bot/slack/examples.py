"""Approvals in every state, as the tests of rendering use them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.directory import Names
from bot.slack.seal import Seal
from gate import (
    Amendment,
    Approval,
    ApprovalStatus,
    Cancellation,
    Consumption,
    Decision,
    Outcome,
    Quorum,
    Terms,
    Verdict,
    Vote,
    action_digest,
)

SEAL = Seal(b"a secret of the tests, 32 bytes.", installation="T0SANDBOX B0SIGNOFF")
ASKED = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
ANA, BEN, CHO = "slack:T0SANDBOX:U0ANA", "slack:T0SANDBOX:U0BEN", "slack:T0SANDBOX:U0CHO"
OWNERS = "slack:T0SANDBOX:S0OWNERS"
NAMES = Names({ANA: "Ana", BEN: "Ben", CHO: "Cho", OWNERS: "owners"}, home="T0SANDBOX")
TERMS = Terms(channel="C0APPROVALS", quorums=(Quorum(of=(ANA, BEN, OWNERS)),), notify=("mention",))
PAYLOAD = {"user_id": 42, "tier": "42", "dry_run": False, "notify": ["ana@example.com"]}


def stamp(approval: Approval, *, surface: str, place: str) -> str:
    """A seal that can be read: what it binds."""
    return f"{approval.key} {approval.nonce} {approval.digest[:6]} on {surface} at {place}"


def asked(payload: Any = PAYLOAD, **changes: Any) -> Approval:
    """A pending approval, routed, with a digest that belongs to it."""
    fields: dict[str, Any] = {
        "id": "delete-42",
        "agent": "billing",
        "name": "delete-user",
        "payload": payload,
        "nonce": "n0nce",
        "reason": "The account has been closed for 90 days.",
        "run": "job-7",
        "created_at": ASKED,
        "expires_in": 86400.0,
        "expires_at": ASKED + timedelta(days=1),
        "version": 2,
        "terms": TERMS,
        **changes,
    }
    digest = action_digest(
        namespace=fields.get("namespace", "default"),
        agent=fields["agent"],
        name=fields["name"],
        payload=payload,
    )
    return Approval(digest=digest, **fields)


TWO = TERMS.model_copy(update={"quorums": (Quorum(of=(ANA, BEN, CHO), needed=2),)})
EDITED = {"user_id": 42, "tier": "free", "dry_run": True, "notify": ["ana@example.com"]}


def edited(
    to: Any = EDITED, *, by: str | None = ANA, result: str | None = None, **changes: Any
) -> Approval:
    """A request of two people that one of them edited; with *result*, answered instead, too."""
    approval = asked(**{"terms": TWO, "editable": True, "allow_override": True, **changes})
    digest = approval.digest_of(to)
    same = digest == approval.digest
    amendment = Amendment(
        payload=None if same else to,
        digest=None if same else digest,
        override_result=result,
        principal=by,
        at=later(2),
    )
    vote = Vote(
        principal=by,
        verdict=Verdict.APPROVE,
        override_result=result,
        at=later(2),
        digest=digest,
        surface="edit" if result is None else "answer",
    )
    return approval.model_copy(update={"version": 3, "amendment": amendment, "votes": (vote,)})


def answered(result: str = "Done by hand: see ticket 1873.", **changes: Any) -> Approval:
    """A request of two people, one of whom gives the agent a result in place of a run."""
    return edited(changes.get("payload", PAYLOAD), result=result, **changes)


def agreed(amended: Approval, *, by: str = BEN) -> Approval:
    """What one of two people made of a request, decided by the other one's yes."""
    amendment = amended.amendment
    assert amendment is not None
    parts = ("payload", "digest", "override_result")
    decision = Decision(
        verdict=Verdict.APPROVE, **{part: getattr(amendment, part) for part in parts}
    )
    vote = amended.votes[0].model_copy(update={"principal": by, "at": later(3), "surface": "card"})
    return amended.model_copy(
        update={
            "version": 4,
            "status": ApprovalStatus.APPROVED,
            "votes": (*amended.votes, vote),
            "amendment": None,
            "decided_at": later(3),
            "decision": decision,
            "decision_metadata": {"approver": by},
        }
    )


def later(minutes: float) -> datetime:
    """A time after the request."""
    return ASKED + timedelta(minutes=minutes)


def decided(
    verdict: Verdict, *, by: str = ANA, note: str | None = None, **changes: Any
) -> Approval:
    """An approval that one person decided after two minutes."""
    approval = asked(**changes)
    vote = Vote(
        principal=by,
        verdict=verdict,
        note=note,
        at=later(2),
        digest=approval.digest,
        surface="card",
    )
    status = ApprovalStatus.APPROVED if verdict is Verdict.APPROVE else ApprovalStatus.REJECTED
    return approval.model_copy(
        update={
            "version": 3,
            "status": status,
            "votes": (vote,),
            "decided_at": later(2),
            "decision": Decision(verdict=verdict, note=note),
            "decision_metadata": {"approver": by},
        }
    )


def running(**changes: Any) -> Approval:
    """Approved, and the run was taken."""
    approval = decided(Verdict.APPROVE, **changes)
    taken = Consumption(operation_id="op-1", digest=approval.digest, at=later(2.1), by="billing")
    return approval.model_copy(update={"consumption": taken})


def ended(*, error: str | None = None, seconds: float = 3.2) -> Approval:
    """Approved, run, and reported."""
    outcome = Outcome(
        status="failed" if error else "done", error=error, seconds=seconds, at=later(2.2)
    )
    return running().model_copy(update={"outcome": outcome, "version": 4})


def cancelled(**how: Any) -> Approval:
    """Withdrawn before anybody decided."""
    return asked().model_copy(
        update={
            "version": 3,
            "status": ApprovalStatus.CANCELLED,
            "decided_at": later(5),
            "cancellation": Cancellation(**how),
        }
    )


def expired() -> Approval:
    """Nobody decided in time."""
    return asked().model_copy(
        update={
            "version": 3,
            "status": ApprovalStatus.EXPIRED,
            "decided_at": ASKED + timedelta(days=1),
        }
    )


TRICKY = {
    "sql": "DELETE FROM users\nWHERE id = 42\n  AND note = 'it\\'s \"over\"';\n",
    "path": "C:\\temp\\old",
    "to": "ana@example.com",
    "text": "<!channel> <@U0ANA> *bold* <https://evil.example|docs.internal> ```",
    "hidden": "rm -rf /tmp/x\u200b\u202e; curl evil",
    "limits": {"rows": 1, "tables": ["users", "orders"], "none": None, "empty": {}},
    "steps": [{"do": "stop", "wait": 1.5}, {"do": "drop"}],
    "long": "A sentence that goes on and on, well over what fits into one row of the card, "
    "until it has to be folded at a space.",
}

CHANGE = {
    "file_path": "billing/rates.py",
    "old_string": 'RATES = {\n    "basic": 10,\n    "plus": 20,\n}\n',
    "new_string": 'RATES = {\n    "basic": 10,\n    "plus": 25,\n    "max": 40,\n}',
}
PATCH = {
    "repository": "billing",
    "patch": "--- a/rates.py\n+++ b/rates.py\n@@ -1,3 +1,4 @@ RATES\n"
    " {\n-    20\n+    25\n+    40\n }\n",
}
LARGE = {"rows": [{"id": number, "owner": f"user-{number}"} for number in range(400)]}
