"""The store may be killed and come back: what was acknowledged is there, and everything goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.sandbox import SandboxClient
from tests.scenarios.reading import (
    APPROVE,
    card,
    cards,
    fresh,
    reject,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House, running_house
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A bot over a server that writes to disk before it acknowledges."""
    with running_house(quick=True, appendonly=True, binary="redis") as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


@pytest.fixture(autouse=True)
async def the_server_is_there(house: House) -> AsyncIterator[None]:
    """Let a failed test leave the server up for the next one."""
    yield
    if not house.redis.ask("PING"):
        await house.redis.restart()


async def test_agents_that_wait_while_it_restarts_wake_up(
    house: House, agent: Agent, slack: SandboxClient
):
    """Killed and restarted under three waiters and the bot: each answer reaches its waiter."""
    names = [fresh("vacuum") for _ in range(3)]
    for name in names:
        agent.ask(name, {"of": name})
    stamps = [await card(slack, name) for name in names]
    await house.redis.restart()
    await slack.click("U0ANA", channel=CHANNEL, ts=stamps[0], action_id=APPROVE)
    await agent.tells(names[0], "done")
    await reject(slack, "U0BEN", stamps[1], "no")
    assert "no" == (await agent.tells(names[1], "refused"))["note"]
    await house.redis.restart()
    await slack.click("U0ANA", channel=CHANNEL, ts=stamps[2], action_id=APPROVE)
    done = await agent.tells(names[2], "done")
    assert 1 == house.runs(done["id"])
    await until_thread(slack, stamps[0], "Asked", "Approved", "started", "done")
    await until_thread(slack, stamps[1], "Asked", "Rejected")
    await until_thread(slack, stamps[2], "Asked", "Approved", "started", "done")
    state = await slack.state()
    assert [1, 1, 1] == [len(cards(state, name)) for name in names]


async def test_a_click_while_it_is_away_is_never_a_yes(
    house: House, agent: Agent, slack: SandboxClient
):
    """The clicker is told that nothing was recorded; the same click counts when it is back."""
    name = fresh("vacuum")
    agent.ask(name)
    asked = await agent.tells(name, "asked")
    ts = await card(slack, name)
    await until_thread(slack, ts, "Asked")
    told = len((await slack.state()).ephemerals("U0ANA"))
    await house.redis.kill()
    clicked = await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    assert clicked.ok, "it is answered in time all the same"
    await until_told(slack, "U0ANA", "not recorded", "store", answers=told + 1)
    assert 0 == house.runs(asked["id"])
    await house.redis.start()
    again = await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    assert again.ok
    await agent.tells(name, "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    assert 1 == house.runs(asked["id"])


async def test_waiters_whose_listening_line_is_cut_wake_all_the_same(
    house: House, agent: Agent, slack: SandboxClient
):
    """The server drops every subscriber, again and again: no wake-up is lost."""
    name = fresh("vacuum")
    agent.ask(name)
    ts = await card(slack, name)
    for _ in range(3):
        assert house.redis.ask("CLIENT", "KILL", "TYPE", "pubsub").startswith(b":")
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    assert house.redis.ask("CLIENT", "KILL", "TYPE", "pubsub").startswith(b":")
    await agent.tells(name, "done", timeout=8)


async def test_everything_cut_at_once_is_made_again(
    house: House, agent: Agent, slack: SandboxClient
):
    """All connections of bot and agent are killed by the server: both go on."""
    name = fresh("vacuum")
    agent.ask(name)
    ts = await card(slack, name)
    for kind in ("normal", "pubsub"):
        assert house.redis.ask("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes").startswith(b":")
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")


async def test_an_agent_gives_up_after_its_patience_and_does_not_run(
    house: House, slack: SandboxClient
):
    """With a store that stays away the agent hears so, and the approval is still there later."""
    agent = house.start_agent(patience=0.5, sweep=0.5)
    name, run = fresh("vacuum"), fresh("run")
    agent.ask(name, run=run)
    asked = await agent.tells(name, "asked")
    ts = await card(slack, name)
    await until_thread(slack, ts, "Asked")
    await house.redis.kill()
    refused = await agent.tells(name, "refused", "ran")
    assert "store_unavailable" == refused.get("code")
    await house.redis.start()
    await wait_until(house.redis.answers, "the server is back")
    clicked = await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=APPROVE)
    assert clicked.ok
    assert 0 == house.runs(asked["id"])
    second = house.start_agent()
    second.ask(name, run=run)
    await second.tells(name, "done")
    assert 1 == house.runs(asked["id"])


async def test_an_expiry_that_falls_into_the_outage_is_told_afterwards(
    house: House, agent: Agent, slack: SandboxClient
):
    """Time went on while the store was away; nobody can approve what has expired."""
    name = fresh("vacuum")
    agent.ask(name, expires_in=1.0)
    ts = await card(slack, name)
    await house.redis.kill()
    asked = await agent.tells(name, "asked")
    await house.redis.start()
    refused = await agent.tells(name, "refused", "ran")
    assert "approval_expired" == refused.get("code")
    await until_card_says(slack, ts, "Expired undecided")
    assert 0 == house.runs(asked["id"])
