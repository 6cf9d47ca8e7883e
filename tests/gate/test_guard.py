"""`require`, `guard` and the report of how the run ended."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from gate import (
    AlreadyConsumed,
    ApprovalCancelled,
    ApprovalConflict,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalGate,
    ApprovalSkipped,
    ApprovalTimeout,
    Desk,
    InvalidId,
    LimitExceeded,
    NotAllowed,
    Outcome,
    SignoffError,
    Undeliverable,
)
from gate.testing import FakeClock, ScratchStore

from .fakes import FaultyStore, away

ACTION: dict[str, Any] = {"id": "a", "name": "delete-user", "payload": {"user_id": 42}}


class Boom(Exception):
    pass


async def answered(gate: ApprovalGate, verdict: str = "approve", **answer: Any) -> None:
    """Ask and answer, so that the guard finds it."""
    await gate.request(**ACTION)
    await gate.decide("a", verdict, **answer)


async def outcome(gate: ApprovalGate) -> Outcome | None:
    return (await gate.get("a")).outcome


async def test_the_block_runs_with_a_consumed_approval(
    gate: ApprovalGate, store: ScratchStore, clock: FakeClock
) -> None:
    """Asked, decided while waiting, consumed, run, reported as done with its duration."""

    async def agent() -> Any:
        async with gate.guard(**ACTION) as approval:
            assert approval.consumption is not None
            await clock.advance(2.5)
            return approval.effective_payload

    running = asyncio.create_task(agent())
    await clock.advance(0)
    await Desk(store, clock=clock).decide("a", "approve", approver="ana")
    assert await asyncio.wait_for(running, 5) == {"user_id": 42}
    ended = await outcome(gate)
    assert ended is not None
    assert (ended.status, ended.error, ended.seconds) == ("done", None, 2.5)
    assert [event.type for event in store.events] == [
        "onApprovalRequested",
        "onApprovalResolved",
        "onApprovalConsumed",
        "onApprovalReported",
    ]


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("deny", ApprovalDenied),
        ("skip", ApprovalSkipped),
        ("cancel", ApprovalCancelled),
        ("undeliverable", Undeliverable),
        ("end", ApprovalExpired),
        ("nothing", ApprovalTimeout),
    ],
)
async def test_without_a_yes_the_block_does_not_run(
    gate: ApprovalGate, desk: Desk, clock: FakeClock, how: str, error: type[SignoffError]
) -> None:
    """P4: each other end is an error of its own."""
    ran = []

    async def agent() -> None:
        async with gate.guard(**ACTION, expires_in=60, timeout=90 if how == "end" else 30):
            ran.append(1)

    running = asyncio.create_task(agent())
    await clock.advance(0)
    match how:
        case "deny" | "skip":
            await desk.decide("a", how, approver="ana", note="not on Fridays")
        case "cancel":
            await desk.cancel("a")
        case "undeliverable":
            await desk.cancel("a", undeliverable="no_route")
        case _:
            await clock.advance(90)
    with pytest.raises(error) as caught:
        await asyncio.wait_for(running, 5)
    assert ran == []
    if isinstance(caught.value, ApprovalDenied | ApprovalSkipped):
        assert (caught.value.note, caught.value.approver) == ("not on Fridays", "ana")
    assert (await gate.get("a")).consumption is None


async def test_require_returns_the_approved_approval_unconsumed(gate: ApprovalGate) -> None:
    """Consuming is the caller's, right before the run."""
    await answered(gate)
    approval = await gate.require(**ACTION)
    assert (approval.status, approval.consumption) == ("approved", None)
    await gate.consume(approval, payload=approval.effective_payload)
    with pytest.raises(AlreadyConsumed):
        async with gate.guard(**ACTION):
            raise AssertionError


async def test_an_error_in_the_block_is_reported_by_its_class_only(
    gate: ApprovalGate, store: ScratchStore
) -> None:
    """P20: the error itself goes on to the caller; its text stays with the caller."""
    await answered(gate)
    boom = Boom("hunter2")
    with pytest.raises(Boom) as caught:
        async with gate.guard(**ACTION):
            raise boom
    assert caught.value is boom
    ended = await outcome(gate)
    assert ended is not None
    assert (ended.status, ended.error) == ("failed", "Boom")
    assert "hunter2" not in repr(store.events)


async def test_a_cancelled_block_is_reported_and_stays_cancelled(
    gate: ApprovalGate, clock: FakeClock
) -> None:
    """The cancellation is not swallowed by the report."""
    await answered(gate)

    async def agent() -> None:
        async with gate.guard(**ACTION):
            await asyncio.Event().wait()

    running = asyncio.create_task(agent())
    await clock.advance(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 5)
    ended = await outcome(gate)
    assert ended is not None
    assert ended.error == "CancelledError"


@pytest.mark.parametrize("error", [StopIteration(1), StopAsyncIteration(), KeyError("k")])
async def test_any_error_leaves_the_guard_as_itself(gate: ApprovalGate, error: Exception) -> None:
    """Also the ones that generators treat in a special way."""
    await answered(gate)
    caught: list[Exception] = []
    try:
        async with gate.guard(**ACTION):
            raise error
    except Exception as other:  # noqa: BLE001  (whatever comes out is looked at)
        caught.append(other)
    assert caught == [error]


class Unwell(FaultyStore):
    """A foreign store whose trouble is of no known class."""

    async def _through(self, method: str, call: Any) -> Any:
        if "unwell" in self.states and method == "patch":
            raise RuntimeError("hunter2")
        return await super()._through(method, call)


