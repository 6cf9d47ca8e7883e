"""Waiting: woken by hints, convinced by records, on time by the store's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gate import (
    Approval,
    ApprovalGate,
    ApprovalNotFound,
    ApprovalTimeout,
    Desk,
    StoreUnavailable,
    Wake,
)
from gate.testing import FakeClock, ScratchStore
from tests.support.factories import after, route

from .fakes import PlainStore, SilentStore, SkewedClock


def other_tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def ask(gate: ApprovalGate, approval_id: str = "a", **more: Any) -> Approval:
    return await gate.request(**{"id": approval_id, "name": "n", "expires_in": 3600, **more})


async def test_a_waiter_returns_when_somebody_else_decides(
    gate: ApprovalGate, desk: Desk, clock: FakeClock
) -> None:
    """Parity 9: at once, by the store's wake-up; no time passes."""
    await ask(gate)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(0)
    assert not waiting.done()
    await desk.decide("a", "approve")
    assert (await asyncio.wait_for(waiting, 5)).status == "approved"
    assert clock.monotonic() == 0


@pytest.mark.parametrize("end", ["approve", "deny", "skip", "cancel", "expire"])
async def test_waiting_for_what_is_final_returns_at_once(
    gate: ApprovalGate, desk: Desk, clock: FakeClock, end: str
) -> None:
    """Parity 10: whatever the end was, it is returned and not raised."""
    await ask(gate)
    match end:
        case "cancel":
            await desk.cancel("a")
        case "expire":
            await clock.advance(3600)
        case verdict:
            await desk.decide("a", verdict)
    for timeout in (None, 0, 5):
        assert (await gate.wait("a", timeout=timeout)).final


@pytest.mark.parametrize("timeout", [None, 0, 5])
async def test_waiting_for_an_unknown_id_fails(gate: ApprovalGate, timeout: float | None) -> None:
    """Parity 13: at once."""
    with pytest.raises(ApprovalNotFound):
        await gate.wait("nope", timeout=timeout)


@pytest.mark.parametrize("timeout", [5, 5.0, timedelta(seconds=5)])
async def test_the_callers_timeout_is_exact_and_changes_nothing(
    gate: ApprovalGate, clock: FakeClock, timeout: float | timedelta
) -> None:
    """Parity 11: not before, not after; the approval stays pending and may still be decided."""
    await ask(gate)
    waiting = asyncio.create_task(gate.wait("a", timeout=timeout))
    await clock.advance(4.999)
    assert not waiting.done()
    await clock.advance(0.001)
    with pytest.raises(ApprovalTimeout) as caught:
        await asyncio.wait_for(waiting, 5)
    assert (caught.value.approval_id, caught.value.timeout) == ("a", 5)
    assert isinstance(caught.value, TimeoutError)
    assert (await gate.get("a")).status == "pending"
    await gate.decide("a", "approve")
    assert (await gate.wait("a", timeout=5)).status == "approved"


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
async def test_a_timeout_of_nothing_looks_once(gate: ApprovalGate, timeout: float) -> None:
    """One read, no task, no subscription."""
    await ask(gate)
    with pytest.raises(ApprovalTimeout):
        await gate.wait("a", timeout=timeout)
    assert other_tasks() == set()


async def test_cancelling_a_waiter_leaves_nothing_behind(clock: FakeClock) -> None:
    """Parity 12: the approval stays pending; no task and no subscription is left."""
    store = SilentStore(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await ask(gate)
    waiting = asyncio.create_task(gate.wait("a", timeout=60))
    await clock.advance(1)
    assert store.watching == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)
    await clock.advance(0)
    assert (store.watching, other_tasks()) == (0, set())
    assert (await gate.get("a")).status == "pending"


async def test_cancelling_inside_the_subscription_leaves_nothing_behind(clock: FakeClock) -> None:
    """The store is slow to subscribe, and the caller gives up meanwhile."""

    class Slow(SilentStore):
        async def watch(self, key: str, wake: Wake) -> Callable[[], None]:
            await asyncio.Event().wait()
            raise AssertionError

    gate = ApprovalGate(Slow(clock=clock), agent="billing", clock=clock)
    await ask(gate)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await gate.wait("a")
    await clock.advance(0)
    assert other_tasks() == set()


