"""Owns the listing in Redis: what is pending, and what is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .codec import decode_record, micros
from .keys import Keys
from .way import Way

__all__ = ["ListingVerbs"]


class ListingVerbs:
    """The verbs of `gate.Listing`, for the store to inherit.

    With their places they come for whoever puts several listings together: a number, and the key
    among equal ones.
    """

    _link: Way
    _keys: Keys

    async def pending(self, *, after: str = "", limit: int = 100) -> Sequence[str]:
        """See `gate.Listing.pending`. Of one moment's records, the smaller key comes first."""
        place = await self.place(after) if after else None
        found = await self.pending_places(None if place is None else (place, after), limit=limit)
        return [name for _, name in found]

    async def pending_places(
        self, behind: tuple[int, str] | None, *, limit: int
    ) -> list[tuple[int, str]]:
        """Return the places of what is pending, in order, from *behind* one."""
        low = "-inf" if behind is None else str(behind[0])
        found: list[tuple[int, str]] = []
        offset = 0
        while len(found) < limit:
            [page] = await self._link.read(
                ["ZRANGEBYSCORE", self._keys.pending, low, "+inf", "WITHSCORES",
                 "LIMIT", offset, limit],
                operation="pending",
            )  # fmt: skip
            places = _places(page)
            found += [place for place in places if behind is None or place > behind]
            offset += limit
            if len(places) < limit:
                break
        return found[:limit]

    async def pending_count(self) -> int:
        """See `gate.Listing.pending_count`."""
        [count] = await self._link.read(["ZCARD", self._keys.pending], operation="pending_count")
        return int(count)

    async def due(self, now: datetime, *, limit: int = 100) -> Sequence[str]:
        """See `gate.Listing.due`."""
        return [name for _, name in await self.due_places(now, limit=limit)]

    async def due_places(self, now: datetime, *, limit: int) -> list[tuple[int, str]]:
        """Return the places of what is due, in order."""
        [page] = await self._link.read(
            ["ZRANGEBYSCORE", self._keys.deadlines, "-inf", micros(now), "WITHSCORES",
             "LIMIT", 0, limit],
            operation="due",
        )  # fmt: skip
        return _places(page)

    async def place(self, key: str) -> int | None:
        """Return the place in the listing that the record has or had."""
        score, parts = await self._link.read(
            ["ZSCORE", self._keys.pending, key],
            ["MGET", *self._keys.record(key)],
            operation="pending",
            key=key,
        )
        if score is not None:
            return int(score)
        approval = decode_record(key, *parts)
        return None if approval is None else micros(approval.created_at)


def _places(page: Sequence[bytes]) -> list[tuple[int, str]]:
    return [(int(score), name.decode()) for name, score in zip(page[::2], page[1::2], strict=True)]
