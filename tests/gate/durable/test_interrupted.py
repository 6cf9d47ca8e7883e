"""A pause, a timeout, a cancellation or trouble with a store is no failure of the step."""

from __future__ import annotations

import asyncio

import pytest

from gate import (
    AlreadyConsumed,
    ApprovalDenied,
    ApprovalGate,
    ApprovalTimeout,
    Desk,
    DurableRunner,
    RunTaken,
    StepFailed,
    StepInDoubt,
    StepLog,
    StepMismatch,
    StepPaused,
    StepUnrecorded,
    StoreUnavailable,
    Unconfirmed,
)
from gate.testing import ScratchStore
from stores.steps import MemoryStepLog
from tests.support.waiting import wait_until

from .logs import Fault, FaultyLog, Ledger


@pytest.fixture
def log() -> StepLog:
    return MemoryStepLog()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


async def kinds(log: StepLog) -> list[str]:
    return [row.kind.value for row in await log.rows("job-7")]


TROUBLE = [
    TimeoutError(),
    StoreUnavailable("get", cause="away"),
    Unconfirmed("put"),
    ExceptionGroup("two", [ValueError(), ExceptionGroup("inner", [TimeoutError()])]),
    asyncio.CancelledError(),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("error", TROUBLE, ids=lambda error: type(error).__name__)
async def test_trouble_is_never_a_failure(
    log: StepLog, ledger: Ledger, error: BaseException
) -> None:
    """Nothing is recorded: the step is in doubt, and an idempotent one is called again."""

    async def work() -> str:
        await ledger.do("x")
        if len(ledger.done) == 1:
            raise error
        return "done"

    with pytest.raises(type(error)):
        await DurableRunner(log, "job-7", max_attempts=3).step("act", work)
    assert await kinds(log) == ["started"]
    with pytest.raises(StepInDoubt, match="'act' of run 'job-7'"):
        await DurableRunner(log, "job-7").step("act", work)
    assert ledger.done == ["x"]
    assert await DurableRunner(log, "job-7").step("act", work, idempotent=True) == "done"
    assert await DurableRunner(log, "job-7").step("act", work) == "done"


async def test_a_pause_is_no_doubt(log: StepLog) -> None:
    """A function that says it has done nothing yet is called again, as the same attempt."""
    answers: list[str] = []

    def work() -> str:
        if not answers:
            raise StepPaused("no answer yet")
        return answers[0]

    for _ in range(2):
        with pytest.raises(StepPaused):
            await DurableRunner(log, "job-7").step("act", work)
    answers.append("yes")
    assert await DurableRunner(log, "job-7").step("act", work) == "yes"
    assert [1] * 6 == [row.attempt for row in await log.rows("job-7")]


async def test_an_approval_is_asked_for_once(log: StepLog, ledger: Ledger) -> None:
    """A wait that times out pauses the step; approved meanwhile, the next call goes on at once."""
    store = ScratchStore()

    async def delete(runner: DurableRunner, gate: ApprovalGate) -> str:
        async with gate.guard(
            id=runner.approval_id("delete"), name="delete", payload={"user": 42}, timeout=0
        ):
            return await ledger.do("x")

    async with ApprovalGate(store, agent="a", public_keys=[]) as gate:
        for _ in range(2):
            first = DurableRunner(log, "job-7")
            with pytest.raises(ApprovalTimeout):
                await first.step("delete", lambda one=first: delete(one, gate))
        [asked] = [event.id for event in store.events if event.type == "onApprovalRequested"]
        await Desk(store).decide(asked, "approve", approver="cli:ana")
        again = DurableRunner(log, "job-7")
        assert "did x" == await again.step("delete", lambda: delete(again, gate))
    assert ledger.done == ["x"]
    assert sum(event.type == "onApprovalRequested" for event in store.events) == 1


async def test_a_run_of_the_gate_finds_its_approval(log: StepLog, ledger: Ledger) -> None:
    """`run=` serves as well: a process that was killed while it waited asks nobody again."""
    store = ScratchStore()

    async def one_process() -> str:
        async with ApprovalGate(store, agent="a", public_keys=[]) as gate:

            async def delete() -> str:
                async with gate.guard(run="job-7", name="delete", payload={"user": 42}):
                    return await ledger.do("x")

            return await DurableRunner(log, "job-7").step("delete", delete, idempotent=True)

    killed = asyncio.create_task(one_process())
    await wait_until(lambda: bool(store.events), "the request")
    killed.cancel()
    await asyncio.wait({killed})
    assert await kinds(log) == ["started"]
    [asked] = store.events
    await Desk(store).decide(asked.id, "approve", approver="cli:ana")
    assert "did x" == await one_process()
    assert sum(event.type == "onApprovalRequested" for event in store.events) == 1
    assert "did x" == await one_process()
    assert ledger.done == ["x"]


async def test_a_consumed_approval_is_no_failure(log: StepLog, ledger: Ledger) -> None:
    """Cancelled in the middle of the action, the resumed step finds its approval used."""
    store = ScratchStore()
    acting = asyncio.Event()

    async def one_process() -> None:
        async with ApprovalGate(store, agent="a", public_keys=[]) as gate:

            async def delete() -> None:
                async with gate.guard(run="job-7", name="delete", payload=42):
                    await ledger.do("x")
                    acting.set()
                    await asyncio.Event().wait()

            await DurableRunner(log, "job-7").step("delete", delete, idempotent=True)

    task = asyncio.create_task(one_process())
    await wait_until(lambda: bool(store.events), "the request")
    await Desk(store).decide(store.events[0].id, "approve", approver="cli:ana")
    await acting.wait()
    task.cancel()
    await asyncio.wait({task})
    for _ in range(2):
        with pytest.raises(AlreadyConsumed):
            await one_process()
    assert ledger.done == ["x"]
    assert "failed" not in await kinds(log)


async def test_a_no_is_a_failure_for_good(log: StepLog, ledger: Ledger) -> None:
    """A person's no is the step's end, whatever attempts are left; nobody is asked again."""
    store = ScratchStore()
    async with ApprovalGate(store, agent="a", public_keys=[]) as gate:
        await gate.request(id="delete-42", name="delete", payload=42)
        await Desk(store).decide("delete-42", "deny", approver="cli:ana")

        async def delete() -> None:
            async with gate.guard(id="delete-42", name="delete", payload=42):
                await ledger.do("x")

        with pytest.raises(ApprovalDenied):
            await DurableRunner(log, "job-7", max_attempts=3).step("delete", delete)
        with pytest.raises(StepFailed) as caught:
            await DurableRunner(log, "job-7").step("delete", delete)
    assert caught.value.error_code == "approval_denied"
    assert ledger.done == []


async def test_a_new_attempt_asks_anew(log: StepLog) -> None:
    """The id of an approval is the attempt's: one yes is for one run of the action."""
    seen: list[str] = []
    runner = DurableRunner(log, "job-7", max_attempts=2)

    def work() -> None:
        seen.extend([runner.approval_id("act"), runner.approval_id("act", place=2)])
        raise KeyError

    with pytest.raises(KeyError):
        await runner.step("act", work)
    assert len(set(seen)) == 4
    with pytest.raises(StepMismatch, match="not_under_way"):
        runner.approval_id("act")


async def test_an_end_that_cannot_be_written(ledger: Ledger) -> None:
    """The function is not called again: this runner writes the end later, another is in doubt."""
    log = FaultyLog([Fault.FINE, Fault.FINE, Fault.AWAY, Fault.AWAY])
    runner = DurableRunner(log, "job-7", max_attempts=3)
    for _ in range(2):
        with pytest.raises(StepUnrecorded) as caught:
            await runner.step("act", lambda: ledger.do("x"))
        assert caught.value.cause == "store_unavailable"
    with pytest.raises(StepInDoubt):
        await DurableRunner(log, "job-7").step("act", lambda: ledger.do("x"))
    assert "did x" == await runner.step("act", lambda: ledger.do("x"))
    assert "did x" == await DurableRunner(log, "job-7").step("act", lambda: ledger.do("x"))
    assert ledger.done == ["x"]


async def test_a_cancelled_caller_leaves_the_end_on_record(ledger: Ledger) -> None:
    """Cancelled while the end is written: it is written first, and the cancellation goes on."""

    class SlowLog(MemoryStepLog):
        writing = asyncio.Event()
        go = asyncio.Event()

        async def append(self, run_id, row, *, after):  # type: ignore[no-untyped-def]  # a fake
            if row.kind == "done":
                self.writing.set()
                await self.go.wait()
            return await super().append(run_id, row, after=after)

    log = SlowLog()
    task = asyncio.create_task(DurableRunner(log, "job-7").step("act", lambda: ledger.do("x")))
    await log.writing.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    log.go.set()
    await asyncio.wait({task})
    assert task.cancelled()
    assert "did x" == await DurableRunner(log, "job-7").step("act", lambda: ledger.do("x"))
    assert ledger.done == ["x"]


async def test_the_second_worker_stops(log: StepLog, ledger: Ledger) -> None:
    """Two workers between two steps: the one that starts first goes on, the other is told."""
    one, two = DurableRunner(log, "job-7"), DurableRunner(log, "job-7")
    for runner in (one, two):
        await runner.step("first", lambda: ledger.do("first"))
    await two.step("second", lambda: ledger.do("second"))
    for _ in range(2):
        with pytest.raises(RunTaken):
            await one.step("second", lambda: ledger.do("second"))
    await two.step("third", lambda: ledger.do("third"))
    assert ledger.done == ["first", "second", "third"]


async def test_a_worker_that_was_reset_stops(log: StepLog, ledger: Ledger) -> None:
    """After a reset the worker of before cannot go on with what is being done anew."""
    old = DurableRunner(log, "job-7")
    await old.step("first", lambda: ledger.do("first"))
    await DurableRunner(log, "job-7").reset()
    with pytest.raises(RunTaken):
        await old.step("second", lambda: ledger.do("second"))
    assert ledger.done == ["first"]
