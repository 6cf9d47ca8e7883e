"""Owns stores and clocks that behave badly on purpose, or just less well than they could."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from gate import (
    Approval,
    ApprovalEvent,
    Clock,
    Consumption,
    Patched,
    StoreUnavailable,
    Unconfirmed,
    Wake,
)
from gate.testing import FakeClock, ScratchStore

__all__ = [
    "AWAY",
    "Fault",
    "FaultyStore",
    "OnceStore",
    "PlainStore",
    "SilentStore",
    "SkewedClock",
    "applied_unheard",
    "away",
    "lost",
]

T = TypeVar("T")

Call = Callable[[], Awaitable[Any]]
Fault = Callable[[Call], Awaitable[Any]]

AWAY = "away"


class SkewedClock(FakeClock):
    """An agent's clock: its time of day is wrong by `skew`, its timers are right."""

    def __init__(self) -> None:
        super().__init__()
        self.skew = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.skew

    def true(self) -> Clock:
        """Return the clock of a store beside it, which moves along and is never wrong."""
        return _Straight(self)


class _Straight:
    def __init__(self, clock: SkewedClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now() - self._clock.skew

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Any:
        return self._clock.call_later(seconds, callback)


class PlainStore:
    """A third party's store: the three methods and nothing else, each over a network of a kind."""

    def __init__(self, inner: ScratchStore) -> None:
        self.inner = inner
        self.reads = 0

    async def put(self, approval: Approval, events: Sequence[ApprovalEvent] = ()) -> Approval:
        await asyncio.sleep(0)
        stored = await self.inner.put(approval, events)
        await asyncio.sleep(0)
        return stored

    async def get(self, key: str) -> Approval | None:
        self.reads += 1
        await asyncio.sleep(0)
        found = await self.inner.get(key)
        await asyncio.sleep(0)
        return found

    async def patch(
        self,
        key: str,
        expected_version: int,
        approval: Approval,
        events: Sequence[ApprovalEvent] = (),
        before: datetime | None = None,
    ) -> Patched:
        await asyncio.sleep(0)
        answer = await self.inner.patch(key, expected_version, approval, events, before)
        await asyncio.sleep(0)
        return answer


class OnceStore(PlainStore):
    """The same store with a clock, wake-ups, and consumptions that are kept apart."""

    async def now(self) -> datetime:
        await asyncio.sleep(0)
        return await self.inner.now()

    async def watch(self, key: str, wake: Wake) -> Callable[[], None]:
        await asyncio.sleep(0)
        return await self.inner.watch(key, wake)

    async def consume_once(
        self, key: str, consumption: Consumption, events: Sequence[ApprovalEvent] = ()
    ) -> Consumption:
        await asyncio.sleep(0)
        records = self.inner._records
        if records[key].consumption is None:
            records[key] = records[key].model_copy(update={"consumption": consumption})
            self.inner.events.extend(events)
        await asyncio.sleep(0)
        return records[key].consumption or consumption


class SilentStore(ScratchStore):
    """A store whose wake-ups all get lost; it counts who subscribes and who leaves."""

    def __init__(self, *, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.watching = 0
        self.watched = 0
        self.reads: list[str] = []

    async def get(self, key: str) -> Approval | None:
        self.reads.append(key)
        return await super().get(key)

    async def watch(self, key: str, wake: Wake) -> Callable[[], None]:
        self.watching += 1
        self.watched += 1

        def leave() -> None:
            self.watching -= 1

        return leave


class FaultyStore(OnceStore):
    """A store in which the next calls of a method go wrong as a test has planned.

    Attributes:
        plan: Method name → what happens to its next calls. `AWAY` in `states` fails everything.
    """

    def __init__(self, *, clock: Clock) -> None:
        super().__init__(ScratchStore(clock=clock))
        self.plan: dict[str, deque[Fault]] = {}
        self.states: set[str] = set()
        self.calls: list[str] = []

    def next(self, method: str, *faults: Fault) -> None:
        """Let the next calls of *method* go through *faults*, one each."""
        self.plan.setdefault(method, deque()).extend(faults)

    async def put(self, approval: Approval, events: Sequence[ApprovalEvent] = ()) -> Approval:
        return await self._through("put", lambda: super(FaultyStore, self).put(approval, events))

    async def get(self, key: str) -> Approval | None:
        return await self._through("get", lambda: super(FaultyStore, self).get(key))

    async def patch(
        self,
        key: str,
        expected_version: int,
        approval: Approval,
        events: Sequence[ApprovalEvent] = (),
        before: datetime | None = None,
    ) -> Patched:
        return await self._through(
            "patch",
            lambda: super(FaultyStore, self).patch(key, expected_version, approval, events, before),
        )

    async def now(self) -> datetime:
        return await self._through("now", lambda: super(FaultyStore, self).now())

    async def watch(self, key: str, wake: Wake) -> Callable[[], None]:
        return await self._through("watch", lambda: super(FaultyStore, self).watch(key, wake))

    async def consume_once(
        self, key: str, consumption: Consumption, events: Sequence[ApprovalEvent] = ()
    ) -> Consumption:
        return await self._through(
            "consume_once",
            lambda: super(FaultyStore, self).consume_once(key, consumption, events),
        )

    async def _through(self, method: str, call: Callable[[], Awaitable[T]]) -> T:
        self.calls.append(method)
        if AWAY in self.states or f"{AWAY}:{method}" in self.states:
            await away(call)
        planned = self.plan.get(method)
        if not planned:
            return await call()
        answer: T = await planned.popleft()(call)
        return answer


async def away(_: Call) -> Any:
    """The store cannot be reached: nothing is written."""
    raise StoreUnavailable("call", cause="connection refused")


async def lost(_: Call) -> Any:
    """The command never arrives, and the caller cannot know."""
    raise Unconfirmed("call")


async def applied_unheard(call: Call) -> Any:
    """The command takes effect, and its answer is lost."""
    await call()
    raise Unconfirmed("call")
