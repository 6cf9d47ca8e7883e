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

from .answers import Amendment, Decision, Verdict, View, Vote
from .approval import (
    Approval,
    ApprovalStatus,
    Cancellation,
    Consumption,
    Outcome,
    check_id,
    record_key,
)
from .approval_gate import ApprovalGate
from .audit import (
    MAX_AUDIT_LINE,
    AuditAnchor,
    AuditBreak,
    AuditCheck,
    AuditEntry,
    AuditFault,
    AuditHead,
    AuditReport,
    RawEvent,
    read_audit_entry,
    seal_events,
    verify_audit,
)
from .blocking import BlockingGate
from .bounds import MAX_RETENTION, MIN_RETENTION, MOST_ASKED, Bounds
from .buckets import Bucketed
from .canonical import action_digest, canonical_text, parse_json
from .checkpoints import (
    MAX_CHECKPOINT,
    MAX_CHECKPOINT_KEY,
    Checkpoint,
    Checkpoints,
    check_checkpoint,
    check_checkpoint_key,
)
from .clock import Clock, SystemClock, Timer, new_id, sleep
from .desk import UNCHANGED, Desk
from .durable import (
    DurableRunner,
    StepCodec,
    StepEvent,
    StepKind,
    StepLog,
    StepRow,
)
from .errors import (
    AlreadyConsumed,
    AlreadyDecided,
    ApprovalCancelled,
    ApprovalConflict,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalNotFound,
    ApprovalSkipped,
    ApprovalTimeout,
    ConfigError,
    DigestMismatch,
    InvalidId,
    InvalidVerdict,
    LimitExceeded,
    NotAllowed,
    PayloadNotCanonical,
    PolicyError,
    ReceiptInvalid,
    Refused,
    SignoffError,
    StoreCorrupt,
    StoreUnavailable,
    Tampered,
    Unconfirmed,
    Undeliverable,
)
from .events import (
    ApprovalAlarm,
    ApprovalAmended,
    ApprovalAnswer,
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEscalated,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalRefused,
    ApprovalReported,
    ApprovalRequested,
    ApprovalResolved,
    ApprovalRevealed,
    ApprovalRouted,
    ApprovalViewed,
    ApprovalVoted,
    event_from_wire,
)
from .executor import Executor
from .hooks import HookBus, HookContext
from .keys import PublicKey, SigningKey, configured_keys, read_public_keys
from .logs import get_logger
from .notary import USE_WITHIN, Notary
from .policy import (
    Effect,
    PermissionDecision,
    PermissionPolicy,
    PermissionTarget,
    PolicyFile,
    PolicyFinding,
    Rule,
    any_of_kind,
    compile_globs,
    fs_glob,
    lint_policy,
    memory_category,
    only_args,
    read_policy,
    read_policy_file,
    shell_glob,
    tool_named,
    url_pattern,
    with_args,
)
from .protocols import (
    ApprovalStore,
    AuditLog,
    Bounded,
    BulkRead,
    Cards,
    Confirmation,
    ConsumeOnce,
    EventLog,
    Journal,
    Leases,
    Listing,
    LoggedEvent,
    Patched,
    StoreClock,
    Wake,
    Watch,
)
from .quorum import is_among, may_vote, progress
from .receipts import Receipt, Verifier, read_receipt
from .run_errors import (
    ModelFailed,
    RunNotFound,
    RunTaken,
    RunUnfinished,
    SnapshotUnsupported,
    StepFailed,
    StepInDoubt,
    StepMismatch,
    StepPaused,
    StepUnrecorded,
)
from .segments import read_segment_anchor, sign_segment
from .standing import as_of, refusal
from .telling import hook_context
from .terms import Offer, Quorum, Rung, Terms
from .thrift import BulkVersions, TimedRead

