"""Owns what a gate tells its hooks: the seeds' fields, and each fact once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from pydantic.alias_generators import to_snake

from .answers import Verdict
from .approval import Approval, ApprovalStatus, Cancellation
from .errors import NotAllowed, ReceiptInvalid, Refused
from .events import (
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalResolved,
)
from .hooks import HookBus, HookContext

__all__ = ["Told", "asked_event", "hook_context"]

_MAX_TOLD: Final = 10_000


def hook_context(event: ApprovalEvent, approval: Approval | None = None) -> HookContext:
    """Return what handlers are told of *event*: the seeds' fields, and the event's own.

    Outside an agent loop there is no step and no call of a model: `step` is `None`, `callId` is the
    approval's id, `runId` the run that the request named.

    Args:
        event: What happened.
        approval: The record, for what was asked; without it those fields are `None`.
    """
    decision = None if approval is None else approval.decision
    run, agent = (None, None) if approval is None else (approval.run, approval.agent)
    fields: dict[str, Any] = {
        "call_id": event.id,
        "tool_name": None if approval is None else approval.name,
        "run_id": run,
        "agent_id": agent,
        "step": None,
        "trace": {"sessionId": agent, "requestId": run, "callId": event.id},
    }
    if isinstance(event, ApprovalRequested) and approval is not None:
        fields |= {"arguments": approval.payload, "reason": approval.reason}
    if isinstance(event, ApprovalResolved):
        fields |= {"decision": event.verdict.value, "note": event.note}
        if decision is not None:
            fields["override_result"] = decision.override_result
    own = {to_snake(name): value for name, value in event.to_wire().items() if name != "type"}
    return HookContext(event.type, own | fields | {"namespace": event.namespace})


def asked_event(approval: Approval) -> ApprovalRequested:
    """Return the event of a request, as it is stored with the record."""
    return ApprovalRequested(
        id=approval.id,
        namespace=approval.namespace,
        at=approval.created_at,
        agent=approval.agent,
        name=approval.name,
        digest=approval.digest,
    )


class Told:
    """Tells a bus what one gate in this process has seen, each end of an approval once.

    Args:
        hooks: The bus; `None` tells nobody.
        namespace: The gate's.
        now: The gate's clock, for what no record has a time of.
    """

    def __init__(
        self, hooks: HookBus | None, *, namespace: str, now: Callable[[], datetime]
    ) -> None:
        self._hooks = hooks
        self._namespace = namespace
        self._now = now
        self._ended: OrderedDict[str, None] = OrderedDict()

    async def asked(self, approval: Approval, *, new: bool) -> None:
        """Tell that *approval* was asked, if this call stored it."""
        if new:
            await self._tell(asked_event(approval), approval)

    async def ended(self, approval: Approval) -> Approval:
        """Tell how *approval* ended, if it did and this gate has not told so; return it."""
        if self._hooks is None or not approval.final or approval.key in self._ended:
            return approval
        self._ended[approval.key] = None
        if len(self._ended) > _MAX_TOLD:
            self._ended.popitem(last=False)
        await self._tell(_end_of(approval), approval)
        return approval

    async def consumed(self, approval: Approval) -> Approval:
        """Tell that the run of *approval* was taken; return it."""
        taken = approval.consumption
        if taken is not None:
            event = ApprovalConsumed(
                id=approval.id,
                namespace=approval.namespace,
                at=taken.at,
                operation_id=taken.operation_id,
                by=taken.by,
            )
            await self._tell(event, approval)
        return approval

    @asynccontextmanager
    async def refusals(
        self, approval_id: str, approval: Approval | None = None
    ) -> AsyncIterator[None]:
        """Tell that an answer to an approval, or its run, is refused, if the block says so."""
        try:
            yield
        except (Refused, NotAllowed) as error:
            event = ApprovalRefused(
                id=approval_id,
                namespace=self._namespace,
                at=self._now(),
                principal=error.principal if isinstance(error, NotAllowed) else None,
                reason=_word(error),
            )
            await self._tell(event, approval)
            raise

    async def _tell(self, event: ApprovalEvent, approval: Approval | None) -> None:
        if self._hooks is not None and self._hooks.has(event.type):
            await self._hooks.emit(event.type, hook_context(event, approval))


def _word(error: Refused | NotAllowed) -> str:
    return error.reason if isinstance(error, (NotAllowed, ReceiptInvalid)) else error.code


def _end_of(approval: Approval) -> ApprovalEvent:
    key, space = approval.id, approval.namespace
    if approval.status is ApprovalStatus.EXPIRED:
        return ApprovalExpiredEvent(id=key, namespace=space, at=approval.deadline)
    at = approval.decided_at or approval.created_at
    if approval.status is ApprovalStatus.CANCELLED:
        why = approval.cancellation or Cancellation()
        return ApprovalCancelledEvent(
            id=key,
            namespace=space,
            at=at,
            by=why.by,
            reason=why.reason,
            undeliverable=why.undeliverable,
        )
    return ApprovalResolved(
        id=key,
        namespace=space,
        at=at,
        principal=approval.approver,
        verdict=approval.verdict or Verdict.DENY,
        note=approval.decision.note if approval.decision else None,
    )
