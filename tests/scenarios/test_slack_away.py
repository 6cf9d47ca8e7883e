"""Slack may fail, refuse for a while or be gone: nothing is lost, and nobody is said to say no."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.manifest import BOT_SCOPES, OPTIONAL_BOT_SCOPES
from bot.sandbox import SandboxClient
from tests.scenarios.reading import (
    APPROVE,
    card,
    cards,
    fresh,
    replies,
    until_card_says,
    until_thread,
)
from tests.support.house import CHANNEL, Agent, House, running_house
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Over HTTP: Socket Mode takes some seconds to come back."""
    with running_house(quick=True, transport="http") as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack
        await slack.faults.clear()


async def test_calls_that_fail_are_made_again_and_nothing_is_doubled(
    house: House, agent: Agent, slack: SandboxClient
):
    """Refused calls, errors of the server and cut connections before the effect: one card each."""
    await slack.faults.rate_limited(retry_after=0, method="chat.*", count=2)
    await slack.faults.server_error(method="chat.*", skip=3, count=1)
    await slack.faults.reset_before(method="chat.*", skip=6, count=1)
    names = [fresh("compact") for _ in range(3)]
    for name in names:
        agent.ask(name)
        ts = await card(slack, name)
        await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
        await agent.tells(name, "done")
        await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
        await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    state = await slack.state()
    assert [1, 1, 1] == [len(cards(state, name)) for name in names]


async def test_a_post_whose_answer_is_lost_is_doubled_once_at_most(
    house: House, agent: Agent, slack: SandboxClient
):
    """Slack took the card and the line broke: one copy more, the agent runs once."""
    await slack.faults.scopes(BOT_SCOPES)
    await slack.faults.reset_after(method="chat.postMessage", count=1)
    name = fresh("compact")
    agent.ask(name)
    state = await slack.wait_for(lambda state: len(cards(state, name)) == 2, "two copies")
    first, second = (str(message["ts"]) for message in cards(state, name))
    await slack.click("U0ANA", channel=CHANNEL, ts=first, action_id=APPROVE)
    done = await agent.tells(name, "done")
    for ts in (first, second):
        await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    assert 1 == house.runs(done["id"])
    assert 2 == len(cards(await slack.state(), name))
    await slack.faults.scopes([*BOT_SCOPES, *OPTIONAL_BOT_SCOPES])


async def test_a_post_whose_answer_is_lost_is_found_where_history_may_be_read(
    house: House, agent: Agent, slack: SandboxClient
):
    """Slack took card and replies and the line broke each time: nothing is doubled."""
    await slack.faults.reset_after(method="chat.postMessage", probability=0.5, seed=3)
    name = fresh("compact")
    agent.ask(name)
    ts = await card(slack, name)
    await until_thread(slack, ts, "Asked")
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    state = await slack.state()
    assert (1, 4) == (len(cards(state, name)), len(replies(state, ts)))


async def test_an_agent_waits_while_slack_is_gone(house: House, agent: Agent, slack: SandboxClient):
    """The card comes when Slack is back; meanwhile nothing ran, and nothing was given up."""
    await slack.faults.away()
    name = fresh("compact")
    agent.ask(name)
    asked = await agent.tells(name, "asked")
    failed = len(house.bots[0].logged("delivery.failed"))
    await house.bots[0].logs("delivery.failed", after=failed)
    assert (0, ["asked"]) == (house.runs(asked["id"]), agent.heard(name))
    await slack.faults.back()
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")


async def test_a_decision_is_not_held_up_by_a_card_that_cannot_be_changed(
    house: House, agent: Agent, slack: SandboxClient
):
    """The agent goes on while the thread waits for Slack; the thread is complete afterwards."""
    name = fresh("compact")
    agent.ask(name)
    ts = await card(slack, name)
    await until_thread(slack, ts, "Asked")
    await slack.faults.server_error(method="chat.update")
    await slack.faults.server_error(method="chat.postMessage")
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    assert 1 == len(replies(await slack.state(), ts))
    await slack.faults.clear()
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")


async def test_clicks_go_on_after_slack_closed_the_connections():
    """Refreshed in order and dropped without a word: the bot is back, each click counts once."""
    with running_house(quick=True) as house:
        async with house.slack() as slack:
            await _closed_and_back(house.agent, slack)


async def _closed_and_back(agent: Agent, slack: SandboxClient) -> None:
    for reason in ("refresh_requested", None):
        name = fresh("compact")
        agent.ask(name)
        ts = await card(slack, name)
        old = {socket["id"] for socket in (await slack.state()).sockets}
        await slack.disconnect(reason=reason)
        await slack.wait_for(
            lambda state, old=old: {socket["id"] for socket in state.sockets} - old,
            "a new connection",
            timeout=20,
        )

        async def clicks(ts: str = ts) -> bool:
            # A click that reaches nobody shows the person an error sign: they click again.
            return (await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok

        await wait_until(clicks, "a click that arrives", timeout=20)
        await agent.tells(name, "done")
        await until_thread(slack, ts, "Asked", "Approved", "started", "done")
