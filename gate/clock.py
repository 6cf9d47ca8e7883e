"""Owns the gate's only looks at the real world: the time of day, a steady timer, fresh ids."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock", "Timer", "new_id", "sleep"]


class Timer(Protocol):
    """A callback that waits for its time."""

    def cancel(self) -> None:
        """Never call it, if it was not called yet."""
        ...


class Clock(Protocol):
    """Time as a parameter. `gate.testing.FakeClock` is the other implementation."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards, from any start."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call *callback* on the running event loop after *seconds*."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Return the machine's time of day in UTC."""
        return datetime.now(UTC)  # noqa: TID251  (the one place)

    def monotonic(self) -> float:
        """Return the event loop's steady time."""
        return asyncio.get_running_loop().time()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call *callback* after *seconds* of the event loop's steady time."""
        return asyncio.get_running_loop().call_later(max(0.0, seconds), callback)


async def sleep(clock: Clock, seconds: float) -> None:
    """Return after *seconds* of *clock*'s time."""
    done = asyncio.Event()
    timer = clock.call_later(seconds, done.set)
    try:
        await done.wait()
    finally:
        timer.cancel()


def new_id() -> str:
    """Return a fresh id: 26 characters, 128 random bits, valid as an approval id."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    number = secrets.randbits(128)
    return "".join(alphabet[(number >> shift) & 31] for shift in range(125, -1, -5))
