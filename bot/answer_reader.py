"""Owns the outbox's second reader: it tells each person in private what came of an answer.

Its place in the log is its own: a channel with hundreds of cards to post must not make a restart
tell hundreds of answers twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from gate import (
    EventLog,
    LoggedEvent,
    SignoffError,
    StoreUnavailable,
    Unconfirmed,
    get_logger,
)

from .answering import PrivateAnswers, owed_at
from .lanes import Item, Lanes, Progress, UnderWay
from .messenger import DeliveryFailed
from .outbox_place import OutboxPlace, again_if_rewound
from .outlasting import FIRST_DELAY, LAST_DELAY, outlast

__all__ = ["READER", "AnswerReader"]

READER: Final = "answers"
_BATCH: Final = 100
_OUTSTANDING: Final = 1000
_IDLE: Final = 1.0
_PATIENCE: Final = 600.0
"""Seconds for which an answer is tried: later it would only confuse."""


class AnswerReader:
    """Tells every answer of the log that is owed to somebody, while it is the one who may.

    Args:
        log: The outbox.
        answers: Tells one.
        now: Seconds that never run backwards.
        first_delay: Seconds before the second attempt; doubled up to 30 s.
        idle: Seconds between two looks at how far it is told, while nothing new comes.
    """

    def __init__(
        self,
        log: EventLog,
        answers: PrivateAnswers,
        *,
        now: Callable[[], float],
        first_delay: float = FIRST_DELAY,
        idle: float = _IDLE,
    ) -> None:
        self._events = log
        self._answers = answers
        self._now = now
        self._first_delay = first_delay
        self._idle = idle
        self._under_way = UnderWay()
        self._progress: Progress | None = None
        self._log = get_logger("signoff.bot")

    async def run(self) -> None:
        """Read and tell until cancelled.

        A reader that lost the lease and does not know it yet may note how far it has told: it has.
        """
        await again_if_rewound(self._read, reader=READER)

    async def _read(self) -> None:
        """Read and tell, from the noted place, until cancelled.

        Raises:
            Rewound: The log does not have what was read last; what is under way is broken off.
        """
        progress = self._progress = Progress(self._events, reader=READER)
        async with asyncio.TaskGroup() as group:
            lanes = Lanes(self._deliver, progress, group)
            place = OutboxPlace(self._events, reader=READER, first_delay=self._first_delay)
            while True:
                room = _OUTSTANDING - len(progress)
                if room <= 0:
                    await progress.moved()
                else:
                    limit = min(_BATCH, room)
                    for logged in await place.next(limit=limit, wait=self._idle):
                        progress.begin(logged.cursor)
                        owed = owed_at(logged)
                        if owed is None:
                            progress.end(logged.cursor)
                        else:
                            lanes.put(owed, Item(logged.event.key, logged, self._now()))
                await outlast(progress.save, first_delay=self._first_delay)

    async def wind_up(self, *, patience: float) -> None:
        """Begin no further answer; return when those under way are told and noted.

        Args:
            patience: Seconds to wait. What takes longer is left as after a crash.
        """
        left = await self._under_way.wind_up(patience=patience)
        if left:
            self._log.warning("answers.broken_off", lanes=left)
        if self._progress is not None:
            with contextlib.suppress(SignoffError):
                await self._progress.save()

    async def _deliver(self, lane: str, _: str, item: Item) -> None:
        delay = self._first_delay
        while item.logged is not None:
            if self._under_way.stopping:
                await asyncio.Event().wait()  # until cancelled: the next reader tells it
            self._under_way.begin(lane)
            try:
                pause = await self._attempt(item, item.logged, delay)
            finally:
                self._under_way.end(lane)
            if pause is None:
                return
            await asyncio.sleep(pause)
            delay = min(delay * 2, LAST_DELAY)

    async def _attempt(self, item: Item, logged: LoggedEvent, delay: float) -> float | None:
        """Try to tell one answer; return the seconds before the next attempt, `None` if over."""
        try:
            await self._answers.tell(logged)
        except DeliveryFailed as error:
            if error.permanent or self._now() - item.queued >= _PATIENCE:
                self._log.warning("answer.not_delivered", approval=item.key, reason=error.reason)
                return None
            return delay if error.retry_after is None else error.retry_after
        except (StoreUnavailable, Unconfirmed) as error:
            self._log.warning("answer.store_away", approval=item.key, error=error.code)
            return delay
        except Exception as error:  # noqa: BLE001  (one answer must not stop the others)
            self._log.error("answer.broken", approval=item.key, error=type(error).__name__)
        return None
