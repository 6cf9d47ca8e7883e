"""What has ended is replayed; what failed is said; nothing is called twice by mistake."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from gate import (
    DurableRunner,
    InvalidId,
    LimitExceeded,
    PayloadNotCanonical,
    StepEvent,
    StepFailed,
    StepInDoubt,
    StepKind,
    StepLog,
    StepMismatch,
    StepRow,
)
from gate.testing import FakeClock
from stores.steps import MemoryStepLog

from .logs import Ledger


@pytest.fixture
def log() -> StepLog:
    return MemoryStepLog()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


async def kinds(log: StepLog, run_id: str = "job-7") -> list[str]:
    return [row.kind.value for row in await log.rows(run_id)]


async def test_a_step_runs_once(log: StepLog, ledger: Ledger) -> None:
    """The first runner calls the function, the second one replays its result."""
    for _ in range(2):
        runner = DurableRunner(log, "job-7")
        assert "did x" == await runner.step("charge", lambda: ledger.do("x"))
        assert "did x" == await runner.step("charge", lambda: ledger.do("x"))
    assert ledger.done == ["x"]
    assert await kinds(log) == ["started", "done"]


async def test_the_started_row_comes_first(log: StepLog) -> None:
    """When the function is called, the log says so already."""
    seen: list[str] = []

    async def look() -> None:
        seen.extend(await kinds(log))

    await DurableRunner(log, "job-7").step("look", look)
    assert seen == ["started"]


async def test_functions_may_be_plain(log: StepLog) -> None:
    """A function need not be async; a partial and an object serve as well."""

    class Seven:
        def __call__(self) -> int:
            return 7

    runner = DurableRunner(log, "job-7")
    assert await runner.step("plain", lambda: 1) == 1
    assert await runner.step("partial", functools.partial(max, 1, 2)) == 2
    assert await runner.step("object", Seven()) == 7
    assert [row.name for row in await log.rows("job-7")][::2] == ["<lambda>", "max", "Seven"]


@pytest.mark.parametrize(
    "result", [None, True, 0, 1.5, "", [], {}, {"a": [1, {"b": None}]}, 10**50]
)
async def test_a_replay_is_the_same_result(log: StepLog, result: Any) -> None:
    """What the first caller gets is what every later one gets, as a copy of its own."""
    first = await DurableRunner(log, "job-7").step("give", lambda: result)
    runner = DurableRunner(log, "job-7")
    again = await runner.step("give", lambda: result)
    assert (type(result), result) == (type(first), first)
    assert (type(result), result) == (type(again), again)
    if isinstance(again, dict | list):
        again.clear()
        assert result == await runner.step("give", lambda: result)


async def test_a_codec_keeps_other_types(log: StepLog) -> None:
    """With a codec any type may be a result; what is kept is its JSON."""

    class Sets:
        def dump(self, value: set[int]) -> Any:
            return sorted(value)

        def load(self, kept: Any) -> set[int]:
            return set(kept)

    for _ in range(2):
        runner = DurableRunner(log, "job-7")
        assert await runner.step("give", lambda: {3, 1}, codec=Sets()) == {1, 3}
    assert [1, 3] == (await runner.history())[1].result


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ((1, 2), PayloadNotCanonical),
        (float("nan"), PayloadNotCanonical),
        ("x" * 300_000, LimitExceeded),
    ],
)
async def test_a_result_that_cannot_be_kept(
    log: StepLog, ledger: Ledger, result: Any, error: type[Exception]
) -> None:
    """The function has run: the step counts as failed, and is not called again to fail again."""

    async def act() -> Any:
        await ledger.do("x")
        return result

    with pytest.raises(error):
        await DurableRunner(log, "job-7", max_attempts=3).step("act", act)
    with pytest.raises(StepFailed, match=error.__name__):
        await DurableRunner(log, "job-7", max_attempts=3).step("act", act)
    assert ledger.done == ["x"]


async def test_a_failure_is_for_good(log: StepLog, ledger: Ledger) -> None:
    """The error is raised as it is; later the step says that it failed, without the text."""

    async def fail() -> None:
        await ledger.do("x")
        raise ValueError("hunter2")

    with pytest.raises(ValueError, match="hunter2"):
        await DurableRunner(log, "job-7").step("act", fail)
    with pytest.raises(StepFailed, match="previously failed: ValueError") as caught:
        await DurableRunner(log, "job-7").step("act", fail)
    assert (caught.value.error, caught.value.error_code) == ("ValueError", None)
    assert ledger.done == ["x"]
    assert "hunter2" not in "".join(row.to_text() for row in await log.rows("job-7"))


async def test_attempts_are_counted_across_processes(log: StepLog) -> None:
    """A function is called so many times in all, with the delay between, whoever calls it."""
    clock = FakeClock()
    calls: list[float] = []

    def fail() -> None:
        calls.append(clock.monotonic())
        raise KeyError

    def runner() -> DurableRunner:
        return DurableRunner(log, "job-7", max_attempts=3, retry_delay=5, clock=clock)

    first = asyncio.create_task(runner().step("act", fail))
    await clock.advance(6)
    first.cancel()
    await asyncio.wait({first})
    assert calls == [0, 5]
    with pytest.raises(KeyError):
        await runner().step("act", fail)
    assert len(calls) == 3
    with pytest.raises(StepFailed):
        await runner().step("act", fail)
    assert [1, 1, 2, 2, 3, 3] == [row.attempt for row in await log.rows("job-7")]
    assert [False, False, True] == [
        row.final for row in await log.rows("job-7") if row.kind is StepKind.FAILED
    ]


async def test_success_within_the_budget(log: StepLog) -> None:
    """A later attempt may succeed; then its result counts."""
    left = [ValueError(), KeyError()]

    def work() -> str:
        if left:
            raise left.pop()
        return "done"

    assert await DurableRunner(log, "job-7", max_attempts=3).step("act", work) == "done"
    assert await kinds(log) == ["started", "failed", "started", "failed", "started", "done"]


async def test_another_fingerprint_is_an_error(log: StepLog, ledger: Ledger) -> None:
    """The same id with another function, name or inputs replays nothing and calls nothing."""

    def other() -> None:
        ledger.done.append("other")

    runner = DurableRunner(log, "job-7")
    await runner.step("act", functools.partial(ledger.do, "x"), inputs={"to": "ana"})
    for more in ({}, {"name": "do"}, {"name": "do", "inputs": {"to": "bob"}}):
        with pytest.raises(StepMismatch) as caught:
            await DurableRunner(log, "job-7").step("act", other, **more)
        assert caught.value.reason == "fingerprint"
    assert "did x" == await runner.step("act", other, name="do", inputs={"to": "ana"})
    assert ledger.done == ["x"]


async def test_a_call_beside_the_same_step(log: StepLog) -> None:
    """Two calls of one step at once, or one inside itself, are a mistake that is said."""
    runner = DurableRunner(log, "job-7")
    go = asyncio.Event()
    first = asyncio.create_task(runner.step("wait", go.wait))
    await asyncio.sleep(0)
    with pytest.raises(StepMismatch, match="under_way"):
        await runner.step("wait", go.wait)
    with pytest.raises(StepMismatch, match="under_way"):
        await runner.reset()
    go.set()
    assert await first is True
    assert await runner.step("wait", go.wait) is True


async def test_steps_side_by_side(log: StepLog, ledger: Ledger) -> None:
    """Different steps of one runner run at once, the first ones too."""
    runner = DurableRunner(log, "job-7")
    await asyncio.gather(
        *(runner.step(f"n-{n}", functools.partial(ledger.do, str(n))) for n in range(20))
    )
    assert len(ledger.done) == len(set(ledger.done)) == 20
    assert len(await log.rows("job-7")) == 40


async def test_events_are_told_in_order(log: StepLog) -> None:
    """Start and success of a run; only a replay of a replay; each attempt of a failure."""
    heard: list[StepEvent] = []
    clock = FakeClock()

    def fail() -> None:
        raise KeyError

    def runner() -> DurableRunner:
        return DurableRunner(log, "job-7", on_event=heard.append, clock=clock)

    await runner().step("act", lambda: 1, name="one")
    await runner().step("act", lambda: 1, name="one")
    with pytest.raises(KeyError):
        await runner().step("bad", fail, max_attempts=2)
    with pytest.raises(StepFailed):
        await runner().step("bad", fail)
    assert [
        ("step:start", "one", 1, None),
        ("step:success", "one", 1, None),
        ("step:replay", "one", 1, None),
        ("step:start", "fail", 1, None),
        ("step:failure", "fail", 1, "KeyError"),
        ("step:start", "fail", 2, None),
        ("step:failure", "fail", 2, "KeyError"),
        ("step:replay", "fail", 2, "KeyError"),
    ] == [(event.type, event.name, event.attempt, event.error) for event in heard]
    assert heard[1].seconds == 0


async def test_an_observer_changes_nothing(
    log: StepLog, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """An observer that raises is logged; the step runs once and its result counts."""

    def object_to(event: StepEvent) -> None:
        raise RuntimeError("hunter2")

    runner = DurableRunner(log, "job-7", max_attempts=3, on_event=object_to)
    assert "did x" == await runner.step("act", lambda: ledger.do("x"))
    assert ledger.done == ["x"]
    assert await kinds(log) == ["started", "done"]
    assert "step_observer_failed" in caplog.text
    assert "hunter2" not in caplog.text


async def test_history_and_reset(log: StepLog, ledger: Ledger) -> None:
    """The history is the log's; a reset empties it for this run alone, and all is called anew."""
    other = DurableRunner(log, "job-8")
    await other.step("act", lambda: ledger.do("other"))
    runner = DurableRunner(log, "job-7")
    await runner.step("act", lambda: ledger.do("x"))
    assert list(await log.rows("job-7")) == list(await runner.history())
    await runner.reset()
    assert list(await runner.history()) == []
    assert len(await other.history()) == 2
    await runner.step("act", lambda: ledger.do("again"))
    assert ledger.done == ["other", "x", "again"]


