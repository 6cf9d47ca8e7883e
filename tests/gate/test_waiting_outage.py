"""Waiting while the store is away: patiently, with one probe, and never with a yes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from gate import (
    Approval,
    ApprovalGate,
    ApprovalTimeout,
    Desk,
    StoreCorrupt,
    StoreUnavailable,
)
from gate.clock import sleep
from gate.testing import FakeClock
from tests.support.factories import BEN

from .fakes import AWAY, FaultyStore, SilentStore, SkewedClock, away


@pytest.fixture
def faulty(clock: FakeClock) -> FaultyStore:
    return FaultyStore(clock=clock)


@pytest.fixture
def gate(faulty: FaultyStore, clock: FakeClock) -> ApprovalGate:
    return ApprovalGate(faulty, agent="billing", clock=clock, store_patience=30)


async def ask(gate: ApprovalGate, approval_id: str = "a", **more: Any) -> Approval:
    return await gate.request(**{"id": approval_id, "name": "n", "expires_in": 3600, **more})


def other_tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def outage(faulty: FaultyStore, clock: FakeClock, seconds: float) -> None:
    """Take the store away, let every waiter notice, and bring it back."""
    faulty.states.add(AWAY)
    for wakes in faulty.inner._watchers.values():
        for wake in tuple(wakes):
            wake(None)
    await clock.advance(seconds)
    faulty.states.discard(AWAY)


class _InParts(FaultyStore):
    """A store in two parts; the records with a `b` are in the second, which may be frozen."""

    def __init__(self, *, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.buckets = (self, self)
        self.frozen = False
        self.unanswered = 0
        self._clock = clock

    def bucket_of(self, key: str) -> int:
        return int(key.startswith("b"))

    async def get(self, key: str) -> Approval | None:
        if self.frozen and key.startswith("b"):
            self.unanswered += 1
            await sleep(self._clock, 2)
            raise StoreUnavailable("get", cause="no answer within 2 s")
        return await super().get(key)


async def test_a_part_that_is_away_holds_up_nobody_else(clock: FakeClock) -> None:
    """P17: neither its crowd, nor its probe, is in the way of the other parts' waiters."""
    store = _InParts(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock, store_patience=30)
    names = ["a", *(f"b{number}" for number in range(300))]
    for name in names:
        await ask(gate, name)
    waiting, *crowd = [asyncio.create_task(gate.wait(name)) for name in names]
    await clock.advance(1)
    store.frozen = True
    for name in names[1:]:
        store.inner._watchers[name][0](None)
    await clock.advance(0)
    store.calls.clear()
    store.inner._watchers["a"][0](None)
    await clock.advance(0)
    assert ["get"] == store.calls
    await clock.advance(5)
    store.next("get", away)
    await Desk(store.inner, clock=clock).decide("a", "approve")
    await clock.advance(1)
    assert waiting.done(), "it does not wait for the others' probe"
    assert (await waiting).status == "approved"
    assert not any(waiter.done() for waiter in crowd)
    store.frozen = False
    for name in names[1:]:
        await Desk(store.inner, clock=clock).decide(name, "deny")
    await clock.advance(3)
    assert {"rejected"} == {(await asyncio.wait_for(waiter, 5)).status for waiter in crowd}
    await clock.advance(0)
    assert other_tasks() == set()


async def test_a_crowd_finds_out_once_that_the_store_is_frozen(clock: FakeClock) -> None:
    """F2: those who come when it is known wait for the probe, and not each for an answer."""
    store = _InParts(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock, store_patience=30)
    names = [f"b{number}" for number in range(1000)]
    for name in names:
        await ask(gate, name)
    crowd = [asyncio.create_task(gate.wait(name)) for name in names]
    await clock.advance(1)
    store.frozen = True
    for name in names:
        store.inner._watchers[name][0](None)
    await clock.advance(15)
    assert store.unanswered < 150
    store.frozen = False
    for name in names:
        await Desk(store.inner, clock=clock).decide(name, "deny")
    await clock.advance(3)
    assert {"rejected"} == {(await asyncio.wait_for(waiter, 5)).status for waiter in crowd}


