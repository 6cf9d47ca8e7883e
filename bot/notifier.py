"""Owns the outbox's reader: events in the order of the log, lanes per channel, nothing lost.

The reader's place in the log moves only behind events that are told (or given up, with an event
that says so). After a crash the next reader begins there, and `bot.story` knows what was told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

from gate import (
    Approval,
    ApprovalAlarm,
    ApprovalNotFound,
    ApprovalRefused,
    EventLog,
    Listing,
    LoggedEvent,
    StoreCorrupt,
    StoreUnavailable,
    Unconfirmed,
    get_logger,
)

from .lanes import READER, Item, Lanes, Progress, UnderWay
from .messenger import DeliveryFailed
from .outbox_place import OutboxPlace, again_if_rewound
from .outlasting import FIRST_DELAY, LAST_DELAY, outlast
from .story import Story

__all__ = ["PATROL_SECONDS", "READER", "Notifier"]

T = TypeVar("T")

_BATCH: Final = 100
_OUTSTANDING: Final = 20_000
"""Events are small. A channel with so many to tell takes hours, and must not stop the others."""
_IDLE: Final = 1.0
_RECHECK: Final = 30.0
_PATROL: Final = 10
PATROL_SECONDS: Final = 60.0
"""Looks are edits, of which Slack takes 50 a minute from the whole app."""


class Notifier:
    """Tells every event of the log, while it is the one who may.

    Args:
        log: The outbox.
        story: Tells one event.
        undeliverable_after: Seconds of permanent refusal by the chat after which an approval ends.
        now: Seconds that never run backwards.
        first_delay: Seconds before the second attempt; doubled up to 30 s.
        idle: Seconds between two looks at how far it is told, while nothing new comes.
        outstanding: Events that may be under way at once.
        recheck: Seconds between two questions whether a channel still refuses.
        pending: Knows what is pending; without it a card that a person deletes stays away.
        patrol: Seconds between two looks whether ten cards are still there.
        observe: Is shown each event that is read, with its record where that is known.

    Attributes:
        refused: channel → the chat's word, for channels that refuse for good just now.
    """

    def __init__(
        self,
        log: EventLog,
        story: Story,
        *,
        undeliverable_after: float,
        now: Callable[[], float],
        first_delay: float = FIRST_DELAY,
        idle: float = _IDLE,
        outstanding: int = _OUTSTANDING,
        recheck: float = _RECHECK,
        pending: Listing | None = None,
        patrol: float = PATROL_SECONDS,
        observe: Callable[[LoggedEvent, Approval | None], None] | None = None,
    ) -> None:
        self._events = log
        self._story = story
        self._undeliverable_after = undeliverable_after
        self._now = now
        self._first_delay = first_delay
        self._idle = idle
        self._outstanding = outstanding
        self._recheck_after = recheck
        self._pending = pending
        self._patrol_after = patrol
        self._observe = observe
        self._progress: Progress | None = None
        self._log = get_logger("signoff.bot")
        self._refusing_since: dict[str, float] = {}
        self._under_way = UnderWay()
        self.refused: dict[str, str] = {}

    @property
    def backlog(self) -> int:
        """How many events are read and not yet told."""
        return len(self._progress) if self._progress is not None else 0

    async def run(self, fence: int) -> None:
        """Read and tell until cancelled; *fence* is the lease's."""
        await again_if_rewound(partial(self._read, fence), reader=READER)

    async def _read(self, fence: int) -> None:
        """Read and tell, from the noted place, until cancelled.

        Raises:
            Rewound: The log does not have what was read last; what is under way is broken off.
        """
        self.refused = {}
        self._refusing_since = {}
        progress = self._progress = Progress(self._events, reader=READER, fence=fence)
        async with asyncio.TaskGroup() as group:
            lanes = Lanes(self.deliver, progress, group)
            group.create_task(self._recheck(lanes), name="signoff-recheck")
            group.create_task(self._patrol(lanes), name="signoff-patrol")
            place = OutboxPlace(self._events, reader=READER, first_delay=self._first_delay)
            while True:
                room = self._outstanding - len(progress)
                if room <= 0:
                    await progress.moved()
                    await self._persist(progress.save)
                    continue
                for logged in await place.next(limit=min(_BATCH, room), wait=self._idle):
                    progress.begin(logged.cursor)
                    await self._dispatch(logged, lanes, progress)
                await self._persist(progress.save)

    async def _dispatch(self, logged: LoggedEvent, lanes: Lanes, progress: Progress) -> None:
        key = logged.event.key
        approval = None
        if isinstance(logged.event, ApprovalAlarm):
            self._log.error("approval.alarm", approval=key, part=logged.event.part)
        if not isinstance(logged.event, ApprovalRefused):
            try:
                approval = await self._persist(lambda: self._story.route(key))
            except StoreCorrupt as error:
                self._log.error("approval.corrupt", approval=key, reason=error.reason)
            except Exception as error:  # noqa: BLE001  (one record must not stop the reader)
                self._log.error("approval.broken", approval=key, error=type(error).__name__)
                await self._give_up(key, reason="cannot_be_routed")
        if self._observe is not None:
            self._observe(logged, approval)
        if approval is None or approval.terms is None:
            progress.end(logged.cursor)
            return
        lanes.put(_channel(approval), Item(key, logged, self._now()))

    async def _recheck(self, lanes: Lanes) -> None:
        """Ask channels that refused, and have nothing to be told now, whether they still do."""
        while True:
            await asyncio.sleep(self._recheck_after)
            for channel in tuple(self.refused):
                if lanes.busy(channel):
                    continue
                word = await self._story.trouble(channel)
                if word is None:
                    self.refused.pop(channel, None)
                    self._refusing_since.pop(channel, None)
                else:
                    self.refused[channel] = word

    async def _patrol(self, lanes: Lanes) -> None:
        """See that the cards of what is pending are still there, a few at a time, in a circle.

        And whether what was shown as decided, and not confirmed, is confirmed by now.
        """
        after = ""
        while self._pending is not None:
            await asyncio.sleep(self._patrol_after)
            look = partial(self._pending.pending, after=after, limit=_PATROL)
            keys = await self._persist(look)
            after = keys[-1] if len(keys) == _PATROL else ""
            for key in keys:
                try:
                    approval = await self._persist(partial(self._story.route, key))
                except StoreCorrupt:
                    continue  # said where it was to be routed
                if approval is not None and approval.terms is not None and not lanes.telling(key):
                    lanes.put(_channel(approval), Item(key, None, self._now()))
            for key, channel in tuple(self._story.unconfirmed.items()):
                if not lanes.telling(key):
                    lanes.put(channel, Item(key, None, self._now()))

    async def _persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        return await outlast(attempt, first_delay=self._first_delay)

    async def wind_up(self, *, patience: float) -> None:
        """Begin no further message; return when those under way are sent and noted.

        For a stop in order, while the lease is still ours: what is sent and not noted when another
        replica takes over would be sent again.

        Args:
            patience: Seconds to wait. What takes longer is left as after a crash.
        """
        left = await self._under_way.wind_up(patience=patience)
        if left:
            self._log.warning("outbox.broken_off", lanes=left)

    async def deliver(self, lane: str, channel: str, item: Item) -> None:
        """Tell one event, for as long as it takes; a channel that refuses for good ends it."""
        if item.logged is None:
            await self._look(lane, channel, item.key)
            return
        delay = self._first_delay
        try:
            while True:
                if self._under_way.stopping and not self._story.owes_note(item.key):
                    await asyncio.Event().wait()  # until cancelled: the next reader tells it
                self._under_way.begin(lane)
                pause = await self._attempt(channel, item, item.logged, delay)
                if pause is None:
                    return
                if not self._story.owes_note(item.key):
                    self._under_way.end(lane)
                await asyncio.sleep(pause)
                delay = min(delay * 2, LAST_DELAY)
        finally:
            self._under_way.end(lane)

    async def _look(self, lane: str, channel: str, key: str) -> None:
        """See that a card is still there. What fails is tried again at the next round."""
        if self._under_way.stopping:
            return
        self._under_way.begin(lane)
        try:
            await self._story.look(key)
        except DeliveryFailed as error:
            if error.permanent and not error.unfit:
                self.refused[channel] = error.reason
            self._log.warning("patrol.failed", approval=key, reason=error.reason)
        except Exception as error:  # noqa: BLE001  (one record must not stop a channel)
            self._log.warning("patrol.failed", approval=key, error=type(error).__name__)
        finally:
            self._under_way.end(lane)

    async def _attempt(
        self, channel: str, item: Item, logged: LoggedEvent, delay: float
    ) -> float | None:
        """Try to tell one event; return the seconds before the next attempt, `None` if it is over.

        Args:
            channel: Where it is told.
            item: What is told.
            logged: Its event.
            delay: Seconds before the next attempt, where the chat names none.
        """
        try:
            taken = await self._story.tell(item.key, logged)
        except DeliveryFailed as error:
            if self._hopeless(channel, item, error):
                self._log.error("approval.undeliverable", approval=item.key, reason=error.reason)
                await self._give_up(item.key, reason=error.reason)
                return None
            self._log.warning(
                "delivery.failed", approval=item.key, channel=channel, reason=error.reason
            )
            return delay if error.retry_after is None else error.retry_after
        except (StoreUnavailable, Unconfirmed) as error:
            self._log.warning("delivery.store_away", approval=item.key, error=error.code)
            return delay
        except (ApprovalNotFound, StoreCorrupt) as error:
            self._log.error("delivery.unreadable", approval=item.key, error=error.code)
            return None
        except Exception as error:  # noqa: BLE001  (one record must not stop a channel)
            # What cannot be shown cannot be approved: it ends, and the agent is told.
            self._log.error("delivery.broken", approval=item.key, error=type(error).__name__)
            await self._give_up(item.key, reason="cannot_be_shown")
            return None
        if taken:
            self.refused.pop(channel, None)
            self._refusing_since.pop(channel, None)
        return None

    def _hopeless(self, channel: str, item: Item, error: DeliveryFailed) -> bool:
        """Say whether the chat has refused for so long that waiting is no service any more."""
        if error.unfit:
            return True  # waiting would only hold up the channel's other events
        if not error.permanent:
            return False
        self.refused[channel] = error.reason
        # The channel's time, not the event's turn: a hundred events must not wait one by one. And
        # not before the event was known: one that comes later has its own time.
        since = max(self._refusing_since.setdefault(channel, self._now()), item.queued)
        return self._now() - since >= self._undeliverable_after

    async def _give_up(self, key: str, *, reason: str) -> None:
        await self._persist(lambda: self._story.give_up(key, reason=reason))


def _channel(approval: Approval) -> str:
    """Return where a routed approval is asked now."""
    terms = approval.asking()
    return terms.channel if terms is not None else ""
