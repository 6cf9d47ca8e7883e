"""Writes whose answer is lost: repeated where that is harmless, and never guessed about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gate import (
    AlreadyConsumed,
    AlreadyDecided,
    Approval,
    ApprovalGate,
    ApprovalNotFound,
    Desk,
    Outcome,
    Quorum,
    StoreUnavailable,
    Unconfirmed,
)
from gate.testing import FakeClock
from tests.support.factories import ANA, BEN, route

from .fakes import Fault, FaultyStore, applied_unheard, away, lost

PAYLOAD = {"user_id": 42}


@pytest.fixture
def faulty(clock: FakeClock) -> FaultyStore:
    return FaultyStore(clock=clock)


@pytest.fixture
def gate(faulty: FaultyStore, clock: FakeClock) -> ApprovalGate:
    return ApprovalGate(faulty, agent="billing", clock=clock)


@pytest.fixture
def desk(faulty: FaultyStore, clock: FakeClock) -> Desk:
    return Desk(faulty, clock=clock)


async def ask(gate: ApprovalGate, **more: Any) -> Approval:
    return await gate.request(**{"id": "a", "name": "n", "payload": PAYLOAD, **more})


def told(faulty: FaultyStore) -> list[str]:
    return [event.type.removeprefix("onApproval") for event in faulty.inner.events]


@pytest.mark.parametrize("fault", [applied_unheard, lost])
async def test_a_request_is_repeated_until_it_stands(
    gate: ApprovalGate, faulty: FaultyStore, fault: Fault
) -> None:
    """P3, P8: one record and one event, whether or not the first try arrived."""
    faulty.next("put", fault, fault)
    assert (await ask(gate)).status == "pending"
    assert told(faulty) == ["Requested"]


@pytest.mark.parametrize("last", [applied_unheard, lost, away])
async def test_a_request_in_doubt_says_so(
    gate: ApprovalGate, faulty: FaultyStore, last: Fault
) -> None:
    """P3: not `StoreUnavailable`, which would say that nothing was stored. Asking again is safe."""
    faulty.next("put", applied_unheard, applied_unheard, last)
    with pytest.raises(Unconfirmed) as caught:
        await ask(gate)
    assert caught.value.approval_id == "a"
    assert (await ask(gate)).status == "pending"
    assert told(faulty) == ["Requested"]


async def test_a_request_that_never_left_was_not_stored(
    gate: ApprovalGate, faulty: FaultyStore
) -> None:
    """`StoreUnavailable` at the first try: nothing is there."""
    faulty.next("put", away)
    with pytest.raises(StoreUnavailable):
        await ask(gate)
    with pytest.raises(ApprovalNotFound):
        await gate.get("a")


@pytest.mark.parametrize("fault", [applied_unheard, lost])
async def test_a_request_of_a_run_in_doubt_keeps_its_place(
    gate: ApprovalGate, faulty: FaultyStore, fault: Fault
) -> None:
    """Asked again it comes to the same id; the next equal question is the second one."""
    faulty.next("put", fault, fault, fault, away)
    question = {"id": None, "run": "job-7"}
    with pytest.raises(Unconfirmed) as caught:
        await ask(gate, **question)
    with pytest.raises(StoreUnavailable):
        await ask(gate, **question)
    first = await ask(gate, **question)
    assert first.id == caught.value.approval_id
    assert (await ask(gate, **question)).id != first.id
    assert told(faulty) == ["Requested", "Requested"]


Verb = Callable[[ApprovalGate, Desk], Awaitable[Approval]]
VERBS: dict[str, tuple[Verb, str]] = {
    "decide": (lambda _, desk: desk.decide("a", "approve", approver=ANA), "Resolved"),
    "decide unnamed": (lambda _, desk: desk.decide("a", "approve"), "Resolved"),
    "cancel": (lambda gate, _: gate.cancel("a"), "Cancelled"),
    "route": (lambda _, desk: desk.route("a", route()), "Routed"),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("fault", [applied_unheard, lost])
async def test_a_change_is_made_once(
    gate: ApprovalGate, desk: Desk, faulty: FaultyStore, verb: str, fault: Fault
) -> None:
    """P3: the caller is told the truth, and the fact is told once."""
    await ask(gate)
    call, event = VERBS[verb]
    faulty.next("patch", fault)
    changed = await call(gate, desk)
    assert changed == await gate.get("a")
    assert told(faulty) == ["Requested", event]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("method", "faults"),
    [
        ("patch", (lost, lost)),
        ("patch", (applied_unheard,)),
        ("patch", (lost, away)),
    ],
)
async def test_a_change_in_doubt_says_so_and_can_be_repeated(
    gate: ApprovalGate,
    desk: Desk,
    faulty: FaultyStore,
    verb: str,
    method: str,
    faults: tuple[Fault, ...],
) -> None:
    """P3: also when the store goes away before the fate is known; repeating it tells the truth."""
    await ask(gate)
    call, event = VERBS[verb]
    faulty.next(method, *faults)
    if faults == (applied_unheard,):
        faulty.next("now", _as_is, away)
    with pytest.raises(Unconfirmed) as caught:
        await call(gate, desk)
    assert caught.value.approval_id == "a"
    faulty.plan.clear()
    if verb == "decide unnamed" and faults == (applied_unheard,):
        # Nobody can say that an unnamed answer was one's own: the winner is told instead.
        with pytest.raises(AlreadyDecided):
            await call(gate, desk)
    else:
        await call(gate, desk)
    assert told(faulty) == ["Requested", event]


async def _as_is(call: Callable[[], Awaitable[Any]]) -> Any:
    return await call()


async def test_a_loser_in_doubt_learns_the_winner(
    gate: ApprovalGate, desk: Desk, faulty: FaultyStore
) -> None:
    """P2: while our write was lost, somebody else's was not."""
    await ask(gate)

    async def lost_to_ben(_: Any) -> Any:
        await desk.decide("a", "deny", approver=BEN)
        raise Unconfirmed("call")

    faulty.next("patch", lost_to_ben)
    with pytest.raises(AlreadyDecided) as caught:
        await desk.decide("a", "approve", approver=ANA)
    assert caught.value.approval.approver == BEN


