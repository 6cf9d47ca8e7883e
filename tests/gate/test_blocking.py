"""The synchronous facade: the same verbs and errors, on a loop of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from gate import (
    AlreadyConsumed,
    ApprovalDenied,
    ApprovalStore,
    ApprovalTimeout,
    BlockingGate,
    DigestMismatch,
    InvalidId,
    Outcome,
    StoreUnavailable,
)
from gate.testing import ScratchStore
from tests.support.processes import ROOT

Opener = Callable[[], AbstractAsyncContextManager[ApprovalStore]]
PAYLOAD = {"user_id": 42}


class Opened:
    """Opens one store, and remembers what became of it."""

    def __init__(self) -> None:
        self.store = ScratchStore()
        self.open = 0

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[ApprovalStore]:
        self.open += 1
        try:
            yield self.store
        finally:
            self.open -= 1


@pytest.fixture
def opened() -> Opened:
    return Opened()


def own_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("signoff-")]


def test_the_verbs_do_what_those_of_the_gate_do(opened: Opened) -> None:
    """Ask, decide, wait, consume, report, read and withdraw, without an event loop."""
    with BlockingGate(opened, agent="script", expires_in=60) as gate:
        asked = gate.request(id="a", name="n", payload=PAYLOAD)
        assert (asked.status, asked.agent, asked.expires_in) == ("pending", "script", 60)
        with pytest.raises(ApprovalTimeout):
            gate.wait("a", timeout=0)
        gate.decide("a", "approved", {"approver": "ana"})
        assert gate.wait("a").approver == "ana"
        assert gate.require(id="a", name="n", payload=PAYLOAD).status == "approved"
        with pytest.raises(DigestMismatch):
            gate.consume("a", payload={})
        assert gate.consume("a", payload=PAYLOAD, operation_id="op").consumption
        assert gate.report("a", seconds=1.0).outcome
        gate.request(id="b", name="n")
        assert gate.cancel("b", reason="why").status == "cancelled"
        assert gate.get("b").cancellation is not None


def test_a_wait_ends_when_another_thread_decides(opened: Opened) -> None:
    """The facade may be used from several threads."""
    with BlockingGate(opened, agent="script") as gate:
        gate.request(id="a", name="n")
        other = threading.Thread(target=lambda: gate.decide("a", "deny"))
        other.start()
        assert gate.wait("a", timeout=10).status == "rejected"
        other.join()


def test_the_guard_runs_the_block_once_and_reports(opened: Opened) -> None:
    """As the gate's own: done, failed by class, and refused."""

    class Boom(Exception):
        pass

    def outcome(gate: BlockingGate, approval_id: str) -> Outcome:
        found = gate.get(approval_id).outcome
        assert found is not None
        return found

    with BlockingGate(opened, agent="script") as gate:
        for name in ("a", "b", "c"):
            gate.request(id=name, name="n")
        gate.decide("a", "approve")
        gate.decide("b", "approve")
        gate.decide("c", "deny", note="no")
        with gate.guard(id="a", name="n") as approval:
            assert approval.consumption is not None
        assert outcome(gate, "a").status == "done"
        boom = Boom("hunter2")
        with pytest.raises(Boom) as caught, gate.guard(id="b", name="n"):
            raise boom
        assert caught.value is boom
        assert outcome(gate, "b").error == "Boom"
        for name, error in (("a", AlreadyConsumed), ("c", ApprovalDenied)):
            with pytest.raises(error), gate.guard(id=name, name="n"):
                raise AssertionError


@pytest.mark.parametrize("error", [StopIteration(1), KeyboardInterrupt(), SystemExit(3)])
def test_any_error_leaves_the_guard_as_itself(opened: Opened, error: BaseException) -> None:
    """The block's own error, reported by its class, and the facade goes on working."""
    with BlockingGate(opened, agent="script") as gate:
        gate.request(id="a", name="n")
        gate.decide("a", "approve")
        with pytest.raises(type(error)) as caught, gate.guard(id="a", name="n"):
            raise error
        assert caught.value is error
        outcome = gate.get("a").outcome
        assert outcome is not None
        assert outcome.error == type(error).__name__


async def test_it_refuses_to_block_an_event_loop(opened: Opened) -> None:
    """Inside a running loop it would stop everything: the error names the other class."""
    with pytest.raises(RuntimeError, match="ApprovalGate"):
        BlockingGate(opened, agent="script").__enter__()
    assert own_threads() == []

    def outside() -> BlockingGate:
        return BlockingGate(opened, agent="script").__enter__()

    gate = await asyncio.to_thread(outside)
    with pytest.raises(RuntimeError, match="ApprovalGate"):
        gate.get("a")
    await asyncio.to_thread(gate.__exit__, None, None, None)
    assert own_threads() == []


def test_outside_its_block_it_does_nothing(opened: Opened) -> None:
    """Before and after, each verb says so; making one starts nothing."""
    gate = BlockingGate(opened, agent="script")
    assert own_threads() == []
    for _ in range(2):
        with pytest.raises(RuntimeError, match="with"):
            gate.get("a")
        with gate:
            gate.request(id="a", name="n")
            assert own_threads() == ["signoff-blocking-gate"]
            assert opened.open == 1
    assert own_threads() == []
    assert opened.open == 0


def test_what_fails_at_the_start_leaves_nothing_behind(opened: Opened) -> None:
    """No thread and no open store, whichever of the two steps failed."""

    @asynccontextmanager
    async def broken() -> AsyncIterator[ApprovalStore]:
        if opened.open == 0:
            raise StoreUnavailable("open", cause="made so")
        yield opened.store

    with pytest.raises(StoreUnavailable):
        BlockingGate(broken, agent="script").__enter__()
    with pytest.raises(InvalidId):
        BlockingGate(opened, agent="").__enter__()
    assert opened.open == 0
    assert own_threads() == []


def test_what_still_runs_at_the_end_is_ended(opened: Opened) -> None:
    """A task that a store forgot does not outlive the facade, nor warn about itself."""
    ended = threading.Event()

    @asynccontextmanager
    async def forgetful() -> AsyncIterator[ApprovalStore]:
        async def forever() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        task = asyncio.create_task(forever())
        await asyncio.sleep(0)
        yield opened.store
        del task

    with BlockingGate(forgetful, agent="script"):
        pass
    assert ended.is_set()


_FORK = """
import contextlib, os
from gate import BlockingGate
from gate.testing import ScratchStore

@contextlib.asynccontextmanager
async def store():
    yield ScratchStore()

with BlockingGate(store, agent="script") as gate:
    gate.request(id="a", name="n", payload={})
    if os.fork() == 0:
        try:
            gate.get("a")
        except RuntimeError as error:
            print(error, flush=True)
        os._exit(0)
    os.wait()
    print(gate.get("a").id)
"""


def test_a_forked_process_is_told() -> None:
    """F55: a fork copies the facade without its thread; a call there fails, and never hangs."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORK],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "open BlockingGate in the process that uses it: it was forked",
        "a",
    ]