class Deciding(ScratchStore):
    """A store in which the decision falls inside the waiter's own calls."""

    def __init__(self, *, clock: FakeClock, when: str) -> None:
        super().__init__(clock=clock)
        self.when = when
        self.armed = False

    async def decide(self, moment: str) -> None:
        if self.armed and moment == self.when:
            self.armed = False
            await Desk(self).decide("a", "approve")

    async def watch(self, key: str, wake: Wake) -> Callable[[], None]:
        await self.decide("before subscribing")
        leave = await super().watch(key, wake)
        await self.decide("after subscribing")
        return leave

    async def get(self, key: str) -> Approval | None:
        await self.decide("before reading")
        found = await super().get(key)
        await self.decide("after reading")
        return found


@pytest.mark.parametrize(
    "when", ["before subscribing", "after subscribing", "before reading", "after reading"]
)
async def test_no_moment_of_a_decision_is_missed(when: str, clock: FakeClock) -> None:
    """P17: subscribe first, then read; a change is in the record or in a wake-up."""
    store = Deciding(clock=clock, when=when)
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await ask(gate)
    store.armed = True
    assert (await asyncio.wait_for(gate.wait("a"), 5)).status == "approved"
    assert clock.monotonic() == 0


async def test_a_lost_wake_up_is_found_by_the_sweep(clock: FakeClock) -> None:
    """P17: within the interval, 60 s and its jitter, though nothing was ever told."""
    store = SilentStore(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await ask(gate)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(0)
    await Desk(store, clock=clock).decide("a", "approve")
    await clock.advance(53.9)
    assert not waiting.done()
    await clock.advance(12.2)
    assert waiting.done()
    assert (await asyncio.wait_for(waiting, 5)).status == "approved"


async def test_a_shortened_end_that_nobody_told_of_is_found_by_the_sweep(clock: FakeClock) -> None:
    """P7, P17: the route's end is met on time, though its wake-up was lost."""
    store = SilentStore(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await ask(gate)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(1)
    await Desk(store, clock=clock).route("a", route(expires_at=after(100)))
    await clock.advance(99.01)
    assert waiting.done()
    assert (await asyncio.wait_for(waiting, 5)).decided_at == after(100)


async def test_wake_ups_without_cause_only_cause_a_read(clock: FakeClock) -> None:
    """P17: doubled, false, or with forged contents: the record decides."""
    wakes: list[Wake] = []

    class Noisy(SilentStore):
        async def watch(self, key: str, wake: Wake) -> Callable[[], None]:
            wakes.append(wake)
            return await super().watch(key, wake)

    store = Noisy(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await ask(gate)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(0)
    for hint in (None, b"", b'{"status":"approved"}', b"\xff"):
        for _ in range(3):
            wakes[0](hint)
        await clock.advance(0)
    assert not waiting.done()
    await Desk(store, clock=clock).decide("a", "deny")
    wakes[0](None)
    assert (await asyncio.wait_for(waiting, 5)).status == "rejected"
    wakes[0](None)


async def test_the_end_comes_to_the_waiter_on_time(
    gate: ApprovalGate, store: ScratchStore, clock: FakeClock
) -> None:
    """P7: at the deadline the waiter writes and returns the expiry, told once."""
    await ask(gate, expires_in=30)
    waiters = [asyncio.create_task(gate.wait("a")) for _ in range(3)]
    await clock.advance(29.999)
    assert not any(waiter.done() for waiter in waiters)
    await clock.advance(0.002)
    ended = await asyncio.wait_for(asyncio.gather(*waiters), 5)
    assert {approval.status.value for approval in ended} == {"expired"}
    assert ended[0].decided_at == after(30)
    assert [event.type for event in store.events].count("onApprovalExpired") == 1


@pytest.mark.parametrize("minutes", [-1440, -10, 0, 10, 1440])
@pytest.mark.parametrize("jump", [-10, 0, 10])
async def test_the_agents_clock_does_not_matter(minutes: int, jump: int) -> None:
    """P7: it is wrong from the start, or jumps while waiting; only the store's clock counts."""
    clock = SkewedClock()
    store = ScratchStore(clock=clock.true())
    gate = ApprovalGate(store, agent="billing", clock=clock)
    clock.skew = timedelta(minutes=minutes)
    assert (await ask(gate, expires_in=30)).expires_at == after(30)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(10)
    clock.skew += timedelta(minutes=jump)
    await clock.advance(19.999)
    assert not waiting.done()
    assert (await gate.get("a")).status == "pending"
    await clock.advance(0.002)
    assert waiting.done()
    assert (await asyncio.wait_for(waiting, 5)).decided_at == after(30)
    assert (await gate.get("a")).status == "expired"


async def test_a_jump_of_the_stores_clock_is_found_by_the_sweep() -> None:
    """P7, P17: after a failover the store is an hour ahead; the waiter's own timer is wrong."""
    agent, there = FakeClock(), SkewedClock()
    store = ScratchStore(clock=there)
    gate = ApprovalGate(store, agent="billing", clock=agent)
    await ask(gate, expires_in=1800)
    waiting = asyncio.create_task(gate.wait("a"))
    await agent.advance(1)
    there.skew = timedelta(hours=1)
    await agent.advance(70)
    assert waiting.done()
    assert (await asyncio.wait_for(waiting, 5)).status == "expired"


async def test_a_record_that_vanishes_ends_the_waiting(
    gate: ApprovalGate, store: ScratchStore, clock: FakeClock
) -> None:
    """P4: a missing record is found by the next sweep, and is never a yes."""
    await ask(gate)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(0)
    store._records.clear()
    await clock.advance(67)
    with pytest.raises(ApprovalNotFound):
        await asyncio.wait_for(waiting, 5)


async def test_a_store_of_three_methods_is_polled(clock: FakeClock) -> None:
    """No wake-ups: the sweep comes every half second, one for all."""
    store = PlainStore(ScratchStore(clock=clock))
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await ask(gate)
    await ask(gate, "b", expires_in=10)
    waiting = asyncio.create_task(gate.wait("a"))
    ending = asyncio.create_task(gate.wait("b"))
    await clock.advance(5)
    assert not waiting.done()
    await Desk(store, clock=clock).decide("a", "approve")
    await clock.advance(0.6)
    assert waiting.done()
    assert (await asyncio.wait_for(waiting, 5)).status == "approved"
    await clock.advance(5)
    assert (await asyncio.wait_for(ending, 5)).status == "expired"


async def test_thousands_wait_with_one_sweep(clock: FakeClock) -> None:
    """P19: one subscription each, one task for all; nobody reads while nothing happens."""
    store = SilentStore(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock)
    keys = [f"a{number}" for number in range(2000)]
    for key in keys:
        await ask(gate, key)
    waiters = [asyncio.create_task(gate.wait(key)) for key in keys]
    await clock.advance(0)
    assert store.watching == len(keys)
    assert len(other_tasks()) == len(keys) + 1
    store.reads.clear()
    await clock.advance(67)
    assert sorted(store.reads) == sorted(keys)
    desk = Desk(store, clock=clock)
    for key in keys:
        await desk.decide(key, "approve")
    await clock.advance(67)
    assert all([(await asyncio.wait_for(waiter, 5)).status == "approved" for waiter in waiters])
    await clock.advance(0)
    assert (store.watching, other_tasks()) == (0, set())


async def test_many_wait_for_one_approval(gate: ApprovalGate, desk: Desk, clock: FakeClock) -> None:
    """All return with the same record; one that gives up disturbs nobody."""
    await ask(gate)
    waiters = [asyncio.create_task(gate.wait("a", timeout=60)) for _ in range(200)]
    await clock.advance(1)
    waiters[0].cancel()
    await clock.advance(0)
    decided = await desk.decide("a", "approve")
    results = await asyncio.wait_for(asyncio.gather(*waiters, return_exceptions=True), 5)
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(result == decided for result in results[1:])


async def test_closing_the_gate_ends_its_waiters(clock: FakeClock) -> None:
    """Nobody is left waiting for a sweep that will not come; the approval stays pending."""
    store = SilentStore(clock=clock)
    async with ApprovalGate(store, agent="billing", clock=clock) as gate:
        await ask(gate)
        waiting = asyncio.create_task(gate.wait("a"))
        await clock.advance(1)
    assert other_tasks() <= {waiting}
    for late in (waiting, gate.wait("a")):
        with pytest.raises(StoreUnavailable, match="closed"):
            await late
    await clock.advance(0)
    assert (store.watching, other_tasks()) == (0, set())


async def test_closing_the_gate_can_be_cancelled(gate: ApprovalGate, clock: FakeClock) -> None:
    """Cancellation of the one who closes is not swallowed."""
    await ask(gate)
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(0)
    closing = asyncio.create_task(gate.aclose())
    await asyncio.sleep(0)
    assert closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(waiting, 5)
