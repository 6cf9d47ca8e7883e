"""A gate on the smallest store, with a clock that only the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from gate import ApprovalGate, Desk
from gate.testing import FakeClock, ScratchStore


@pytest.fixture(autouse=True)
def plain_logging() -> Iterator[None]:
    """Let the gate's lines reach standard logging, whatever other tests told structlog."""
    kept = structlog.get_config() if structlog.is_configured() else None
    structlog.reset_defaults()
    yield
    if kept is not None:
        structlog.configure(**kept)


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
