"""Owns the timers: ends what has run out and climbs the ladders, by the store's clock."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
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
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LAST_PAUSE: Final = timedelta(hours=1)
_MOST_STUCK: Final = 10_000


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
        self._stuck: OrderedDict[str, _Stuck] = OrderedDict()

    async def run(self) -> None:
        """Look and act until cancelled."""
        self._stuck.clear()
        while True:
            try:
                while await self.sweep() == _BATCH:
                    pass
            except SignoffError as error:
                self._log.warning("deadlines.failed", error=error.code)
            await asyncio.sleep(self._interval)

    async def sweep(self) -> int:
        """Do what is due about up to 100 approvals; return about how many it was tried.

        Those about which nothing could be done stay due. They are passed over for a minute, and
        longer with each try in vain, so that the first hundred of them hide nothing behind them.

        Raises:
            StoreUnavailable: The store is away; asking for the others would only take longer.
            Unconfirmed: As above.
        """
        now = await self._desk.records.now()
        due = await self._store.due(now, limit=_BATCH + len(self._stuck))
        listed = set(due)
        for key in [each for each, stuck in self._stuck.items() if stuck.until <= now]:
            if key not in listed:
                del self._stuck[key]  # somebody else did it
        turn = [key for key in due if key not in self._stuck or self._stuck[key].until <= now]
        for key in turn[:_BATCH]:
            try:
                done = await self._act(key)
            except (StoreUnavailable, Unconfirmed):
                raise
            except (ApprovalNotFound, StoreCorrupt) as error:
                self._log.error("deadlines.unreadable", approval=key, error=error.code)
                done = False
            except SignoffError as error:
                # Decided or cancelled meanwhile; or somebody else wrote into it.
                self._log.info("deadlines.passed_over", approval=key, error=error.code)
                done = False
            if done:
                self._stuck.pop(key, None)
            else:
                self._set_aside(key, now)
        return len(turn[:_BATCH])

    async def _act(self, key: str) -> bool:
        """End the approval, or climb where its end has not come; say whether that changed it."""
        approval = await self._desk.get(key)
        if approval.status is ApprovalStatus.PENDING and approval.rung is not None:
            after = await self._desk.climb(key)
        else:
            after = await self._desk.expire(key)
        return after.version != approval.version

    def _set_aside(self, key: str, now: datetime) -> None:
        before = self._stuck.pop(key, None)
        pause = _FIRST_PAUSE if before is None else min(2 * before.pause, _LAST_PAUSE)
        self._stuck[key] = _Stuck(now + pause, pause)
        while len(self._stuck) > _MOST_STUCK:
            self._stuck.popitem(last=False)


@dataclass(frozen=True)
class _Stuck:
    """When something is tried again that could not be done, and how long that pause is."""

    until: datetime
    pause: timedelta
