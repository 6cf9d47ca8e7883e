"""Owns the hooks: who in this process hears what a gate does, without a say in it.

A handler is given a read-only context; what it returns is thrown away. One that fails, or takes too
long, is logged and counted, and the next one is called. So no handler can change, delay for long or
undo what a policy or a gate has said. Whoever must not miss anything reads the event log instead:
a handler hears only what happens while its process lives.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic.alias_generators import to_camel, to_snake

from .approval import Approval, ApprovalStatus, Verdict
from .errors import InvalidId, NotAllowed
from .events import (
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalResolved,
    Event,
)
from .frozen import freeze
from .logs import get_logger

__all__ = ["APPROVAL_HOOKS", "Handler", "HookBus", "HookContext", "Told", "hook_context"]

APPROVAL_HOOKS: Final[tuple[str, ...]] = tuple(
    kind.model_fields["type"].default for kind in get_args(get_args(Event)[0])
)
"""The names that every bus knows: those of the events (`onApprovalRequested`, …)."""

_MAX_UNAWAITED: Final = 1000
_MAX_TOLD: Final = 10_000


class HookContext(Mapping[str, Any]):
    """What a handler is told: read-only, each field under both spellings.

    As a mapping it has the seeds' names (`context["toolName"]`, also `context["tool_name"]`), as
    attributes ours (`context.tool_name`, also `context.toolName`). Lists and mappings in it are
    read-only copies.
    """

    __slots__ = ("_fields", "type")

    type: str
    """The hook's name, such as `onApprovalRequested`."""

    def __init__(self, hook: str, fields: Mapping[str, Any]) -> None:
        object.__setattr__(self, "type", hook)
        frozen = {to_camel(name): freeze(value) for name, value in fields.items()}
        object.__setattr__(self, "_fields", frozen)

    def __getitem__(self, name: str) -> Any:
        fields: dict[str, Any] = self._fields
        return fields[name] if name in fields else fields[to_camel(name)]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            try:
                return self[name]
            except KeyError:
                pass
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is read-only")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is read-only")

    def __repr__(self) -> str:
        # Names only: what a handler logs must not hold a payload by accident.
        return f"HookContext({self.type!r}, {sorted(self._fields)})"


Handler = Callable[[HookContext], Awaitable[None] | None]
"""Called with the context; a coroutine is awaited. What comes back is not looked at."""


@dataclass(eq=False)
class _Registration:
    hook: str | None
    """`None`: every hook."""
    handler: Handler
    once: bool = False


