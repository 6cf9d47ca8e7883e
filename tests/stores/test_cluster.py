"""The store on a cluster keeps every contract: as a whole, and each bucket of it by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stores.conformance import (
    ApprovalStoreContract,
    AuditLogContract,
    BoundedContract,
    BucketedContract,
    BulkReadContract,
    BulkVersionsContract,
    CardsContract,
    ConfirmationContract,
    ConsumeOnceContract,
    EventLogContract,
    LeasesContract,
    ListingContract,
    StoreClockContract,
    TimedReadContract,
    WatchContract,
)
from stores.redis.cluster import ClusterStore
from stores.redis.store import BucketStore
from tests.support.clusters import RedisCluster


class TestClusterStore(
    ApprovalStoreContract,
    StoreClockContract,
    WatchContract,
    BulkReadContract,
    BulkVersionsContract,
    BoundedContract,
    BucketedContract,
    ListingContract,
    ConsumeOnceContract,
    CardsContract,
    ConfirmationContract,
):
    """What is asked of the whole."""

    @pytest.fixture
    async def store(self, any_cluster: RedisCluster) -> AsyncIterator[ClusterStore]:
        async with ClusterStore(any_cluster.url()) as store:
            yield store


class TestBucketOfACluster(
    ApprovalStoreContract,
    StoreClockContract,
    WatchContract,
    BulkReadContract,
    BulkVersionsContract,
    TimedReadContract,
    EventLogContract,
    AuditLogContract,
    BoundedContract,
    BucketedContract,
    ListingContract,
    ConsumeOnceContract,
    LeasesContract,
    CardsContract,
    ConfirmationContract,
):
    """All of them."""

    @pytest.fixture
    async def store(self, any_cluster: RedisCluster) -> AsyncIterator[BucketStore]:
        async with ClusterStore(any_cluster.url()) as store:
            yield store.buckets[3]
