"""Owns every error that signoff raises on purpose, as one tree.

Our error hierarchy::

    SignoffError
    ├── Refused                                the action does not run
    │   ├── ApprovalDenied (PermissionError)      a person said no
    │   ├── ApprovalSkipped                       a person said: leave it out, go on
    │   ├── ApprovalExpired                       nobody answered in time
    │   ├── ApprovalCancelled                     withdrawn before a decision
    │   ├── Undeliverable                         nobody could be asked
    │   ├── DigestMismatch (ValueError)           what would run is not what was decided
    │   ├── ReceiptInvalid (PermissionError)      the decision cannot be verified
    │   └── AlreadyConsumed                       the approval has released its one run
    ├── ApprovalNotFound (LookupError)         no approval with this id
    ├── ApprovalConflict (ValueError)          the id stands for something else
    ├── AlreadyDecided                         a decision exists, it never changes
    ├── ApprovalTimeout (TimeoutError)         the caller's own patience ended
    ├── NotAllowed (PermissionError)           this person, or this answer, is not allowed
    ├── Unconfirmed                            it is not known whether a write took place
    ├── StoreUnavailable (ConnectionError)     the store cannot be reached
    ├── StoreCorrupt (ValueError)              the store returned what we never wrote
    │   └── Tampered                              somebody else wrote into a record of ours
    ├── StepFailed (RuntimeError)              a durable step has failed for good
    ├── StepInDoubt (RuntimeError)             a step started, nobody knows how it ended
    ├── StepMismatch (ValueError)              the step's id stands for something else
    ├── StepPaused                             a step stopped before it did anything
    ├── StepUnrecorded                         a step ended, its end could not be written
    ├── InvalidId (ValueError)                 not an id
    ├── InvalidVerdict (ValueError)            not a word that a person can answer
    ├── PayloadNotCanonical (ValueError)       not strict JSON
    ├── LimitExceeded (ValueError)             over a size, depth, count or length
    ├── PolicyError (ValueError)               a policy that cannot be read
    ├── ConfigError (ValueError)               a setting that stops the start
    ├── RunUnfinished (RuntimeError)           an agent's last run has not ended yet
    ├── RunTaken                               another worker goes on with the run
    ├── RunNotFound (LookupError)              there is no run to go on with
    ├── SnapshotUnsupported (ValueError)       a snapshot of a version that is not known here
    └── ModelFailed (RuntimeError)             the model gave no answer to go on with

Each has its data and a stable ``code``. No message holds a value of a payload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from datetime import datetime

    from .approval import Approval

__all__ = [
    "AlreadyConsumed",
    "AlreadyDecided",
    "ApprovalCancelled",
    "ApprovalConflict",
    "ApprovalDenied",
    "ApprovalExpired",
    "ApprovalNotFound",
    "ApprovalSkipped",
    "ApprovalTimeout",
    "ConfigError",
    "DigestMismatch",
    "InvalidId",
    "InvalidVerdict",
    "LimitExceeded",
    "NotAllowed",
    "PayloadNotCanonical",
    "PolicyError",
    "ReceiptInvalid",
    "Refused",
    "SignoffError",
    "StoreCorrupt",
    "StoreUnavailable",
    "Tampered",
    "Unconfirmed",
    "Undeliverable",
]


class SignoffError(Exception):
    """The root of the tree; ``code`` is a stable word for each class below it."""

    code: ClassVar[str] = "signoff_error"

    def __reduce__(self) -> tuple[Any, ...]:
        # The classes take keywords, which pickle would not pass; worker processes raise these too.
        return _rebuilt, (type(self), self.args), self.__dict__


class Refused(SignoffError):
    """The action must not run. ``approval`` is the record that says so, where there is one."""

    code: ClassVar[str] = "refused"

    def __init__(self, sentence: str, *, approval: Approval | None = None) -> None:
        super().__init__(sentence)
        self.approval = approval


class ApprovalDenied(Refused, PermissionError):
    """A person answered no. ``note`` is that person's reason, ``approver`` who it was."""

    code: ClassVar[str] = "approval_denied"

    def __init__(
        self, approval: Approval, *, note: str | None = None, approver: str | None = None
    ) -> None:
        who = f" by {approver!r}" if approver else ""
        super().__init__(f"approval {approval.id!r} was denied{who}", approval=approval)
        self.note = note
        self.approver = approver


