"""Owns waiting: any number of waiters of one process, woken by hints, convinced only by records.

The order is subscribe, read, wait. A waiter is registered with the store before it reads, so a
change is either in what it reads or in a wake-up that follows. Wake-ups may be lost, doubled or
false: each one only causes a read. One sweep per room reads all waiting records in bulk from time
to time and asks the store for its time, so that a waiter whose wake-up was lost, or whose own timer
went wrong, is late by the sweep's interval at most.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from .approval import Approval, ApprovalStatus
from .clock import sleep
from .desk import Desk
from .errors import AlreadyDecided, ApprovalTimeout, SignoffError, StoreUnavailable
from .logs import get_logger
from .protocols import BulkRead, Watch
from .standing import as_of

__all__ = ["Waiter", "WaitingRoom"]

_CHUNK = 500
_FIRST_PROBE = 0.05
_LAST_PROBE = 1.0
_UNROUTED_AFTER = 10.0

T = TypeVar("T")


class Waiter:
    """One waiting caller. `wake` may be called at any time, any number of times."""

    __slots__ = ("_future", "version")

    def __init__(self) -> None:
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.version = 0
        """The version that the caller has seen."""

    def wake(self, _hint: bytes | None = None) -> None:
        """Let the caller read again."""
        if not self._future.done():
            self._future.set_result(None)

    async def woken(self) -> None:
        """Return after the next `wake`, at once if there was one since the last return."""
        await self._future
        self._future = asyncio.get_running_loop().create_future()


class WaitingRoom:
    """Where the waiters of one gate sit.

    Args:
        desk: Where records are read, and ended when their end has come. A store with `Watch`
            wakes waiters; else they are swept every *poll* seconds.
        sweep: Seconds between two safety sweeps of a store that can wake.
        poll: Seconds between two sweeps of a store that cannot.
        patience: Seconds for which a store may stay away before waiters are told.
        jitter: Random numbers from 0 to 1, which spread the sweeps of many processes.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        sweep: float,
        poll: float,
        patience: float,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._desk = desk
        self._records = desk.records
        self._store = desk.records.store
        self._clock = desk.records.clock
        self._interval = sweep if isinstance(self._store, Watch) else poll
        self._patience = patience
        self._jitter = jitter
        self._waiters: dict[str, set[Waiter]] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[StoreUnavailable | None] | None = None
        self._ending: set[asyncio.Task[Any]] = set()
        self._warned_unrouted = False
        self._closed = False

    async def wait(self, key: str, *, approval_id: str, timeout: float | None) -> Approval:
        """Return the record once it is final, or give up after *timeout* seconds; 0 looks once.

        Raises:
            ApprovalTimeout: The *timeout* ended; nothing was changed.
            SignoffError: Whatever `until_final` raises.
        """
        if timeout is None:
            return await self.until_final(key)
        if not timeout > 0:
            approval = await self._records.get(key)
            if approval.final:
                return await self.settled(approval)
            raise ApprovalTimeout(approval_id, timeout=timeout)
        # The deadline is the clock's, the way it interrupts is asyncio's own.
        scope = asyncio.timeout(None)
        loop = asyncio.get_running_loop()
        timer = self._clock.call_later(timeout, lambda: scope.reschedule(loop.time()))
        try:
            async with scope:
                return await self.until_final(key)
        except TimeoutError:
            if scope.expired():
                raise ApprovalTimeout(approval_id, timeout=timeout) from None
            raise
        finally:
            timer.cancel()

    async def until_final(self, key: str) -> Approval:
        """Return the record once it is final.

        Raises:
            ApprovalNotFound: There is no such record, or it is gone.
            StoreUnavailable: The store stayed away for longer than the patience, or the gate was
                closed.
            StoreCorrupt: The record cannot be read.
        """
        async with self._enter(key) as waiter:
            while True:
                approval = await self._persist(key, lambda: self._records.get(key))
                if approval.final:
                    return await self.settled(approval)
                waiter.version = approval.version
                now = await self._persist(key, self._records.about_now)
                if not self._closed:
                    await self._until_woken(waiter, approval, now)
                self._check_open()

    async def settled(self, approval: Approval) -> Approval:
        """Return a final record; write an expiry that nobody has written yet."""
        if approval.status is not ApprovalStatus.EXPIRED:
            return approval
        try:
            return await self._desk.expire(approval.key)
        except AlreadyDecided as other:
            # The store's clock went back, and somebody was in time: what is written counts.
            return other.approval
        except SignoffError:
            # Nothing can be written now. The store's clock has spoken.
            return approval

    async def _until_woken(self, waiter: Waiter, approval: Approval, now: datetime) -> None:
        """Sleep until a wake-up or the approval's end; warn once if nothing has routed it."""
        remaining = (approval.deadline - now).total_seconds()
        timers = [self._clock.call_later(max(remaining, 0.001), waiter.wake)]
        if approval.terms is None and not self._warned_unrouted:
            age = (now - approval.created_at).total_seconds()
            timers.append(
                self._clock.call_later(
                    max(_UNROUTED_AFTER - age, 0.0), lambda: self._warn_unrouted(approval.id)
                )
            )
        try:
            await waiter.woken()
        finally:
            for timer in timers:
                timer.cancel()

    def _warn_unrouted(self, approval_id: str) -> None:
        if not self._warned_unrouted:
            self._warned_unrouted = True
            get_logger("signoff.gate").warning(
                "gate.unrouted",
                approval_id=approval_id,
                detail="nobody was asked after 10 s: is `signoff run` up on this store?",
            )

    @asynccontextmanager
    async def _enter(self, key: str) -> AsyncIterator[Waiter]:
        """Give the caller a waiter that is woken at changes of the record under *key*."""
        self._check_open()
        waiter = Waiter()
        self._waiters.setdefault(key, set()).add(waiter)
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep(), name="signoff-sweep")
        unwatch: Callable[[], None] | None = None
        try:
            store = self._store
            if isinstance(store, Watch):
                unwatch = await self._persist(key, lambda: store.watch(key, waiter.wake))
            yield waiter
        finally:
            if unwatch is not None:
                unwatch()
            self._leave(key, waiter)

    async def aclose(self) -> None:
        """End the room's own tasks, and let those who still wait know."""
        self._closed = True
        for seated in self._waiters.values():
            for waiter in seated:
                waiter.wake()
        self._rest()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("wait", cause="the gate is closed")

    def _leave(self, key: str, waiter: Waiter) -> None:
        seated = self._waiters.get(key)
        if seated is not None:
            seated.discard(waiter)
            if not seated:
                del self._waiters[key]
        if not self._waiters:
            self._rest()

    def _rest(self) -> None:
        """End the tasks that serve waiters; `aclose` sees them out."""
        for task in (self._sweeper, self._probe):
            if task is not None and not task.done():
                task.cancel()
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)
        self._sweeper = self._probe = None

    async def _persist(self, key: str, attempt: Callable[[], Awaitable[T]]) -> T:
        since: float | None = None
        while True:
            try:
                return await attempt()
            except StoreUnavailable:
                self._check_open()
                # A store may answer the probe and still fail here, a subscription for example.
                now = self._clock.monotonic()
                since = now if since is None else since
                if now - since >= self._patience:
                    raise
            await self._back(key)

    async def _back(self, key: str) -> None:
        """Return when the store answers again. One probe serves all waiters of the room."""
        probe = self._probe
        if probe is None or probe.done():
            probe = asyncio.create_task(self._probing(key), name="signoff-probe")
            self._probe = probe
        # Not awaited itself: neither one waiter's cancellation nor the probe's may end the other.
        await asyncio.wait({probe})
        trouble = None if probe.cancelled() else probe.result()
        if trouble is not None:
            raise StoreUnavailable(trouble.operation, cause=trouble.cause)

    async def _probing(self, key: str) -> StoreUnavailable | None:
        """Return once the store answers, or the error when the patience has ended."""
        started = self._clock.monotonic()
        delay = _FIRST_PROBE
        while True:
            await sleep(self._clock, delay * (0.5 + self._jitter()))
            try:
                await self._store.get(key)
            except StoreUnavailable as error:
                if self._clock.monotonic() - started >= self._patience:
                    return error
                delay = min(delay * 2, _LAST_PROBE)
            except Exception:  # noqa: BLE001  (an answer of a kind: each waiter's read meets it)
                return None
            else:
                return None

    async def _sweep(self) -> None:
        while True:
            await sleep(self._clock, self._interval * (0.9 + 0.2 * self._jitter()))
            keys = list(self._waiters)
            for start in range(0, len(keys), _CHUNK):
                await self._sweep_chunk(keys[start : start + _CHUNK])

    async def _sweep_chunk(self, keys: list[str]) -> None:
        now: datetime | None = None
        try:
            now = await self._records.now()
            if isinstance(self._store, BulkRead):
                found: list[Approval | Exception | None] = await self._store.get_many(keys)
            else:
                found = [await self._store.get(key) for key in keys]
        except Exception:  # noqa: BLE001  (a store may be anybody's; no trouble may end the sweep)
            # Each waiter meets the trouble in its own read, with its own patience.
            found = [None] * len(keys)
        for key, record in zip(keys, found, strict=True):
            for waiter in tuple(self._waiters.get(key, ())):
                if (
                    now is None
                    or not isinstance(record, Approval)
                    or record.version != waiter.version
                    or as_of(record, now).final
                ):
                    waiter.wake()
