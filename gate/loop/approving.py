"""Owns the ways to ask a person about a call: a gate, or a function of the developer's.

Whatever goes wrong here, the call does not run; and only a person's no is told as one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol, TypedDict, TypeVar

from ..approval import Approval, ApprovalStatus, Verdict
from ..approval_gate import ApprovalGate
from ..canonical import action_digest, canonical_text, parse_json
from ..clock import Clock, sleep
from ..errors import (
    AlreadyConsumed,
    ApprovalCancelled,
    ApprovalConflict,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalSkipped,
    ApprovalTimeout,
    InvalidVerdict,
    NotAllowed,
    Refused,
    SignoffError,
    StoreUnavailable,
    Unconfirmed,
    Undeliverable,
)
from ..logs import get_logger
from ..standing import refusal
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
    "GateAsking",
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
            PayloadNotCanonical: The arguments are not strict JSON.
            LimitExceeded: They are too large.
        """
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
            decision = await self._approver(request)
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


class GateAsking:
    """Asks through a gate. The approval's id binds run, call, tool and canonical arguments.

    Args:
        gate: The gate.
        terms: For every question; a tool's own overrule `editable` and `allow_override`.
        clock: Time, for pauses.
        patience: Seconds for which a store that is away is waited for.
    """

    def __init__(
        self, gate: ApprovalGate, *, terms: CallTerms, clock: Clock, patience: float
    ) -> None:
        self._gate = gate
        self._terms = terms
        self._clock = clock
        self._patience = patience
        self._log = get_logger("signoff.loop")

    def name(self, call: CallRecord, *, agent_id: str, run_id: str) -> tuple[str, str]:
        """Return id and namespace of the approval of exactly this call of this run."""
        place = [agent_id, run_id, call.step, call.index, call.call_id]
        what = canonical_text([*place, call.tool_name, call.arguments], max_depth=96)
        mark = hashlib.sha256(f"signoff/loop/v1\n{what}".encode()).hexdigest()
        return f"call-{mark[:40]}", self._gate.namespace

    async def ask(self, call: CallRecord, tool: Tool | None, *, run_id: str) -> Ended | None:
        """Request the approval; asked again it is the same one, on the terms of the first time."""
        terms: dict[str, Any] = dict(self._terms)
        for field in ("editable", "allow_override"):
            own = getattr(tool, field, None)
            if own is not None:
                terms[field] = own
        reason = call.policy.sentence or call.policy.reason if call.policy else None
        try:
            found = await self._patiently(
                lambda: self._gate.request(
                    id=call.approval_id,
                    name=call.tool_name,
                    payload=call.arguments,
                    run=run_id,
                    reason=reason,
                    **terms,
                )
            )
        except ApprovalConflict as error:
            # Other terms since a restart: the question that stands is the one that people see.
            found = error.approval
        except Unconfirmed as error:
            raise ChannelAway(error) from error
        except SignoffError as error:
            return self._failed(call, error)
        return None if self._is_for(found, call) else Ended(CallOutcome.NOT_VERIFIED)

    async def answer(
        self,
        call: CallRecord,
        request: ApprovalRequest,  # noqa: ARG002  (the record says it all)
        *,
        timeout: float | None,
    ) -> AnswerRecord | Ended | None:
        """Wait for the decision."""
        try:
            approval = await self._gate.wait(_id(call), timeout=timeout)
        except ApprovalTimeout:
            return None
        except (StoreUnavailable, Unconfirmed) as error:
            raise ChannelAway(error) from error
        except Refused as error:
            return Ended(outcome_of(error))
        except SignoffError as error:
            return self._failed(call, error)
        if not self._is_for(approval, call):
            return Ended(CallOutcome.NOT_VERIFIED)
        return _heard(approval)

    async def take(self, call: CallRecord) -> Approval | Ended:
        """Consume the approval for exactly what is about to run."""
        operation = call.operation_id
        if call.approval_id is None or operation is None:
            return Ended(CallOutcome.NOT_VERIFIED)
        try:
            approval = await self._patiently(
                lambda: self._gate.consume(
                    _id(call), payload=call.effective_arguments, operation_id=operation
                )
            )
        except (StoreUnavailable, Unconfirmed) as error:
            raise ChannelAway(error) from error
        except AlreadyConsumed:
            return Ended(CallOutcome.UNCONFIRMED, "Another worker has taken its one run.")
        except NotAllowed:
            return Ended(CallOutcome.NOT_VERIFIED)
        except Refused as error:
            return Ended(outcome_of(error))
        except SignoffError as error:
            return self._failed(call, error)
        # The digest covers the stored name: what is about to run has to be that action.
        return approval if self._is_for(approval, call) else Ended(CallOutcome.NOT_VERIFIED)

    async def report(self, call: CallRecord, *, seconds: float, error: str | None) -> None:
        """Report to the gate, and so to the thread."""
        await self._soon(
            lambda: self._gate.report(_id(call), seconds=seconds, error=error), call, what="report"
        )

    async def withdraw(self, call: CallRecord, *, reason: str) -> None:
        """Cancel the approval."""
        await self._soon(
            lambda: self._gate.cancel(_id(call), reason=reason), call, what="withdraw"
        )

    async def decide(self, call: CallRecord, decision: ToolDecision) -> None:
        """Record an answer as trusted code; see `ApprovalGate.decide`."""
        given: dict[str, Any] = {}
        if decision.arguments is not None:
            given["payload"] = decision.arguments
        await self._gate.decide(
            _id(call),
            decision.verdict,
            approver=decision.approver,
            note=decision.note,
            override_result=decision.override_result,
            **given,
        )

    def _is_for(self, approval: Approval, call: CallRecord) -> bool:
        asked = action_digest(
            namespace=self._gate.namespace,
            agent=self._gate.agent,
            name=call.tool_name,
            payload=call.arguments,
        )
        return approval.digest == asked

    def _failed(self, call: CallRecord, error: SignoffError) -> Ended:
        self._log.warning("loop.approver_failed", call_id=call.call_id, code=error.code)
        return Ended(CallOutcome.APPROVER_FAILED, f"({error.code})")

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Repeat what may be repeated while the store is away."""
        started = self._clock.monotonic()
        pause = _FIRST_PAUSE
        doubt: Unconfirmed | None = None
        while True:
            try:
                return await attempt()
            except (StoreUnavailable, Unconfirmed) as error:
                if isinstance(error, Unconfirmed):
                    doubt = error
                if self._clock.monotonic() - started >= self._patience:
                    # This attempt wrote nothing, but one before it may have.
                    raise doubt or error from None
            await sleep(self._clock, pause)
            pause = min(2 * pause, _LAST_PAUSE)

    async def _soon(
        self, attempt: Callable[[], Awaitable[object]], call: CallRecord, *, what: str
    ) -> None:
        try:
            async with asyncio.timeout(_BUDGET):
                await attempt()
        except Exception as error:  # noqa: BLE001  (the run goes on, whatever a store raises)
            self._log.warning(
                "loop.not_told", what=what, call_id=call.call_id, error=type(error).__name__
            )


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


def _heard(approval: Approval) -> AnswerRecord | Ended:
    """Return what a final record says."""
    refused, decision = refusal(approval), approval.decision
    if refused is not None and not isinstance(refused, (ApprovalDenied, ApprovalSkipped)):
        return Ended(outcome_of(refused))
    if decision is None or (refused is None and approval.status is not ApprovalStatus.APPROVED):
        return Ended(CallOutcome.NOT_VERIFIED)
    edited = approval.effective_payload if decision.digest is not None else None
    if edited is not None and not isinstance(edited, dict):
        return Ended(CallOutcome.INVALID, "A person changed the arguments into something else.")
    approved = refused is None
    return AnswerRecord(
        verdict=decision.verdict,
        note=decision.note,
        # Only an approval has a receipt, so only there a result is known to be a person's.
        override_result=decision.override_result if approved else None,
        approver=approval.approver,
        arguments=edited if approved else None,
    )


def _id(call: CallRecord) -> str:
    return call.approval_id or ""