async def test_a_short_outage_is_outlasted(
    gate: ApprovalGate, faulty: FaultyStore, clock: FakeClock
) -> None:
    """F1: waiters of all ids go on, with one probe between them, and find the decision."""
    for number in range(50):
        await ask(gate, f"a{number}")
    waiters = [asyncio.create_task(gate.wait(f"a{number}")) for number in range(50)]
    await clock.advance(1)
    faulty.calls.clear()
    await outage(faulty, clock, 20)
    assert not any(waiter.done() for waiter in waiters)
    assert faulty.calls.count("get") < 50 + 60
    for number in range(50):
        await Desk(faulty, clock=clock).decide(f"a{number}", "approve")
    await clock.advance(2)
    assert all([(await asyncio.wait_for(waiter, 5)).status == "approved" for waiter in waiters])
    await clock.advance(0)
    assert other_tasks() == set()


async def test_a_long_outage_is_told(
    gate: ApprovalGate, faulty: FaultyStore, clock: FakeClock
) -> None:
    """F1, P4: after the patience each waiter gets an error of its own; the approval is pending."""
    await ask(gate)
    waiters = [asyncio.create_task(gate.wait("a")) for _ in range(3)]
    await clock.advance(1)
    await outage(faulty, clock, 33)
    errors = await asyncio.wait_for(asyncio.gather(*waiters, return_exceptions=True), 5)
    assert all(isinstance(error, StoreUnavailable) for error in errors)
    assert len({id(error) for error in errors}) == 3
    await clock.advance(0)
    assert other_tasks() == set()
    assert (await gate.get("a")).status == "pending"


async def test_the_store_may_be_away_at_the_start(
    gate: ApprovalGate, faulty: FaultyStore, clock: FakeClock
) -> None:
    """The subscription is made as soon as it can be."""
    await ask(gate)
    faulty.states.add(AWAY)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(10)
    faulty.states.discard(AWAY)
    await clock.advance(2)
    await Desk(faulty, clock=clock).decide("a", "deny")
    assert (await asyncio.wait_for(waiting, 5)).status == "rejected"


async def test_the_callers_timeout_counts_in_an_outage_too(
    gate: ApprovalGate, faulty: FaultyStore, clock: FakeClock
) -> None:
    """Exactly, and no probe is left behind."""
    await ask(gate)
    waiting = asyncio.create_task(gate.wait("a", timeout=15))
    await clock.advance(5)
    await outage(faulty, clock, 10)
    with pytest.raises(ApprovalTimeout):
        await asyncio.wait_for(waiting, 5)
    await clock.advance(0)
    assert other_tasks() == set()


async def test_cancelling_in_an_outage_leaves_the_others(
    gate: ApprovalGate, faulty: FaultyStore, clock: FakeClock
) -> None:
    """One waiter's cancellation does not end the probe of the others."""
    await ask(gate)
    first, second = (asyncio.create_task(gate.wait("a")) for _ in range(2))
    await clock.advance(0)
    await outage(faulty, clock, 0)
    first.cancel()
    await clock.advance(2)
    await Desk(faulty, clock=clock).decide("a", "approve")
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(first, 5)
    assert (await asyncio.wait_for(second, 5)).status == "approved"


async def test_a_subscription_that_never_comes_back_is_told(
    gate: ApprovalGate, faulty: FaultyStore, clock: FakeClock
) -> None:
    """Reads work and subscribing does not: the patience ends that as well."""
    await ask(gate)
    faulty.states.add(f"{AWAY}:watch")
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(29)
    assert not waiting.done()
    await clock.advance(4)
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(waiting, 5)


