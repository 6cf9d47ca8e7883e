"""Deadlines: what has run out is ended by the store's clock, whatever lies beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest

from bot.deadlines import Deadlines
from gate import (
    ApprovalAlarm,
    ApprovalExpiredEvent,
    ApprovalStatus,
    Desk,
    Notary,
    Rung,
    SigningKey,
    StoreUnavailable,
)
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.bot.chat import FaultyStore
from tests.support.factories import START, pending, route
from tests.support.waiting import wait_until


class Haunted(FaultyStore):
    """A store whose index names records that cannot be read."""

    ghosts: Sequence[str] = ()

    async def due(self, now: datetime, *, limit: int = 100) -> Sequence[str]:
        return [*self.ghosts, *await super().due(now, limit=limit)][:limit]


class House:
    """A store whose clock a test moves, and the sweeper on it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = Haunted(clock=self.clock)
        # A machine whose clock is a year off: only the store's counts.
        self.desk = Desk(self.store, clock=FakeClock(self.clock.now().replace(year=2030)))
        self.deadlines = Deadlines(self.desk, self.store, interval=0.005)

    async def ask(self, approval_id: str, seconds: float) -> None:
        await self.store.put(pending(approval_id, expires_in=seconds))

    async def status(self, approval_id: str) -> ApprovalStatus:
        found = await self.store.get(approval_id)
        assert found is not None
        return found.status

    async def ended(self) -> list[str]:
        return [
            logged.event.id
            for logged in await MemoryStore.read(self.store, "", limit=10_000)
            if isinstance(logged.event, ApprovalExpiredEvent)
        ]


@pytest.fixture
def house() -> House:
    return House()


async def test_only_what_is_due_ends(house: House):
    """By the store's clock, to the moment; each end is told once."""
    await house.ask("early", 60)
    await house.ask("late", 61)
    assert 0 == await house.deadlines.sweep()
    await house.clock.advance(60)
    assert 1 == await house.deadlines.sweep()
    assert ApprovalStatus.EXPIRED is await house.status("early")
    assert ApprovalStatus.PENDING is await house.status("late")
    assert 0 == await house.deadlines.sweep()
    assert ["early"] == await house.ended()


async def test_what_was_decided_in_time_stays(house: House):
    """A decision before the end is not overwritten by the sweeper."""
    await house.ask("one", 60)
    await house.desk.decide("one", "approve")
    await house.clock.advance(61)
    assert 0 == await house.deadlines.sweep()
    assert ApprovalStatus.APPROVED is await house.status("one")


async def test_one_bad_record_does_not_stop_the_rest(house: House):
    """A record that cannot be read is passed over, and asked for once, not once a second."""
    await house.ask("good", 2)
    await house.clock.advance(2)
    house.store.ghosts = ["gone"]
    reads: list[str] = []

    async def note(verb: str) -> None:
        reads.append(verb)

    house.store.fault = note
    assert 2 == await house.deadlines.sweep()
    assert ApprovalStatus.EXPIRED is await house.status("good")
    reads.clear()
    assert 0 == await house.deadlines.sweep()
    assert "get" not in reads


async def test_a_bad_record_is_tried_again_more_and_more_rarely(house: House):
    """It may be mended, and nobody says so; and what is gone for good is forgotten."""
    house.store.ghosts = ["gone"]
    tried = []
    for minute in range(8):
        if await house.deadlines.sweep():
            tried.append(minute)
        await house.clock.advance(60)
    assert [0, 1, 3, 7] == tried
    await house.store.put(pending("gone", expires_in=1))
    house.store.ghosts = []
    await house.clock.advance(3600)
    assert 1 == await house.deadlines.sweep()
    assert ApprovalStatus.EXPIRED is await house.status("gone")


async def test_many_bad_records_do_not_hide_the_others(house: House):
    """More unreadable records than one round holds do not keep the readable ones alive."""
    await house.ask("good", 60)
    await house.clock.advance(60)
    house.store.ghosts = [f"gone-{number}" for number in range(150)]
    for _ in range(3):
        await house.deadlines.sweep()
    assert ApprovalStatus.EXPIRED is await house.status("good")


async def test_records_that_others_wrote_into_do_not_hide_the_rest(house: House):
    """More than a round of rungs that nobody may climb, each one alarm, and the next approval."""
    notary = Notary(SigningKey.generate(), secret=b"of this test, and of 32 bytes or more")
    house.desk = Desk(house.store, notary=notary)
    house.deadlines = Deadlines(house.desk, house.store, interval=0.005)
    forged = route(ladder=(Rung(after=1, action="remind"),), mac="forged", routed_at=START)
    for number in range(120):
        await house.store.put(pending(f"forged-{number:03}", terms=forged))
    await house.ask("good", 60)
    await house.clock.advance(60)
    for _ in range(4):
        await house.deadlines.sweep()
    assert ApprovalStatus.EXPIRED is await house.status("good")
    events = [logged.event for logged in await house.store.read("", limit=10_000)]
    assert 120 == sum(isinstance(event, ApprovalAlarm) for event in events)
    # Their own end comes all the same: ending needs nobody's word.
    await house.clock.advance(3600)
    for _ in range(2):
        await house.deadlines.sweep()
    assert ApprovalStatus.EXPIRED is await house.status("forged-119")


async def test_what_is_listed_by_mistake_does_not_keep_it_busy(house: House):
    """A final record that a store still calls due is passed over like one that cannot be read."""
    for number in range(150):
        await house.ask(f"id-{number}", 1)
    await house.clock.advance(1)
    for _ in range(2):
        await house.deadlines.sweep()
    house.store.ghosts = [f"id-{number}" for number in range(150)]
    assert [100, 50, 0] == [await house.deadlines.sweep() for _ in range(3)]


async def test_more_than_one_round(house: House):
    """Many that end at once all end, round after round, without waiting between."""
    for number in range(250):
        await house.ask(f"id-{number}", 60)
    await house.clock.advance(60)
    task = asyncio.create_task(house.deadlines.run())
    await wait_until(lambda: _all_ended(house, 250), "all have ended")
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def _all_ended(house: House, count: int) -> bool:
    return len(await house.ended()) == count


async def test_a_store_that_is_away_ends_the_round_and_not_the_sweeper(house: House):
    """The next round comes when the store is back; a hundred time-outs do not come first."""
    await house.ask("one", 1)
    await house.ask("two", 1)
    await house.clock.advance(1)
    tries: list[str] = []

    async def away(verb: str) -> None:
        if verb == "patch":
            tries.append(verb)
            raise StoreUnavailable(verb, cause="gone")

    house.store.fault = away
    with pytest.raises(StoreUnavailable):
        await house.deadlines.sweep()
    assert 1 == len(tries)
    task = asyncio.create_task(house.deadlines.run())
    await wait_until(lambda: len(tries) > 2, "it goes on trying")
    house.store.fault = None
    await wait_until(lambda: _all_ended(house, 2), "both have ended")
    task.cancel()
    await asyncio.wait({task})
