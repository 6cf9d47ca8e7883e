"""Owns a reader's way through the outbox, also where a failover took back what it had read.

Places in the log are times of the server that wrote it. A replica that is promoted may lack the
last events, and where its clock is behind, its next ones stand before the place that the reader has
reached. Then the reader begins again at what it has noted in that same server: what was told has
its slots, and is not told twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from gate import EventLog, LoggedEvent, get_logger

from .outlasting import outlast

__all__ = ["OutboxPlace", "Rewound", "again_if_rewound", "behind"]

T = TypeVar("T")


class Rewound(Exception):
    """The log does not have what was read last."""


async def behind(
    log: EventLog, place: str | LoggedEvent, *, limit: int, wait: float = 0.0
) -> Sequence[LoggedEvent] | None:
    """Return what *log* has behind *place*; `None` where it was taken back.

    Args:
        log: The outbox.
        place: The event that was read last or, where none is known, a cursor.
        limit: Events at most.
        wait: Seconds to wait for one.
    """
    if isinstance(place, str):
        return await log.read(place, limit=limit, wait=wait)
    return await log.follow(place, limit=limit, wait=wait)


class OutboxPlace:
    """Where one run of a reader is.

    Args:
        log: The outbox.
        reader: Whose noted place it begins at.
        first_delay: Seconds before the second attempt; doubled up to 30 s.
    """

    def __init__(self, log: EventLog, *, reader: str, first_delay: float) -> None:
        self._log = log
        self._reader = reader
        self._first_delay = first_delay
        self._last: LoggedEvent | None = None

    async def next(self, *, limit: int, wait: float) -> Sequence[LoggedEvent]:
        """Return up to *limit* events, oldest first; wait up to *wait* seconds for one.

        Raises:
            Rewound: There may be some that were passed over.
        """
        place: str | LoggedEvent | None = self._last
        if place is None:
            # Anew each time: what was noted may be lost, too, as long as nothing more is read.
            place = await self._outlast(partial(self._log.position, self._reader))
        events = await self._outlast(partial(behind, self._log, place, limit=limit, wait=wait))
        if events is None:
            raise Rewound
        if events:
            self._last = events[-1]
        return events

    async def _outlast(self, attempt: Callable[[], Awaitable[T]]) -> T:
        return await outlast(attempt, first_delay=self._first_delay)


async def again_if_rewound(run: Callable[[], Awaitable[None]], *, reader: str) -> None:
    """Do *run*, and again each time it meets a log that was taken back."""
    while True:
        try:
            await run()
        except* Rewound:
            get_logger("signoff.bot").warning("outbox.rewound", reader=reader)
