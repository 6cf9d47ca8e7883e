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
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from .approval import Approval, ApprovalStatus
from .buckets import Bucketed
from .clock import Timer, sleep
from .desk import Desk
from .errors import AlreadyDecided, ApprovalTimeout, SignoffError, StoreUnavailable
from .logs import get_logger
from .protocols import BulkRead, Watch
from .thrift import BulkVersions

__all__ = ["Waiter", "WaitingRoom"]

_CHUNK: Final = 500
_AT_ONCE: Final = 256
"""Waiters that ask the store at the same time: a crowd takes turns, so that each answer is read
within the store's own time. The parts of a store share them out."""
_FEWEST: Final = 32
_FIRST_PROBE: Final = 0.05
_LAST_PROBE: Final = 1.0
_UNROUTED_AFTER: Final = 10.0
_NEAR: Final = 2.5
"""Sweeps before an approval's end, from which on its waiter has a timer of its own."""

T = TypeVar("T")


class Waiter:
    """One waiting caller, as small as may be: the record does not wait along.

    It is called with each wake-up, at any time, any number of times.
    """

    __slots__ = ("asked", "end", "future", "key", "timed", "version")

    def __init__(self, key: str) -> None:
        self.key = key
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done as soon as there is a reason to read again."""
        self.version = 0
        """The version that the caller has seen."""
        self.end = 0.0
        """When the approval ends, in seconds since 1970 by the store's clock."""
        self.timed = False
        """Whether a timer stands for that end."""
        self.asked: float | None = None
        """When it was asked, by the same clock, if nothing has routed it."""

    def __call__(self, _hint: bytes | None = None) -> None:
        """Let the caller read again."""
        if not self.future.done():
            self.future.set_result(None)

    def saw(self, approval: Approval) -> None:
        """Keep what a sweep needs of a pending record."""
        self.version = approval.version
        self.end = approval.deadline.timestamp()
        self.asked = approval.created_at.timestamp() if approval.terms is None else None

    def must_look(self, version: int | None, now: float, *, near: float) -> bool:
        """Say whether there is a reason to read again, which nobody may have told."""
        return (
            version is None
            or version != self.version
            or self.end <= now
            or not (self.timed or self.end - now > near)
        )


