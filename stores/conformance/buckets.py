"""Owns the tests of a store in one part or several."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

from typing import ClassVar, Protocol

import pytest

from gate import ApprovalStore, Bucketed, EventLog, Journal

from .samples import pending, requested

__all__ = ["BucketedContract"]

_RECORDS = 40


class _BucketedStore(ApprovalStore, Bucketed, Journal, Protocol):
    pass


@pytest.mark.asyncio
class BucketedContract:
    """What a store says of its parts; each part is proved by the other classes."""

    capability: ClassVar[type] = Bucketed

    async def test_a_record_is_in_its_bucket_and_in_no_other(self, store: _BucketedStore) -> None:
        """Return the number of the part in which the record is."""
        for number in range(_RECORDS):
            asked = pending(f"id-{number}")
            place = store.bucket_of(asked.key)
            assert asked == await store.put(asked)
            found = [await bucket.get(asked.key) for bucket in store.buckets]
            assert [asked if each == place else None for each in range(len(found))] == found

    async def test_its_events_are_there_too(self, store: _BucketedStore) -> None:
        """Also those that change no record."""
        for number in range(_RECORDS):
            asked = pending(f"id-{number}")
            await store.put(asked, [requested(asked)])
            await store.append([requested(asked)])
        for number, bucket in enumerate(store.buckets):
            assert isinstance(bucket, EventLog)
            keys = [logged.event.key for logged in await bucket.read("", limit=10 * _RECORDS)]
            assert [key for key in keys if store.bucket_of(key) == number] == keys

    async def test_the_buckets_stay_the_same(self, store: _BucketedStore) -> None:
        """The parts come always in the same order, and a key has always the same."""
        assert list(store.buckets) == list(store.buckets)
        keys = [f"id-{number}" for number in range(_RECORDS)]
        assert [store.bucket_of(key) for key in keys] == [store.bucket_of(key) for key in keys]
        assert {store.bucket_of(key) for key in keys} == set(range(len(store.buckets)))