class ApprovalSkipped(Refused):
    """A person answered: do not run this one, and go on. Not a failure of the action."""

    code: ClassVar[str] = "approval_skipped"

    def __init__(
        self, approval: Approval, *, note: str | None = None, approver: str | None = None
    ) -> None:
        super().__init__(f"approval {approval.id!r} was skipped", approval=approval)
        self.note = note
        self.approver = approver


class ApprovalExpired(Refused):
    """Nobody answered before the approval's end. Nobody said no either."""

    code: ClassVar[str] = "approval_expired"

    def __init__(self, approval: Approval) -> None:
        super().__init__(
            f"approval {approval.id!r} expired undecided at {approval.deadline.isoformat()}",
            approval=approval,
        )
        self.expires_at: datetime = approval.deadline


class ApprovalCancelled(Refused):
    """The approval was withdrawn before anybody decided it."""

    code: ClassVar[str] = "approval_cancelled"

    def __init__(self, approval: Approval) -> None:
        super().__init__(f"approval {approval.id!r} was cancelled", approval=approval)


class Undeliverable(Refused):
    """Nobody could be asked: no route fits, or Slack refused for good. Not a person's no."""

    code: ClassVar[str] = "undeliverable"

    def __init__(self, approval: Approval, *, reason: str) -> None:
        super().__init__(
            f"approval {approval.id!r} could not be delivered ({reason})", approval=approval
        )
        self.reason = reason


class DigestMismatch(Refused, ValueError):
    """What is about to run is not what was shown and decided."""

    code: ClassVar[str] = "digest_mismatch"

    def __init__(self, approval: Approval, *, actual: str) -> None:
        super().__init__(
            f"approval {approval.id!r} covers digest {approval.effective_digest[:12]}, "
            f"what would run has {actual[:12]}",
            approval=approval,
        )
        self.expected = approval.effective_digest
        self.actual = actual


class ReceiptInvalid(Refused, PermissionError):
    """The decision carries no proof that verifies. ``reason`` is a stable word."""

    code: ClassVar[str] = "receipt_invalid"

    def __init__(self, approval: Approval, *, reason: str) -> None:
        super().__init__(
            f"approval {approval.id!r} has no valid receipt ({reason})", approval=approval
        )
        self.reason = reason


class AlreadyConsumed(Refused):
    """The approval has released its one run already. ``operation_id`` is the run that took it."""

    code: ClassVar[str] = "already_consumed"

    def __init__(self, approval: Approval, *, operation_id: str) -> None:
        super().__init__(
            f"approval {approval.id!r} was consumed by operation {operation_id!r}",
            approval=approval,
        )
        self.operation_id = operation_id


class ApprovalNotFound(SignoffError, LookupError):
    """The store has no approval with this id. A missing record is never a yes."""

    code: ClassVar[str] = "approval_not_found"

    def __init__(self, approval_id: str) -> None:
        super().__init__(f"approval {approval_id!r} not found")
        self.approval_id = approval_id


class ApprovalConflict(SignoffError, ValueError):
    """The id is taken by another action or by other terms; nothing was changed.

    ``field`` names the first term that differs; ``stored`` and ``asked`` are the two digests.
    """

    code: ClassVar[str] = "approval_conflict"

    def __init__(self, approval: Approval, *, field: str, asked: str) -> None:
        super().__init__(
            f"approval {approval.id!r} exists with another {field} "
            f"(stored digest {approval.digest[:12]}, asked {asked[:12]})"
        )
        self.approval = approval
        self.field = field
        self.stored = approval.digest
        self.asked = asked


class AlreadyDecided(SignoffError):
    """The approval is final. ``approval`` is the winning record: every loser learns the winner."""

    code: ClassVar[str] = "already_decided"

    def __init__(self, approval: Approval) -> None:
        super().__init__(f"approval {approval.id!r} is already {approval.status.value}")
        self.approval = approval


class ApprovalTimeout(SignoffError, TimeoutError):
    """The caller's own *timeout* ended. The approval stays pending and may still be decided."""

    code: ClassVar[str] = "approval_timeout"

    def __init__(self, approval_id: str, *, timeout: float) -> None:
        super().__init__(f"approval {approval_id!r} had no decision after {timeout:g} s of waiting")
        self.approval_id = approval_id
        self.timeout = timeout


