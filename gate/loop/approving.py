"""Owns the ways to ask a person about a call: a gate, or a function of the developer's.

Whatever goes wrong here, the call does not run; and only a person's no is told as one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol, TypedDict, TypeVar

from ..answers import Verdict
from ..approval import Approval
from ..canonical import canonical_text, parse_json
from ..errors import (
    AlreadyConsumed,
    ApprovalCancelled,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalSkipped,
    InvalidVerdict,
    Refused,
    SignoffError,
    Undeliverable,
)
from ..logs import get_logger
from .snapshot import AnswerRecord, CallRecord
from .tools import Tool, TraceContext
from .words import CallOutcome

__all__ = [
    "ApprovalRequest",
    "Approver",
    "Asking",
    "CallTerms",
    "CallbackAsking",
    "ChannelAway",
    "Ended",
    "ToolDecision",
    "outcome_of",
]

UNKNOWN_OUTCOME: Final = "OutcomeUnknown"
"""The error word of a run whose end nobody knows, as the thread shows it."""
_BUDGET: Final = 5.0
_FIRST_PAUSE: Final = 0.05
_LAST_PAUSE: Final = 2.0
_ALIASES: Final = {"approved": Verdict.APPROVE, "rejected": Verdict.DENY}

T = TypeVar("T")


@dataclass(frozen=True)
class ApprovalRequest:
    """What an approver is asked. `arguments` is a copy: changing it changes nothing."""

    call_id: str
    tool_name: str
    arguments: dict[str, Any]
    reason: str | None
    step: int
    trace: TraceContext
    run_id: str


@dataclass(frozen=True)
class ToolDecision:
    """What an approver answers.

    Attributes:
        verdict: `approve`, `deny` or `skip`.
        override_result: A result in place of the run.
        note: The person's words, for the model.
        approver: Who it was.
        arguments: Changed arguments, all of them.

    Raises:
        InvalidVerdict: Not one of the words.
    """

    verdict: Verdict | str
    override_result: str | None = None
    note: str | None = None
    approver: str | None = None
    arguments: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        word = self.verdict
        try:
            verdict = _ALIASES.get(word) or Verdict(word)
        except ValueError:
            raise InvalidVerdict(str(word)) from None
        object.__setattr__(self, "verdict", verdict)

    def record(self) -> AnswerRecord:
        """Return the answer as it is kept.

        Raises:
            PayloadNotCanonical: The arguments are not strict JSON, or a text has lone surrogates.
            LimitExceeded: Something is too large.
        """
        canonical_text([self.note, self.override_result, self.approver])
        edited = self.arguments
        return AnswerRecord(
            verdict=Verdict(self.verdict),
            note=self.note,
            override_result=self.override_result,
            approver=self.approver,
            arguments=None if edited is None else parse_json(canonical_text(edited)),
        )


Approver = Callable[[ApprovalRequest], Awaitable[ToolDecision]]


class CallTerms(TypedDict, total=False):
    """Terms of the approvals that a loop asks for; see `ApprovalGate.request`."""

    expires_in: float | timedelta | None
    editable: bool
    allow_override: bool
    not_by: Sequence[str]


@dataclass(frozen=True)
class Ended:
    """The question has an end without an answer that lets the call run."""

    outcome: CallOutcome
    detail: str | None = None


class ChannelAway(Exception):
    """The store of the approvals is away: nothing is known, so the run stands still."""

    def __init__(self, error: SignoffError) -> None:
        super().__init__(type(error).__name__)
        self.error = error


class Asking(Protocol):
    """One way to ask."""

    def name(self, call: CallRecord, *, agent_id: str, run_id: str) -> tuple[str, str] | None:
        """Return id and namespace of the question about *call*, where it has any."""
        ...

    async def ask(self, call: CallRecord, tool: Tool | None, *, run_id: str) -> Ended | None:
        """See that the question stands, or return why it cannot."""
        ...

    async def answer(
        self, call: CallRecord, request: ApprovalRequest, *, timeout: float | None
    ) -> AnswerRecord | Ended | None:
        """Return the answer, or `None` if there is none after *timeout* seconds."""
        ...

    async def take(self, call: CallRecord) -> Approval | Ended | None:
        """Take the run of an approved call; `None` where there is nothing to take."""
        ...

    async def report(self, call: CallRecord, *, seconds: float, error: str | None) -> None:
        """Tell how the run ended, if that can be done soon."""
        ...

    async def withdraw(self, call: CallRecord, *, reason: str) -> None:
        """Take the question back, if that can be done soon."""
        ...


class CallbackAsking:
    """Asks a function of the developer's.

    Args:
        approver: Called with each question.
        wait: Whether to call it at all; otherwise `AgentLoop.resume_with_approval` brings answers.
    """

    def __init__(self, approver: Approver, *, wait: bool) -> None:
        self._approver = approver
        self._wait = wait

    def name(self, call: CallRecord, *, agent_id: str, run_id: str) -> None:
        """Return nothing: the call itself is the question."""

    async def ask(self, call: CallRecord, tool: Tool | None, *, run_id: str) -> None:
        """There is nothing to prepare."""

    async def answer(
        self,
        call: CallRecord,  # noqa: ARG002  (the request says it all)
        request: ApprovalRequest,
        *,
        timeout: float | None,  # noqa: ARG002  (the function has its own)
    ) -> AnswerRecord | Ended | None:
        """Call the function. Raising, or returning anything but a decision, is no approval."""
        if not self._wait:
            return None
        try:
            decision: object = await self._approver(request)
            if isinstance(decision, ToolDecision):
                return decision.record()
            detail = "It returned no decision, which is not an approval."
        except Exception as error:  # noqa: BLE001  (whatever it raises is not an approval)
            get_logger("signoff.loop").warning(
                "loop.approver_failed", call_id=request.call_id, error=type(error).__name__
            )
            detail = f"It raised {type(error).__name__}."
        return Ended(CallOutcome.APPROVER_FAILED, detail)

    async def take(self, call: CallRecord) -> Ended | None:
        """Nothing to take, unless a gate was asked: then only that gate can release the run."""
        return Ended(CallOutcome.NOT_VERIFIED) if call.approval_id is not None else None

    async def report(self, call: CallRecord, *, seconds: float, error: str | None) -> None:
        """Nobody is waiting for a report."""

    async def withdraw(self, call: CallRecord, *, reason: str) -> None:
        """Nothing stands anywhere."""


def outcome_of(refused: Refused) -> CallOutcome:
    """Return the word for a refusal."""
    words: dict[type[Refused], CallOutcome] = {
        ApprovalDenied: CallOutcome.DENIED,
        ApprovalSkipped: CallOutcome.SKIPPED,
        ApprovalExpired: CallOutcome.EXPIRED,
        ApprovalCancelled: CallOutcome.CANCELLED,
        Undeliverable: CallOutcome.UNDELIVERABLE,
        AlreadyConsumed: CallOutcome.UNCONFIRMED,
    }
    return next((word for kind, word in words.items() if isinstance(refused, kind)),
                CallOutcome.NOT_VERIFIED)  # fmt: skip
