"""The public test kit: what an agent's own test looks like, and when it fails."""

from __future__ import annotations

import asyncio

import pytest

from gate import (
    ApprovalDenied,
    ApprovalGate,
    ApprovalSkipped,
    ApprovalTimeout,
    NotAllowed,
)
from gate.testing import FakeClock, ScriptedApprover

# Registered by itself where signoff is installed; imported here to be there in any case.
from gate.testing.plugin import scripted_approver

__all__ = ["scripted_approver"]


async def delete_user(gate: ApprovalGate, user_id: int) -> str:
    """Stand for an agent's code."""
    async with gate.guard(name="delete-user", payload={"user_id": user_id}):
        return "deleted"


async def test_an_agents_own_test_is_six_lines(scripted_approver: ScriptedApprover) -> None:
    """Script the answers, run the agent, look at what was asked."""
    scripted_approver.approve("delete-user")
    scripted_approver.deny(note="not today")
    assert await delete_user(scripted_approver.gate, 42) == "deleted"
    with pytest.raises(ApprovalDenied):
        await delete_user(scripted_approver.gate, 43)
    assert [asked.payload["user_id"] for asked in scripted_approver.asked] == [42, 43]


async def test_answers_follow_the_script() -> None:
    """The first line that fits, whatever came before it; the approver is named."""
    approver = ScriptedApprover("test:ana")
    approver.skip("b")
    approver.approve("a", note="fine")
    approver.approve()
    for name in ("a", "c"):
        approval = await approver.gate.require(name=name)
        assert approval.approver == "test:ana"
    with pytest.raises(ApprovalSkipped):
        await approver.gate.require(name="b")
    approver.check()


async def test_a_script_may_leave_a_question_open() -> None:
    """For tests of an agent's patience; with a fake clock no time is lost."""
    clock = FakeClock()
    approver = ScriptedApprover(clock=clock)
    approver.ignore()
    running = asyncio.create_task(approver.gate.require(name="n", timeout=3600))
    await clock.advance(3600)
    with pytest.raises(ApprovalTimeout):
        await asyncio.wait_for(running, 5)
    approver.check()


async def test_lines_that_nobody_needed_fail_the_check() -> None:
    """A test that expected a question notices that it did not come."""
    approver = ScriptedApprover()
    approver.approve("delete-user")
    approver.deny()
    with pytest.raises(AssertionError, match=r"delete-user.*any"):
        approver.check()


async def test_questions_that_no_line_fitted_fail_the_check() -> None:
    """And stay pending: the kit has no default yes."""
    approver = ScriptedApprover()
    approver.approve("other")
    asked = await approver.gate.request(name="surprise")
    assert (await approver.gate.get(asked.id)).status == "pending"
    with pytest.raises(AssertionError, match="surprise"):
        approver.check()


async def test_asking_again_with_the_same_id_uses_no_line() -> None:
    """One question, one answer."""
    approver = ScriptedApprover()
    approver.approve()
    for _ in range(3):
        await approver.gate.require(id="a", name="n")
    assert len(approver.asked) == 1
    approver.check()


async def test_an_agent_with_a_gate_of_its_own_uses_the_store() -> None:
    """Names and namespaces as in production."""
    approver = ScriptedApprover()
    approver.approve("delete-user")
    async with ApprovalGate(approver.store, agent="billing", namespace="prod") as gate:
        assert await delete_user(gate, 42) == "deleted"
    assert approver.asked[0].key.startswith("prod/")


async def test_an_answer_that_is_not_allowed_is_told_to_the_test() -> None:
    """A script cannot do what a person could not."""
    approver = ScriptedApprover()
    approver.approve(payload={"user_id": 7})
    with pytest.raises(NotAllowed):
        await approver.gate.request(name="n", payload={"user_id": 42})
