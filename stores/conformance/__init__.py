"""A suite that proves a store against every sentence of `gate.protocols`, for anyone's store.

Subclass what your store fulfils and give it one async fixture `store`, empty for each test::

    from collections.abc import AsyncIterator

    import pytest_asyncio
    from stores.conformance import ApprovalStoreContract, ConsumeOnceContract

    class TestMyStore(ApprovalStoreContract, ConsumeOnceContract):
        @pytest_asyncio.fixture
        async def store(self) -> AsyncIterator[MyStore]:
            async with MyStore.connect() as store:
                yield store

Each capability is a class of its own: nothing is skipped, and a test compares what the store claims
(`isinstance`) with the classes that are there. It needs pytest and pytest-asyncio.
"""

# ruff: noqa: E402  (assertions are registered before the modules are imported)

import pytest

# Before the modules are imported: their assertions then explain themselves like a test's own.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in (
            "approvals",
            "audit",
            "bounds",
            "buckets",
            "capabilities",
            "checkpoints",
            "logs",
            "reads",
            "replicas",
            "steps",
        )
    )
)

from .approvals import ApprovalStoreContract
from .audit import AuditLogContract
from .bounds import BoundedContract
from .buckets import BucketedContract
from .capabilities import (
    BulkReadContract,
    ConsumeOnceContract,
    StoreClockContract,
    WatchContract,
)
from .checkpoints import CheckpointsContract
from .logs import EventLogContract, ListingContract
from .reads import BulkVersionsContract, TimedReadContract
from .replicas import CardsContract, ConfirmationContract, LeasesContract
from .steps import StepLogContract

__all__ = [
    "ApprovalStoreContract",
    "AuditLogContract",
    "BoundedContract",
    "BucketedContract",
    "BulkReadContract",
    "BulkVersionsContract",
    "CardsContract",
    "CheckpointsContract",
    "ConfirmationContract",
    "ConsumeOnceContract",
    "EventLogContract",
    "LeasesContract",
    "ListingContract",
    "StepLogContract",
    "StoreClockContract",
    "TimedReadContract",
    "WatchContract",
]
