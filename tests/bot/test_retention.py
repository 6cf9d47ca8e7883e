"""Retention: what is final goes when it was kept for long enough, and nothing else does."""

from __future__ import annotations

import asyncio
import math

import pytest
import structlog

from bot.retention import Retention
from gate import (
    MIN_RETENTION,
    USE_WITHIN,
    ApprovalGate,
    ApprovalNotFound,
    Bounds,
    Desk,
    LimitExceeded,
    StoreUnavailable,
)
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.support.factories import pending
from tests.support.waiting import wait_until

DAY = 86400.0
KEPT = Bounds(retention=5 * DAY)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(clock: FakeClock) -> MemoryStore:
    store = MemoryStore(clock=clock)
    await store.set_bounds(KEPT)
    return store


async def test_final_records_go_and_pending_ones_stay(store: MemoryStore, clock: FakeClock):
    """From the end of the approval on, not from its request."""
    gate = ApprovalGate(store, agent="billing", public_keys=[], clock=clock)
    for approval_id in ("decided", "open"):
        await gate.request(id=approval_id, name="x", expires_in=90 * DAY)
    await clock.advance(10 * DAY)
    await gate.decide("decided", "deny")
    await store.keep_card("decided", "card", "C1")
    await clock.advance(5 * DAY - 1)
    assert 0 == await store.forget()
    await clock.advance(1)
    assert 1 == await store.forget()
    with pytest.raises(ApprovalNotFound):
        await gate.get("decided")
    assert {} == await store.cards("decided")
    assert "open" == (await gate.get("open")).id
    assert 0 == await store.forget()


async def test_the_last_word_counts(store: MemoryStore, clock: FakeClock):
    """A consumption and a report each begin the retention anew."""
    gate = ApprovalGate(store, agent="billing", public_keys=[], clock=clock)
    await gate.request(id="a", name="x", payload=1)
    await gate.decide("a", "approve")
    await clock.advance(3 * DAY)
    await gate.consume("a", payload=1, operation_id="op")
    await clock.advance(3 * DAY)
    assert 0 == await store.forget()
    await gate.report("a", seconds=1.0)
    await clock.advance(5 * DAY - 1)
    assert 0 == await store.forget()
    await clock.advance(1)
    assert 1 == await store.forget()


async def test_no_more_at_a_time_than_asked_for(store: MemoryStore, clock: FakeClock):
    """A sweep is a bounded piece of work, the oldest first."""
    desk = Desk(store, clock=clock)
    for approval_id in "abc":
        await store.put(pending(approval_id))
        await desk.cancel(approval_id)
    await clock.advance(6 * DAY)
    assert 2 == await store.forget(limit=2)
    assert await store.get("c") is not None
    assert 1 == await store.forget(limit=2)


async def test_the_minute_passes_in_memory_too(store: MemoryStore, clock: FakeClock):
    """Requests that are a minute old make room."""
    await store.set_bounds(Bounds(per_minute=1))
    await store.put(pending("a"))
    await clock.advance(59)
    with pytest.raises(LimitExceeded):
        await store.put(pending("b"))
    await clock.advance(1)
    await store.put(pending("b"))


async def test_records_outlive_their_receipts():
    """Nobody can set a retention that ends while a receipt still counts."""
    assert USE_WITHIN * 2 <= MIN_RETENTION
    for seconds in (0, -1, MIN_RETENTION.total_seconds() - 1, 1e12, math.inf, -math.inf, math.nan):
        with pytest.raises(LimitExceeded):
            Bounds(retention=seconds)
    for wrong in (0, -1, 1_000_001):
        with pytest.raises(LimitExceeded):
            Bounds(pending=wrong)
        with pytest.raises(LimitExceeded):
            Bounds(per_minute=wrong)


class Counting:
    """What there is to forget, and a store that is away at first."""

    def __init__(self) -> None:
        self.left = 250
        self.away = True

    async def forget(self, *, limit: int = 100) -> int:
        if self.away:
            self.away = False
            raise StoreUnavailable("forget", cause="gone")
        gone = min(limit, self.left)
        self.left -= gone
        return gone


async def test_it_goes_on_until_nothing_is_left():
    """Batch by batch; a store that is away is asked again, and said in the log."""
    store = Counting()
    with structlog.testing.capture_logs() as logs:
        task = asyncio.create_task(Retention(store, interval=0.005).run())  # type: ignore[arg-type]  # what it uses
        try:
            await wait_until(lambda: store.left == 0, "nothing is left")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert "retention.failed" == logs[0]["event"]
    assert [100, 100, 50] == [log["records"] for log in logs if "records" in log]
