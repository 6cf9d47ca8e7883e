"""A gate on the smallest store, with a clock that only the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gate import ApprovalGate, Desk
from gate.testing import FakeClock, ScratchStore


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> ScratchStore:
    return ScratchStore(clock=clock)


@pytest.fixture
async def gate(store: ScratchStore, clock: FakeClock) -> AsyncIterator[ApprovalGate]:
    async with ApprovalGate(store, agent="billing", clock=clock) as gate:
        yield gate


@pytest.fixture
def desk(store: ScratchStore, clock: FakeClock) -> Desk:
    return Desk(store, clock=clock)
