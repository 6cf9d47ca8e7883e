"""The test kit's store keeps every contract that it claims."""

from __future__ import annotations

import pytest

from gate.testing import ScratchStore
from stores.conformance import ApprovalStoreContract, StoreClockContract, WatchContract


class TestScratchStore(ApprovalStoreContract, StoreClockContract, WatchContract):
    """Three methods, a clock and wake-ups."""

    @pytest.fixture
    async def store(self) -> ScratchStore:
        return ScratchStore()