async def test_a_clock_that_cannot_be_read_is_an_outage(
    gate: ApprovalGate, faulty: FaultyStore, clock: FakeClock
) -> None:
    """P7: without the store's time nothing is called expired."""
    await ask(gate, expires_in=70)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(65)
    faulty.states.add(f"{AWAY}:now")
    await clock.advance(10)
    assert not waiting.done()
    faulty.states.clear()
    await clock.advance(2)
    assert (await asyncio.wait_for(waiting, 5)).status == "expired"


async def test_an_unreadable_record_ends_the_waiting(
    gate: ApprovalGate, faulty: FaultyStore, clock: FakeClock
) -> None:
    """P4: it counts as undecided for ever; the others of the sweep are not disturbed."""
    await ask(gate)
    await ask(gate, "b")
    broken, fine = (asyncio.create_task(gate.wait(key)) for key in ("a", "b"))
    await clock.advance(0)

    async def corrupt(_: Any) -> Any:
        raise StoreCorrupt("a", reason="made so")

    faulty.next("get", corrupt)
    faulty.inner._watchers["a"][0](None)
    with pytest.raises(StoreCorrupt):
        await asyncio.wait_for(broken, 5)
    assert not fine.done()
    fine.cancel()


async def test_a_sweep_outlives_any_trouble(
    gate: ApprovalGate, faulty: FaultyStore, clock: FakeClock
) -> None:
    """A foreign store may raise anything; the next sweep comes all the same."""
    await ask(gate)
    faulty.inner._watchers.clear()
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(0)
    faulty.inner._watchers.clear()

    async def broken(_: Any) -> Any:
        raise RuntimeError

    faulty.next("now", broken)
    await clock.advance(67)
    assert not waiting.done()
    await Desk(faulty, clock=clock).decide("a", "approve")
    await clock.advance(67)
    assert (await asyncio.wait_for(waiting, 5)).status == "approved"


async def test_a_sweep_outlives_a_store_that_cannot_count(clock: FakeClock) -> None:
    """P17: fewer answers than questions are no answers; each waiter looks for itself."""

    class Miscounting(SilentStore):
        async def get_many(self, keys: Sequence[str]) -> list[Approval | Exception | None]:
            return []

    store = Miscounting(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await ask(gate)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(67)
    await Desk(store, clock=clock).decide("a", "approve")
    await clock.advance(67)
    assert (await asyncio.wait_for(waiting, 5)).status == "approved"


async def test_closing_the_gate_in_an_outage_ends_its_waiters(
    gate: ApprovalGate, faulty: FaultyStore, clock: FakeClock
) -> None:
    """With an error, not with a cancellation that nobody asked for."""
    await ask(gate)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(0)
    faulty.states.add(AWAY)
    faulty.inner._watchers["a"][0](None)
    await clock.advance(1)
    await gate.aclose()
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(waiting, 5)
    assert other_tasks() == set()


async def test_an_expiry_that_cannot_be_written_is_still_returned(
    gate: ApprovalGate, faulty: FaultyStore, clock: FakeClock
) -> None:
    """P7: the store's clock has spoken; the sweeper of the bot writes it later."""
    await ask(gate, expires_in=30)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(1)
    faulty.states.add(f"{AWAY}:patch")
    await clock.advance(30)
    assert (await asyncio.wait_for(waiting, 5)).status == "expired"


async def test_an_expiry_that_was_overtaken_tells_what_is_written() -> None:
    """P1: the store's clock went back before the expiry was written, and Ben was in time."""
    here, there = FakeClock(), SkewedClock()
    store = FaultyStore(clock=there)
    gate = ApprovalGate(store, agent="billing", clock=here)
    await ask(gate, expires_in=30)
    there.skew = timedelta(seconds=40)

    async def overtaken(call: Callable[[], Awaitable[Any]]) -> Any:
        there.skew = timedelta(0)
        await Desk(store.inner, clock=there).decide("a", "approve", approver=BEN)
        return await call()

    store.next("patch", overtaken)
    waiting = asyncio.create_task(gate.wait("a"))
    await here.advance(70)
    assert (await asyncio.wait_for(waiting, 5)).approver == BEN
    assert (await gate.get("a")).status == "approved"
