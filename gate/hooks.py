"""Owns the hooks: who in this process hears what a gate does, without a say in it.

A handler is given a read-only context; what it returns is thrown away. One that fails, or takes too
long, is logged and counted, and the next one is called. So no handler can change, delay for long or
undo what a policy or a gate has said. Whoever must not miss anything reads the event log instead:
a handler hears only what happens while its process lives.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic.alias_generators import to_camel, to_snake

from .errors import InvalidId
from .events import Event
from .frozen import freeze
from .logs import get_logger

__all__ = [
    "APPROVAL_HOOKS",
    "Handler",
    "HookBus",
    "HookContext",
]

APPROVAL_HOOKS: Final[tuple[str, ...]] = tuple(
    kind.model_fields["type"].default for kind in get_args(get_args(Event)[0])
)
"""The names that every bus knows: those of the events (`onApprovalRequested`, …)."""

_MAX_UNAWAITED: Final = 1000


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
        await self._tell(self._due(name), _context(name, fields))

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
        work = self._tell(self._due(name), _context(name, fields))
        task = asyncio.get_running_loop().create_task(work)
        self._unawaited.add(task)
        task.add_done_callback(self._unawaited.discard)

    async def aclose(self) -> None:
        """Forget all handlers, and wait for what `emit_nowait` began; each has its patience."""
        self._registered = []
        while self._unawaited:
            await asyncio.wait(set(self._unawaited))

    def _due(self, hook: str) -> list[_Registration]:
        """Return who hears *hook* now; handlers may register and forget while they are called."""
        due = [each for each in self._registered if each.hook in (None, hook)]
        # Before the calls, so that two at once do not both call it.
        self._registered = [each for each in self._registered if each not in due or not each.once]
        return due

    async def _tell(self, due: list[_Registration], context: HookContext) -> None:
        for each in due:
            await self._call(context.type, each.handler, context)

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


def _context(hook: str, fields: Mapping[str, Any] | HookContext) -> HookContext:
    return fields if isinstance(fields, HookContext) else HookContext(hook, fields)
