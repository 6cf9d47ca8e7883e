"""The store in memory keeps every contract."""

from __future__ import annotations

import pytest

from stores.conformance import (
    ApprovalStoreContract,
    AuditLogContract,
    BoundedContract,
    BucketedContract,
    BulkReadContract,
    CardsContract,
    ConsumeOnceContract,
    EventLogContract,
    LeasesContract,
    ListingContract,
    StoreClockContract,
    WatchContract,
)
from stores.memory import MemoryStore


class TestMemoryStore(
    ApprovalStoreContract,
    StoreClockContract,
    WatchContract,
    BulkReadContract,
    EventLogContract,
    AuditLogContract,
    BoundedContract,
    BucketedContract,
    ListingContract,
    ConsumeOnceContract,
    LeasesContract,
    CardsContract,
):
    """All of them."""

    @pytest.fixture
    async def store(self) -> MemoryStore:
        return MemoryStore()
