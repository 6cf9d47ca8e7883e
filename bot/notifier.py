"""Owns the outbox's reader: events in the order of the log, one lane per channel, nothing lost.

The reader's place in the log moves only behind events that are told (or given up, with an event
that says so). After a crash the next reader begins there, and `bot.story` knows what was told.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from gate import (
    ApprovalNotFound,
    ApprovalRefused,
    EventLog,
    LoggedEvent,
    StoreCorrupt,
    StoreUnavailable,
    Unconfirmed,
    get_logger,
)

from .messenger import DeliveryFailed
from .story import Story

__all__ = ["READER", "Notifier"]

T = TypeVar("T")

READER: Final = "notifier"
_BATCH: Final = 100
_OUTSTANDING: Final = 1000
_FIRST_DELAY: Final = 0.2
_LAST_DELAY: Final = 30.0
_IDLE: Final = 1.0


@dataclass(frozen=True)
class _Item:
    key: str
    logged: LoggedEvent
    queued: float
    """When it was read from the log, by the notifier's steady clock."""


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
        first_delay: float = _FIRST_DELAY,
        idle: float = _IDLE,
        outstanding: int = _OUTSTANDING,
    ) -> None:
        self._events = log
        self._story = story
        self._undeliverable_after = undeliverable_after
        self._now = now
        self._first_delay = first_delay
        self._idle = idle
        self._outstanding = outstanding
        self._log = get_logger("signoff.bot")
        self._refusing_since: dict[str, float] = {}
        self.refused: dict[str, str] = {}

    async def run(self, fence: int) -> None:
        """Read and tell until cancelled; *fence* is the lease's."""
        self.refused = {}
        self._refusing_since = {}
        progress = _Progress(self._events, fence)
        lanes: dict[str, _Lane] = {}
        async with asyncio.TaskGroup() as group:
            cursor = await self._persist(lambda: self._events.position(READER))
            while True:
                room = self._outstanding - len(progress)
                if room <= 0:
                    await progress.moved()
                    await self._persist(progress.save)
                    continue
                read = partial(self._events.read, cursor, limit=min(_BATCH, room), wait=self._idle)
                events = await self._persist(read)
                for logged in events:
                    cursor = logged.cursor
                    progress.begin(cursor)
                    await self._dispatch(logged, lanes, group, progress)
                await self._persist(progress.save)

    async def _dispatch(
        self,
        logged: LoggedEvent,
        lanes: dict[str, _Lane],
        group: asyncio.TaskGroup,
        progress: _Progress,
    ) -> None:
        key = logged.event.key
        approval = None
        if not isinstance(logged.event, ApprovalRefused):
            try:
                approval = await self._persist(lambda: self._story.route(key))
            except StoreCorrupt as error:
                self._log.error("approval.corrupt", approval=key, reason=error.reason)
            except Exception as error:  # noqa: BLE001  (one record must not stop the reader)
                self._log.error("approval.broken", approval=key, error=type(error).__name__)
                await self._give_up(key, reason="cannot_be_routed")
        if approval is None or approval.terms is None:
            progress.end(logged.cursor)
            return
        channel = approval.terms.channel
        if channel not in lanes:
            lanes[channel] = _Lane(self, channel, progress)
            group.create_task(lanes[channel].run(), name=f"signoff-lane-{channel}")
        lanes[channel].queue.put_nowait(_Item(key, logged, self._now()))

    async def _persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        delay = self._first_delay
        while True:
            try:
                return await attempt()
            except (StoreUnavailable, Unconfirmed) as error:
                self._log.warning("outbox.store_away", error=error.code)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LAST_DELAY)

    async def deliver(self, channel: str, item: _Item) -> None:
        """Tell one event, for as long as it takes; a channel that refuses for good ends it."""
        delay = self._first_delay
        while True:
            try:
                taken = await self._story.tell(item.key, item.logged)
            except DeliveryFailed as error:
                if self._hopeless(channel, item, error):
                    self._log.error(
                        "approval.undeliverable", approval=item.key, reason=error.reason
                    )
                    await self._give_up(item.key, reason=error.reason)
                    return
                self._log.warning(
                    "delivery.failed", approval=item.key, channel=channel, reason=error.reason
                )
                pause = delay if error.retry_after is None else error.retry_after
            except (StoreUnavailable, Unconfirmed) as error:
                self._log.warning("delivery.store_away", approval=item.key, error=error.code)
                pause = delay
            except (ApprovalNotFound, StoreCorrupt) as error:
                self._log.error("delivery.unreadable", approval=item.key, error=error.code)
                return
            except Exception as error:  # noqa: BLE001  (one record must not stop a channel)
                # What cannot be shown cannot be approved: it ends, and the agent is told.
                self._log.error("delivery.broken", approval=item.key, error=type(error).__name__)
                await self._give_up(item.key, reason="cannot_be_shown")
                return
            else:
                if taken:
                    self.refused.pop(channel, None)
                    self._refusing_since.pop(channel, None)
                return
            await asyncio.sleep(pause)
            delay = min(delay * 2, _LAST_DELAY)

    def _hopeless(self, channel: str, item: _Item, error: DeliveryFailed) -> bool:
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


class _Lane:
    """One channel's events, in order."""

    def __init__(self, notifier: Notifier, channel: str, progress: _Progress) -> None:
        self.queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._notifier = notifier
        self._channel = channel
        self._progress = progress

    async def run(self) -> None:
        while True:
            item = await self.queue.get()
            await self._notifier.deliver(self._channel, item)
            self._progress.end(item.logged.cursor)


class _Progress:
    """Which events are under way, and how far the log is told without a gap."""

    def __init__(self, log: EventLog, fence: int) -> None:
        self._log = log
        self._fence = fence
        self._under_way: OrderedDict[str, bool] = OrderedDict()
        self._told: str | None = None
        self._saved: str | None = None
        self._moved = asyncio.Event()

    def __len__(self) -> int:
        return len(self._under_way)

    def begin(self, cursor: str) -> None:
        self._under_way[cursor] = False

    def end(self, cursor: str) -> None:
        self._under_way[cursor] = True
        while self._under_way and self._under_way[next(iter(self._under_way))]:
            self._told, _ = self._under_way.popitem(last=False)
            self._moved.set()

    async def moved(self) -> None:
        """Return when something is told."""
        self._moved.clear()
        await self._moved.wait()

    async def save(self) -> None:
        """Note how far the log is told; nothing if the lease is another's by now."""
        if self._told is not None and self._told != self._saved:
            told = self._told
            await self._log.advance(READER, told, fence=self._fence)
            self._saved = told
