"""The store on a cluster keeps every contract: as a whole, and each bucket of it by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gate import Checkpoints, StepLog
from stores import open_checkpoints, open_step_log
from stores.conformance import (
    ApprovalStoreContract,
    AuditLogContract,
    BoundedContract,
    BucketedContract,
    BulkReadContract,
    BulkVersionsContract,
    CardsContract,
    CheckpointsContract,
    ConfirmationContract,
    ConsumeOnceContract,
    EventLogContract,
    LeasesContract,
    ListingContract,
    StepLogContract,
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


class TestCheckpointsInACluster(CheckpointsContract):
    """Over all buckets."""

    @pytest.fixture
    async def checkpoints(self, cluster: RedisCluster) -> AsyncIterator[Checkpoints]:
        async with open_checkpoints(cluster.url(), environ={}) as checkpoints:
            yield checkpoints


class TestStepLogInACluster(StepLogContract):
    """Each run in its bucket."""

    @pytest.fixture
    async def log(self, cluster: RedisCluster) -> AsyncIterator[StepLog]:
        async with open_step_log(cluster.url(), environ={}) as log:
            yield log
