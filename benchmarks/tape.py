"""Owns tapes: what one call of the product says to the server, to be played again without it.

So the floor does the same commands in the same round trips, whatever the product does by then.
A tape is made of one approval and played for others; their ids have the same length, and stand in
no command by chance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from .raw import RawConnection, Refusal, read_value

__all__ = ["Recorder", "Tape", "Trip", "play"]

_ASIDE = (b"SUBSCRIBE", b"UNSUBSCRIBE", b"PING", b"HELLO", b"CLIENT", b"SELECT")
"""Nobody waits for these on the way from a decision to a run."""


@dataclass(frozen=True)
class Trip:
    """What goes out before the next answer is needed."""

    packed: bytes
    answers: int


@dataclass(frozen=True)
class Tape:
    """The trips of one call for the approval *id*."""

    id: bytes
    trips: tuple[Trip, ...]

    def cut_for(self, new: str) -> tuple[Trip, ...]:
        """Return the trips for another approval."""
        other = new.encode()
        assert len(other) == len(self.id), "ids have one length"
        return tuple(Trip(trip.packed.replace(self.id, other), trip.answers) for trip in self.trips)

    def single(self) -> bytes:
        """Return the one command of a call that needs no other."""
        [trip] = self.trips
        assert trip.answers == 1, "one command"
        return trip.packed

    def last(self) -> Trip:
        """Return the trip that does it: the write, after all that is only asked."""
        return self.trips[-1]

    @property
    def commands(self) -> int:
        """How many commands there are."""
        return sum(trip.answers for trip in self.trips)


async def play(connection: RawConnection, trips: tuple[Trip, ...]) -> Any:
    """Say it again, each trip after the answers to the one before; return the last answer.

    Raises:
        Refusal: The server refused something.
    """
    answer = None
    for trip in trips:
        for answer in await connection.send(trip.packed, trip.answers):
            if isinstance(answer, Refusal):
                raise answer
    return answer


class Recorder:
    """Stands between the product and a server on loopback while it is open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self._notes: list[tuple[bool, bytes]] = []

    @property
    def url(self) -> str:
        """The address for the product."""
        assert self._server is not None
        return f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"

    @contextmanager
    def recording(self) -> Iterator[list[Trip]]:
        """Record what is said in the block; the list is filled at its end."""
        trips: list[Trip] = []
        self._notes = []
        yield trips
        notes, self._notes = self._notes, []
        out = b""
        for ours, data in [*notes, (False, b"")]:
            if ours:
                out += data
            elif out:
                trips.extend(_trip(out))
                out = b""

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything."""
        assert self._server is not None
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        for pump in (self._pump(reader, back, ours=True), self._pump(there, writer, ours=False)):
            task = asyncio.create_task(pump)
            self._pumps.add(task)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, ours: bool
    ) -> None:
        try:
            while data := await reader.read(1 << 18):
                self._notes.append((ours, data))
                writer.write(data)
        finally:
            writer.close()


def _trip(packed: bytes) -> list[Trip]:
    """Return the commands of *packed* that somebody waits for, as one trip, or none."""
    at, kept, answers = 0, b"", 0
    while at < len(packed):
        command, end = read_value(packed, at)
        if command[0].upper() not in _ASIDE:
            kept += packed[at:end]
            answers += 1
        at = end
    return [Trip(kept, answers)] if answers else []