async def test_settling_and_repeating(log: StepLog, ledger: Ledger) -> None:
    """Somebody who has looked gives the result of a step in doubt, or lets it be called again."""

    async def hang() -> None:
        await ledger.do("x")
        raise TimeoutError

    runner = DurableRunner(log, "job-7")
    for step_id in ("a", "b"):
        with pytest.raises(TimeoutError):
            await runner.step(step_id, hang)
        with pytest.raises(StepInDoubt):
            await runner.step(step_id, hang)
    operator = DurableRunner(log, "job-7")
    with pytest.raises(PayloadNotCanonical):
        await operator.settle("a", result={1})
    await operator.settle("a", result={"paid": True})
    await operator.repeat("b")
    for again in (operator.settle("a", result=1), operator.settle("new", result=1)):
        with pytest.raises(StepMismatch, match="not_in_doubt"):
            await again
    with pytest.raises(StepMismatch, match="not_repeatable"):
        await operator.repeat("a")
    later = DurableRunner(log, "job-7")
    assert await later.step("a", hang) == {"paid": True}
    with pytest.raises(TimeoutError):
        await later.step("b", hang)
    assert ledger.done == ["x", "x", "x"]
    assert [1, 1, 1, 1, 2] == [row.attempt for row in await log.rows("job-7")]