class HookBus:
    """Calls handlers one after the other, in the order in which they were registered.

    Names are those of `APPROVAL_HOOKS`, in either spelling (`onApprovalRequested`,
    `on_approval_requested`); any other is refused.

    Args:
        also: Further names that this bus knows, in the seeds' spelling.
        patience: Seconds that one handler has.
    """

    def __init__(self, *, also: Iterable[str] = (), patience: float = 5.0) -> None:
        self._names = {to_snake(name): name for name in (*APPROVAL_HOOKS, *also)}
        self._patience = patience
        self._registered: list[_Registration] = []
        self._unawaited: set[asyncio.Task[None]] = set()
        self._log = get_logger("signoff.hooks")
        self.failures: Counter[str] = Counter()
        """How many calls of handlers have failed, by hook."""

    def on(self, hook: str, handler: Handler) -> Callable[[], None]:
        """Call *handler* whenever *hook* is told. Return what ends that.

        Raises:
            InvalidId: There is no such hook.
        """
        return self._register(_Registration(self._known(hook), handler))

    def once(self, hook: str, handler: Handler) -> Callable[[], None]:
        """Call *handler* the next time *hook* is told, and not again; see `on`."""
        return self._register(_Registration(self._known(hook), handler, once=True))

    def on_any(self, handler: Handler) -> Callable[[], None]:
        """Call *handler* for every hook; `context.type` says which. Return what ends that."""
        return self._register(_Registration(None, handler))

    def off(self, hook: str | None = None, handler: Handler | None = None) -> None:
        """Forget handlers: all of *hook*, or of every hook, or only *handler* there.

        Raises:
            InvalidId: There is no such hook.
        """
        name = None if hook is None else self._known(hook)
        self._registered = [
            each
            for each in self._registered
            if (name is not None and each.hook != name)
            or (handler is not None and each.handler != handler)
        ]

    def has(self, hook: str) -> bool:
        """Say whether anybody hears *hook*; see `handler_count`."""
        return self.handler_count(hook) > 0

    def handler_count(self, hook: str | None = None) -> int:
        """Return how many handlers hear *hook*, those of every hook included; or how many in all.

        Raises:
            InvalidId: There is no such hook.
        """
        if hook is None:
            return len(self._registered)
        name = self._known(hook)
        return sum(each.hook in (None, name) for each in self._registered)

    async def emit(self, hook: str, fields: Mapping[str, Any] | HookContext) -> None:
        """Tell *hook* to its handlers, one after the other, and return when all have been told.

        Only the cancellation of the caller's own task, and what ends the process, is raised.

        Raises:
            InvalidId: There is no such hook.
        """
        name = self._known(hook)
        context = fields if isinstance(fields, HookContext) else HookContext(name, fields)
        # A copy: handlers may register and forget while this goes on.
        for each in [each for each in self._registered if each.hook in (None, name)]:
            if each.once:
                if each not in self._registered:
                    continue
                # Before the call, so that two at once do not both call it.
                self._registered.remove(each)
            await self._call(name, each.handler, context)

    def emit_nowait(self, hook: str, fields: Mapping[str, Any] | HookContext) -> None:
        """Start telling *hook* and return; `aclose` waits for what is under way.

        Over 1,000 of these at once, further ones are dropped and counted as failures.

        Raises:
            InvalidId: There is no such hook.
        """
        name = self._known(hook)
        if len(self._unawaited) >= _MAX_UNAWAITED:
            self._failed(name, None, "TooMany")
            return
        task = asyncio.get_running_loop().create_task(self.emit(name, fields))
        self._unawaited.add(task)
        task.add_done_callback(self._unawaited.discard)

    async def aclose(self) -> None:
        """Forget all handlers, and wait for what `emit_nowait` began; each has its patience."""
        self._registered = []
        while self._unawaited:
            await asyncio.wait(set(self._unawaited))

    async def _call(self, hook: str, handler: Handler, context: HookContext) -> None:
        task = asyncio.current_task()
        try:
            async with asyncio.timeout(self._patience):
                answer = handler(context)
                if inspect.isawaitable(answer):
                    await answer
        except asyncio.CancelledError:
            if task is None or task.cancelling():
                raise
            # The handler's own: something in it was cancelled, not this task.
            self._failed(hook, handler, "CancelledError")
        except Exception as error:  # noqa: BLE001  (an observer changes no outcome, whatever it does)
            self._failed(hook, handler, type(error).__name__)

    def _failed(self, hook: str, handler: Handler | None, error: str) -> None:
        self.failures[hook] += 1
        name = getattr(handler, "__qualname__", type(handler).__name__)
        self._log.warning("hook.failed", hook=hook, handler=name, error=error)

    def _register(self, registration: _Registration) -> Callable[[], None]:
        if not callable(registration.handler):
            raise TypeError("a handler is a function of one argument")
        self._registered.append(registration)

        def leave() -> None:
            if registration in self._registered:
                self._registered.remove(registration)

        return leave

    def _known(self, hook: str) -> str:
        found = self._names.get(to_snake(hook))
        if found is None or hook not in (found, to_snake(found)):
            raise InvalidId(field="hook", reason="there is no hook of this name")
        return found


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


class Told:
    """Tells a bus what one gate in this process has seen, each fact once.

    Args:
        hooks: The bus; `None` tells nobody.
    """

    def __init__(self, hooks: HookBus | None) -> None:
        self._hooks = hooks
        self._ended: OrderedDict[str, None] = OrderedDict()

    async def asked(self, approval: Approval, *, new: bool) -> Approval:
        """Tell that *approval* was asked, if this call stored it; return it."""
        if new:
            await self._tell(
                ApprovalRequested(
                    id=approval.id,
                    namespace=approval.namespace,
                    at=approval.created_at,
                    agent=approval.agent,
                    name=approval.name,
                    digest=approval.digest,
                ),
                approval,
            )
        return approval

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
            await self._tell(
                ApprovalConsumed(
                    id=approval.id,
                    namespace=approval.namespace,
                    at=taken.at,
                    operation_id=taken.operation_id,
                    by=taken.by,
                ),
                approval,
            )
        return approval

    async def refused(self, approval: Approval, error: NotAllowed) -> None:
        """Tell that an answer to *approval*, or a run of it, was refused."""
        await self._tell(
            ApprovalRefused(
                id=approval.id,
                namespace=approval.namespace,
                at=approval.decided_at or approval.created_at,
                principal=error.principal,
                reason=error.reason,
            ),
            approval,
        )

    async def _tell(self, event: ApprovalEvent, approval: Approval) -> None:
        if self._hooks is not None and self._hooks.has(event.type):
            await self._hooks.emit(event.type, hook_context(event, approval))


def _end_of(approval: Approval) -> ApprovalEvent:
    where = {"id": approval.id, "namespace": approval.namespace}
    if approval.status is ApprovalStatus.EXPIRED:
        return ApprovalExpiredEvent(**where, at=approval.deadline)
    at = approval.decided_at or approval.created_at
    if approval.status is ApprovalStatus.CANCELLED:
        why = approval.cancellation
        return ApprovalCancelledEvent(
            **where,
            at=at,
            by=why.by if why else None,
            reason=why.reason if why else None,
            undeliverable=why.undeliverable if why else None,
        )
    return ApprovalResolved(
        **where,
        at=at,
        principal=approval.approver,
        verdict=approval.verdict or Verdict.DENY,
        note=approval.decision.note if approval.decision else None,
    )
