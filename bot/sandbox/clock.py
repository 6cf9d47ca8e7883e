"""The sandbox's own time: a base clock that a test can freeze, speed up or push forward."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_SHORTEST_NAP = 0.005


class Clock:
    """Seconds since the epoch; they may run faster than the machine's.

    Args:
        base: Returns the current time in seconds; a constant function freezes time.
        speed: Sandbox seconds in one second of `base`; 60 makes a minute last a second.

    Raises:
        ValueError: `speed` is not positive.
    """

    def __init__(self, base: Callable[[], float] = time.time, *, speed: float = 1.0) -> None:
        self._base = base
        self._origin = self._started = base()
        self._speed = 1.0
        self._skipped = 0.0
        self._moved = asyncio.Event()
        self.set_speed(speed)

    def now(self) -> float:
        """The current time in seconds since the epoch."""
        return self._origin + (self._base() - self._started) * self._speed

    def patience(self) -> float:
        """A time that `advance` moves, but `speed` does not.

        It measures how long an app took to react (the three seconds of a trigger id): an app
        does not get faster because the sandbox's clock does.
        """
        return self._base() + self._skipped

    @property
    def speed(self) -> float:
        """Sandbox seconds in one second of the base clock."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Let time run `speed` times as fast from now on.

        Raises:
            ValueError: `speed` is not positive.
        """
        if speed <= 0:
            raise ValueError("speed must be positive")
        self._origin, self._started = self.now(), self._base()
        self._speed = speed
        self._wake()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("time only goes forward")
        self._origin += seconds
        self._skipped += seconds
        self._wake()

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` of this clock have passed, be it through `advance`."""
        end = self.now() + seconds
        while (left := end - self.now()) > 0:
            nap = max(left / self._speed, _SHORTEST_NAP)
            try:
                async with asyncio.timeout(nap):
                    await self._moved.wait()
            except TimeoutError:
                continue

    def _wake(self) -> None:
        woken, self._moved = self._moved, asyncio.Event()
        woken.set()
