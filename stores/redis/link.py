"""Owns the way to Redis that the store sees: run a script, read, block, listen; each with one end.

All operations share one connection: what is asked in one turn of the event loop goes out together,
and no caller has a connection of its own. Only what the server may hold back has one: a blocking
read, a wait for replicas, a subscription.

An operation has one deadline for everything: the wait for its turn, connecting, sending and the
answer. What went wrong before anything was sent is `StoreUnavailable`. A write that was sent and
has no answer is `Unconfirmed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from gate import StoreCorrupt, StoreUnavailable, Unconfirmed

from .resp import Argument, ServerError, pack
from .way import Script
from .wire import Late, Lost, Wire

__all__ = ["Elsewhere", "Link"]

_NOTHING_DONE: Final = frozenset(
    {
        "OOM", "READONLY", "LOADING", "BUSY", "MISCONF", "NOAUTH", "NOPERM", "WRONGPASS",
        "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "MOVED", "ASK", "TRYAGAIN", "CROSSSLOT",
        "NOSCRIPT",
    }
)  # fmt: skip
"""Refusals after which a script has written nothing: Redis checks these before the first write."""
_ELSEWHERE: Final = frozenset({"READONLY", "MASTERDOWN"})
"""Refusals of a server that is no primary any more: the next operation connects anew."""

_CLOSED: Final = "the store is closed"
_REDIRECTED: Final = frozenset({"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"})
"""Answers of a node of a cluster that does not serve a slot, or not now."""


class Elsewhere(Exception):
    """A node of a cluster has done nothing: the slot is elsewhere, or on its way.

    Attributes:
        word: The node's.
        place: Where it sends us, as `host:port`; empty if it does not say.
    """

    def __init__(self, word: str, place: str) -> None:
        super().__init__(word)
        self.word = word
        self.place = place


class Link:
    """A shared connection, and some for what blocks.

    Args:
        make: Makes a connection, not yet connected.
        timeout: Seconds for a whole operation.
        connections: How many operations may be under way at once; the others queue in order.
        in_cluster: Whether the server is a node of a cluster; then what another node should be
            asked raises `Elsewhere`.
    """

    def __init__(
        self,
        make: Callable[[], Wire],
        *,
        timeout: float,
        connections: int,
        in_cluster: bool = False,
    ) -> None:
        self._make = make
        self._in_cluster = in_cluster
        self.timeout = timeout
        # A bound on what is owed, and a queue that starves nobody.
        self._slots = asyncio.Semaphore(connections)
        self._shared: Wire | None = None
        self._opening: asyncio.Task[Wire] | None = None
        self._apart: list[Wire] = []
        """Connections for what blocks, at rest."""
        self._all: set[Wire] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def here(self, operation: str) -> asyncio.AbstractEventLoop:
        """Return the event loop, which has to be the same each time: the connections are its.

        Raises:
            StoreUnavailable: It is another one than that of the first operation.
        """
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise StoreUnavailable(operation, cause="the store is in use on another event loop")
        self._loop = loop
        return loop

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        *,
        operation: str,
        key: str | None = None,
        replicas: int = 0,
        patience: float | None = None,
        asking: bool = False,
        timeout: float | None = None,
    ) -> Any:
        """Run a writing script and return its answer.

        Args:
            script: What to run.
            keys: Its keys; all in one bucket.
            arguments: Its arguments.
            operation: What errors call it.
            key: The record's key, for errors.
            replicas: How many replicas must have it; may take as long again as *patience*.
            patience: Seconds to wait for them; by default the timeout.
            asking: Whether a node shall serve a slot that it is only about to get.
            timeout: Seconds that are left of the link's own, where it was not asked first.

        Raises:
            StoreUnavailable: Nothing was written.
            Unconfirmed: It is not known whether it ran, or too few replicas have it.
            StoreCorrupt: A key holds something of another type.
        """
        tail = (len(keys), *keys, *arguments)
        call = _Call(operation, key=key, writes=True, asking=asking)
        wait = self.timeout if patience is None else patience
        end = self._end(operation, timeout) + (wait + 0.5 if replicas else 0)
        own: Wire | None = None
        await self._queue(call, end)
        try:
            if replicas:
                own = await self._own_wire(end)
            wire = own or await self._shared_wire(end)
            answer = await call.ask(wire, ("EVALSHA", script.sha, *tail), end=end)
            if isinstance(answer, ServerError) and answer.word == "NOSCRIPT":
                # A new or flushed server: nothing ran. EVAL runs it and caches it.
                answer = await call.ask(wire, ("EVAL", script.text, *tail), end=end)
            if isinstance(answer, ServerError):
                raise answer
            if replicas and not await _replicated(wire, replicas, seconds=wait, end=end):
                raise Unconfirmed(operation, approval_id=_id_of(key))
            return answer
        except (Lost, ServerError) as error:
            raise self._told(call, error) from None
        finally:
            self._slots.release()
            self._give_back(own)

    async def read(
        self,
        *commands: Sequence[Argument],
        operation: str,
        key: str | None = None,
        asking: bool = False,
        timeout: float | None = None,
    ) -> list[Any]:
        """Send reading commands together and return their answers; for the rest see `run`.

        Raises:
            StoreUnavailable: No answer.
            StoreCorrupt: A key holds something of another type.
        """
        call = _Call(operation, key=key)
        end = self._end(operation, timeout)
        await self._queue(call, end)
        try:
            wire = await self._shared_wire(end)
            return await _all_of(wire, commands, end=end, asking=asking)
        except (Lost, ServerError) as error:
            raise self._told(call, error) from None
        finally:
            self._slots.release()

    async def read_blocking(
        self,
        *commands: Sequence[Argument],
        operation: str,
        seconds: float,
        asking: bool = False,
        timeout: float | None = None,
    ) -> list[Any]:
        """Send reading commands together, of which the server may hold back the first.

        One server answers all of them. No free slot is needed.

        Args:
            commands: The first with its own limit of time.
            operation: What errors call it.
            seconds: For which the server may hold back.
            asking: See `run`.
            timeout: See `run`.

        Raises:
            StoreUnavailable: No answer.
        """
        call = _Call(operation)
        end = self._end(operation, timeout) + seconds
        own: Wire | None = None
        try:
            own = await self._own_wire(end)
            return await _all_of(own, commands, end=end, asking=asking)
        except (Lost, ServerError) as error:
            raise self._told(call, error) from None
        finally:
            self._give_back(own)

    @asynccontextmanager
    async def listen(self, operation: str, hear: Callable[[Any], None]) -> AsyncIterator[Wire]:
        """Give a connected connection of one's own, dropped at the end; *hear* gets what comes.

        Raises:
            StoreUnavailable: No connection.
        """
        try:
            wire = await self._connected()
        except (Lost, ServerError) as error:
            raise self._told(_Call(operation), error) from None
        wire.hear = hear
        try:
            yield wire
        finally:
            wire.drop()

    async def aclose(self) -> None:
        """Close every connection; operations under way end as with a lost connection."""
        self._closed = True
        for wire in tuple(self._all):
            wire.drop()
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        # The transports' last calls come in a later turn of the loop.
        await asyncio.sleep(0)

    def _end(self, operation: str, timeout: float | None) -> float:
        return self.here(operation).time() + (self.timeout if timeout is None else timeout)

    def _told(self, call: _Call, error: Lost | ServerError) -> Exception:
        """Return our error for the wire's."""
        if isinstance(error, ServerError):
            if error.word in _ELSEWHERE:
                # Also what only listens, or would serve the next caller: all of it is made anew,
                # where the primary is then. What is under way ends by itself.
                for wire in tuple(self._all):
                    wire.retire()
            if self._in_cluster and error.word in _REDIRECTED:
                return Elsewhere(error.word, error.place)
            return call.refused(error.word)
        if isinstance(error, Late):
            return call.failed(f"no answer within {self.timeout:g} s")
        return call.failed(error.cause)

    async def _queue(self, call: _Call, end: float) -> None:
        """Wait for a turn; the caller gives it back."""
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout_at(end):
                await self._slots.acquire()
        except TimeoutError:
            raise self._told(call, Late()) from None

    async def _shared_wire(self, end: float) -> Wire:
        """Return the connection that all share; whoever comes first has it made."""
        wire = self._shared
        if wire is not None and wire.ready():
            return wire
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._connected(), name="signoff-connect")
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        try:
            async with asyncio.timeout_at(end):
                # Not awaited itself: others wait for it too, and its end by `aclose` is not ours.
                await asyncio.wait({opening})
        except TimeoutError:
            raise Late from None
        if opening.cancelled():
            raise Lost(_CLOSED)
        return opening.result()

    def _opened(self, opening: asyncio.Task[Wire]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self._shared = opening.result()

    async def _own_wire(self, end: float) -> Wire:
        """Return a connection for one caller, who gives it back."""
        while self._apart:
            wire = self._apart.pop()
            if wire.ready():
                return wire
        try:
            async with asyncio.timeout_at(end):
                return await self._connected()
        except TimeoutError:
            raise Late from None

    async def _connected(self) -> Wire:
        if self._closed:
            raise Lost(_CLOSED)
        wire = self._make()
        self._all.add(wire)
        wire.ended.add_done_callback(lambda _: self._all.discard(wire))
        try:
            async with asyncio.timeout(self.timeout):
                await wire.connect()
        except BaseException as error:
            wire.drop()
            if isinstance(error, TimeoutError):
                raise Late from None
            raise
        return wire

    def _give_back(self, wire: Wire | None) -> None:
        if wire is None:
            return
        if wire.idle and not self._closed and wire.ready():
            self._apart.append(wire)
        else:
            wire.drop()


class _Call:
    """One operation: what it is called, whether it writes, and whether anything of it was sent."""

    __slots__ = ("_asking", "_key", "_operation", "_sent", "_writes")

    def __init__(
        self, operation: str, *, key: str | None = None, writes: bool = False, asking: bool = False
    ) -> None:
        self._asking = asking
        self._operation = operation
        self._key = key
        self._writes = writes
        self._sent = False

    async def ask(self, wire: Wire, command: Sequence[Argument], *, end: float) -> Any:
        """Send one command and return its answer, also if that is an error."""
        commands = _asking([command]) if self._asking else [command]
        packed = pack(commands)
        late = end <= asyncio.get_running_loop().time()
        # Nothing is sent on a connection that is over; what was refused before has done nothing.
        self._sent = not (late or wire.ended.done())
        if late:
            raise Late
        answers = await wire.ask(packed, answers=len(commands), end=end)
        return answers[-1]

    def failed(self, cause: str) -> Exception:
        """Return the error for a lost connection: from the moment of sending nobody knows."""
        if self._writes and self._sent:
            return Unconfirmed(self._operation, approval_id=_id_of(self._key))
        return StoreUnavailable(self._operation, cause=cause)

    def refused(self, word: str) -> Exception:
        """Return the error for the server's *word*."""
        if word == "WRONGTYPE":
            return StoreCorrupt(self._key or self._operation, reason=word)
        if word in _NOTHING_DONE:
            return StoreUnavailable(self._operation, cause=word)
        return self.failed(word)


def _asking(commands: Sequence[Sequence[Argument]]) -> list[Sequence[Argument]]:
    """Return *commands* with the word before each that holds for one."""
    return [part for command in commands for part in (("ASKING",), command)]


async def _all_of(
    wire: Wire, commands: Sequence[Sequence[Argument]], *, end: float, asking: bool
) -> list[Any]:
    """Send *commands* in one go and return their answers; the first error among them is raised."""
    sent = _asking(commands) if asking else commands
    answers = await wire.ask(pack(sent), answers=len(sent), end=end)
    for answer in answers:
        if isinstance(answer, ServerError):
            raise answer
    return answers[1::2] if asking else answers


async def _replicated(wire: Wire, replicas: int, *, seconds: float, end: float) -> bool:
    """Wait until so many replicas have what *wire* wrote last."""
    # Not 0, which would be for ever.
    command = ("WAIT", replicas, max(1, int(seconds * 1000)))
    [reached] = await wire.ask(pack([command]), answers=1, end=end)
    # The write stands, whatever the server has against WAIT.
    return not isinstance(reached, ServerError) and bool(reached >= replicas)


def _id_of(key: str | None) -> str | None:
    return None if key is None else key.rpartition("/")[2]
