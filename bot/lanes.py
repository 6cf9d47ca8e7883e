"""Owns the lanes: what is told in order, what beside it, and how far the log is told."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from gate import ApprovalRequested, ApprovalRouted, EventLog, LoggedEvent

__all__ = ["READER", "Item", "Lanes", "Progress", "UnderWay"]

READER: Final = "notifier"
"""The outbox's reader, and the lease of whoever is it."""
_FOLLOWING: Final = "following"
"""Ends the name of a channel's lane for what happens to cards that are told."""


@dataclass(frozen=True)
class Item:
    """One thing to do about one approval."""

    key: str
    logged: LoggedEvent | None
    """The event to tell; `None`: see that the card is still there."""
    queued: float
    """When it was read from the log, by the notifier's steady clock."""


Deliver = Callable[[str, str, Item], Awaitable[None]]
"""Does an item, for as long as it takes: the lane's name, its channel, the item."""


class Lanes:
    """A channel's cards in order, and what follows on them beside.

    Args:
        deliver: Does one item.
        progress: Is told what is done.
        group: Owns the lanes' tasks.
    """

    def __init__(self, deliver: Deliver, progress: Progress, group: asyncio.TaskGroup) -> None:
        self._deliver = deliver
        self._progress = progress
        self._group = group
        self._lanes: dict[str, _Lane] = {}

    def put(self, channel: str, item: Item) -> None:
        """Do *item* after all that came before about the same approval."""
        asking = item.logged is not None and isinstance(
            item.logged.event, (ApprovalRequested, ApprovalRouted)
        )
        # One approval, one lane: also where it has just moved to another channel.
        name = self._lane_of(item.key) or channel
        if name == channel and not asking and not self._holds(channel, item.key):
            # Its card is told. It must not wait behind hundreds of cards still to be posted.
            name = f"{channel} {_FOLLOWING}"
        if name not in self._lanes:
            lane = self._lanes[name] = _Lane(channel)
            self._group.create_task(self._run(name, lane), name=f"signoff-lane-{name}")
        self._lanes[name].put(item)

    def busy(self, channel: str) -> bool:
        """Say whether anything is still to be told in *channel*."""
        return any(lane.held for lane in self._lanes.values() if lane.channel == channel)

    def telling(self, key: str) -> bool:
        """Say whether anything is still to be told about *key*."""
        return any(key in lane.held for lane in self._lanes.values())

    def _lane_of(self, key: str) -> str | None:
        return next((name for name, lane in self._lanes.items() if key in lane.held), None)

    def _holds(self, name: str, key: str) -> bool:
        return name in self._lanes and key in self._lanes[name].held

    async def _run(self, name: str, lane: _Lane) -> None:
        while True:
            item = await lane.queue.get()
            await self._deliver(name, lane.channel, item)
            lane.end(item)
            if item.logged is not None:
                self._progress.end(item.logged.cursor)


class _Lane:
    """What is done one after the other."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.queue: asyncio.Queue[Item] = asyncio.Queue()
        self.held: Counter[str] = Counter()

    def put(self, item: Item) -> None:
        self.held[item.key] += 1
        self.queue.put_nowait(item)

    def end(self, item: Item) -> None:
        self.held[item.key] -= 1
        if not self.held[item.key]:
            del self.held[item.key]


class UnderWay:
    """What is being sent just now, and a stop in order that waits for it.

    What is sent and not noted when another replica takes over would be sent again.
    """

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._at_rest = asyncio.Event()
        self.stopping = False

    def begin(self, name: str) -> None:
        """Note that lane *name* is sending."""
        self._names.add(name)

    def end(self, name: str) -> None:
        """Note that it is at rest: sent and noted, or neither."""
        self._names.discard(name)
        self._at_rest.set()

    async def wind_up(self, *, patience: float) -> int:
        """Say that nothing further is to begin; return how many did not end in time.

        Args:
            patience: Seconds to wait. What takes longer is left as after a crash.
        """
        self.stopping = True
        try:
            async with asyncio.timeout(patience):
                while self._names:
                    self._at_rest.clear()
                    await self._at_rest.wait()
        except TimeoutError:
            return len(self._names)
        return 0


class Progress:
    """Which events are under way, and how far the log is told without a gap.

    Args:
        log: The outbox.
        reader: Whose place in it is noted.
        fence: The lease's, where only its holder may note it.
    """

    def __init__(self, log: EventLog, *, reader: str, fence: int | None = None) -> None:
        self._log = log
        self._reader = reader
        self._fence = fence
        self._under_way: OrderedDict[str, bool] = OrderedDict()
        self._told: str | None = None
        self._saved: str | None = None
        self._moved = asyncio.Event()

    def __len__(self) -> int:
        return len(self._under_way)

    def begin(self, cursor: str) -> None:
        """Note that the event at *cursor* is under way; in the order of the log."""
        self._under_way[cursor] = False

    def end(self, cursor: str) -> None:
        """Note that it is told."""
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
            await self._log.advance(self._reader, told, fence=self._fence)
            self._saved = told
