"""What is withdrawn does not run, and nobody is said to have said no."""

from __future__ import annotations

import json
import os
import pwd

from bot.sandbox import SandboxClient
from tests.scenarios.reading import (
    APPROVE,
    card,
    fresh,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House


async def test_the_agent_withdraws_what_it_asked(house: House, agent: Agent, slack: SandboxClient):
    """Card and thread say that the agent cancelled; a click on its way changes nothing."""
    name = fresh("scale")
    agent.ask(name)
    asked = await agent.tells(name, "asked")
    ts = await card(slack, name)
    click = await slack.click_payload("U0ANA", action_id=APPROVE, channel=CHANNEL, ts=ts)
    agent.cancel("withdraw", asked["id"], reason="the load went down")
    refused = await agent.tells(name, "refused", "ran")
    assert "approval_cancelled" == refused.get("code")
    await until_card_says(slack, ts, "Cancelled", "billing", "the load went down")
    thread = await until_thread(slack, ts, "Asked", "Cancelled")
    assert "the load went down" in thread[1]
    await slack.deliver(click)
    await until_told(slack, "U0ANA", "too late", "Cancelled")
    assert 0 == house.runs(asked["id"])


async def test_the_operator_withdraws_it_at_the_command_line(
    house: House, agent: Agent, slack: SandboxClient
):
    """`signoff cancel` ends it; the waiting agent wakes, and the card names who did it."""
    name = fresh("scale")
    agent.ask(name)
    asked = await agent.tells(name, "asked")
    ts = await card(slack, name)
    done = await house.command("cancel", asked["id"], "--reason", "wrong cluster", "--json")
    assert 0 == done.code, done.err
    me = pwd.getpwuid(os.getuid()).pw_name
    assert f"cli:{me}" == json.loads(done.out)["cancellation"]["by"]
    refused = await agent.tells(name, "refused", "ran")
    assert "approval_cancelled" == refused.get("code")
    shown = await until_card_says(slack, ts, "Cancelled", "wrong cluster")
    assert me in shown
    assert 0 == house.runs(asked["id"])


async def test_what_is_decided_cannot_be_withdrawn(
    house: House, agent: Agent, slack: SandboxClient
):
    """A decision is final: cancelling after it is refused and changes nothing."""
    name = fresh("scale")
    agent.ask(name)
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    done = await agent.tells(name, "done")
    agent.cancel("too-late", done["id"])
    refused = await agent.tells("too-late", "refused", "withdrawn")
    assert "already_decided" == refused.get("code")
    ended = await house.command("cancel", done["id"])
    assert 1 == ended.code
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