class _Door:
    """The way to one part of the store: a part that is away holds up no waiter of another."""

    __slots__ = ("probe", "turns")

    def __init__(self, at_once: int) -> None:
        self.turns = asyncio.Semaphore(at_once)
        self.probe: asyncio.Task[StoreUnavailable | None] | None = None
        """Asks for all, while the part is away."""

    @property
    def shut(self) -> bool:
        """Whether it is known that the part is away."""
        return self.probe is not None and not self.probe.done()


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
        self._watch = self._store.watch if isinstance(self._store, Watch) else None
        self._interval = poll if self._watch is None else sweep
        self._patience = patience
        self._jitter = jitter
        self._waiters: set[Waiter] = set()
        self._parts = self._store if isinstance(self._store, Bucketed) else None
        self._doors: dict[int, _Door] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[Any]] = set()
        self._unrouted: Timer | None = None
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
        waiter = self._seat(key)
        unwatch: Callable[[], None] | None = None
        try:
            if (watch := self._watch) is not None:
                unwatch = await self._persist(key, lambda: watch(key, waiter))
            while True:
                approval = await self._persist(key, lambda: self._records.get(key))
                if approval.final:
                    return await self.settled(approval)
                waiter.saw(approval)
                # It is larger than all else that a waiter has.
                del approval
                timer = self._timer(waiter, await self._persist(key, self._records.about_now))
                try:
                    if not self._closed:
                        await waiter.future
                finally:
                    if timer is not None:
                        timer.cancel()
                waiter.future = asyncio.get_running_loop().create_future()
                self._check_open()
        finally:
            if unwatch is not None:
                unwatch()
            self._leave(waiter)

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

    def _timer(self, waiter: Waiter, now: datetime) -> Timer | None:
        """Start a timer for the end of the approval, if it is near; else a sweep comes first."""
        if waiter.asked is not None:
            self._look_for_unrouted(now.timestamp())
        remaining = waiter.end - now.timestamp()
        waiter.timed = remaining <= _NEAR * self._interval
        return self._clock.call_later(max(remaining, 0.001), waiter) if waiter.timed else None

    def _look_for_unrouted(self, now: float) -> None:
        """Have somebody look, when the first approval has been without a route for too long."""
        if self._warned_unrouted or self._unrouted is not None:
            return
        asked = [waiter.asked for waiter in self._waiters if waiter.asked is not None]
        if asked:
            wait = max(min(asked) + _UNROUTED_AFTER - now, 0.0)
            self._unrouted = self._clock.call_later(wait, lambda: self._warn_unrouted(now + wait))

    def _warn_unrouted(self, now: float) -> None:
        self._unrouted = None
        for waiter in self._waiters:
            if waiter.asked is not None and waiter.asked + _UNROUTED_AFTER <= now:
                self._warned_unrouted = True
                get_logger("signoff.gate").warning(
                    "gate.unrouted",
                    approval_id=waiter.key.rpartition("/")[2],
                    detail="nobody was asked after 10 s: is `signoff run` up on this store?",
                )
                return
        self._look_for_unrouted(now)

    def _seat(self, key: str) -> Waiter:
        """Give the caller a waiter whom the sweep looks after."""
        self._check_open()
        waiter = Waiter(key)
        self._waiters.add(waiter)
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep(), name="signoff-sweep")
        return waiter

    async def aclose(self) -> None:
        """End the room's own tasks, and let those who still wait know."""
        self._closed = True
        for waiter in self._waiters:
            waiter()
        self._rest()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("wait", cause="the gate is closed")

    def _leave(self, waiter: Waiter) -> None:
        self._waiters.discard(waiter)
        if not self._waiters:
            self._rest()

    def _rest(self) -> None:
        """End the tasks that serve waiters; `aclose` sees them out."""
        for task in (self._sweeper, *(door.probe for door in self._doors.values())):
            if task is not None and not task.done():
                task.cancel()
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)
        self._sweeper = None
        self._doors.clear()
        if self._unrouted is not None:
            self._unrouted.cancel()
            self._unrouted = None

    def _door(self, key: str) -> _Door:
        number = 0 if self._parts is None else self._parts.bucket_of(key)
        if number not in self._doors:
            parts = 1 if self._parts is None else len(self._parts.buckets)
            self._doors[number] = _Door(max(_AT_ONCE // parts, _FEWEST))
        return self._doors[number]

    async def _persist(self, key: str, attempt: Callable[[], Awaitable[T]]) -> T:
        since: float | None = None
        while True:
            door = self._door(key)
            try:
                async with door.turns:
                    # Else a crowd would find out one turn after the other.
                    if not door.shut:
                        return await attempt()
            except StoreUnavailable:
                self._check_open()
                # A store may answer the probe and still fail here, a subscription for example.
                now = self._clock.monotonic()
                since = now if since is None else since
                if now - since >= self._patience:
                    raise
            await self._back(door, key)

    async def _back(self, door: _Door, key: str) -> None:
        """Return when the part answers again. One probe serves all of its waiters."""
        probe = door.probe
        if probe is None or probe.done():
            probe = asyncio.create_task(self._probing(key), name="signoff-probe")
            door.probe = probe
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
            waiters = list(self._waiters)
            for start in range(0, len(waiters), _CHUNK):
                await self._sweep_chunk(waiters[start : start + _CHUNK])

    async def _sweep_chunk(self, waiters: Sequence[Waiter]) -> None:
        try:
            now = (await self._records.now()).timestamp()
            versions = await self._versions([waiter.key for waiter in waiters])
            seen = list(zip(waiters, versions, strict=True))
        except Exception:  # noqa: BLE001  (a store may be anybody's; no trouble may end the sweep)
            # Each waiter meets the trouble in its own read, with its own patience.
            for waiter in waiters:
                waiter()
            return
        for waiter, version in seen:
            if waiter.must_look(version, now, near=_NEAR * self._interval):
                waiter()

    async def _versions(self, keys: Sequence[str]) -> Sequence[int | None]:
        """Return the version of each record; `None` is a reason to look for oneself."""
        if isinstance(self._store, BulkVersions):
            return await self._store.versions(keys)
        found: Sequence[object]
        if isinstance(self._store, BulkRead):
            found = await self._store.get_many(keys)
        else:
            found = [await self._store.get(key) for key in keys]
        return [each.version if isinstance(each, Approval) else None for each in found]
