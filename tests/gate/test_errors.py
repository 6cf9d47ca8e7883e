"""The error tree: drawn as it is, coded for good, and silent about payloads."""

from __future__ import annotations

import builtins
import copy
import pickle
import re

import pytest

import gate
from gate import errors
from gate.errors import SignoffError
from tests.support.factories import ANA, after, approved, cancelled, expired, pending, route

SECRET = "hunter2"
HOLDS_SECRET = pending(payload={"password": SECRET})

CODES = {
    "SignoffError": "signoff_error",
    "Refused": "refused",
    "ApprovalDenied": "approval_denied",
    "ApprovalSkipped": "approval_skipped",
    "ApprovalExpired": "approval_expired",
    "ApprovalCancelled": "approval_cancelled",
    "Undeliverable": "undeliverable",
    "DigestMismatch": "digest_mismatch",
    "ReceiptInvalid": "receipt_invalid",
    "AlreadyConsumed": "already_consumed",
    "ApprovalNotFound": "approval_not_found",
    "ApprovalConflict": "approval_conflict",
    "AlreadyDecided": "already_decided",
    "ApprovalTimeout": "approval_timeout",
    "NotAllowed": "not_allowed",
    "Unconfirmed": "unconfirmed",
    "StoreUnavailable": "store_unavailable",
    "StoreCorrupt": "store_corrupt",
    "Tampered": "tampered",
    "StepFailed": "step_failed",
    "StepInDoubt": "step_in_doubt",
    "StepMismatch": "step_mismatch",
    "StepPaused": "step_paused",
    "StepUnrecorded": "step_unrecorded",
    "InvalidId": "invalid_id",
    "InvalidVerdict": "invalid_verdict",
    "PayloadNotCanonical": "payload_not_canonical",
    "LimitExceeded": "limit_exceeded",
    "PolicyError": "policy_error",
    "ConfigError": "config_error",
    "RunUnfinished": "run_unfinished",
    "RunTaken": "run_taken",
    "RunNotFound": "run_not_found",
    "SnapshotUnsupported": "snapshot_unsupported",
    "ModelFailed": "model_failed",
}

EXAMPLES: list[SignoffError] = [
    errors.Refused("no", approval=HOLDS_SECRET),
    errors.ApprovalDenied(HOLDS_SECRET, note=SECRET, approver=ANA),
    errors.ApprovalSkipped(HOLDS_SECRET, note=SECRET),
    errors.ApprovalExpired(HOLDS_SECRET),
    errors.ApprovalCancelled(cancelled(HOLDS_SECRET, reason=SECRET)),
    errors.Undeliverable(HOLDS_SECRET, reason="no_route"),
    errors.DigestMismatch(HOLDS_SECRET, actual="0" * 64),
    errors.ReceiptInvalid(HOLDS_SECRET, reason="no_receipt"),
    errors.AlreadyConsumed(HOLDS_SECRET, operation_id="op-1"),
    errors.ApprovalNotFound("delete-42"),
    errors.ApprovalConflict(HOLDS_SECRET, field="action", asked="0" * 64),
    errors.AlreadyDecided(approved(HOLDS_SECRET)),
    errors.ApprovalTimeout("delete-42", timeout=1.5),
    errors.NotAllowed("delete-42", reason="not_approver", principal=ANA),
    errors.Unconfirmed("request", approval_id="delete-42"),
    errors.StoreUnavailable("get", cause="connection refused"),
    errors.StoreCorrupt("delete-42", reason="version: int_type"),
    errors.Tampered("delete-42", part="votes"),
    gate.StepFailed("job-7", "charge", error="ValueError"),
    gate.StepInDoubt("job-7", "charge", attempt=1),
    gate.StepMismatch("job-7", "charge", reason="fingerprint"),
    gate.StepPaused(SECRET),
    gate.StepUnrecorded("job-7", "charge", cause="store_unavailable"),
    errors.InvalidId(field="id", reason="it is empty"),
    errors.InvalidVerdict("banana"),
    errors.PayloadNotCanonical(path="/a/0", reason="bytes is not a JSON type"),
    errors.LimitExceeded(field="payload bytes", value=2, limit=1),
    errors.PolicyError("line 3"),
    errors.ConfigError("SIGNOFF_REDIS_URL", "is empty"),
    gate.RunUnfinished("agent-1", run_id="run-1", pending=("call-1",)),
    gate.RunTaken("run-1"),
    gate.RunNotFound("agent-1"),
    gate.SnapshotUnsupported(SECRET),
    gate.ModelFailed("run-1", step=2, error="ConnectionError"),
]


def drawn() -> dict[str, tuple[str, str | None]]:
    """Return name → (parent, builtin parent) as the docstring's tree says."""
    found: dict[str, tuple[str, str | None]] = {}
    parents = ["SignoffError"]
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^    ([│├└─ ]*)(\w+)(?: \((\w+)\))?  ", line)
        if match and ("├" in match[1] or "└" in match[1]):
            depth = len(match[1]) // 4
            found[match[2]] = (parents[depth - 1], match[3])
            parents[depth:] = [match[2]]
    return found


def all_classes(root: type[SignoffError] = SignoffError) -> list[type[SignoffError]]:
    return [
        root,
        *(found for kind in root.__subclasses__() for found in all_classes(kind)),
    ]


def test_the_drawn_tree_is_the_real_one() -> None:
    """The docstring shows each class under its parent, with its builtin parent."""
    real = {}
    for kind in all_classes()[1:]:
        ours = [base for base in kind.__bases__ if issubclass(base, SignoffError)]
        others = [base for base in kind.__bases__ if not issubclass(base, SignoffError)]
        assert all(hasattr(builtins, base.__name__) for base in others)
        real[kind.__name__] = (ours[0].__name__, others[0].__name__ if others else None)
    assert drawn() == real


def test_every_class_has_a_stable_code_of_its_own() -> None:
    """Codes are read by dashboards and by other languages: this table only grows."""
    assert {kind.__name__: kind.code for kind in all_classes()} == CODES
    assert len(set(CODES.values())) == len(CODES)
    assert set(CODES) <= set(gate.__all__)


def test_there_is_an_example_of_every_class() -> None:
    """The next tests leave no class out."""
    assert {type(error) for error in EXAMPLES} == set(all_classes()[1:])


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.code)
def test_no_message_holds_payload_notes_or_reasons(error: SignoffError) -> None:
    """An error may be logged anywhere: people's and agents' texts are data on it, not words."""
    assert str(error)
    assert SECRET not in str(error)
    assert SECRET not in repr(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.code)
def test_errors_travel_between_processes(error: SignoffError) -> None:
    """A worker's error arrives with its class, its message and its data."""
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_errors_carry_what_a_caller_needs() -> None:
    """Digests in short form, the winner, the end that counted."""
    late = expired(pending(terms=route(expires_at=after(60))))
    assert errors.ApprovalExpired(late).expires_at == after(60)
    assert after(60).isoformat() in str(errors.ApprovalExpired(late))
    mismatch = errors.DigestMismatch(pending(), actual="0" * 64)
    assert (mismatch.expected, mismatch.actual) == (pending().digest, "0" * 64)
    assert errors.AlreadyDecided(approved()).approval.status == "approved"
    assert errors.InvalidVerdict("x" * 100).word == "x" * 100
    assert len(str(errors.InvalidVerdict("x" * 100))) < 100