__all__ = [
    "MAX_AUDIT_LINE",
    "MAX_CHECKPOINT",
    "MAX_CHECKPOINT_KEY",
    "MAX_RETENTION",
    "MIN_RETENTION",
    "MOST_ASKED",
    "UNCHANGED",
    "USE_WITHIN",
    "AlreadyConsumed",
    "AlreadyDecided",
    "Amendment",
    "Approval",
    "ApprovalAlarm",
    "ApprovalAmended",
    "ApprovalAnswer",
    "ApprovalCancelled",
    "ApprovalCancelledEvent",
    "ApprovalConflict",
    "ApprovalConsumed",
    "ApprovalDenied",
    "ApprovalEscalated",
    "ApprovalEvent",
    "ApprovalExpired",
    "ApprovalExpiredEvent",
    "ApprovalGate",
    "ApprovalNotFound",
    "ApprovalRefused",
    "ApprovalReported",
    "ApprovalRequested",
    "ApprovalResolved",
    "ApprovalRevealed",
    "ApprovalRouted",
    "ApprovalSkipped",
    "ApprovalStatus",
    "ApprovalStore",
    "ApprovalTimeout",
    "ApprovalViewed",
    "ApprovalVoted",
    "AuditAnchor",
    "AuditBreak",
    "AuditCheck",
    "AuditEntry",
    "AuditFault",
    "AuditHead",
    "AuditLog",
    "AuditReport",
    "BlockingGate",
    "Bounded",
    "Bounds",
    "Bucketed",
    "BulkRead",
    "BulkVersions",
    "Cancellation",
    "Cards",
    "Checkpoint",
    "Checkpoints",
    "Clock",
    "ConfigError",
    "Confirmation",
    "ConsumeOnce",
    "Consumption",
    "Decision",
    "Desk",
    "DigestMismatch",
    "DurableRunner",
    "Effect",
    "EventLog",
    "Executor",
    "HookBus",
    "HookContext",
    "InvalidId",
    "InvalidVerdict",
    "Journal",
    "Leases",
    "LimitExceeded",
    "Listing",
    "LoggedEvent",
    "ModelFailed",
    "NotAllowed",
    "Notary",
    "Offer",
    "Outcome",
    "Patched",
    "PayloadNotCanonical",
    "PermissionDecision",
    "PermissionPolicy",
    "PermissionTarget",
    "PolicyError",
    "PolicyFile",
    "PolicyFinding",
    "PublicKey",
    "Quorum",
    "RawEvent",
    "Receipt",
    "ReceiptInvalid",
    "Refused",
    "Rule",
    "RunNotFound",
    "RunTaken",
    "RunUnfinished",
    "Rung",
    "SigningKey",
    "SignoffError",
    "SnapshotUnsupported",
    "StepCodec",
    "StepEvent",
    "StepFailed",
    "StepInDoubt",
    "StepKind",
    "StepLog",
    "StepMismatch",
    "StepPaused",
    "StepRow",
    "StepUnrecorded",
    "StoreClock",
    "StoreCorrupt",
    "StoreUnavailable",
    "SystemClock",
    "Tampered",
    "Terms",
    "TimedRead",
    "Timer",
    "Unconfirmed",
    "Undeliverable",
    "Verdict",
    "Verifier",
    "View",
    "Vote",
    "Wake",
    "Watch",
    "action_digest",
    "any_of_kind",
    "as_of",
    "canonical_text",
    "check_checkpoint",
    "check_checkpoint_key",
    "check_id",
    "compile_globs",
    "configured_keys",
    "event_from_wire",
    "fs_glob",
    "get_logger",
    "hook_context",
    "is_among",
    "lint_policy",
    "may_vote",
    "memory_category",
    "new_id",
    "only_args",
    "parse_json",
    "progress",
    "read_audit_entry",
    "read_policy",
    "read_policy_file",
    "read_public_keys",
    "read_receipt",
    "read_segment_anchor",
    "record_key",
    "refusal",
    "seal_events",
    "shell_glob",
    "sign_segment",
    "sleep",
    "tool_named",
    "url_pattern",
    "verify_audit",
    "with_args",
]
