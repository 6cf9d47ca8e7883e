"""Owns the wake-ups: one listening connection for any number of watchers of one store object.

A wake-up is a hint. What this module promises is when a hint may be missing: never between the
server's confirmation of a subscription and the end of the connection; and the end is found out (by
the socket, or by a PING that stays without answer), repaired, and told to every watcher once.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from gate import StoreUnavailable, Wake

from .link import Link
from .resp import ServerError, pack
from .wire import Lost, Wire

__all__ = ["PLAIN", "SHARDED", "Subscriptions", "Words"]

_CHUNK: Final = 1000
"""Channels in one SUBSCRIBE, so that no command is large enough to hold up the others."""
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0

_log = structlog.get_logger("signoff.stores")


@dataclass(frozen=True)
class Words:
    """The words of one kind of publish and subscribe."""

    subscribe: str
    unsubscribe: str
    publish: str
    subscribed: bytes
    unsubscribed: bytes
    message: bytes


PLAIN: Final = Words(
    "SUBSCRIBE", "UNSUBSCRIBE", "PUBLISH", b"subscribe", b"unsubscribe", b"message"
)
SHARDED: Final = Words(
    "SSUBSCRIBE", "SUNSUBSCRIBE", "SPUBLISH", b"ssubscribe", b"sunsubscribe", b"smessage"
)
"""Of a cluster: told to the node of the channel's slot, and by it alone. Redis 7 and later."""


class _Channel:
    """One subscribed channel and who watches it."""

    __slots__ = ("_confirmation", "stands", "stood", "watches")

    def __init__(self) -> None:
        self.watches: dict[_Watch, None] = {}
        self.stands = False
        """Whether the server has confirmed it on the connection that is there."""
        self.stood = False
        """Whether it ever stood, so that the next confirmation means: something may be missed."""
        self._confirmation: asyncio.Future[None] | None = None

    async def confirmed(self) -> None:
        """Return when it stands.

        Raises:
            StoreUnavailable: There is no confirmation.
        """
        if self.stands:
            return
        if self._confirmation is None:
            self._confirmation = asyncio.get_running_loop().create_future()
        # Shielded: others may wait for the same confirmation.
        await asyncio.shield(self._confirmation)

    def confirm(self) -> None:
        """Let those go on who wait for the confirmation."""
        self.stands = self.stood = True
        confirmation, self._confirmation = self._confirmation, None
        if confirmation is not None:
            confirmation.set_result(None)

    def fail(self, error: Exception) -> None:
        """Tell those who wait for the confirmation that it does not come."""
        self.stands = False
        confirmation, self._confirmation = self._confirmation, None
        if confirmation is not None:
            confirmation.set_exception(error)
            # Marks it as seen: there may be nobody left who waits.
            confirmation.exception()


class _Watch:
    """One watcher of one channel, until it is called."""

    __slots__ = ("channel", "name", "room", "wake")

    def __init__(self, room: Subscriptions, name: bytes, channel: _Channel, wake: Wake) -> None:
        self.room = room
        self.name = name
        self.channel = channel
        self.wake = wake

    def __call__(self) -> None:
        """Leave."""
        self.room.leave(self)


