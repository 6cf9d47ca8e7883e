"""Where nobody can be asked, the agent hears that, and not that somebody said no."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from bot.sandbox import SandboxClient
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    card,
    cards,
    fresh,
    full_text,
    until_card_says,
    until_thread,
)
from tests.support.house import CHANNEL, Agent, Bot, House, running_house
from tests.support.waiting import wait_until

ROUTES = f"""\
undeliverable_after = 0.6

[[routes]]
agent = "billing"
name = "quiet-*"
channel = "C0PRIVATE"
approvers = ["U0ANA"]

[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA"]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A bot that gives up soon."""
    with running_house(routes=ROUTES) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack
        await slack.edit_workspace(
            channels={CHANNEL: {"members": ["U0ANA", "U0SIGNOFF"], "is_archived": False}}
        )


async def delivery(bot: Bot) -> tuple[int, str]:
    """Return the health check's status, and what it says of the delivery to channels."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{bot.port}/readyz") as answer,
    ):
        word: str = (await answer.json())["checks"]["delivery"]
        return answer.status, word


async def test_without_a_route_it_is_undeliverable_at_once(
    house: House, slack: SandboxClient, store: Store
):
    """No rule fits this agent: nobody is asked, and the agent is told which trouble it is."""
    stranger = house.start_agent("stranger")
    name = fresh("dance")
    stranger.ask(name)
    refused = await stranger.tells(name, "refused", "ran")
    assert ("undeliverable", "no_route") == (refused.get("code"), refused.get("reason"))
    asked = await stranger.tells(name, "asked")
    record = await store.get(asked["id"])
    assert record is not None
    assert record.cancellation is not None
    assert ("cancelled", "no_route") == (record.status, record.cancellation.undeliverable)
    assert [] == cards(await slack.state(), name)
    assert 0 == house.runs(asked["id"])


@pytest.mark.parametrize(
    ("change", "word"),
    [({"members": ["U0ANA"]}, "not_in_channel"), ({"is_archived": True}, "is_archived")],
)
async def test_a_channel_that_refuses_for_long_ends_what_is_asked_there(
    house: House, agent: Agent, slack: SandboxClient, change: dict[str, object], word: str
):
    """Agents hear Slack's own word, and readiness is red with it; other channels go on.

    When the channel takes messages again everything there goes on too.
    """
    [bot] = house.bots
    await slack.edit_workspace(channels={CHANNEL: change})
    names = [fresh("loud") for _ in range(3)]
    for name in names:
        agent.ask(name)
    quiet = fresh("quiet")
    agent.ask(quiet)
    ts = await card(slack, quiet, channel="C0PRIVATE")
    await slack.click("U0ANA", channel="C0PRIVATE", ts=ts, action_id=APPROVE)
    await agent.tells(quiet, "done")
    await until_card_says(slack, ts, "done", channel="C0PRIVATE")
    assert (503, f"{CHANNEL}: {word}") == await delivery(bot)
    for name in names:
        refused = await agent.tells(name, "refused", "ran", timeout=5)
        assert ("undeliverable", word) == (refused.get("code"), refused.get("reason"))
    assert [] == [m for name in names for m in cards(await slack.state(), name)]

    await slack.edit_workspace(
        channels={CHANNEL: {"members": ["U0ANA", "U0SIGNOFF"], "is_archived": False}}
    )
    again = fresh("loud")
    agent.ask(again)
    ts = await card(slack, again)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(again, "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")

    async def well() -> bool:
        return (200, "ok") == await delivery(bot)

    await wait_until(well, "the health check finds nothing")


async def test_a_short_refusal_ends_nothing(house: House, agent: Agent, slack: SandboxClient):
    """The bot is put back into the channel in time: the card is posted, nothing was given up."""
    await slack.edit_workspace(channels={CHANNEL: {"members": ["U0ANA"]}})
    name = fresh("loud")
    agent.ask(name)
    await agent.tells(name, "asked")
    failed = len(house.bots[0].logged("delivery.failed"))
    await house.bots[0].logs("delivery.failed", after=failed)
    await slack.edit_workspace(channels={CHANNEL: {"members": ["U0ANA", "U0SIGNOFF"]}})
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")


async def test_a_decided_approval_is_not_undone_by_a_card_that_cannot_be_changed(
    house: House, agent: Agent, slack: SandboxClient
):
    """Decided, then the channel is archived: the decision stands, the run is released."""
    name = fresh("loud")
    agent.ask(name, hold=True)
    ts = await card(slack, name)
    await until_thread(slack, ts, "Asked")
    click = await slack.click_payload("U0ANA", action_id=APPROVE, channel=CHANNEL, ts=ts)
    await slack.edit_workspace(channels={CHANNEL: {"is_archived": True}})
    assert (await slack.deliver(click)).ok
    await agent.tells(name, "approved")
    agent.go(name)
    done = await agent.tells(name, "done")
    assert 1 == house.runs(done["id"])
    await house.bots[0].logs("approval.undeliverable")
    assert "Approved" not in full_text((await slack.state()).message(CHANNEL, ts))
