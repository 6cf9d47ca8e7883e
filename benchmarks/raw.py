"""Owns the floor: one connection to Redis on a bare `asyncio.Protocol`, with as little as it takes.

No pool, no retries, no deadlines, no checks. Whoever is slower than this pays for something.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

__all__ = ["RawConnection", "Refusal", "connect", "pack", "read_value"]

_CRLF: Final = b"\r\n"
_CHUNK: Final = 200


class Refusal(Exception):
    """The server answered with an error."""


class RawConnection(asyncio.Protocol):
    """One connection: answers come in the order of the commands, messages go to `on_message`."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._owed: deque[tuple[asyncio.Future[list[Any]], int, list[Any]]] = deque()
        self.on_message: Callable[[bytes, bytes], None] = lambda _channel, _content: None

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is owed."""
        for future, _, _ in self._owed:
            if not future.done():
                future.set_exception(exc or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        """Take whatever is whole; keep the rest."""
        data = self._rest + data if self._rest else data
        at, size = 0, len(data)
        while at < size:
            try:
                value, at = read_value(data, at)
            except (ValueError, IndexError):
                break
            self._take(value)
        self._rest = data[at:]

    def _take(self, value: Any) -> None:
        if type(value) is list and len(value) == 3 and value[0] == b"message":
            self.on_message(value[1], value[2])
            return
        future, count, answers = self._owed[0]
        answers.append(value)
        if len(answers) == count:
            self._owed.popleft()
            if not future.done():
                future.set_result(answers)

    def send(self, packed: bytes, answers: int = 1) -> asyncio.Future[list[Any]]:
        """Write commands in one go; the future has their answers, refusals among them."""
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._owed.append((future, answers, []))
        assert self._transport is not None
        self._transport.write(packed)
        return future

    async def call(self, *command: str | bytes | int) -> Any:
        """Send one command and return its answer.

        Raises:
            Refusal: The server's error.
        """
        [answer] = await self.send(pack(*command))
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def many(self, packed: Sequence[bytes]) -> list[Any]:
        """Send single commands, some hundreds at a time, and return their answers.

        Raises:
            Refusal: The first error among them.
        """
        found: list[Any] = []
        for start in range(0, len(packed), _CHUNK):
            part = packed[start : start + _CHUNK]
            found += await self.send(b"".join(part), len(part))
        for answer in found:
            if isinstance(answer, Refusal):
                raise answer
        return found

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()


async def connect(port: int) -> RawConnection:
    """Return a connection to a server on loopback."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(RawConnection, "127.0.0.1", port)
    return connection


def pack(*command: str | bytes | int) -> bytes:
    """Return a command as it goes over the wire."""
    parts = [b"*%d\r\n" % len(command)]
    for part in command:
        data = part if isinstance(part, bytes) else str(part).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def read_value(data: bytes, at: int) -> tuple[Any, int]:
    """Return the value that begins at *at*, and where the next one does.

    Raises:
        ValueError: It is not whole yet.
        IndexError: Likewise.
    """
    end = data.index(_CRLF, at)
    kind, head, at = data[at], data[at + 1 : end], end + 2
    if kind == 36:  # $
        size = int(head)
        if size < 0:
            return None, at
        if len(data) < at + size + 2:
            raise ValueError("not whole")
        return data[at : at + size], at + size + 2
    if kind == 42:  # *
        items = []
        for _ in range(int(head)):
            item, at = read_value(data, at)
            items.append(item)
        return items, at
    if kind == 58:  # :
        return int(head), at
    if kind == 45:  # -
        return Refusal(head.decode()), at
    return head, at