class Subscriptions:
    """Watches any number of channels on one connection, which it opens at the first watch.

    Args:
        link: Gives the connection.
        ping_interval: Seconds between looks at whether the connection still answers; the answer
            has to come within the link's timeout.
        jitter: Returns a number from 0 to 1: spreads the reconnects of many processes.
        words: How the server subscribes and tells.
        move: Awaited whenever the connection has ended and before the next is made: takes channels
            elsewhere that this server has no more.
    """

    def __init__(
        self,
        link: Link,
        *,
        ping_interval: float,
        jitter: Callable[[], float] = random.random,
        words: Words = PLAIN,
        move: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._link = link
        self._words = words
        self._move = move
        self._ping_interval = ping_interval
        self._jitter = jitter
        self._channels: dict[bytes, _Channel] = {}
        self._outbox: deque[tuple[str, bytes]] = deque()
        self._unconfirmed: Counter[bytes] = Counter()
        self._wanted = asyncio.Event()
        self._pinged = False
        self._asked = asyncio.Event()
        """Set when something that is owed an answer was sent."""
        self._asked_at = 0.0
        """When the answer that is owed was first asked for."""
        self._heard_at = 0.0
        """When anything came."""
        self._wire: Wire | None = None
        self._refusal: ServerError | None = None
        self._closed = False
        self._owner: asyncio.Task[None] | None = None

    async def watch(self, channel: str, wake: Wake) -> Callable[[], None]:
        """Subscribe, and return once the server has confirmed; the result ends it.

        Any number may come at once: the server may take its time for all of them, as long as it
        says something within the link's timeout.

        Raises:
            StoreUnavailable: No confirmation.
        """
        if self._closed:
            raise StoreUnavailable("watch", cause="the store is closed")
        self._link.here("watch")
        name = channel.encode()
        entry = self._channels.get(name)
        if entry is None:
            entry = self._channels[name] = _Channel()
            self._post(self._words.subscribe, name)
        watch = _Watch(self, name, entry, wake)
        entry.watches[watch] = None
        self._want()
        try:
            await entry.confirmed()
        except BaseException:
            watch()  # where it is by now: it may have been handed over
            raise
        return watch

    def channels(self) -> list[bytes]:
        """Return what is watched here."""
        return list(self._channels)

    def hand_over(self, name: bytes, other: Subscriptions) -> None:
        """Let *other* watch *name* from now on, for all who watch it here; they are woken there.

        For a channel that does not stand here.
        """
        if other._closed or name not in self._channels:
            return  # whoever watches is woken a last time from here
        moved = self._channels.pop(name)
        standing = other._channels.get(name)
        target = standing or moved
        for watch in moved.watches:
            watch.room, watch.channel = other, target
        if standing is None:
            # Confirmed or not before: something may be missed by now.
            moved.stood = True
            other._channels[name] = moved
            other._post(other._words.subscribe, name)
        else:
            standing.watches |= moved.watches
            # Who has only just come waits for a confirmation that nobody is owed any more.
            moved.fail(StoreUnavailable("watch", cause="MOVED"))
            _call(standing, None)
        other._want()

    def leave(self, watch: _Watch) -> None:
        """End a watch; the last one of a channel takes the subscription along."""
        if watch not in watch.channel.watches:
            return
        del watch.channel.watches[watch]
        if not watch.channel.watches and self._channels.get(watch.name) is watch.channel:
            del self._channels[watch.name]
            self._post(self._words.unsubscribe, watch.name)

    async def aclose(self) -> None:
        """End the connection and its task; wake every watcher a last time."""
        self._closed = True
        owner, self._owner = self._owner, None
        channels, self._channels = self._channels, {}
        # First what nobody else would do, should the wait below be broken off.
        for entry in channels.values():
            entry.fail(StoreUnavailable("watch", cause="the store is closed"))
            _call(entry, None)
        if owner is not None:
            owner.cancel()
            await asyncio.gather(owner, return_exceptions=True)

    def _want(self) -> None:
        """See that there is, or will be, a connection."""
        if self._owner is None or self._owner.done():
            self._owner = asyncio.create_task(self._own(), name="signoff-subscriptions")
        if self._wire is None:
            self._wanted.set()

    def _post(self, verb: str, name: bytes) -> None:
        """Have *verb* sent, in order with the others; without connection there is no need."""
        if self._wire is None:
            return
        if verb == self._words.subscribe:
            if not self._owes():
                # Nothing is owed before it is sent, and a crowd may take the loop's time till then.
                self._asked.clear()
            self._unconfirmed[name] += 1
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._send)
        self._outbox.append((verb, name))

    def _send(self) -> None:
        """Send what was posted in this turn of the event loop."""
        while self._outbox and self._wire is not None:
            verb, names = self._next_batch()
            self._wire.say(pack([(verb, *names)]))
            if verb == self._words.subscribe:
                self._expect_answer()

    def _owes(self) -> bool:
        return self._pinged or bool(self._unconfirmed)

    def _expect_answer(self) -> None:
        if not self._asked.is_set():
            self._asked_at = asyncio.get_running_loop().time()
            self._asked.set()

    async def _own(self) -> None:
        """Keep a connection as long as somebody watches."""
        pause = _FIRST_PAUSE
        while True:
            self._wanted.clear()
            try:
                async with self._link.listen("watch", self._take) as wire:
                    self._heard_at = 0.0
                    await self._converse(wire)
                # A server that lets us in and refuses every command is no reason to hurry.
                refused = self._refusal is not None and self._refusal.word != "MOVED"
                pause = _FIRST_PAUSE if self._heard_at and not refused else pause
            except StoreUnavailable as error:
                for entry in self._channels.values():
                    entry.fail(error)
            if self._move is not None:
                await self._move()
            if not self._channels:
                return  # the next watch starts anew
            try:
                async with asyncio.timeout(pause * (0.5 + self._jitter())):
                    await self._wanted.wait()
            except TimeoutError:
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _converse(self, wire: Wire) -> None:
        """Subscribe to everything on a new connection, and see that it answers until it ends."""
        self._outbox.clear()
        self._unconfirmed.clear()
        self._pinged = False
        self._asked_at = asyncio.get_running_loop().time()
        self._refusal = None
        self._wire = wire
        for name in self._channels:
            self._post(self._words.subscribe, name)
        attending = asyncio.create_task(self._attend(wire), name="signoff-pings")
        try:
            await asyncio.wait({attending, wire.ended}, return_when=asyncio.FIRST_COMPLETED)
            self._broken(wire.ended.result() if wire.ended.done() else attending.result())
        finally:
            self._wire = None
            attending.cancel()
            await asyncio.gather(attending, return_exceptions=True)

    def _broken(self, why: Lost) -> None:
        cause = why.cause if self._refusal is None else self._refusal.word
        _log.warning("subscriptions_lost", cause=cause)
        for entry in self._channels.values():
            entry.fail(StoreUnavailable("watch", cause=cause))

    async def _attend(self, wire: Wire) -> Lost:
        """Return when an answer stays out; send a PING when nothing was asked for a while."""
        loop = asyncio.get_running_loop()
        while True:
            if self._asked.is_set() and self._owes():
                # Anything that comes counts: a crowd is answered one after the other.
                until = max(self._asked_at, self._heard_at) + self._link.timeout
                if until <= loop.time():
                    return Lost(f"no answer within {self._link.timeout:g} s")
                await asyncio.sleep(until - loop.time())
                continue
            self._asked.clear()
            try:
                async with asyncio.timeout_at(self._asked_at + self._ping_interval):
                    await self._asked.wait()
            except TimeoutError:
                # Finds a link that is open on our side only.
                self._expect_answer()
                self._pinged = True
                wire.say(pack([("PING",)]))

    def _next_batch(self) -> tuple[str, list[bytes]]:
        verb, first = self._outbox[0]
        tag = first.partition(b"}")[0]
        names: list[bytes] = []
        while self._outbox and len(names) < _CHUNK:
            next_verb, name = self._outbox[0]
            # A command to a cluster takes channels of one slot.
            if next_verb != verb or name.partition(b"}")[0] != tag:
                break
            names.append(name)
            self._outbox.popleft()
        return verb, names

    def _take(self, message: Any) -> None:
        """Take what the server says on the listening connection."""
        self._heard_at = asyncio.get_running_loop().time()
        self._pinged = False
        if isinstance(message, ServerError):
            self._refusal = message
            if self._wire is not None:
                self._wire.drop()
        # A pong is a list while something is subscribed, and a plain text otherwise.
        elif isinstance(message, list) and len(message) == 3:
            self._heard(message[0], message[1], message[2])

    def _heard(self, kind: bytes, name: bytes, content: Any) -> None:
        entry = self._channels.get(name)
        if kind == self._words.message and entry is not None:
            _call(entry, content)
        elif kind == self._words.unsubscribed and entry is not None:
            # Nobody asked for it: the slot has gone to another node.
            if name not in self._unconfirmed and self._wire is not None:
                self._refusal = ServerError("MOVED")
                self._wire.drop()
        elif kind == self._words.subscribed:
            self._unconfirmed[name] -= 1
            # A confirmation may be an older one, with an UNSUBSCRIBE on its way behind it.
            if self._unconfirmed[name] > 0:
                return
            del self._unconfirmed[name]
            if entry is None:
                return
            missed = entry.stood
            entry.confirm()
            if missed:
                _call(entry, None)


def _call(entry: _Channel, content: bytes | None) -> None:
    for watch in tuple(entry.watches):
        if watch not in entry.watches:
            continue
        try:
            watch.wake(content)
        except Exception:  # noqa: BLE001  (it is the watcher's code, not ours)
            # One watcher's fault must not take the wake-ups from all the others.
            _log.exception("wake_failed")
