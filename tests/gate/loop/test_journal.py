"""Saving: in order, one writer, and honest about what it does not know."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from gate import RunTaken, StoreUnavailable, Unconfirmed
from gate.loop.journal import Journal
from gate.testing import FakeClock
from stores.checkpoints import MemoryCheckpoints


class Shaky(MemoryCheckpoints):
    """Fails the next swaps as planned: `away`, `lost` (not written), `unheard` (written)."""

    def __init__(self, *plan: str) -> None:
        super().__init__()
        self.plan = list(plan)
        self.swaps = 0
        self.open = asyncio.Event()
        self.open.set()

    async def swap(self, key: str, text: str, *, expected: str) -> str | None:
        self.swaps += 1
        await self.open.wait()
        fault = self.plan.pop(0) if self.plan else ""
        if fault == "away":
            raise StoreUnavailable("swap", cause="away")
        if fault == "lost":
            raise Unconfirmed("swap")
        version = await super().swap(key, text, expected=expected)
        if fault == "unheard":
            raise Unconfirmed("swap")
        return version


def journal(place: MemoryCheckpoints, clock: FakeClock, *, patience: float = 30) -> Journal:
    texts = itertools.count(1)
    return Journal(
        place, "k", text=lambda: f"text {next(texts)}", run_id=lambda: "run-1", clock=clock,
        patience=patience,
    )  # fmt: skip


async def kept(place: MemoryCheckpoints) -> str:
    found = await place.load("k")
    assert found is not None
    return found.text


@pytest.mark.parametrize(
    "plan", [["away"], ["lost"], ["unheard"], ["away", "lost", "unheard"], ["lost", "away"]]
)
async def test_trouble_is_waited_out(clock: FakeClock, plan: list[str]):
    """A place that is away, or whose answer is lost, is asked again; the text is there once."""
    place = Shaky(*plan)
    one = journal(place, clock)
    one.note()
    write = asyncio.create_task(one.flush())
    await clock.advance(10)
    await write
    assert "text 1" == await kept(place)
    one.note()
    await one.flush()
    assert "text 2" == await kept(place)


@pytest.mark.parametrize(
    ("fault", "error"), [("away", StoreUnavailable), ("lost", Unconfirmed), ("unheard", None)]
)
async def test_patience_ends_with_the_truth(
    clock: FakeClock, fault: str, error: type[Exception] | None
):
    """Nothing written is unavailable, nothing known is unconfirmed."""
    place = Shaky(*[fault] * 5)
    one = journal(place, clock, patience=0)
    one.note()
    with pytest.raises(error or Unconfirmed):
        await one.flush()
    place.plan.clear()
    await one.catch_up()
    await one.flush()
    assert (await kept(place)).startswith("text")


async def test_a_stranger_who_wrote_ends_it(clock: FakeClock):
    """Of two writers over one version, the second one is told."""
    place = MemoryCheckpoints()
    one, two = journal(place, clock), journal(place, clock)
    one.note()
    two.note()
    await one.flush()
    with pytest.raises(RunTaken):
        await two.flush()
    assert "text 1" == await kept(place)


async def test_a_write_in_doubt_that_was_overtaken_is_lost(clock: FakeClock):
    """Unconfirmed, and somebody else stands there: that is not ours."""
    place = Shaky("lost")
    one = journal(place, clock)
    one.note()
    write = asyncio.create_task(one.flush())
    await clock.advance(0)
    await MemoryCheckpoints.swap(place, "k", "a stranger", expected="")
    await clock.advance(10)
    with pytest.raises(RunTaken):
        await write


async def test_changes_during_a_write_go_together_into_the_next(clock: FakeClock):
    """Ten changes while one write is slow make one more write, and all of them are in it."""
    place = Shaky()
    place.open.clear()
    one = journal(place, clock)
    flushes = []
    for _ in range(11):
        one.note()
        flushes.append(asyncio.create_task(one.flush()))
        await asyncio.sleep(0)
    place.open.set()
    await asyncio.gather(*flushes)
    assert (2, "text 2") == (place.swaps, await kept(place))


async def test_a_cancelled_caller_leaves_the_write_whole(clock: FakeClock):
    """Who stops waiting does not stop the write of the others."""
    place = Shaky()
    place.open.clear()
    one = journal(place, clock)
    one.note()
    first, second = asyncio.create_task(one.flush()), asyncio.create_task(one.flush())
    await asyncio.sleep(0)
    first.cancel()
    place.open.set()
    await second
    await one.settle()
    assert first.cancelled()
    assert "text 1" == await kept(place)