async def test_a_winner_in_doubt_stays_the_winner_whatever_comes_after(
    gate: ApprovalGate, desk: Desk, faulty: FaultyStore
) -> None:
    """P3: our decision stood, the agent ran and reported before we could look."""
    await ask(gate)

    async def overtaken(call: Callable[[], Awaitable[Any]]) -> Any:
        await call()
        await gate.consume("a", payload=PAYLOAD)
        await gate.report("a", seconds=1.0)
        raise Unconfirmed("call")

    faulty.next("patch", overtaken)
    decided = await desk.decide("a", "approve")
    assert decided.status == "approved"
    assert isinstance(decided.outcome, Outcome)


async def test_a_vote_in_doubt_counts_once(
    gate: ApprovalGate, desk: Desk, faulty: FaultyStore
) -> None:
    """P11: also when another person's vote came in between."""
    await ask(gate)
    people = (ANA, BEN, "slack:T1:UCAT")
    await desk.route("a", route(Quorum(of=people, needed=3)))

    async def overtaken(call: Callable[[], Awaitable[Any]]) -> Any:
        await call()
        await desk.decide("a", "approve", approver=BEN, seen=True)
        raise Unconfirmed("call")

    faulty.next("patch", overtaken)
    record = await desk.decide("a", "approve", approver=ANA, seen=True)
    assert [vote.principal for vote in record.votes] == [ANA, BEN]
    assert told(faulty) == ["Requested", "Routed", "Voted", "Voted"]


@pytest.mark.parametrize("fault", [applied_unheard, lost])
async def test_a_consumption_is_repeated_until_it_stands(
    gate: ApprovalGate, faulty: FaultyStore, fault: Fault
) -> None:
    """P5: under the operation's name, so that a repeat takes nothing twice."""
    await ask(gate)
    await gate.decide("a", "approve")
    faulty.next("consume_once", fault, fault)
    taken = await gate.consume("a", payload=PAYLOAD)
    assert (await gate.get("a")).consumption == taken.consumption
    assert told(faulty).count("Consumed") == 1


@pytest.mark.parametrize(
    "faults", [(lost, lost, lost), (applied_unheard,) * 3, (applied_unheard, away), (lost, away)]
)
async def test_a_consumption_in_doubt_does_not_run(
    gate: ApprovalGate, faulty: FaultyStore, faults: tuple[Fault, ...]
) -> None:
    """P3, P4: `Unconfirmed`, and the block does not run; the same operation may ask again."""
    await ask(gate)
    await gate.decide("a", "approve")
    faulty.next("consume_once", *faults)
    with pytest.raises(Unconfirmed):
        await gate.consume("a", payload=PAYLOAD, operation_id="op-1")
    assert (await gate.consume("a", payload=PAYLOAD, operation_id="op-1")).consumption
    with pytest.raises(AlreadyConsumed):
        await gate.consume("a", payload=PAYLOAD, operation_id="op-2")
    await ask(gate, id="b")
    await gate.decide("b", "approve")
    ran = []
    faulty.next("consume_once", *faults)
    with pytest.raises(Unconfirmed):
        async with gate.guard(id="b", name="n", payload=PAYLOAD):
            ran.append(1)
    assert ran == []


async def test_a_report_in_doubt_is_told_once(gate: ApprovalGate, faulty: FaultyStore) -> None:
    """The end of a run is one event."""
    await ask(gate)
    await gate.decide("a", "approve")
    await gate.consume("a", payload=PAYLOAD)
    faulty.next("patch", applied_unheard)
    assert (await gate.report("a", seconds=1.0)).outcome is not None
    assert told(faulty).count("Reported") == 1


async def test_too_many_writers_is_an_error_and_not_a_loop(
    gate: ApprovalGate, desk: Desk, faulty: FaultyStore
) -> None:
    """P19: a record that changes under every write is given up on."""
    await ask(gate)

    async def stale(_: Any) -> Any:
        return "stale"

    faulty.next("patch", *([stale] * 1000))
    with pytest.raises(StoreUnavailable):
        await desk.decide("a", "approve")
    assert faulty.calls.count("patch") < 100
