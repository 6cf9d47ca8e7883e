"""Every place for an agent's own state keeps its contracts, on disk and on every server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gate import Checkpoints, StepLog
from stores import open_checkpoints, open_step_log
from stores.conformance import CheckpointsContract, StepLogContract
from tests.support.servers import RedisServer


class TestMemoryCheckpoints(CheckpointsContract):
    """In this process."""

    @pytest.fixture
    async def checkpoints(self) -> AsyncIterator[Checkpoints]:
        async with open_checkpoints("memory://") as checkpoints:
            yield checkpoints


class TestFileCheckpoints(CheckpointsContract):
    """On disk."""

    @pytest.fixture
    async def checkpoints(self, tmp_path: Path) -> AsyncIterator[Checkpoints]:
        async with open_checkpoints(f"file://{tmp_path}/state") as checkpoints:
            yield checkpoints


class TestRedisCheckpoints(CheckpointsContract):
    """On a server."""

    @pytest.fixture
    async def checkpoints(self, any_server: RedisServer) -> AsyncIterator[Checkpoints]:
        async with open_checkpoints(any_server.url) as checkpoints:
            yield checkpoints


class TestMemoryStepLog(StepLogContract):
    """In this process."""

    @pytest.fixture
    async def log(self) -> AsyncIterator[StepLog]:
        async with open_step_log("memory://") as log:
            yield log


class TestFileStepLog(StepLogContract):
    """On disk."""

    @pytest.fixture
    async def log(self, tmp_path: Path) -> AsyncIterator[StepLog]:
        async with open_step_log(f"file://{tmp_path}/state") as log:
            yield log


class TestRedisStepLog(StepLogContract):
    """On a server."""

    @pytest.fixture
    async def log(self, any_server: RedisServer) -> AsyncIterator[StepLog]:
        async with open_step_log(any_server.url) as log:
            yield log
