"""Owns the gate's only looks at the real world: the time of day, a steady timer, fresh ids."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock", "new_id"]


class Clock(Protocol):
    """Time as a parameter. `gate.testing.FakeClock` is the other implementation."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds* of this clock's time; 0 or less only yields to the loop."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Return the machine's time of day in UTC."""
        return datetime.now(UTC)  # noqa: TID251  (the one place)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop's steady timer."""
        await asyncio.sleep(max(0.0, seconds))


def new_id() -> str:
    """Return a fresh id: 26 characters, 128 random bits, valid as an approval id."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    number = secrets.randbits(128)
    digits = [alphabet[(number >> shift) & 31] for shift in range(125, -1, -5)]
    return "".join(digits)
