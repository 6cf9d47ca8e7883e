"""P18, for steps: a worker killed between any two rows repeats nothing and loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate import StepInDoubt, StepKind
from stores import open_step_log
from tests.support.processes import ROOT
from tests.support.servers import RedisServer, running_server

from .steps_worker import STEPS, work

PLACES = 4 * len(STEPS)
"""Before `started`, behind it, before `done`, behind it."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_server("valkey", appendonly=True) as server:
        yield server


@pytest.fixture(params=["file", "redis"])
def url(request: pytest.FixtureRequest, server: RedisServer, tmp_path: Path) -> str:
    if request.param == "file":
        return f"file://{tmp_path}/state"
    server.ask("FLUSHALL")
    return server.url


def kill_at(place: int, url: str, effects: Path) -> None:
    """Let a worker run up to the place, and end it there as a power cut would."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.scenarios.steps_worker", url, str(effects), str(place)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"stopped\n"
        worker.kill()
    assert worker.returncode == -9


@pytest.mark.parametrize("place", range(PLACES))
async def test_killed_between_two_rows(place: int, url: str, tmp_path: Path) -> None:
    """What has ended is not repeated; what is in doubt is named, and only repeated when allowed."""
    effects = tmp_path / "effects"
    kill_at(place, url, effects)
    step, where = divmod(place, 4)
    wanted = list(STEPS)
    async with open_step_log(url) as log:
        if where in (1, 2):
            with pytest.raises(StepInDoubt) as caught:
                await work(log, effects, idempotent=False)
            assert caught.value.step_id == STEPS[step]
            happened = list(STEPS[: step + (where == 2)])
            assert happened == (effects.read_text().split() if effects.exists() else [])
            wanted = happened + list(STEPS[step:])
        results = [f"did {what}" for what in STEPS]
        assert results == await work(log, effects, idempotent=where in (1, 2))
        assert results == await work(log, effects, idempotent=False)
        assert wanted == effects.read_text().split()
        ends = [row.step_id for row in await log.rows("order-1009") if row.kind is StepKind.DONE]
        assert list(STEPS) == ends
