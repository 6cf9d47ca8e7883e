"""Loops with a scripted model, on a gate, a checkpoint and a clock that only the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from gate import ApprovalGate, Desk
from gate.testing import FakeClock, ScratchStore, ScriptedModel
from stores.checkpoints import MemoryCheckpoints

from .bench import Bench


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


@pytest.fixture
def place() -> MemoryCheckpoints:
    return MemoryCheckpoints()


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    """A model whose script must be played to its end."""
    with ScriptedModel() as model:
        yield model


@pytest.fixture
def bench(clock: FakeClock, model: ScriptedModel) -> Bench:
    return Bench(clock=clock, model=model)
