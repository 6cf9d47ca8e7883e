"""Owns the synchronous facade: the gate for scripts that have no event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from .answers import Verdict
from .approval import Approval
from .approval_gate import ApprovalGate
from .asking import Ask
from .protocols import ApprovalStore

__all__ = ["BlockingGate"]

T = TypeVar("T")


class BlockingGate:
    """An `ApprovalGate` whose verbs block, on an event loop in a thread of its own.

    Use it as a context manager. Its verbs take the same arguments and raise the same errors as the
    gate's. Interrupting a waiting call (Ctrl-C) leaves the approval pending.

    Args:
        open_store: Opens the store on the facade's own loop; usually `stores.open_store`.
        agent: See `ApprovalGate`.
        options: Further arguments of `ApprovalGate`.
    """

    def __init__(
        self,
        open_store: Callable[[], AbstractAsyncContextManager[ApprovalStore]],
        *,
        agent: str,
        **options: Any,
    ) -> None:
        self._open_store = open_store
        self._agent = agent
        self._options = options
        self._stack = AsyncExitStack()
        self._gate: ApprovalGate | None = None

    def __enter__(self) -> Self:
        _refuse_inside_a_loop()
        # The runner sees off at its end what is left on the loop: tasks, generators, threads.
        runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = runner.get_loop()
        self._thread = threading.Thread(
            target=_serve, args=(runner,), name="signoff-blocking-gate", daemon=True
        )
        self._thread.start()
        try:
            self._gate = self._run(self._open())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def request(self, **question: Unpack[Ask]) -> Approval:
        """Ask; see `ApprovalGate.request`."""
        return self._run(self._open_gate.request(**question))

    def wait(self, id: str, *, timeout: float | timedelta | None = None) -> Approval:  # noqa: A002
        """Block until the approval is final; see `ApprovalGate.wait`."""
        return self._run(self._open_gate.wait(id, timeout=timeout))

    def get(self, id: str) -> Approval:  # noqa: A002
        """Return the approval as it counts now; see `ApprovalGate.get`."""
        return self._run(self._open_gate.get(id))

    def require(
        self, *, timeout: float | timedelta | None = None, **question: Unpack[Ask]
    ) -> Approval:
        """Ask and block until approved; see `ApprovalGate.require`."""
        return self._run(self._open_gate.require(timeout=timeout, **question))

    def consume(
        self, approval: Approval | str, *, payload: Any, operation_id: str | None = None
    ) -> Approval:
        """Take the one run; see `ApprovalGate.consume`."""
        return self._run(
            self._open_gate.consume(approval, payload=payload, operation_id=operation_id)
        )

    def report(
        self, approval: Approval | str, *, seconds: float, error: str | None = None
    ) -> Approval:
        """Tell how the run ended; see `ApprovalGate.report`."""
        return self._run(self._open_gate.report(approval, seconds=seconds, error=error))

    def decide(
        self,
        id: str,  # noqa: A002
        verdict: Verdict | str,
        metadata: Mapping[str, Any] | None = None,
        **answer: Any,
    ) -> Approval:
        """Record an answer as trusted code; see `ApprovalGate.decide`."""
        return self._run(self._open_gate.decide(id, verdict, metadata, **answer))

    def cancel(
        self,
        id: str,  # noqa: A002
        *,
        by: str | None = None,
        reason: str | None = None,
    ) -> Approval:
        """Withdraw an approval; see `ApprovalGate.cancel`."""
        return self._run(self._open_gate.cancel(id, by=by, reason=reason))

    @contextmanager
    def guard(
        self, *, timeout: float | timedelta | None = None, **question: Unpack[Ask]
    ) -> Iterator[Approval]:
        """Ask, wait, consume, run the block, report its end; see `ApprovalGate.guard`."""
        guard = self._open_gate.guard(timeout=timeout, **question)
        approval = self._run(guard.__aenter__())
        try:
            yield approval
        except BaseException as error:
            self._run(guard.__aexit__(type(error), error, error.__traceback__))
            raise
        self._run(guard.__aexit__(None, None, None))

    @property
    def _open_gate(self) -> ApprovalGate:
        if self._gate is None:
            raise RuntimeError("use the gate inside its `with` block")
        return self._gate

    async def _open(self) -> ApprovalGate:
        store = await self._stack.enter_async_context(self._open_store())
        gate = ApprovalGate(store, agent=self._agent, **self._options)
        return await self._stack.enter_async_context(gate)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            _refuse_inside_a_loop()
            # The copy of a process (a fork) has this thread's memory, and not the thread.
            if not self._thread.is_alive():
                raise RuntimeError("open BlockingGate in the process that uses it: it was forked")
        except RuntimeError:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            # Ctrl-C lands here, in the caller's thread; what it waited for must not go on alone.
            future.cancel()
            raise

    def _end(self) -> None:
        try:
            self._run(self._stack.aclose())
        finally:
            self._gate = None
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()


def _serve(runner: asyncio.Runner) -> None:
    with runner:
        runner.get_loop().run_forever()


def _refuse_inside_a_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("BlockingGate would block this event loop: use ApprovalGate")
