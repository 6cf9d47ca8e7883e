"""The sandbox's own time: a base clock that a test can freeze or push forward."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Seconds since the epoch, with an offset that only grows.

    Args:
        base: Returns the current time in seconds; a constant function freezes time.
    """

    def __init__(self, base: Callable[[], float] = time.time) -> None:
        self._base = base
        self._offset = 0.0

    def now(self) -> float:
        """The current time in seconds since the epoch."""
        return self._base() + self._offset

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("time only goes forward")
        self._offset += seconds
