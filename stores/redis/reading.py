"""Owns the reads of records in Redis: one, one with the time, many, only versions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gate import Approval, StoreCorrupt

from .codec import decode_record, from_micros, version_of
from .keys import Keys
from .way import Way

__all__ = ["ReadVerbs"]

_BULK: Final = 200
"""Records in one round of a bulk read."""
_HEAD: Final = 20
"""The last character of a state that can belong to its version."""


class ReadVerbs:
    """The verbs that read records, for the store to inherit."""

    _link: Way
    _keys: Keys

    async def get(self, key: str) -> Approval | None:
        """See `gate.ApprovalStore.get`."""
        [parts] = await self._link.read(["MGET", *self._keys.record(key)], operation="get", key=key)
        return decode_record(key, *parts)

    async def now(self) -> datetime:
        """See `gate.StoreClock.now`."""
        [[seconds, rest]] = await self._link.read(["TIME"], operation="now")
        return _moment(seconds, rest)

    async def timed_get(self, key: str) -> tuple[datetime, Approval | None]:
        """See `gate.TimedRead.timed_get`."""
        [seconds, rest], parts = await self._link.read(
            ["TIME"], ["MGET", *self._keys.record(key)], operation="get", key=key
        )
        return _moment(seconds, rest), decode_record(key, *parts)

    async def get_many(self, keys: Sequence[str]) -> list[Approval | Exception | None]:
        """See `gate.BulkRead.get_many`."""
        found: list[Approval | Exception | None] = []
        for start in range(0, len(keys), _BULK):
            chunk = keys[start : start + _BULK]
            answers = await self._link.read(
                *(["MGET", *self._keys.record(key)] for key in chunk), operation="get_many"
            )
            for key, parts in zip(chunk, answers, strict=True):
                try:
                    found.append(decode_record(key, *parts))
                except StoreCorrupt as error:
                    found.append(error)
            # Decoding is work for the processor: let others have a turn between two chunks.
            await asyncio.sleep(0)
        return found

    async def versions(self, keys: Sequence[str]) -> list[int | None]:
        """See `gate.BulkVersions.versions`."""
        if not keys:
            return []
        answers = await self._link.read(
            *(("GETRANGE", self._keys.state(key), 0, _HEAD) for key in keys), operation="versions"
        )
        found = [version_of(head) for head in answers]
        # Without a state there may be no record either.
        untouched = [place for place, head in enumerate(answers) if not head]
        if untouched:
            there = await self._link.read(
                *(["EXISTS", self._keys.request(keys[place])] for place in untouched),
                operation="versions",
            )
            for place, exists in zip(untouched, there, strict=True):
                found[place] = 1 if exists else None
        return found


def _moment(seconds: bytes, rest: bytes) -> datetime:
    return from_micros(int(seconds) * 1_000_000 + int(rest))
