"""Repeated refusals: each person is told each time, and the audit counts what it does not list."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.refusals import Refusals
from gate import (
    ApprovalRefused,
    Desk,
    EventLog,
    LoggedEvent,
    StoreUnavailable,
    event_from_wire,
)
from gate.testing import FakeClock
from tests.bot.chat import FaultyStore
from tests.support.factories import ANA, BEN, START, pending, route
from tests.support.waiting import wait_until


class Counter:
    """A log, what counts for it, and who was told beside it."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        self.store = FaultyStore(clock=self.clock)
        self.told: list[LoggedEvent] = []
        self.refusals = Refusals(
            self.store, answer=self.told.append, now=self.clock.monotonic, **options
        )
        self.desk = Desk(self.store, clock=self.clock, refusals=self.refusals.put)

    async def refuse(self, *, times: int = 1, **changes: Any) -> None:
        for number in range(times):
            said: dict[str, Any] = {
                "id": "x",
                "at": START,
                "principal": ANA,
                "reason": "not_approver",
                "surface": "card",
                "place": "C1",
                "attempt": f"click-{number}",
            }
            await self.refusals.put(ApprovalRefused(**said | changes))

    async def logged(self) -> list[tuple[str | None, str, int, str | None]]:
        log: EventLog = self.store
        events = [logged.event for logged in await log.read("")]
        return [
            (event.principal, event.reason, event.count, event.place)
            for event in events
            if isinstance(event, ApprovalRefused)
        ]


@pytest.fixture
def at() -> Counter:
    return Counter()


async def test_the_first_is_on_record_at_once_and_the_rest_as_one(at: Counter):
    """Thirty clicks: one entry now, one entry of twenty-nine when the minute is over."""
    await at.refuse(times=30)
    assert [(ANA, "not_approver", 1, "C1")] == await at.logged()
    await at.clock.advance(59)
    await at.refusals.settle()
    assert 1 == len(await at.logged())
    await at.clock.advance(1)
    await at.refusals.settle()
    assert [(ANA, "not_approver", 1, "C1"), (ANA, "not_approver", 29, None)] == await at.logged()


async def test_everyone_is_told_each_time(at: Counter):
    """The first by the reader of its event, each later one beside it, with its place and click."""
    await at.refuse(times=3)
    assert ["click-1", "click-2"] == [each.event.attempt for each in at.told]  # type: ignore[attr-defined]  # refusals have it
    assert 2 == len({each.cursor for each in at.told})


@pytest.mark.parametrize(
    "other",
    [{"id": "y"}, {"principal": BEN}, {"reason": "not_by"}, {"surface": "form"},
     {"namespace": "other"}, {"principal": None}],
)  # fmt: skip
async def test_only_the_like_of_it_is_counted(at: Counter, other: dict[str, Any]):
    """Another person, approval, reason or surface is an entry of its own."""
    await at.refuse()
    await at.refuse(**other)
    assert 2 == len(await at.logged())
    assert [] == at.told


async def test_one_entry_a_minute_for_as_long_as_it_goes_on(at: Counter):
    """An hour of clicking makes an entry a minute, and all of them add up."""
    for _ in range(60):
        await at.refuse(times=10)
        await at.clock.advance(60)
        await at.refusals.settle()
    entries = await at.logged()
    assert 61 == len(entries)
    assert 600 == sum(count for _, _, count, _ in entries)


async def test_after_a_quiet_minute_it_begins_anew(at: Counter):
    """What comes later is an entry at once."""
    await at.refuse()
    await at.clock.advance(60)
    await at.refusals.settle()
    await at.refuse()
    assert [1, 1] == [count for _, _, count, _ in await at.logged()]


async def test_a_store_that_is_away_loses_no_count(at: Counter):
    """The first raises, so that the caller tells the person; counts are kept for later."""

    async def away(verb: str) -> None:
        if verb == "append":
            raise StoreUnavailable("append", cause="gone")

    at.store.fault = away
    with pytest.raises(StoreUnavailable):
        await at.refuse()
    at.store.fault = None
    await at.refuse(times=5)
    at.store.fault = away
    await at.clock.advance(60)
    await at.refusals.settle()
    at.store.fault = None
    await at.refusals.settle()
    assert [1, 4] == [count for _, _, count, _ in await at.logged()]


async def test_a_stop_writes_what_was_counted(at: Counter):
    """Nothing counted is lost where the bot ends in order."""
    await at.refuse(times=3)
    task = asyncio.create_task(at.refusals.run(interval=60))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [1, 2] == [count for _, _, count, _ in await at.logged()]


async def test_it_runs_by_itself(at: Counter):
    """The counts are written when their minute is over, without anybody asking."""
    await at.refuse(times=3)
    await at.clock.advance(61)
    task = asyncio.create_task(at.refusals.run(interval=0.005))
    try:

        async def written() -> bool:
            return len(await at.logged()) == 2

        await wait_until(written, "the count is on record")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_counts_themselves_are_bounded():
    """Beyond so many kinds the oldest is written early; no number is lost."""
    at = Counter(most=3)
    for number in range(10):
        await at.refuse(times=2, id=f"x{number}")
    await at.refusals.settle(all_of_it=True)
    assert 20 == sum(count for _, _, count, _ in await at.logged())
    assert len(at.refusals._minutes) <= 3


async def test_an_answer_given_twice_is_counted_as_well(at: Counter):
    """The desk's own refusals go the same way: clicking one's own answer again."""
    await at.store.put(pending("x"))
    await at.desk.route("x", route(needed_by_two()))
    for number in range(5):
        await at.desk.decide(
            "x", "approve", approver=ANA, seen=True, place="C1", attempt=f"click-{number}"
        )
    assert [(ANA, "already_answered", 1, "C1")] == await at.logged()
    assert 3 == len(at.told)


def needed_by_two() -> Any:
    """Return a quorum that one answer does not fill."""
    from gate import Quorum

    return Quorum(of=(ANA, BEN), needed=2)


def test_a_count_goes_over_the_wire():
    """One is left out, as in every log written before; what is none is refused."""
    one = ApprovalRefused(id="x", at=START, principal=ANA, reason="not_by")
    assert "count" not in one.to_wire()
    many = one.model_copy(update={"count": 7})
    assert many == event_from_wire(many.to_wire())
    for wrong in (0, -1, True, "7", 1.5):
        with pytest.raises(ValueError, match="event"):
            event_from_wire(one.to_wire() | {"count": wrong})
