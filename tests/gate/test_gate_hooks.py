"""A gate with hooks: told in order, once, after the fact; and nobody can stop it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gate import (
    AlreadyConsumed,
    ApprovalDenied,
    ApprovalGate,
    Desk,
    HookBus,
    HookContext,
    NotAllowed,
)
from gate.testing import FakeClock, ScratchStore


class Ear:
    def __init__(self) -> None:
        self.heard: list[HookContext] = []

    def __call__(self, context: HookContext) -> None:
        self.heard.append(context)

    @property
    def types(self) -> list[str]:
        return [context.type.removeprefix("onApproval") for context in self.heard]


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def bus(ear: Ear) -> HookBus:
    bus = HookBus(patience=0.2)
    bus.on_any(ear)
    return bus


@pytest.fixture
async def gate(store: ScratchStore, clock: FakeClock, bus: HookBus) -> AsyncIterator[ApprovalGate]:
    async with ApprovalGate(store, agent="billing", clock=clock, hooks=bus) as gate:
        yield gate


async def test_a_run_from_the_question_to_the_end(gate: ApprovalGate, desk: Desk, ear: Ear):
    """Requested, resolved, consumed, each after it is stored, with what was asked and answered."""
    asked = await gate.request(id="a", name="delete-user", payload={"id": 42}, reason="ticket 1873")
    await gate.request(id="a", name="delete-user", payload={"id": 42}, reason="again")
    await desk.decide("a", "approve", approver="cli:ana", note="fine")
    approval = await gate.wait(asked.id)
    await gate.wait(asked.id)
    await gate.consume(approval, payload={"id": 42})
    assert ["Requested", "Resolved", "Consumed"] == ear.types
    requested, resolved, consumed = ear.heard
    assert ({"id": 42}, "ticket 1873") == (requested.arguments, requested.reason)
    assert ("approve", "fine", "cli:ana") == (resolved.decision, resolved.note, resolved.principal)
    assert {"delete-user"} == {each.tool_name for each in ear.heard}
    assert consumed.operation_id


async def test_a_no(gate: ApprovalGate, desk: Desk, ear: Ear):
    """`require` tells how it ended, too."""
    await gate.request(id="a", name="delete-user")
    await desk.decide("a", "deny", approver="cli:ana")
    with pytest.raises(ApprovalDenied):
        await gate.require(id="a", name="delete-user")
    assert (["Requested", "Resolved"], "deny") == (ear.types, ear.heard[-1].decision)


async def test_expired_and_cancelled(gate: ApprovalGate, clock: FakeClock, ear: Ear):
    """Nobody's no has hooks of its own."""
    await gate.request(id="a", name="delete-user", expires_in=60)
    await gate.request(id="b", name="delete-user")
    await gate.cancel("b", reason="not needed")
    await gate.wait("b")
    waiting = asyncio.create_task(gate.wait("a"))
    await clock.advance(61)
    assert "expired" == (await waiting).status
    assert ["Requested", "Requested", "Cancelled", "Expired"] == ear.types
    assert "not needed" == ear.heard[2].reason


async def test_refusals(gate: ApprovalGate, desk: Desk, ear: Ear):
    """A second run, and a run before the decision, are told with their words, and refused."""
    await gate.request(id="a", name="delete-user")
    with pytest.raises(NotAllowed):
        await gate.consume("a", payload=None)
    await desk.decide("a", "approve", approver="cli:ana")
    await gate.consume("a", payload=None, operation_id="one")
    with pytest.raises(AlreadyConsumed):
        await gate.consume("a", payload=None, operation_id="two")
    assert ["Requested", "Refused", "Consumed", "Refused"] == ear.types
    assert ["not_approved", "already_consumed"] == [ear.heard[1].reason, ear.heard[3].reason]


async def test_observers_change_no_outcome(gate: ApprovalGate, desk: Desk, bus: HookBus):
    """Handlers that raise, hang and meddle are counted; the run goes on for what was decided."""

    async def raises(context: HookContext) -> None:
        raise RuntimeError

    async def hangs(context: HookContext) -> None:
        await asyncio.Event().wait()

    def meddles(context: HookContext) -> None:
        context["arguments"]["id"] = 43

    for handler in (raises, hangs, meddles):
        bus.on("onApprovalRequested", handler)
        bus.on("onApprovalConsumed", handler)
    asked = await gate.request(name="delete-user", payload={"id": 42})
    await desk.decide(asked.id, "approve", approver="cli:ana")
    taken = await gate.consume(asked.id, payload={"id": 42})
    assert {"id": 42} == taken.effective_payload
    assert {"onApprovalRequested": 3, "onApprovalConsumed": 3} == dict(bus.failures)
