"""Owns the timers: ends what has run out and climbs the ladders, by the store's clock."""

from __future__ import annotations

import asyncio
from typing import Final

from gate import (
    ApprovalNotFound,
    ApprovalStatus,
    Desk,
    Listing,
    SignoffError,
    StoreCorrupt,
    StoreUnavailable,
    Unconfirmed,
    get_logger,
)

__all__ = ["Deadlines"]

INTERVAL: Final = 1.0
_BATCH: Final = 100


class Deadlines:
    """Does what is due, while it is the one who may.

    Args:
        desk: Where approvals are ended and asked again.
        store: Knows what is due, and the time.
        interval: Seconds between two looks.
    """

    def __init__(self, desk: Desk, store: Listing, *, interval: float = INTERVAL) -> None:
        self._desk = desk
        self._store = store
        self._interval = interval
        self._log = get_logger("signoff.bot")
        self._unreadable: set[str] = set()

    async def run(self) -> None:
        """Look and act until cancelled."""
        self._unreadable.clear()
        while True:
            try:
                while await self.sweep() == _BATCH:
                    pass
            except SignoffError as error:
                self._log.warning("deadlines.failed", error=error.code)
            await asyncio.sleep(self._interval)

    async def sweep(self) -> int:
        """Do what is due about up to 100 approvals; return about how many something was done.

        Raises:
            StoreUnavailable: The store is away; asking for the others would only take longer.
            Unconfirmed: As above.
        """
        now = await self._desk.records.now()
        # Unreadable ones stay due for ever. The first hundred of them must not hide the others.
        due = await self._store.due(now, limit=_BATCH + len(self._unreadable))
        done = 0
        for key in due:
            if key in self._unreadable:
                continue
            try:
                await self._act(key)
                done += 1
            except (StoreUnavailable, Unconfirmed):
                raise
            except (ApprovalNotFound, StoreCorrupt) as error:
                self._unreadable.add(key)
                self._log.error("deadlines.unreadable", approval=key, error=error.code)
            except SignoffError as error:
                # Decided or cancelled meanwhile.
                self._log.info("deadlines.passed_over", approval=key, error=error.code)
        return done

    async def _act(self, key: str) -> None:
        """End the approval, or climb where its end has not come."""
        approval = await self._desk.get(key)
        if approval.status is ApprovalStatus.PENDING and approval.rung is not None:
            await self._desk.climb(key)
        else:
            await self._desk.expire(key)
