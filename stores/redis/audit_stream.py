"""Owns the audit chain in Redis: one stream whose ids are the entries' numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from gate import AuditEntry, AuditHead, RawEvent, StoreCorrupt, read_audit_entry

from . import scripts
from .audit_parts import line_of, parts_of, short
from .event_stream import START, EventStream, check_cursor, order
from .keys import Keys
from .way import Way

__all__ = ["AuditVerbs"]

_PAGE: Final = 500


class AuditVerbs:
    """The verbs of `gate.AuditLog`, for the store to inherit.

    There is no second place for the head: it is the last entry, so that the two cannot disagree.
    """

    _link: Way
    _keys: Keys
    _log: EventStream

    async def audit_head(self) -> AuditHead:
        """See `gate.AuditLog.audit_head`."""
        [entries] = await self._link.read(
            ["XREVRANGE", self._keys.audit, "+", "-", "COUNT", 1], operation="audit_head"
        )
        if not entries:
            return AuditHead()
        place, fields = entries[0]
        try:
            head = read_audit_entry(line_of(_number(place), fields)).head
        except ValueError as error:
            raise StoreCorrupt("audit", reason=f"the last entry: {error}") from None
        if _id(head.number).encode() != place:
            raise StoreCorrupt("audit", reason="the last entry: not in its place")
        return head

    async def unsealed(
        self, after: str, *, limit: int = 100, wait: float = 0.0
    ) -> Sequence[RawEvent]:
        """See `gate.AuditLog.unsealed`.

        Raises:
            ValueError: *after* is no cursor of this log.
        """
        return await self._log.raw(after, limit=limit, wait=wait)

    async def unsealed_count(self, *, limit: int = 10_000) -> int:
        """See `gate.AuditLog.unsealed_count`."""
        cursor = (await self.audit_head()).cursor
        count = 0
        while count < limit:
            page = await self._log.raw(cursor, limit=min(_PAGE, limit - count))
            if not page:
                break
            count += len(page)
            cursor = page[-1].cursor
            await asyncio.sleep(0)
        return count

    async def seal(self, expected: AuditHead, entries: Sequence[AuditEntry]) -> bool:
        """See `gate.AuditLog.seal`."""
        place = _id(expected.number) if expected.number else ""
        return await scripts.seal(
            self._link,
            self._keys,
            expected=(place, expected.hash, short(expected.hash)),
            entries=[(_id(entry.number), parts_of(entry.number, entry.text)) for entry in entries],
        )

    async def sealed(self, after: int = 0, *, limit: int = 100) -> Sequence[tuple[int, str]]:
        """See `gate.AuditLog.sealed`."""
        [entries] = await self._link.read(
            ["XRANGE", self._keys.audit, _id(after + 1), "+", "COUNT", limit], operation="sealed"
        )
        numbered = [(_number(place), fields) for place, fields in entries]
        return [
            (number, line_of(number, fields).decode(errors="replace"))
            for number, fields in numbered
        ]

    async def drop_sealed(self, through: int) -> int:
        """See `gate.AuditLog.drop_sealed`."""
        return await scripts.drop_sealed(self._link, self._keys, through)

    async def is_sealed(self, cursor: str) -> bool:
        """See `gate.AuditLog.is_sealed`."""
        head = await self.audit_head()
        return order(check_cursor(cursor)) <= order(head.cursor or START)

    async def trim(self, readers: Sequence[str], *, keep: int = 1000) -> int:
        """See `gate.AuditLog.trim`."""
        return await scripts.trim(self._link, self._keys, readers, keep=keep)


def _id(number: int) -> str:
    return f"{number}-0"


def _number(place: bytes) -> int:
    return int(place.partition(b"-")[0])