async def test_a_failed_step_may_be_repeated(log: StepLog) -> None:
    """Whoever knows why it failed lets it be called again, with all its attempts."""
    results: list[Any] = [KeyError(), KeyError(), "done"]

    def work() -> str:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return str(result)

    runner = DurableRunner(log, "job-7")
    with pytest.raises(KeyError):
        await runner.step("act", work)
    await runner.repeat("act")
    assert await runner.step("act", work, max_attempts=2) == "done"


@pytest.mark.parametrize("step_id", ["", "a b", "../x", "x" * 129])
async def test_ids_are_checked(log: StepLog, step_id: str) -> None:
    """Runs and steps have ids like everything else."""
    with pytest.raises(InvalidId):
        DurableRunner(log, step_id)
    with pytest.raises(InvalidId):
        await DurableRunner(log, "job-7").step(step_id, lambda: 1)


async def test_limits_come_before_any_effect(log: StepLog, ledger: Ledger) -> None:
    """Bad arguments, and a run with too many rows, call nothing."""
    with pytest.raises(LimitExceeded):
        DurableRunner(log, "job-7", max_attempts=0)
    runner = DurableRunner(log, "job-7")
    with pytest.raises(LimitExceeded):
        await runner.step("act", lambda: ledger.do("x"), max_attempts=0)
    with pytest.raises(PayloadNotCanonical):
        await runner.step("act", lambda: ledger.do("x"), inputs={1, 2})
    with pytest.raises(LimitExceeded):
        await runner.step("act", lambda: ledger.do("x"), name="x" * 300)
    await runner.step("first", lambda: 1)
    [pattern, last] = await log.rows("job-7")
    for number in range(10_000):
        row = pattern.model_copy(
            update={"id": f"r-{number}", "worker": "w", "step_id": f"s-{number}"}
        )
        after = last.id if number == 0 else None
        assert await log.append("job-7", row, after=after)
    with pytest.raises(LimitExceeded, match="rows of a run"):
        await DurableRunner(log, "job-7").step("act", lambda: ledger.do("x"))
    assert ledger.done == []


def test_a_row_that_nobody_wrote_is_corrupt() -> None:
    """Rows are read strictly; see the tables of the stores for what they do with it."""
    row = {"schemaVersion": 2}
    with pytest.raises(ValueError, match="never wrote"):
        StepRow.from_text(str(row).replace("'", '"'), run_id="job-7")
