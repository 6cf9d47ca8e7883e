"""Owns who hears what a loop does: the stream's reader, hooks, the log. None of them has a say."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, Protocol

from ..errors import InvalidId
from ..logs import get_logger
from .events import LoopEvent, LoopWarning, Sink
from .snapshot import CallRecord
from .tools import TraceContext
from .words import CallOutcome, is_error

__all__ = ["LOOP_HOOKS", "Hooks", "Observers"]

LOOP_HOOKS: Final = ("onToolCallStart", "onToolCallComplete", "onToolCallError", "onWarning")
"""What a loop tells beside `onApprovalRequested` and `onApprovalResolved`, to a bus that knows it:
`HookBus(also=LOOP_HOOKS)`."""

_MAX_WARNINGS: Final = 1000


class Hooks(Protocol):
    """A bus, such as `gate.HookBus`."""

    def has(self, hook: str) -> bool:
        """Say whether anybody hears *hook*; raises `InvalidId` where there is none."""
        ...

    async def emit(self, hook: str, fields: Mapping[str, Any]) -> None:
        """Tell *hook*."""
        ...


class Observers:
    """Tells them.

    Args:
        hooks: The bus, if any.
        agent_id: For hooks.

    Attributes:
        sink: Takes the events of the run, while somebody reads them.
        warnings: The latest warnings, oldest first.
    """

    def __init__(self, hooks: Hooks | None, *, agent_id: str) -> None:
        self.sink: Sink | None = None
        self.warnings: deque[LoopWarning] = deque(maxlen=_MAX_WARNINGS)
        self.agent_id = agent_id
        self._hooks = hooks
        self._log = get_logger("signoff.loop")

    async def tell(self, event: LoopEvent) -> None:
        """Hand *event* to the stream's reader."""
        if self.sink is not None:
            await self.sink(event)

    def warn(self, warning: LoopWarning) -> None:
        """Keep and log *warning*."""
        self.warnings.append(warning)
        self._log.warning("loop.warning", code=warning.code, tool=warning.tool_name)

    async def warned(self, *warnings: LoopWarning) -> None:
        """Tell the hooks about warnings that are kept already."""
        for warning in warnings:
            await self._emit(
                "onWarning",
                {
                    "source": "agent",
                    "code": warning.code,
                    "message": warning.message,
                    "details": {"toolName": warning.tool_name, "callId": warning.call_id},
                    "agent_id": self.agent_id,
                },
            )

    async def started(self, call: CallRecord, run_id: str) -> None:
        """Tell that a call was proposed. Each has one end, told by `ended`."""
        await self._emit(
            "onToolCallStart", self._about(call, run_id) | {"arguments": deepcopy(call.arguments)}
        )

    async def ended(self, call: CallRecord, run_id: str) -> None:
        """Tell how a call ended."""
        outcome = call.outcome or CallOutcome.UNCONFIRMED
        hook = "onToolCallError" if is_error(outcome) else "onToolCallComplete"
        more = {"outcome": outcome.value, "error": call.error, "result": call.result}
        await self._emit(hook, self._about(call, run_id) | more)

    async def requested(self, call: CallRecord, run_id: str) -> None:
        """Tell that a person is about to be asked."""
        why = call.policy.reason if call.policy is not None else None
        more = {
            "arguments": deepcopy(call.arguments),
            "reason": why,
            "approval_id": call.approval_id,
        }
        await self._emit("onApprovalRequested", self._about(call, run_id) | more)

    async def resolved(self, call: CallRecord, run_id: str) -> None:
        """Tell what came of the question."""
        answer = call.answer
        word = answer.verdict.value if answer is not None else None
        more = {
            "decision": word or (call.outcome.value if call.outcome is not None else None),
            "note": answer.note if answer is not None else None,
            "approver": answer.approver if answer is not None else None,
            "approval_id": call.approval_id,
        }
        await self._emit("onApprovalResolved", self._about(call, run_id) | more)

    def trace(self, call: CallRecord, run_id: str) -> TraceContext:
        """Return where *call* belongs."""
        return TraceContext(self.agent_id, run_id, call.call_id)

    def _about(self, call: CallRecord, run_id: str) -> dict[str, Any]:
        return {
            "call_id": call.call_id,
            "tool_name": call.tool_name,
            "step": call.step,
            "run_id": run_id,
            "agent_id": self.agent_id,
            "trace": {"sessionId": self.agent_id, "requestId": run_id, "callId": call.call_id},
        }

    async def _emit(self, hook: str, fields: dict[str, Any]) -> None:
        if self._hooks is None:
            return
        try:
            if self._hooks.has(hook):
                await self._hooks.emit(hook, fields)
        except InvalidId:
            return  # a bus that does not know it has nobody who hears it
        except Exception as error:  # noqa: BLE001  (an observer changes no outcome)
            self._log.warning("loop.hook_failed", hook=hook, error=type(error).__name__)
