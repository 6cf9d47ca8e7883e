"""The point of no return: one run, for exactly what was decided."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gate import (
    AlreadyConsumed,
    Approval,
    ApprovalCancelled,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalGate,
    ApprovalNotFound,
    ApprovalSkipped,
    ApprovalStore,
    Desk,
    DigestMismatch,
    InvalidId,
    NotAllowed,
    PayloadNotCanonical,
    SignoffError,
    StoreCorrupt,
    Undeliverable,
)
from gate.testing import FakeClock, ScratchStore
from stores.memory import MemoryStore
from tests.support.factories import approved

from .fakes import OnceStore, PlainStore

PAYLOAD = {"user_id": 42}


@pytest.fixture(params=["plain", "once", "memory"])
def any_store(request: pytest.FixtureRequest, clock: FakeClock) -> ApprovalStore:
    scratch = ScratchStore(clock=clock)
    stores: dict[str, ApprovalStore] = {
        "plain": PlainStore(scratch),
        "once": OnceStore(scratch),
        "memory": MemoryStore(clock=clock),
    }
    return stores[request.param]


@pytest.fixture
def gate(any_store: ApprovalStore, clock: FakeClock) -> ApprovalGate:
    return ApprovalGate(any_store, agent="billing", clock=clock)


async def ask(gate: ApprovalGate, **more: Any) -> Approval:
    return await gate.request(
        **{"id": "a", "name": "delete-user", "payload": PAYLOAD, "expires_in": 60, **more}
    )


async def test_an_approved_action_runs_once(gate: ApprovalGate) -> None:
    """P5: the second run is refused, and learns who took it."""
    asked = await ask(gate)
    await gate.decide("a", "approve")
    taken = await gate.consume(asked, payload=PAYLOAD, operation_id="op-1")
    assert taken.consumption is not None
    assert (taken.consumption.operation_id, taken.consumption.by) == ("op-1", "billing")
    assert (await gate.get("a")).consumption == taken.consumption
    for again in (asked, "a"):
        with pytest.raises(AlreadyConsumed) as caught:
            await gate.consume(again, payload=PAYLOAD)
        assert caught.value.operation_id == "op-1"
        assert caught.value.approval is not None
        assert caught.value.approval.consumption == taken.consumption


async def test_the_same_operation_may_ask_again(gate: ApprovalGate, clock: FakeClock) -> None:
    """Its answer may have been lost: it gets the same consumption, not another one."""
    await ask(gate)
    await gate.decide("a", "approve")
    first = await gate.consume("a", payload=PAYLOAD, operation_id="op-1")
    await clock.advance(5)
    again = await gate.consume("a", payload=PAYLOAD, operation_id="op-1")
    assert again.consumption == first.consumption


async def test_fifty_runs_at_once_have_one_winner(gate: ApprovalGate) -> None:
    """P2, P5: all losers are told the winner's operation."""
    await ask(gate)
    await gate.decide("a", "approve")
    results = await asyncio.gather(
        *(gate.consume("a", payload=PAYLOAD, operation_id=f"op-{n}") for n in range(50)),
        return_exceptions=True,
    )
    winners = [result for result in results if isinstance(result, Approval)]
    assert len(winners) == 1
    taken = winners[0].consumption
    assert taken is not None
    assert results.index(winners[0]) == int(taken.operation_id.removeprefix("op-"))
    for result in results:
        if not isinstance(result, Approval):
            assert isinstance(result, AlreadyConsumed)
            assert result.operation_id == taken.operation_id
            assert result.approval is not None
            assert result.approval.consumption == taken


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"user_id": 43},
        {"user_id": 42.0},
        {"user_id": "42"},
        {"user_id": True},
        {"user_id": 42, "force": None},
        [PAYLOAD],
    ],
)
async def test_another_payload_is_not_what_was_decided(gate: ApprovalGate, payload: Any) -> None:
    """P6: to the type; and the approval is still there for the right payload."""
    await ask(gate)
    await gate.decide("a", "approve")
    with pytest.raises(DigestMismatch):
        await gate.consume("a", payload=payload)
    await gate.consume("a", payload={"user_id": 42})


async def test_what_is_no_json_is_not_what_was_decided(gate: ApprovalGate) -> None:
    """P6: it has no digest at all."""
    await ask(gate, payload=[1, 2])
    await gate.decide("a", "approve")
    with pytest.raises(PayloadNotCanonical):
        await gate.consume("a", payload=(1, 2))
    assert (await gate.get("a")).consumption is None


