"""Owns the wake-ups: one listening connection for any number of watchers of one store object.

A wake-up is a hint. What this module promises is when a hint may be missing: never between the
server's confirmation of a subscription and the end of the connection; and the end is found out (by
the socket, or by a PING that stays without answer), repaired, and told to every watcher once.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

import structlog

from gate import StoreUnavailable, Wake

from .link import Link
from .wire import Lost, ServerError, Wire

__all__ = ["Subscriptions"]

_CHUNK: Final = 1000
"""Channels in one SUBSCRIBE, so that no command is large enough to hold up the others."""
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0

_log = structlog.get_logger("signoff.stores")


class _Channel:
    """One subscribed channel and who watches it."""

    __slots__ = ("stands", "stood", "wakes")

    def __init__(self) -> None:
        self.wakes: dict[object, Wake] = {}
        self.stands: asyncio.Future[None] = _future()
        self.stood = False
        """Whether it ever stood, so that the next confirmation means: something may be missed."""

    def renew(self) -> None:
        """Forget the confirmation: the connection it was given on is gone."""
        if self.stands.done():
            self.stands = _future()

    def fail(self, error: Exception) -> None:
        """Tell those who wait for the confirmation that it does not come."""
        if not self.stands.done():
            self.stands.set_exception(error)
            # Marks it as seen: there may be nobody left who waits.
            self.stands.exception()
        self.renew()


class Subscriptions:
    """Watches any number of channels on one connection, which it opens at the first watch.

    Args:
        link: Gives the connection.
        ping_interval: Seconds between looks at whether the connection still answers; the answer
            has to come within the link's timeout.
        jitter: Returns a number from 0 to 1: spreads the reconnects of many processes.
    """

    def __init__(
        self,
        link: Link,
        *,
        ping_interval: float,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._link = link
        self._ping_interval = ping_interval
        self._jitter = jitter
        self._channels: dict[bytes, _Channel] = {}
        self._outbox: deque[tuple[str, bytes]] = deque()
        self._unconfirmed: Counter[bytes] = Counter()
        self._something_to_send = asyncio.Event()
        self._wanted = asyncio.Event()
        self._answered = asyncio.Event()
        self._connected = False
        self._closed = False
        self._owner: asyncio.Task[None] | None = None

    async def watch(self, channel: str, wake: Wake) -> Callable[[], None]:
        """Subscribe, and return once the server has confirmed; the result ends it.

        Raises:
            StoreUnavailable: No confirmation.
        """
        if self._closed:
            raise StoreUnavailable("watch", cause="the store is closed")
        name = channel.encode()
        token = object()
        entry = self._channels.get(name)
        if entry is None:
            entry = self._channels[name] = _Channel()
            self._post("SUBSCRIBE", name)
        entry.wakes[token] = wake
        if self._owner is None or self._owner.done():
            self._owner = asyncio.create_task(self._own(), name="signoff-subscriptions")
        if not self._connected:
            self._wanted.set()
        try:
            async with asyncio.timeout(self._link.timeout):
                # Shielded: others may wait for the same confirmation.
                await asyncio.shield(entry.stands)
        except TimeoutError:
            self._leave(name, entry, token)
            cause = f"no answer within {self._link.timeout:g} s"
            raise StoreUnavailable("watch", cause=cause) from None
        except BaseException:
            self._leave(name, entry, token)
            raise
        return lambda: self._leave(name, entry, token)

    async def aclose(self) -> None:
        """End the connection and its task; wake every watcher a last time."""
        self._closed = True
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.cancel()
            await asyncio.gather(owner, return_exceptions=True)
        for entry in list(self._channels.values()):
            entry.fail(StoreUnavailable("watch", cause="the store is closed"))
            _call(entry, None)
        self._channels.clear()

    def _leave(self, name: bytes, entry: _Channel, token: object) -> None:
        entry.wakes.pop(token, None)
        if not entry.wakes and self._channels.get(name) is entry:
            del self._channels[name]
            self._post("UNSUBSCRIBE", name)

    def _post(self, verb: str, name: bytes) -> None:
        """Have *verb* sent, in order with the others; without connection there is no need."""
        if self._connected:
            if verb == "SUBSCRIBE":
                self._unconfirmed[name] += 1
            self._outbox.append((verb, name))
            self._something_to_send.set()

    async def _own(self) -> None:
        """Keep a connection as long as somebody watches."""
        pause = _FIRST_PAUSE
        while True:
            self._wanted.clear()
            try:
                async with self._link.listen("watch") as wire:
                    self._answered.clear()
                    await self._converse(wire)
                # A server that lets us in and refuses every command is no reason to hurry.
                pause = _FIRST_PAUSE if self._answered.is_set() else pause
            except StoreUnavailable as error:
                for entry in self._channels.values():
                    entry.fail(error)
            if not self._channels:
                await self._wanted.wait()
                continue
            try:
                async with asyncio.timeout(pause * (0.5 + self._jitter())):
                    await self._wanted.wait()
            except TimeoutError:
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _converse(self, wire: Wire) -> None:
        """Subscribe to everything on a new connection and serve it until it breaks."""
        self._outbox.clear()
        self._unconfirmed.clear()
        self._connected = True
        for name in self._channels:
            self._post("SUBSCRIBE", name)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(wire))
                group.create_task(self._speak(wire))
        except* (Lost, ServerError) as broken:
            self._broken(broken.exceptions[0])
        finally:
            self._connected = False
            for entry in self._channels.values():
                entry.renew()

    def _broken(self, error: BaseException) -> None:
        _log.warning("subscriptions_lost", cause=str(error))
        if isinstance(error, ServerError):
            for entry in self._channels.values():
                entry.fail(StoreUnavailable("watch", cause=error.word))

    async def _speak(self, wire: Wire) -> None:
        """Send what is to be sent, and a PING when there was nothing for a while."""
        while True:
            try:
                async with asyncio.timeout(self._ping_interval):
                    await self._something_to_send.wait()
            except TimeoutError:
                await self._ping(wire)
                continue
            self._something_to_send.clear()
            while self._outbox:
                verb, names = self._next_batch()
                await wire.send([(verb, *names)], answers=0)

    def _next_batch(self) -> tuple[str, list[bytes]]:
        verb = self._outbox[0][0]
        names: list[bytes] = []
        while self._outbox and self._outbox[0][0] == verb and len(names) < _CHUNK:
            names.append(self._outbox.popleft()[1])
        return verb, names

    async def _ping(self, wire: Wire) -> None:
        """Find a link that is open on our side only. Anything that arrives counts as an answer."""
        self._answered.clear()
        await wire.send([("PING",)], answers=0)
        try:
            async with asyncio.timeout(self._link.timeout):
                await self._answered.wait()
        except TimeoutError:
            cause = f"no answer within {self._link.timeout:g} s"
            raise Lost(cause) from None

    async def _listen(self, wire: Wire) -> None:
        while True:
            message = await wire.hear()
            self._answered.set()
            # A pong is a list while something is subscribed, and a plain text otherwise.
            if isinstance(message, list) and len(message) == 3:
                self._heard(message[0], message[1], message[2])

    def _heard(self, kind: bytes, name: bytes, content: Any) -> None:
        entry = self._channels.get(name)
        if kind == b"message" and entry is not None:
            _call(entry, content)
        elif kind == b"subscribe":
            self._unconfirmed[name] -= 1
            # A confirmation may be an older one, with an UNSUBSCRIBE on its way behind it.
            if self._unconfirmed[name] > 0:
                return
            del self._unconfirmed[name]
            if entry is None:
                return
            if not entry.stands.done():
                entry.stands.set_result(None)
            if entry.stood:
                _call(entry, None)
            entry.stood = True


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def _call(entry: _Channel, content: bytes | None) -> None:
    for token, wake in list(entry.wakes.items()):
        if token not in entry.wakes:
            continue
        try:
            wake(content)
        except Exception:  # noqa: BLE001  (it is the watcher's code, not ours)
            # One watcher's fault must not take the wake-ups from all the others.
            _log.exception("wake_failed")
