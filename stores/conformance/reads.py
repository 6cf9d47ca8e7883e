"""Owns the tests of the reads that save trips: with the time, and of versions only."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

from typing import ClassVar, Protocol

import pytest

from gate import ApprovalStore, BulkVersions, StoreClock, TimedRead

from .samples import decided, pending

__all__ = ["BulkVersionsContract", "TimedReadContract"]


class _TimedStore(ApprovalStore, StoreClock, TimedRead, Protocol):
    pass


class _VersionsStore(ApprovalStore, BulkVersions, Protocol):
    pass


@pytest.mark.asyncio
class TimedReadContract:
    """What a store that reads with the time fulfils."""

    capability: ClassVar[type] = TimedRead

    async def test_the_time_comes_with_the_record(self, store: _TimedStore) -> None:
        """Return the store's time, and the record as `get` does."""
        asked = pending()
        await store.put(asked)
        before = await store.now()
        now, found = await store.timed_get(asked.key)
        assert before <= now <= await store.now()
        assert found == await store.get(asked.key)
        assert (await store.timed_get("absent"))[1] is None


@pytest.mark.asyncio
class BulkVersionsContract:
    """What a store that tells versions fulfils."""

    capability: ClassVar[type] = BulkVersions

    async def test_versions_come_in_order(self, store: _VersionsStore) -> None:
        """Return the versions of *keys* in order; None where absent; a key may come twice."""
        asked = [pending(f"id-{number}") for number in range(3)]
        for approval in asked:
            await store.put(approval)
        await store.patch("id-1", 1, decided(asked[1]))
        found = await store.versions(["id-2", "absent", "id-1", "id-2"])
        assert found == [1, None, 2, 1]

    async def test_no_versions_of_none(self, store: _VersionsStore) -> None:
        """No keys, no versions, no error."""
        assert await store.versions([]) == []