async def test_another_agent_cannot_use_it(
    gate: ApprovalGate, any_store: ApprovalStore, clock: FakeClock
) -> None:
    """P6: the digest holds who asked, and where."""
    asked = await ask(gate)
    await gate.decide("a", "approve")
    thief = ApprovalGate(any_store, agent="thief", clock=clock)
    elsewhere = ApprovalGate(any_store, agent="billing", namespace="prod", clock=clock)
    for other in (thief, elsewhere):
        with pytest.raises(DigestMismatch):
            await other.consume(asked, payload=PAYLOAD)
    with pytest.raises(ApprovalNotFound):
        await elsewhere.consume("a", payload=PAYLOAD)
    assert (await gate.get("a")).consumption is None


@pytest.mark.parametrize(
    ("end", "error"),
    [
        ("pending", NotAllowed),
        ("deny", ApprovalDenied),
        ("skip", ApprovalSkipped),
        ("cancel", ApprovalCancelled),
        ("undeliverable", Undeliverable),
        ("end", ApprovalExpired),
        ("expire", ApprovalExpired),
    ],
)
async def test_nothing_else_releases_a_run(
    gate: ApprovalGate,
    any_store: ApprovalStore,
    clock: FakeClock,
    end: str,
    error: type[SignoffError],
) -> None:
    """P4: each other state is an error of its own, also with the approved object in hand."""
    asked = await ask(gate)
    desk = Desk(any_store, clock=clock)
    match end:
        case "deny" | "skip":
            await desk.decide("a", end, note="no")
        case "cancel":
            await desk.cancel("a")
        case "undeliverable":
            await desk.cancel("a", undeliverable="no_route")
        case "end" | "expire":
            await clock.advance(60)
            if end == "expire":
                await desk.expire("a")
    for approval in (asked, "a", approved(asked)):
        with pytest.raises(error):
            await gate.consume(approval, payload=PAYLOAD)
    assert (await gate.get("a")).consumption is None


async def test_a_missing_record_releases_nothing(gate: ApprovalGate) -> None:
    """P4: an object that says approved is not the record."""
    with pytest.raises(ApprovalNotFound):
        await gate.consume(approved(), payload=PAYLOAD)


async def test_an_edit_by_a_person_is_what_may_run(gate: ApprovalGate) -> None:
    """P6: not the payload as it was asked."""
    await ask(gate, editable=True)
    await gate.decide("a", "approve", payload={"user_id": 7})
    with pytest.raises(DigestMismatch):
        await gate.consume("a", payload=PAYLOAD)
    await gate.consume("a", payload={"user_id": 7})


async def test_a_result_in_place_of_a_run_releases_nothing(gate: ApprovalGate) -> None:
    """A person said what the agent shall take as the result: the action must not run as well."""
    await ask(gate, allow_override=True)
    await gate.decide("a", "approve", override_result="done by hand")
    with pytest.raises(NotAllowed) as caught:
        await gate.consume("a", payload=PAYLOAD)
    assert caught.value.reason == "overridden"


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129])
async def test_an_operation_needs_a_usable_name(gate: ApprovalGate, bad: str) -> None:
    """An empty name is a mistake of the caller's, not a wish for a fresh one."""
    await ask(gate)
    await gate.decide("a", "approve")
    with pytest.raises(InvalidId):
        await gate.consume("a", payload=PAYLOAD, operation_id=bad)


async def test_an_approval_outlives_its_end(gate: ApprovalGate, clock: FakeClock) -> None:
    """The end bounds the answer, not the run."""
    await ask(gate)
    await gate.decide("a", "approve")
    await clock.advance(3600)
    assert (await gate.consume("a", payload=PAYLOAD)).status == "approved"


async def test_another_record_under_the_key_is_not_believed(clock: FakeClock) -> None:
    """P4: an approved record that a store hands out for another key releases nothing."""
    scratch = ScratchStore(clock=clock)
    gate = ApprovalGate(PlainStore(scratch), agent="billing", clock=clock)
    await ask(gate)
    await gate.decide("a", "approve")
    scratch._records["b"] = scratch._records["a"]
    with pytest.raises(StoreCorrupt):
        await gate.consume("b", payload=PAYLOAD)
    with pytest.raises(StoreCorrupt):
        await ask(gate, id="b")
