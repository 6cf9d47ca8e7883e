"""P10: every agent of a house verifies what the operator's key signed, and runs nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.keyring import open_keyring
from bot.sandbox import SandboxClient
from stores import Store
from tests.scenarios.reading import APPROVE, card, fresh
from tests.support.house import CHANNEL, Agent, House


@pytest.fixture
def strange_keys(tmp_path: Path) -> str:
    """The public keys of another operator."""
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    return open_keyring(folder, create=True).public_keys.read_text("utf-8").strip()


async def test_no_agent_runs_unverified(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """A decision carries the bot's signature, and no agent says that it verifies nothing."""
    name = fresh("transfer")
    agent.ask(name)
    ts = await card(slack, name)
    assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
    done = await agent.tells(name, "done", "refused")
    assert ("done", 1) == (done["event"], house.runs(done["id"]))
    record = await store.get(done["id"])
    assert record is not None
    assert record.receipt is not None
    assert [] == agent.logged("gate.level_zero")
    assert "level_zero" not in agent.printed()


async def test_an_agent_of_another_operator_does_not_run(
    house: House, slack: SandboxClient, strange_keys: str
):
    """Signed, but not by the key that this agent was given: it is told so, and runs nothing."""
    agent, name = house.start_agent(public_keys=strange_keys), fresh("transfer")
    agent.ask(name)
    asked = await agent.tells(name, "asked")
    ts = await card(slack, name)
    assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
    refused = await agent.tells(name, "refused", "ran")
    assert ("receipt_invalid", 0) == (refused.get("code"), house.runs(asked["id"]))
