"""Time and fresh ids."""

from __future__ import annotations

import asyncio
from datetime import UTC

import pytest

from gate import SystemClock, check_id, new_id, sleep
from gate.testing import FakeClock
from tests.support.factories import START, after


def test_fresh_ids_are_ids_and_differ() -> None:
    """26 characters that `check_id` takes, also as parts of keys."""
    found = {new_id() for _ in range(1000)}
    assert len(found) == 1000
    assert {len(check_id(value, field="id")) for value in found} == {26}


async def test_the_systems_clock_is_aware_and_steady() -> None:
    """UTC, and a timer that runs on the loop, with negative seconds too."""
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    before = clock.monotonic()
    await sleep(clock, 0.001)
    assert clock.monotonic() - before >= 0.001
    await sleep(clock, -1)
    called = []
    clock.call_later(0, lambda: called.append(1)).cancel()
    await sleep(clock, 0.001)
    assert called == []


async def test_the_fake_clock_stands_still_until_it_is_moved() -> None:
    """Timers run in their order, each at its own time, and what they start runs too."""
    clock = FakeClock()
    told: list[tuple[str, float]] = []
    clock.call_later(2, lambda: told.append(("two", clock.monotonic())))
    clock.call_later(1, lambda: told.append(("one", clock.monotonic())))
    clock.call_later(1, lambda: told.append(("one again", clock.monotonic())))
    clock.call_later(1, lambda: told.append(("never", 0))).cancel()

    async def later() -> None:
        await sleep(clock, 1.5)
        await sleep(clock, 1.5)
        told.append(("three", clock.monotonic()))

    task = asyncio.create_task(later())
    assert (clock.now(), clock.monotonic()) == (START, 0)
    await clock.advance(5)
    assert told == [("one", 1), ("one again", 1), ("two", 2), ("three", 3)]
    assert task.done()
    assert (clock.now(), clock.monotonic()) == (after(5), 5)


async def test_a_cancelled_sleep_leaves_no_timer() -> None:
    """The callback is never called."""
    clock = FakeClock()
    task = asyncio.create_task(sleep(clock, 1))
    await clock.advance(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await clock.advance(2)
