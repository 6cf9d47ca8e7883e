"""One approval releases one run, however many ask for it and however often."""

from __future__ import annotations

import pytest

from bot.sandbox import SandboxClient
from gate import AlreadyConsumed, ApprovalGate, DigestMismatch
from stores import Store
from tests.scenarios.reading import APPROVE, card, fresh, until_thread
from tests.support.house import CHANNEL, Agent, House


async def test_of_processes_that_race_to_consume_one_runs(
    house: House, agent: Agent, slack: SandboxClient
):
    """Four processes hold the same yes and go at once: one runs, three are told it is taken."""
    name, approval_id = fresh("transfer"), fresh("transfer")
    racers = [agent, *(house.start_agent() for _ in range(3))]
    for racer in racers:
        racer.ask(name, {"amount": 10**18}, id=approval_id, hold=True)
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    for racer in racers:
        await racer.tells(name, "approved")
    for racer in racers:
        racer.go(name)
    ends = [await racer.tells(name, "done", "refused") for racer in racers]
    assert ["already_consumed"] * 3 == [e["code"] for e in ends if e["event"] == "refused"]
    assert 1 == house.runs(approval_id)
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")


async def test_a_consumed_approval_releases_nothing_more(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """Whoever comes later is refused: another operation, and another payload as well."""
    name, approval_id = fresh("transfer"), fresh("transfer")
    agent.ask(name, {"amount": 1}, id=approval_id)
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    async with ApprovalGate(store, agent="billing") as gate:
        with pytest.raises(AlreadyConsumed):
            await gate.consume(approval_id, payload={"amount": 1})
        with pytest.raises(DigestMismatch):
            await gate.consume(approval_id, payload={"amount": 2})
    async with ApprovalGate(store, agent="marketing") as gate:
        with pytest.raises(DigestMismatch):
            await gate.consume(approval_id, payload={"amount": 1})
    assert 1 == house.runs(approval_id)
