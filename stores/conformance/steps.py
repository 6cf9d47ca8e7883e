"""Owns the tests of `gate.StepLog`."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from gate import InvalidId, StepKind, StepLog, StepRow

__all__ = ["StepLogContract"]

_TASKS = 20
_AT = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def step_row(number: int, *, worker: str = "ana", run: str = "job-7", **more: Any) -> StepRow:
    """Return a row of a worker; *number* makes it one of its own."""
    plain: dict[str, Any] = {
        "id": f"row-{number}",
        "run_id": run,
        "step_id": f"step-{number}",
        "name": "charge",
        "fingerprint": "0" * 64,
        "worker": worker,
        "kind": StepKind.STARTED,
        "attempt": 1,
        "at": _AT,
    }
    return StepRow(**plain | more)


@pytest.mark.asyncio
class StepLogContract:
    """What a log of steps fulfils. The fixture is `log`, empty for each test."""

    async def test_rows_come_back_in_order(self, log: StepLog) -> None:
        """Every part of a row is kept, and the order in which they came."""
        rows = [
            step_row(1),
            step_row(2, kind=StepKind.DONE, result={"a": [1, 2.5, None, "\n\u2028中😀"], "b": ""}),
            step_row(3, kind=StepKind.DONE),
            step_row(4, kind=StepKind.FAILED, final=True, error="ValueError", error_code="x"),
            step_row(5, kind=StepKind.SETTLED, result=10**300, attempt=7),
        ]
        for row in rows:
            assert await log.append("job-7", row, after="")
        assert rows == list(await log.rows("job-7"))

    async def test_no_run_has_no_rows(self, log: StepLog) -> None:
        """An unknown run is empty, and there is nothing to clear."""
        assert list(await log.rows("job-7")) == []
        assert not await log.clear("job-7")

    async def test_large_results(self, log: StepLog) -> None:
        """A result of a quarter of a megabyte, and many rows."""
        large = step_row(0, kind=StepKind.DONE, result="é" * 130_000)
        assert await log.append("job-7", large, after="")
        for number in range(1, 150):
            assert await log.append("job-7", step_row(number), after=None)
        found = list(await log.rows("job-7"))
        assert large == found[0]
        assert [f"row-{number}" for number in range(150)] == [row.id for row in found]

    async def test_the_worker_goes_on_alone(self, log: StepLog) -> None:
        """A run belongs to the worker of its last row; nobody else adds one, and it says so."""
        assert not await log.append("job-7", step_row(1), after="somebody")
        assert not await log.append("job-7", step_row(1), after=None)
        assert await log.append("job-7", step_row(1), after="")
        assert await log.append("job-7", step_row(2), after=None)
        for after in ("", None, "ana", "bob", "row-1", "row-3", "row-2 "):
            assert not await log.append("job-7", step_row(3, worker="bob"), after=after)
        assert [row.id for row in await log.rows("job-7")] == ["row-1", "row-2"]

    async def test_only_who_has_seen_all_rows_follows(self, log: StepLog) -> None:
        """A worker that still writes is not taken from by one that looked a while ago."""
        assert await log.append("job-7", step_row(1), after="")
        assert await log.append("job-7", step_row(2), after=None)
        assert not await log.append("job-7", step_row(3, worker="bob"), after="row-1")
        assert await log.append("job-7", step_row(3, worker="bob"), after="row-2")

    async def test_one_that_is_followed_has_lost_the_run(self, log: StepLog) -> None:
        """Who follows a worker takes the run from it."""
        assert await log.append("job-7", step_row(1), after="")
        assert await log.append("job-7", step_row(2, worker="bob"), after="row-1")
        assert not await log.append("job-7", step_row(3), after=None)
        assert not await log.append("job-7", step_row(3), after="row-1")
        assert await log.append("job-7", step_row(4, worker="bob"), after=None)

    @pytest.mark.parametrize("after", ["", "row-99"])
    async def test_of_many_followers_one_wins(self, log: StepLog, after: str) -> None:
        """Two workers never both get a run."""
        if after:
            assert await log.append("job-7", step_row(99), after="")
        rows = [step_row(number, worker=f"worker-{number}") for number in range(_TASKS)]
        added = await asyncio.gather(*(log.append("job-7", row, after=after) for row in rows))
        assert added.count(True) == 1
        [*_, last] = await log.rows("job-7")
        assert rows[added.index(True)] == last

    async def test_a_worker_adds_many_at_once(self, log: StepLog) -> None:
        """Steps that run side by side do not shut each other out."""
        rows = [step_row(number) for number in range(_TASKS)]
        added = await asyncio.gather(*(log.append("job-7", row, after="") for row in rows))
        assert added == [True] * _TASKS
        assert {row.id for row in rows} == {row.id for row in await log.rows("job-7")}

    async def test_runs_are_apart(self, log: StepLog) -> None:
        """Clearing a run removes its rows alone; a worker of before is not let in again."""
        await log.append("job-7", step_row(1), after="")
        await log.append("job-77", step_row(1, run="job-77"), after="")
        await log.append("JOB-7", step_row(1, run="JOB-7"), after="")
        assert await log.clear("job-7")
        assert not await log.clear("job-7")
        assert list(await log.rows("job-7")) == []
        assert len(await log.rows("job-77")) == len(await log.rows("JOB-7")) == 1
        assert not await log.append("job-7", step_row(2), after=None)
        assert await log.append("job-7", step_row(3, worker="bob"), after="")

    @pytest.mark.parametrize("run_id", ["", "../x", "a/b", "a b", "x" * 129])
    async def test_what_is_no_id_is_refused(self, log: StepLog, run_id: str) -> None:
        """A run has an id like everything else."""
        with pytest.raises(InvalidId):
            await log.append(run_id, step_row(1), after="")
        with pytest.raises(InvalidId):
            await log.rows(run_id)
        with pytest.raises(InvalidId):
            await log.clear(run_id)
