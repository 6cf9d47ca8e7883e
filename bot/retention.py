"""Owns the end of what is kept: final records go when the operator's retention has passed."""

from __future__ import annotations

import asyncio
from typing import Final

from gate import Bounded, SignoffError, get_logger

__all__ = ["Retention"]

_INTERVAL: Final = 60.0
_BATCH: Final = 100


class Retention:
    """Lets the store forget, while it is the one who may.

    Args:
        store: Knows what has been kept for long enough.
        interval: Seconds between two looks.
    """

    def __init__(self, store: Bounded, *, interval: float = _INTERVAL) -> None:
        self._store = store
        self._interval = interval
        self._log = get_logger("signoff.bot")

    async def run(self) -> None:
        """Look and forget until cancelled."""
        while True:
            try:
                while (gone := await self._store.forget(limit=_BATCH)) > 0:
                    self._log.info("retention.forgotten", records=gone)
            except SignoffError as error:
                self._log.warning("retention.failed", error=error.code)
            await asyncio.sleep(self._interval)
