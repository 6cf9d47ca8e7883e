"""The lease: one replica acts at a time, and stops in time when it may no longer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.leadership import Leadership
from gate import StoreUnavailable, SystemClock
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.bot.chat import FaultyStore
from tests.support.waiting import wait_until

SOON = 0.06
"""Seconds of a lease's life; the store's clock stands still where a test says nothing else."""


class Worker:
    """Work that notes when it begins and ends, and with which fence."""

    def __init__(self) -> None:
        self.running: list[int] = []
        self.fences: list[int] = []
        self.ended = 0
        self.stubborn: asyncio.Event | None = None

    async def __call__(self, fence: int) -> None:
        self.fences.append(fence)
        self.running.append(fence)
        try:
            await asyncio.Event().wait()
        finally:
            if self.stubborn is not None:
                await self.stubborn.wait()
            self.running.remove(fence)
            self.ended += 1


class Replica:
    """One replica that wants to lead, and its task."""

    def __init__(self, store: MemoryStore, holder: str, *, seconds: float = SOON) -> None:
        self.work = Worker()
        self.leadership = Leadership(store, name="notifier", holder=holder, seconds=seconds)
        self.task = asyncio.create_task(self.leadership.lead(self.work))

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


async def away(verb: str) -> None:
    raise StoreUnavailable(verb, cause="gone")


async def never(_: str) -> None:
    await asyncio.Event().wait()


async def test_one_holder_at_a_time_and_a_clean_handover():
    """A second replica waits, and takes over with a higher fence when the first one stops."""
    store = MemoryStore(clock=FakeClock())
    first = Replica(store, "a")
    await wait_until(lambda: first.work.running, "the first one leads")
    second = Replica(store, "b")
    assert first.leadership.leading
    assert [] == second.work.fences
    await first.stop()
    assert not first.leadership.leading
    assert [] == first.work.running
    await wait_until(lambda: second.work.running, "the second one takes over")
    assert first.work.fences < second.work.fences
    await second.stop()


async def test_takeover_after_the_end_of_a_lease():
    """After a crash the lease runs out by the store's clock, and another replica takes over."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    assert await store.hold("notifier", "crashed", seconds=30) == 1
    heir = Replica(store, "b")
    await clock.advance(29)
    assert [] == heir.work.fences
    await clock.advance(1)
    await wait_until(lambda: heir.work.fences == [2], "the heir leads with the next fence")
    await heir.stop()


async def test_a_lost_lease_ends_the_work():
    """Who finds another holder in its place stops at once, and asks again later."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    replica = Replica(store, "a")
    await wait_until(lambda: replica.work.running, "it leads")
    await clock.advance(SOON)
    assert await store.hold("notifier", "thief", seconds=30) == 2
    await wait_until(lambda: replica.work.ended == 1, "the work has ended")
    await wait_until(lambda: not replica.leadership.leading, "it knows that it does not lead")
    await store.release("notifier", "thief")
    await wait_until(lambda: replica.work.fences == [1, 3], "it leads again, with a new fence")
    await replica.stop()


@pytest.mark.parametrize("fault", [away, never])
async def test_a_store_that_is_away_ends_the_work_when_its_time_is_over(fault: Any):
    """Without an answer the lease is kept to its end, and not a moment longer."""
    store = FaultyStore(clock=FakeClock())
    replica = Replica(store, "a", seconds=0.3)
    await wait_until(lambda: replica.work.running, "it leads")
    loop = asyncio.get_running_loop()
    store.fault, since = fault, loop.time()
    await wait_until(lambda: replica.work.ended, "the work has ended")
    lasted = loop.time() - since
    # Renewed at most a third of its life before the store went away.
    assert 0.15 < lasted < 0.4
    store.fault = None
    await replica.stop()


async def test_a_short_absence_changes_nothing():
    """A store that is back before the lease ends costs no handover."""
    store = FaultyStore(clock=FakeClock())
    faults: list[str] = []

    async def once(verb: str) -> None:
        if not faults:
            faults.append(verb)
            raise StoreUnavailable(verb, cause="gone")

    replica = Replica(store, "a")
    await wait_until(lambda: replica.work.running, "it leads")
    store.fault = once
    await wait_until(lambda: faults, "one renewal failed")
    await asyncio.wait({replica.task}, timeout=2 * SOON)
    assert [1] == replica.work.fences
    await replica.stop()


async def test_a_slow_first_answer_shortens_the_term():
    """The lease is counted from before the question, also the first time."""
    store = FaultyStore(clock=SystemClock())
    asked = asyncio.get_running_loop().time()
    hold = asyncio.Event()

    async def slow(_: str) -> None:
        await hold.wait()

    store.fault = slow
    replica = Replica(store, "a", seconds=0.2)
    asyncio.get_running_loop().call_later(0.15, hold.set)
    await wait_until(lambda: replica.work.running, "it leads")
    store.fault = never
    await wait_until(lambda: replica.work.ended, "the work has ended")
    assert asyncio.get_running_loop().time() - asked < 0.3
    store.fault = None
    await replica.stop()


async def test_an_error_of_the_work_comes_out():
    """Work that fails is not begun again in silence; the lease is given back."""
    store = MemoryStore(clock=FakeClock())

    async def work(_: int) -> None:
        raise ZeroDivisionError

    leadership = Leadership(store, name="notifier", holder="a", seconds=SOON)
    with pytest.raises(ZeroDivisionError):
        await leadership.lead(work)
    assert not leadership.leading
    assert await store.hold("notifier", "b", seconds=1) == 2


async def test_a_stop_while_the_lease_is_being_lost_is_not_swallowed():
    """A cancellation that comes while lost work is still ending is a stop, not part of it."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    replica = Replica(store, "a")
    replica.work.stubborn = asyncio.Event()
    await wait_until(lambda: replica.work.running, "it leads")
    await clock.advance(SOON)
    assert await store.hold("notifier", "thief", seconds=30) == 2
    await wait_until(lambda: not replica.leadership.leading, "it has lost the lease")
    replica.task.cancel()
    replica.work.stubborn.set()
    await asyncio.wait({replica.task}, timeout=2)
    assert replica.task.cancelled()
