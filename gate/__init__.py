"""The agent side of signoff: it asks, waits, verifies and consumes. Knows no Slack and no Redis.

The modules, in reading order:

- `errors`: every error, as one drawn tree; `run_errors`: those of runs that go on after a crash
- `canonical`: the one spelling of a JSON value, and the digest of an action
- `wire`: how models are written; `terms`: who may answer; `answers`: what people
  say; `approval`: the record and its other parts
- `events`: the facts that are told
- `audit`: the chain that they are sealed into; `segments`: the archived parts of it
- `quorum`: who may vote, and when votes make a decision
- `commands`, `standing`, `voting`, `transitions`: the state machine
- `keys`, `receipts`: the proof of a decision, and what verifies it; `notary` makes it
- `bounds`: how much one agent may ask, and how long what is over is kept
- `protocols`: what a store must do, and what it may do beyond; `thrift`: what saves it work;
  `buckets`: a store in parts
- `clock`: time and fresh ids, as parameters
- `records`: reading, and committing what the state machine makes of a record
- `desk`: the trusted side: route, decide, cancel, expire
- `asking`, `waiting`: the two halves of a request; `reporting`: how the run ended
- `executor`: for what holds the credential
- `approval_gate`: the agent's verbs; `decorator` and `blocking` are two more ways to them
- `frozen`, `hooks`, `telling`: who hears what a gate does, without a say in it
- `policy`: which calls run, are asked about or are refused, by rules
- `checkpoints`: the contract of persistence; `durable`: steps that are run once
- `loop`: a model that works with tools behind a policy and a gate; imported by its own name
- `levels`, `logs`: what is said once, and where
- `testing`: the public test kit
"""

from importlib import import_module as _import_module
from typing import Any as _Any

_HOMES = {
    "answers": "Amendment Decision Verdict View Vote",
    "approval": "Approval ApprovalStatus Cancellation Consumption Outcome check_id record_key",
    "approval_gate": "ApprovalGate",
    "audit": (
        "MAX_AUDIT_LINE AuditAnchor AuditBreak AuditCheck AuditEntry AuditFault AuditHead "
        "AuditReport RawEvent read_audit_entry seal_events verify_audit"
    ),
    "blocking": "BlockingGate",
    "bounds": "MAX_RETENTION MIN_RETENTION MOST_ASKED Bounds",
    "buckets": "Bucketed",
    "canonical": "action_digest canonical_text parse_json",
    "checkpoints": (
        "MAX_CHECKPOINT MAX_CHECKPOINT_KEY Checkpoint Checkpoints check_checkpoint "
        "check_checkpoint_key"
    ),
    "clock": "Clock SystemClock Timer new_id sleep",
    "desk": "UNCHANGED Desk",
    "durable": "DurableRunner StepCodec StepEvent StepKind StepLog StepRow",
    "errors": (
        "AlreadyConsumed AlreadyDecided ApprovalCancelled ApprovalConflict ApprovalDenied "
        "ApprovalExpired ApprovalNotFound ApprovalSkipped ApprovalTimeout ConfigError "
        "DigestMismatch InvalidId InvalidVerdict LimitExceeded NotAllowed PayloadNotCanonical "
        "PolicyError ReceiptInvalid Refused SignoffError StoreCorrupt StoreUnavailable Tampered "
        "Unconfirmed Undeliverable"
    ),
    "events": (
        "ApprovalAlarm ApprovalAmended ApprovalAnswer ApprovalCancelledEvent ApprovalConsumed "
        "ApprovalEscalated ApprovalEvent ApprovalExpiredEvent ApprovalRefused ApprovalReported "
        "ApprovalRequested ApprovalResolved ApprovalRevealed ApprovalRouted ApprovalViewed "
        "ApprovalVoted event_from_wire"
    ),
    "executor": "Executor",
    "hooks": "HookBus HookContext",
    "keys": "PublicKey SigningKey configured_keys read_public_keys",
    "logs": "get_logger",
    "notary": "USE_WITHIN Notary",
    "policy": (
        "Effect PermissionDecision PermissionPolicy PermissionTarget PolicyFile PolicyFinding "
        "Rule any_of_kind compile_globs fs_glob lint_policy memory_category only_args read_policy "
        "read_policy_file shell_glob tool_named url_pattern with_args"
    ),
    "protocols": (
        "ApprovalStore AuditLog Bounded BulkRead Cards Confirmation ConsumeOnce EventLog "
        "Journal Leases Listing LoggedEvent Patched StoreClock Wake Watch"
    ),
    "quorum": "is_among may_vote progress",
    "receipts": "Receipt Verifier read_receipt",
    "run_errors": (
        "ModelFailed RunNotFound RunTaken RunUnfinished SnapshotUnsupported StepFailed "
        "StepInDoubt StepMismatch StepPaused StepUnrecorded"
    ),
    "segments": "read_segment_anchor sign_segment",
    "standing": "as_of refusal",
    "telling": "hook_context",
    "terms": "Offer Quorum Rung Terms",
    "thrift": "BulkVersions TimedRead",
}
"""Module → the public names that it has. Each module is loaded when one of them is first used: an
agent that asks and waits needs no policy, no steps and no audit. Type checkers read `__init__.pyi`.
"""
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(  # pyright: ignore[reportUnsupportedDunderAll]  (the stub has the names)
    _HOME, key=lambda name: (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
)


def __getattr__(name: str) -> _Any:
    """Load the module that has *name*.

    Raises:
        AttributeError: There is no such public name.
    """
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(f".{_HOME[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    """Return the public names and the loaded modules."""
    return sorted({*globals(), *__all__})
