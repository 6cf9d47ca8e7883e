"""The agent side of signoff: it asks, waits, verifies and consumes. Knows no Slack and no Redis.

The modules, in reading order:

- `errors`: every error, as one drawn tree
- `canonical`: the one spelling of a JSON value, and the digest of an action
- `wire`: how models are written; `terms`: who may answer; `approval`: the record and its parts
- `events`: the facts that are told
- `audit`: the chain that they are sealed into
- `quorum`: who may vote, and when votes make a decision
- `commands`, `transitions`: the state machine
- `keys`, `receipts`: the proof of a decision, and what verifies it; `notary` makes it
- `protocols`: what a store must do, and what it may do beyond
- `clock`: time and fresh ids, as parameters
- `records`: reading, and committing what the state machine makes of a record
- `desk`: the trusted side: route, decide, cancel, expire
- `asking`, `waiting`: the two halves of a request; `reporting`: how the run ended
- `executor`: for what holds the credential
- `approval_gate`: the agent's verbs; `decorator` and `blocking` are two more ways to them
- `levels`, `logs`: what is said once, and where
- `testing`: the public test kit
"""

from .approval import (
    Approval,
    ApprovalStatus,
    Cancellation,
    Consumption,
    Decision,
    Outcome,
    Verdict,
    View,
    Vote,
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
    ModelFailed,
    NotAllowed,
    PayloadNotCanonical,
    PolicyError,
    ReceiptInvalid,
    Refused,
    RunNotFound,
    RunTaken,
    RunUnfinished,
    SignoffError,
    SnapshotUnsupported,
    StoreCorrupt,
    StoreUnavailable,
    Tampered,
    Unconfirmed,
    Undeliverable,
)
from .events import (
    ApprovalAlarm,
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
    ApprovalRouted,
    ApprovalViewed,
    ApprovalVoted,
    event_from_wire,
)
from .executor import Executor
from .keys import PublicKey, SigningKey, configured_keys, read_public_keys
from .logs import get_logger
from .notary import USE_WITHIN, Notary
from .protocols import (
    ApprovalStore,
    AuditLog,
    BulkRead,
    Cards,
    ConsumeOnce,
    EventLog,
    Leases,
    Listing,
    LoggedEvent,
    Patched,
    StoreClock,
    Wake,
    Watch,
)
from .quorum import may_vote, progress
from .receipts import Receipt, Verifier, read_receipt
from .terms import Quorum, Rung, Terms
from .transitions import as_of, refusal

__all__ = [
    "MAX_AUDIT_LINE",
    "MAX_CHECKPOINT",
    "MAX_CHECKPOINT_KEY",
    "UNCHANGED",
    "USE_WITHIN",
    "AlreadyConsumed",
    "AlreadyDecided",
    "Approval",
    "ApprovalAlarm",
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
    "BulkRead",
    "Cancellation",
    "Cards",
    "Checkpoint",
    "Checkpoints",
    "Clock",
    "ConfigError",
    "ConsumeOnce",
    "Consumption",
    "Decision",
    "Desk",
    "DigestMismatch",
    "EventLog",
    "Executor",
    "InvalidId",
    "InvalidVerdict",
    "Leases",
    "LimitExceeded",
    "Listing",
    "LoggedEvent",
    "ModelFailed",
    "NotAllowed",
    "Notary",
    "Outcome",
    "Patched",
    "PayloadNotCanonical",
    "PolicyError",
    "PublicKey",
    "Quorum",
    "RawEvent",
    "Receipt",
    "ReceiptInvalid",
    "Refused",
    "RunNotFound",
    "RunTaken",
    "RunUnfinished",
    "Rung",
    "SigningKey",
    "SignoffError",
    "SnapshotUnsupported",
    "StoreClock",
    "StoreCorrupt",
    "StoreUnavailable",
    "SystemClock",
    "Tampered",
    "Terms",
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
    "as_of",
    "canonical_text",
    "check_checkpoint",
    "check_checkpoint_key",
    "check_id",
    "configured_keys",
    "event_from_wire",
    "get_logger",
    "may_vote",
    "new_id",
    "parse_json",
    "progress",
    "read_audit_entry",
    "read_public_keys",
    "read_receipt",
    "record_key",
    "refusal",
    "seal_events",
    "sleep",
    "verify_audit",
]
