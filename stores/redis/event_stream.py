"""Owns the event log in Redis: one stream and its readers' positions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Final

import structlog

from gate import ApprovalEvent, LoggedEvent, RawEvent, StoreCorrupt

from . import scripts
from .codec import decode_event, encode_event
from .keys import Keys
from .resp import Argument
from .way import Way

__all__ = ["START", "EventStream", "check_cursor", "order", "text_of"]

START: Final = "0-0"
"""The cursor before all."""
_CURSOR: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
_SLICE: Final = 5.0
"""Seconds that the server holds back one read: longer waits are several reads."""

_Entry = tuple[bytes, list[bytes]]

_logger = structlog.get_logger("signoff.stores")


class EventStream:
    """The log of one store. A cursor is a stream id."""

    def __init__(self, link: Way, keys: Keys) -> None:
        self._link = link
        self._keys = keys
        self._told = START
        """The newest unreadable entry that was logged."""

    async def append(self, events: Sequence[ApprovalEvent]) -> None:
        """Add events that change no record."""
        if events:
            await scripts.append(self._link, self._keys, [encode_event(event) for event in events])

    async def read(
        self, after: str, *, limit: int = 100, wait: float = 0.0
    ) -> Sequence[LoggedEvent]:
        """Return events behind *after*, oldest first; wait for one where there is none.

        Raises:
            ValueError: *after* is no cursor of this log.
        """
        cursor = check_cursor(after) if after else START
        return await self._behind(cursor, None, limit=limit, wait=wait) or []

    async def follow(
        self, known: LoggedEvent, *, limit: int = 100, wait: float = 0.0
    ) -> Sequence[LoggedEvent] | None:
        """Return events behind *known*, as `read` does; `None` where it is not at its place.

        Raises:
            ValueError: *known* has no cursor of this log.
        """
        return await self._behind(check_cursor(known.cursor), known, limit=limit, wait=wait)

    async def _behind(
        self, cursor: str, known: LoggedEvent | None, *, limit: int, wait: float
    ) -> Sequence[LoggedEvent] | None:
        """Return readable events behind *cursor*; `None` where *known* is not there (any more)."""
        end = asyncio.get_running_loop().time() + wait
        while True:
            rest = end - asyncio.get_running_loop().time()
            entries, place = await self._entries(
                cursor, limit=limit, wait=min(rest, _SLICE), known=known
            )
            if known is not None and [known] != [self._readable(entry) for entry in place]:
                return None
            readable = [logged for logged in map(self._readable, entries) if logged is not None]
            if readable:
                return readable
            if entries:
                # All of them unreadable: go on behind them, or they would stop the log for ever.
                cursor = entries[-1][0].decode()
            elif rest <= 0:
                return []

    async def raw(self, after: str, *, limit: int = 100, wait: float = 0.0) -> Sequence[RawEvent]:
        """Return whatever stands behind *after*, oldest first; wait for something if need be.

        Raises:
            ValueError: *after* is no cursor of this log.
        """
        cursor = check_cursor(after) if after else START
        end = asyncio.get_running_loop().time() + wait
        while True:
            rest = end - asyncio.get_running_loop().time()
            entries, _ = await self._entries(cursor, limit=limit, wait=min(rest, _SLICE))
            if entries or rest <= 0:
                return [RawEvent(place.decode(), text_of(fields)) for place, fields in entries]

    async def position(self, reader: str) -> str:
        """Return what *reader* has noted last."""
        [noted] = await self._link.read(["GET", self._keys.reader(reader)], operation="position")
        return "" if noted is None else noted.decode()

    async def advance(self, reader: str, cursor: str, *, fence: int | None = None) -> bool:
        """Note *cursor*, unless *fence* is not the newest; never move backwards.

        Raises:
            ValueError: *cursor* is no cursor of this log.
        """
        return await scripts.advance(
            self._link, self._keys, reader, check_cursor(cursor), fence=fence
        )

    async def _entries(
        self, cursor: str, *, limit: int, wait: float, known: LoggedEvent | None = None
    ) -> tuple[list[_Entry], list[_Entry]]:
        """Return raw log entries behind *cursor*, and the one at the place of *known*."""
        stream = self._keys.events
        block = ("BLOCK", max(1, int(wait * 1000))) if wait > 0 else ()
        commands: list[Sequence[Argument]] = [
            ("XREAD", "COUNT", limit, *block, "STREAMS", stream, cursor)
        ]
        if known is not None:
            # Of the same server, and later: what it holds then, it held when it was asked for more.
            commands.append(("XRANGE", stream, known.cursor, known.cursor))
        if wait > 0:
            answers = await self._link.read_blocking(*commands, operation="read", seconds=wait)
        else:
            answers = await self._link.read(*commands, operation="read")
        found, *place = answers
        return found[0][1] if found else [], place[0] if place else []

    def _readable(self, entry: _Entry) -> LoggedEvent | None:
        cursor = entry[0].decode()
        fields = entry[1] or []
        try:
            if len(fields) != 2 or fields[0] != b"e":
                raise StoreCorrupt("event", reason="not one field")
            return LoggedEvent(cursor=cursor, event=decode_event(fields[1]))
        except StoreCorrupt as error:
            if order(cursor) > order(self._told):
                self._told = cursor
                _logger.error("event_unreadable", cursor=cursor, reason=error.reason)
            return None


def text_of(fields: Sequence[bytes] | None) -> bytes:
    """Return the event's text; of what was put there by others, everything that there is."""
    parts = fields or []
    return parts[1] if len(parts) == 2 and parts[0] == b"e" else b"\0".join(parts)


def check_cursor(cursor: str) -> str:
    """Return *cursor* if it is one of this log.

    Raises:
        ValueError: It is none.
    """
    if not _CURSOR.fullmatch(cursor):
        raise ValueError("not a cursor of this log")
    return cursor


def order(cursor: str) -> tuple[int, int]:
    """Return what cursors are compared by: two numbers of up to 64 bits."""
    time, _, place = cursor.partition("-")
    return int(time), int(place)
