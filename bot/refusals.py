"""Owns repeated refusals: the first is put on record at once, the like of it are counted.

A person who clicks a button thirty times that does nothing for them must not make thirty entries.
Each click is still answered: the first by whoever reads its event, the others from here. A minute
later one entry says how many there were. A bot that is killed meanwhile loses that number, and
never the first entry.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gate import ApprovalRefused, Journal, LoggedEvent, SignoffError, get_logger

__all__ = ["Refusals"]

_MINUTE: Final = 60.0
_MOST: Final = 10_000
_INTERVAL: Final = 5.0


@dataclass
class _Minute:
    """What is counted of one person's like refusals."""

    since: float
    count: int = 0
    last: ApprovalRefused | None = None


class Refusals:
    """Takes the refusals of one replica.

    Args:
        log: Where they go on record.
        answer: Tells the person of one that has no event of its own; must not wait.
        now: Seconds that never run backwards.
        minute: Seconds of one count.
        most: Counts that are kept at once; the oldest ends early for one more.
    """

    def __init__(
        self,
        log: Journal,
        *,
        answer: Callable[[LoggedEvent], None],
        now: Callable[[], float],
        minute: float = _MINUTE,
        most: int = _MOST,
    ) -> None:
        self._events = log
        self._answer = answer
        self._now = now
        self._minute = minute
        self._most = most
        self._minutes: OrderedDict[tuple[str, ...], _Minute] = OrderedDict()
        self._log = get_logger("signoff.bot")

    async def put(self, refused: ApprovalRefused) -> None:
        """Put *refused* on record, or count it with the like of it in this minute.

        Raises:
            StoreUnavailable: It is not on record, and the person is not told.
            Unconfirmed: It is not known whether it is.
        """
        like = (refused.key, refused.principal or "", refused.reason, refused.surface)
        minute = self._minutes.get(like)
        if minute is not None and self._now() - minute.since < self._minute:
            minute.count += 1
            minute.last = refused
            self._answer(LoggedEvent(cursor=f"like {' '.join(like)} {minute.count}", event=refused))
            return
        await self._events.append([refused])
        # From the end of the write on: one that comes beside it is put on record as well.
        before = self._minutes.pop(like, None)
        self._minutes[like] = _Minute(since=self._now())
        if before is not None:
            await self._write(before)
        while len(self._minutes) > self._most:
            _, oldest = self._minutes.popitem(last=False)
            await self._write(oldest)

    async def run(self, *, interval: float = _INTERVAL) -> None:
        """Put on record what was counted, minute by minute, until cancelled; the rest then."""
        try:
            while True:
                await asyncio.sleep(interval)
                await self.settle()
        finally:
            await self.settle(all_of_it=True)

    async def settle(self, *, all_of_it: bool = False) -> None:
        """Put on record what was counted in minutes that are over.

        What the store does not take now is kept for the next time.

        Args:
            all_of_it: Also the minutes that are not over.
        """
        now = self._now()
        for like, minute in tuple(self._minutes.items()):
            if not all_of_it and now - minute.since < self._minute:
                continue
            if minute.count == 0:
                self._minutes.pop(like, None)
            elif await self._write(minute):
                # It goes on, so the next ones are counted too, from the start.
                minute.since = now
            else:
                return

    async def _write(self, minute: _Minute) -> bool:
        """Put on record what was counted; say whether the store took it."""
        if minute.last is None or minute.count == 0:
            return True
        count = minute.count
        # Nobody is told of it: everybody was told of theirs.
        changes = {"count": count, "place": None, "attempt": None}
        try:
            await self._events.append([minute.last.model_copy(update=changes)])
        except SignoffError as error:
            self._log.warning("refusals.not_counted", error=error.code, count=count)
            return False
        # More may have come meanwhile.
        minute.count -= count
        return True
