"""Owns a clock that stands still until a test tells it to go on."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["FakeClock"]


class _FakeTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """A `Clock` whose time only `advance` moves.

    Args:
        start: The first time of day, aware.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, _FakeTimer]] = []

    def now(self) -> datetime:
        """Return the fake time of day."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Return the seconds that were advanced so far."""
        return self._elapsed

    def call_later(self, seconds: float, callback: Callable[[], None]) -> _FakeTimer:
        """Call *callback* when the clock has been advanced by *seconds* from now."""
        timer = _FakeTimer(callback)
        due = self._elapsed + max(0.0, seconds)
        heapq.heappush(self._timers, (due, next(self._order), timer))
        return timer

    async def advance(self, seconds: float) -> None:
        """Move on by *seconds*; timers run in their order, each at its own time.

        Tasks get some turns of the event loop before, between and after the timers.
        """
        target = self._elapsed + seconds
        await self._settle()
        while self._timers and self._timers[0][0] <= target:
            due, _, timer = heapq.heappop(self._timers)
            self._elapsed = max(self._elapsed, due)
            if timer.callback is not None:
                timer.callback()
                await self._settle()
        self._elapsed = target
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
