"""A connection of our own on redis-py's: what is asked of the task that makes it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stores.redis.wire import Lost, Wire
from tests.support.waiting import wait_until


class Deaf:
    """A connection whose opening goes on, whoever asks it to end; asyncio.wait_for can do that."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.begun = False
        self._reader: Any = None
        self._writer: Any = None

    async def connect(self) -> None:
        self.begun = True
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self.error is not None:
                raise self.error from None


@pytest.mark.parametrize("error", [None, ConnectionError("while it cleaned up")])
async def test_a_cancellation_that_was_swallowed_counts(error: Exception | None) -> None:
    """Who closes a store waits for its tasks: one that misses its end never comes."""
    connection = Deaf(error)
    opening = asyncio.create_task(Wire(connection).connect())
    await wait_until(lambda: connection.begun, "the connection is being opened")
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening


async def test_an_earlier_cancellation_does_not_count() -> None:
    """A task that was asked to end once, and went on, may open connections."""
    began = asyncio.Event()

    async def goes_on() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await Wire(Refused()).connect()

    task = asyncio.create_task(goes_on())
    await began.wait()
    task.cancel()
    with pytest.raises(Lost):
        await task


class Refused:
    """A connection that cannot be opened."""

    _reader: Any = None
    _writer: Any = None

    async def connect(self) -> None:
        raise ConnectionRefusedError