@pytest.mark.parametrize("trouble", ["away", "unwell"])
@pytest.mark.parametrize("fails", [False, True])
async def test_a_report_that_fails_never_changes_how_the_run_ended(
    clock: FakeClock, caplog: pytest.LogCaptureFixture, trouble: str, fails: bool
) -> None:
    """The action has run: an error from its report would make the caller run it again."""
    store = Unwell(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await answered(gate)
    raised = None
    try:
        async with gate.guard(**ACTION):
            store.states.add("away:patch" if trouble == "away" else "unwell")
            if fails:
                raise Boom
    except Boom as error:
        raised = error
    assert (raised is not None) is fails
    store.states.clear()
    assert await outcome(gate) is None
    assert "gate.report_failed" in caplog.text
    assert "hunter2" not in caplog.text


async def test_a_store_that_is_away_keeps_the_block_from_running(clock: FakeClock) -> None:
    """P4: at each of the steps before it."""
    store = FaultyStore(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock, store_patience=0)
    ran = []
    for number, method in enumerate(("put", "watch", "get", "consume_once", "now")):
        action = ACTION | {"id": f"a{number}"}
        if method in ("get", "consume_once"):
            await gate.request(**action)
            await gate.decide(action["id"], "approve")
        store.next(method, *([away] * 20))

        async def agent(action: dict[str, Any] = action) -> None:
            async with gate.guard(**action, timeout=60):
                ran.append(1)

        await clock.advance(61)
        running = asyncio.create_task(agent())
        await clock.advance(10)
        with pytest.raises(SignoffError):
            await asyncio.wait_for(running, 5)
        store.plan.clear()
    assert ran == []


async def test_a_person_may_give_a_result_in_place_of_the_run(gate: ApprovalGate) -> None:
    """The guard does not run the block; `require` tells the result."""
    action = ACTION | {"allow_override": True}
    await gate.request(**action)
    await gate.decide("a", "approve", override_result="done by hand")
    with pytest.raises(NotAllowed):
        async with gate.guard(**action):
            raise AssertionError
    approval = await gate.require(**action)
    assert approval.decision is not None
    assert approval.decision.override_result == "done by hand"


async def test_an_edit_by_a_person_reaches_the_block(gate: ApprovalGate) -> None:
    """`effective_payload` is what may run, and is what was consumed."""
    action = ACTION | {"editable": True}
    await gate.request(**action)
    await gate.decide("a", "approve", payload={"user_id": 7})
    async with gate.guard(**action) as approval:
        assert approval.effective_payload == {"user_id": 7}
        assert approval.payload == {"user_id": 42}


async def test_a_conflict_does_not_run(gate: ApprovalGate) -> None:
    """P8: an approved id with another payload releases nothing."""
    await answered(gate)
    with pytest.raises(ApprovalConflict):
        async with gate.guard(**(ACTION | {"payload": {"user_id": 43}})):
            raise AssertionError


async def test_reports_are_checked(gate: ApprovalGate) -> None:
    """Nothing before a consumption, one end, an error's class of 1 to 200 characters."""
    await answered(gate)
    with pytest.raises(NotAllowed):
        await gate.report("a", seconds=1)
    await gate.consume("a", payload=ACTION["payload"])
    with pytest.raises(InvalidId):
        await gate.report("a", seconds=1, error="")
    with pytest.raises(LimitExceeded):
        await gate.report("a", seconds=1, error="E" * 201)
    ended = await gate.report("a", seconds=-1, error="OSError")
    assert ended.outcome is not None
    assert ended.outcome.seconds == 0
    assert await gate.report("a", seconds=0, error="OSError") == ended
    with pytest.raises(NotAllowed):
        await gate.report("a", seconds=0)


async def test_the_level_is_said_once(
    gate: ApprovalGate, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Level 0 and what the store lacks: one line each, at the first use, and no more."""
    assert caplog.text == ""
    await answered(gate)
    async with gate.guard(**ACTION):
        pass
    await gate.wait("a")
    lines = [record.getMessage() for record in caplog.records]
    assert [line.count("gate.level_zero") for line in lines] == [1, 0]
    assert "missing=['ConsumeOnce']" in lines[1]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert {record.name for record in caplog.records} == {"signoff.gate"}


async def test_the_level_is_said_where_only_consuming_is_done(
    store: ScratchStore, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The process that runs the action may be another one than the one that asked."""
    desk_side = ApprovalGate(store, agent="billing", clock=clock)
    await answered(desk_side)
    caplog.clear()
    runner = ApprovalGate(store, agent="billing", clock=clock)
    await runner.consume("a", payload=ACTION["payload"])
    assert caplog.text.count("gate.level_zero") == 1


async def test_an_approval_that_nobody_routes_is_warned_of_once(
    gate: ApprovalGate, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """After 10 s since it was asked, however many wait, and however often."""
    for name in ("a", "b"):
        await gate.request(id=name, name="n")
    waiters = [asyncio.create_task(gate.wait(name)) for name in ("a", "a", "b")]
    await clock.advance(9.9)
    assert "gate.unrouted" not in caplog.text
    await clock.advance(0.2)
    assert caplog.text.count("gate.unrouted") == 1
    waiters.append(asyncio.create_task(gate.wait("b")))
    await clock.advance(60)
    assert caplog.text.count("gate.unrouted") == 1
    for waiter in waiters:
        waiter.cancel()


async def test_short_waits_add_up_to_the_warning(
    gate: ApprovalGate, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A caller that looks in every few seconds is warned too."""
    await gate.request(id="a", name="n")
    for _ in range(3):
        waiting = asyncio.create_task(gate.wait("a", timeout=4))
        await clock.advance(4)
        with pytest.raises(ApprovalTimeout):
            await asyncio.wait_for(waiting, 5)
    assert caplog.text.count("gate.unrouted") == 1
