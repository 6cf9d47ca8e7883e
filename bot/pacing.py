"""Owns the pace at which messages are sent: as fast as the chat takes them, and no faster.

Slack takes about one post a second in a channel, with short bursts, several hundred a minute in a
workspace, and 50 edits a minute (docs.slack.dev: rate limits, chat.postMessage, chat.update).
Whoever sends faster is told to wait, and a chat that has to say so often may drop messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from .messenger import DeliveryFailed, Mark, Message, Messenger, Posted

__all__ = ["Bucket", "Pace", "PacedMessenger", "Paces"]

_CHANNELS: Final = 1000
"""Channels and people whose pace is remembered; those at rest are forgotten first."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Pace:
    """So many calls at once, then so many a second.

    Raises:
        ValueError: A number that lets nothing through.
    """

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        """Refuse a pace that would stop everything."""
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError("a pace must let something through")

    def faster(self, times: float) -> Pace:
        """Return the same pace for a chat whose seconds are *times* as short."""
        return Pace(self.per_second * times, self.burst)


@dataclass(frozen=True)
class Paces:
    """The pace of each kind of call, a little below what Slack documents."""

    posts: Pace = Pace(per_second=1.0, burst=3)
    """In one channel."""
    all_posts: Pace = Pace(per_second=4.0, burst=20)
    """In the whole workspace."""
    edits: Pace = Pace(per_second=0.8, burst=20)
    """In the whole workspace."""

    def faster(self, times: float) -> Paces:
        """Return the same paces for a chat whose seconds are *times* as short."""
        return Paces(
            self.posts.faster(times), self.all_posts.faster(times), self.edits.faster(times)
        )


class Bucket:
    """One pace: turns are given in the order in which they are asked for.

    Args:
        pace: How fast.
        now: Seconds that never run backwards.
    """

    def __init__(self, pace: Pace, *, now: Callable[[], float]) -> None:
        self._interval = 1.0 / pace.per_second
        self._ahead = (pace.burst - 1) * self._interval
        self._now = now
        self._full_at = now()
        """When the whole burst is there again."""
        self._held_until = self._full_at

    @property
    def at_rest(self) -> bool:
        """Whether forgetting it changes nothing."""
        return max(self._full_at, self._held_until) <= self._now()

    def reserve(self) -> float:
        """Take the next turn, and return when it is by the clock, which may be at once."""
        now = self._now()
        turn = max(self._full_at, now)
        self._full_at = turn + self._interval
        return max(now, turn - self._ahead)

    def hold(self, seconds: float) -> None:
        """Give no turn for *seconds*, those that are reserved included."""
        self._held_until = max(self._held_until, self._now() + seconds)

    def wait(self, turn: float) -> float:
        """Return the seconds until a reserved *turn* may be used; 0 is now."""
        return max(0.0, max(turn, self._held_until) - self._now())


class PacedMessenger:
    """Sends at the chat's pace: posts by their channel, edits by themselves, the rest at once.

    Private answers are not held up: somebody waits for them, and they are few. A channel with a
    backlog holds up no other channel. Within a channel posts keep the order of the calls.

    Args:
        messenger: What sends.
        now: Seconds that never run backwards.
        paces: How fast.
        sleep: Waits for seconds of *now*.
    """

    def __init__(
        self,
        messenger: Messenger,
        *,
        now: Callable[[], float],
        paces: Paces | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._messenger = messenger
        self._paces = paces or Paces()
        self._now = now
        self._sleep = sleep
        self._posts: dict[str, Bucket] = {}
        self._all_posts = Bucket(self._paces.all_posts, now=now)
        self._edits = Bucket(self._paces.edits, now=now)

    async def post(
        self, channel: str, message: Message, *, thread: str | None = None, mark: Mark | None = None
    ) -> Posted:
        """Post when it is the channel's turn; see `Messenger.post`."""
        bucket = self._channel(channel)
        # The channel's turn first: who waits for a busy channel takes no turn from the others.
        await self._turn(bucket)
        await self._turn(self._all_posts)
        try:
            return await self._messenger.post(channel, message, thread=thread, mark=mark)
        except DeliveryFailed as error:
            bucket.hold(error.retry_after or 0.0)
            raise

    async def update(self, posted: Posted, message: Message) -> None:
        """Replace when it is the turn of an edit; see `Messenger.update`."""
        await self._turn(self._edits)
        try:
            await self._messenger.update(posted, message)
        except DeliveryFailed as error:
            self._edits.hold(error.retry_after or 0.0)
            raise

    async def tell(self, channel: str, person: str, message: Message) -> None:
        """Tell one person at once; see `Messenger.tell`."""
        await self._messenger.tell(channel, person, message)

    async def link(self, posted: Posted) -> str | None:
        """Return a message's address; see `Messenger.link`."""
        return await self._messenger.link(posted)

    async def find(
        self, channel: str, mark: Mark, *, since: datetime, thread: str | None = None
    ) -> Sequence[Posted]:
        """Look for our own messages; see `Messenger.find`."""
        return await self._messenger.find(channel, mark, since=since, thread=thread)

    async def trouble(self, channel: str) -> str | None:
        """Ask whether a channel takes messages; see `Messenger.trouble`."""
        return await self._messenger.trouble(channel)

    async def _turn(self, bucket: Bucket) -> None:
        turn = bucket.reserve()
        while (seconds := bucket.wait(turn)) > 0:
            await self._sleep(seconds)

    def _channel(self, channel: str) -> Bucket:
        found = self._posts.get(channel)
        if found is None:
            if len(self._posts) >= _CHANNELS:
                self._posts = {k: v for k, v in self._posts.items() if not v.at_rest}
            found = self._posts[channel] = Bucket(self._paces.posts, now=self._now)
        return found
