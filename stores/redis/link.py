"""Owns the way to Redis that the store sees: run a script, read, block, listen; each with one end.

An operation has one deadline for everything: the wait for a free connection, connecting, sending
and the answer. What went wrong before anything was sent is `StoreUnavailable`. A write that was
sent and has no answer is `Unconfirmed`. A connection that owes an answer is never used again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from typing import Any, Final

from gate import StoreCorrupt, StoreUnavailable, Unconfirmed

from .wire import Argument, Lost, ServerError, Wire

__all__ = ["Link", "Script"]

_NOTHING_DONE: Final = frozenset(
    {
        "OOM", "READONLY", "LOADING", "BUSY", "MISCONF", "NOAUTH", "NOPERM", "WRONGPASS",
        "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "MOVED", "ASK", "TRYAGAIN", "CROSSSLOT",
        "NOSCRIPT",
    }
)  # fmt: skip
"""Refusals after which a script has written nothing: Redis checks these before the first write."""


@dataclass(frozen=True)
class Script:
    """A Lua script and its address in the server's cache."""

    name: str
    text: str

    @cached_property
    def sha(self) -> str:
        """Return the name under which the server caches the script."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Link:
    """A bounded set of connections, handed out first come, first served.

    Args:
        make: Makes a connection, not yet connected.
        timeout: Seconds for a whole operation.
        connections: How many operations may be under way at once; the others queue in order.
    """

    def __init__(self, make: Callable[[], Wire], *, timeout: float, connections: int) -> None:
        self._make = make
        self.timeout = timeout
        # Not a pool that callers wait on: those starve some callers for as long as others come.
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[Wire] = []
        self._all: set[Wire] = set()
        self._listening: set[Wire] = set()
        self._outdated: set[Wire] = set()
        """Connections to a server that is no master any more."""
        self._closed = False

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

        Raises:
            StoreUnavailable: Nothing was written.
            Unconfirmed: It is not known whether it ran, or too few replicas have it.
            StoreCorrupt: A key holds something of another type.
        """
        tail = [len(keys), *keys, *arguments]
        wait = self.timeout if patience is None else patience
        seconds = self.timeout if not replicas else self.timeout + wait + 0.5
        async with self._talk(operation, key=key, writes=True, seconds=seconds) as wire:
            try:
                answer = await _ask(wire, "EVALSHA", script.sha, *tail)
            except ServerError as error:
                if error.word != "NOSCRIPT":
                    raise
                # A new or flushed server: nothing ran. EVAL runs it and caches it.
                answer = await _ask(wire, "EVAL", script.text, *tail)
            if replicas and not await self._replicated(wire, replicas, seconds=wait):
                raise Unconfirmed(operation, approval_id=_id_of(key))
            return answer

    async def read(
        self, *commands: Sequence[Argument], operation: str, key: str | None = None
    ) -> list[Any]:
        """Send reading commands in one go and return their answers.

        Raises:
            StoreUnavailable: Some answer is missing.
            StoreCorrupt: A key holds something of another type.
        """
        async with self._talk(operation, key=key, seconds=self.timeout) as wire:
            await wire.send(commands, answers=len(commands))
            return [await wire.receive() for _ in commands]

    async def read_blocking(self, *command: Argument, operation: str, seconds: float) -> Any:
        """Send one command that the server may hold back for *seconds*; needs no free slot.

        Raises:
            StoreUnavailable: No answer.
        """
        limit = seconds + self.timeout
        async with self._talk(operation, seconds=limit, counted=False) as wire:
            return await _ask(wire, *command)

    @asynccontextmanager
    async def listen(self, operation: str) -> AsyncIterator[Wire]:
        """Give a connected connection of one's own, dropped at the end.

        Raises:
            StoreUnavailable: No connection.
        """
        wire: Wire | None = None
        try:
            async with asyncio.timeout(self.timeout):
                wire = await self._connected()
        except TimeoutError:
            raise StoreUnavailable(operation, cause=self._late()) from None
        except Lost as error:
            raise StoreUnavailable(operation, cause=error.cause) from None
        except ServerError as error:
            raise StoreUnavailable(operation, cause=error.word) from None
        self._listening.add(wire)
        try:
            yield wire
        finally:
            self._listening.discard(wire)
            await self._drop(wire)

    async def aclose(self) -> None:
        """Close every connection; operations under way end as with a lost connection."""
        self._closed = True
        self._idle.clear()
        wires, self._all = self._all, set()
        await asyncio.gather(*(wire.aclose() for wire in wires))

    @asynccontextmanager
    async def _talk(
        self,
        operation: str,
        *,
        key: str | None = None,
        seconds: float,
        writes: bool = False,
        counted: bool = True,
    ) -> AsyncIterator[Wire]:
        """Lease a connection under a deadline, and turn every failure into one of ours."""
        wire: Wire | None = None
        cause: str | None = None
        try:
            async with asyncio.timeout(seconds):
                if counted:
                    await self._slots.acquire()
                try:
                    wire = await self._lease()
                    yield wire
                finally:
                    if wire is not None:
                        await self._give_back(wire)
                    if counted:
                        self._slots.release()
        except TimeoutError:
            cause = self._late()
        except Lost as error:
            cause = error.cause
        except ServerError as error:
            if error.word == "WRONGTYPE":
                raise StoreCorrupt(key or operation, reason=error.word) from None
            cause = error.word
            if error.word == "READONLY":
                await self._leave()
            if error.word in _NOTHING_DONE:
                writes = False
        if cause is None:
            return
        if writes and wire is not None and wire.sent:
            raise Unconfirmed(operation, approval_id=_id_of(key))
        raise StoreUnavailable(operation, cause=cause)

    async def _replicated(self, wire: Wire, replicas: int, *, seconds: float) -> bool:
        """Wait until so many replicas have what *wire* wrote last."""
        try:
            # Not 0, which would be for ever.
            reached: int = await _ask(wire, "WAIT", replicas, max(1, int(seconds * 1000)))
        except ServerError:
            # The write stands, whatever the server has against WAIT.
            return False
        return reached >= replicas

    async def _lease(self) -> Wire:
        while self._idle:
            wire = self._idle.pop()
            if await wire.begin():
                return wire
            await self._drop(wire)
        return await self._connected()

    async def _connected(self) -> Wire:
        if self._closed:
            raise Lost("the store is closed")
        wire = self._make()
        self._all.add(wire)
        try:
            await wire.connect()
        except BaseException:
            await self._drop(wire)
            raise
        return wire

    async def _give_back(self, wire: Wire) -> None:
        if wire.in_step and not self._closed and wire not in self._outdated:
            self._idle.append(wire)
        else:
            await self._drop(wire)

    async def _leave(self) -> None:
        """Turn away from a server that was demoted: the next connections go where the master is.

        What listens is cut, so that it is made anew and told. What is under way ends by itself.
        """
        idle, self._idle = self._idle, []
        self._outdated |= self._all
        for wire in (*idle, *self._listening):
            await self._drop(wire)

    async def _drop(self, wire: Wire) -> None:
        self._all.discard(wire)
        self._outdated.discard(wire)
        await wire.close()

    def _late(self) -> str:
        return f"no answer within {self.timeout:g} s"


async def _ask(wire: Wire, *command: Argument) -> Any:
    await wire.send([command], answers=1)
    return await wire.receive()


def _id_of(key: str | None) -> str | None:
    return None if key is None else key.rpartition("/")[2]
