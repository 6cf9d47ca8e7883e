"""Owns asking through a gate: one approval for one call, found again by whoever resumes the run."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from ..approval import Approval, ApprovalStatus
from ..approval_gate import ApprovalGate
from ..asking import MAX_POLICY, fitting_schema
from ..canonical import action_digest, canonical_text
from ..clock import Clock, sleep
from ..errors import (
    AlreadyConsumed,
    ApprovalConflict,
    ApprovalDenied,
    ApprovalSkipped,
    ApprovalTimeout,
    NotAllowed,
    Refused,
    SignoffError,
    StoreUnavailable,
    Unconfirmed,
)
from ..logs import get_logger
from ..standing import refusal
from .approving import ApprovalRequest, CallTerms, ChannelAway, Ended, ToolDecision, outcome_of
from .snapshot import AnswerRecord, CallRecord
from .tools import Tool
from .words import CallOutcome

__all__ = ["GateAsking"]

_BUDGET: Final = 5.0
_FIRST_PAUSE: Final = 0.05
_LAST_PAUSE: Final = 2.0

T = TypeVar("T")


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
        why = call.policy.sentence or call.policy.reason if call.policy else None
        if terms.get("editable") and tool is not None:
            terms.setdefault("arguments_schema", fitting_schema(tool.spec.parameters))
        try:
            found = await self._patiently(
                lambda: self._gate.request(
                    id=call.approval_id,
                    name=call.tool_name,
                    payload=call.arguments,
                    run=run_id,
                    policy=None if why is None else why[:MAX_POLICY],
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
        await self._soon(lambda: self._gate.cancel(_id(call), reason=reason), call, what="withdraw")

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