class NotAllowed(SignoffError, PermissionError):
    """The answer is refused and nothing changed. ``reason`` is a stable word.

    ``not_approver``, ``self_approval``, ``not_by``, ``not_member``, ``not_checked``, ``agent``,
    ``not_routed``, ``incomplete_view``, ``reveal_forbidden``, ``edit_not_allowed``,
    ``override_not_allowed``, ``skip_not_allowed``, ``stale_card``, ``odd_times``, ``no_keys``,
    ``not_approved``, ``overridden``, ``not_consumed``, ``already_reported``, ``not_due``.
    """

    code: ClassVar[str] = "not_allowed"

    def __init__(self, approval_id: str, *, reason: str, principal: str | None = None) -> None:
        who = f" for {principal!r}" if principal else ""
        super().__init__(f"not allowed on approval {approval_id!r}{who}: {reason}")
        self.approval_id = approval_id
        self.reason = reason
        self.principal = principal


class Unconfirmed(SignoffError):
    """A write was sent, its fate is not known. Repeating the call is safe and tells the truth."""

    code: ClassVar[str] = "unconfirmed"

    def __init__(self, operation: str, *, approval_id: str | None = None) -> None:
        what = f" on approval {approval_id!r}" if approval_id else ""
        super().__init__(f"it is not known whether {operation}{what} took place")
        self.operation = operation
        self.approval_id = approval_id


class StoreUnavailable(SignoffError, ConnectionError):
    """The store cannot be reached or cannot serve now; nothing was written by this call."""

    code: ClassVar[str] = "store_unavailable"

    def __init__(self, operation: str, *, cause: str) -> None:
        super().__init__(f"store unavailable during {operation}: {cause}")
        self.operation = operation
        self.cause = cause


class StoreCorrupt(SignoffError, ValueError):
    """The store returned a record that cannot be read. It counts as undecided for ever."""

    code: ClassVar[str] = "store_corrupt"

    def __init__(self, key: str, *, reason: str) -> None:
        super().__init__(f"record {key!r} cannot be read: {reason}")
        self.key = key
        self.reason = reason


class Tampered(StoreCorrupt):
    """Somebody without the trusted side's secret wrote into a record: nothing of it is signed.

    ``part`` is what does not bear its proof: ``terms``, ``votes``, ``views`` or ``receipt``.
    """

    code: ClassVar[str] = "tampered"

    def __init__(self, key: str, *, part: str) -> None:
        super().__init__(key, reason=f"the {part} were not written by the trusted side")
        self.part = part


class InvalidId(SignoffError, ValueError):
    """Not an id: 1 to 128 characters, letters, digits and ``._:-``, first a letter or a digit."""

    code: ClassVar[str] = "invalid_id"

    def __init__(self, *, field: str, reason: str) -> None:
        super().__init__(f"{field} is not a valid id: {reason}")
        self.field = field
        self.reason = reason


class InvalidVerdict(SignoffError, ValueError):
    """Not a verdict: `approve`, `deny` or `skip`, or their aliases `approved` and `rejected`."""

    code: ClassVar[str] = "invalid_verdict"

    def __init__(self, word: str) -> None:
        super().__init__(f"{word[:40]!r} is not one of approve, deny, skip")
        self.word = word


class PayloadNotCanonical(SignoffError, ValueError):
    """The value has no canonical text. ``path`` points to the place, as a JSON pointer."""

    code: ClassVar[str] = "payload_not_canonical"

    def __init__(self, *, path: str, reason: str) -> None:
        super().__init__(f"not canonical at {path or '/'!r}: {reason}")
        self.path = path
        self.reason = reason


class LimitExceeded(SignoffError, ValueError):
    """Over a limit; refused before any effect."""

    code: ClassVar[str] = "limit_exceeded"

    def __init__(self, *, field: str, value: int, limit: int) -> None:
        super().__init__(f"{field} is {value}, the limit is {limit}")
        self.field = field
        self.value = value
        self.limit = limit


class PolicyError(SignoffError, ValueError):
    """A policy not read or taken; ``file``, ``line``, ``key`` say where, ``reason`` says what."""

    code: ClassVar[str] = "policy_error"

    def __init__(
        self,
        reason: str,
        *,
        file: str | None = None,
        line: int | None = None,
        key: str | None = None,
    ) -> None:
        place = [part for part in (file, f"line {line}" if line else None, key) if part]
        super().__init__(f"{', '.join(place)}: {reason}" if place else reason)
        self.reason = reason
        self.file = file
        self.line = line
        self.key = key


class ConfigError(SignoffError, ValueError):
    """A setting that stops the start. ``setting`` is its name as the operator wrote it."""

    code: ClassVar[str] = "config_error"

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(f"{setting}: {reason}")
        self.setting = setting
        self.reason = reason


def _rebuilt(kind: type[SignoffError], args: tuple[Any, ...]) -> SignoffError:
    error = kind.__new__(kind, *args)
    error.args = args
    return error
