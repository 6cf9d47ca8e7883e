"""F40: a card that a person deleted is posted again, and can be decided elsewhere meanwhile."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator

import pytest

from bot.sandbox import SandboxClient
from tests.scenarios.reading import (
    APPROVE,
    buttons,
    card,
    cards,
    fresh,
    until_card_says,
    until_thread,
)
from tests.support.house import CHANNEL, Agent, Bot, House, running_house

ME = pwd.getpwuid(os.getuid()).pw_name
ROUTES = f"""\
[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA", "cli:{ME}"]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with running_house(bots=0, routes=ROUTES) as house:
        yield house


@pytest.fixture(autouse=True)
def no_bot_is_left(house: House) -> Iterator[None]:
    """Let no bot of a failed test work in the next one."""
    yield
    for bot in house.bots:
        if bot.returncode is None:
            bot.kill()


async def _start(house: House, *, patrol: float) -> Bot:
    return await house.start_bot(quick=True, routes=ROUTES, options={"patrol": patrol}).up()


async def _posted(agent: Agent, slack: SandboxClient) -> tuple[str, str]:
    """Return the action and the card of a request that nobody has decided."""
    name = fresh("deleted")
    agent.ask(name)
    ts = await card(slack, name)
    await until_thread(slack, ts, "Asked")
    return name, ts


async def test_a_deleted_card_can_be_decided_elsewhere(
    house: House, agent: Agent, slack: SandboxClient
):
    """Before anybody noticed: the command line decides, the agent goes on, no card comes back."""
    bot = await _start(house, patrol=600.0)
    name, ts = await _posted(agent, slack)
    await slack.delete_message("U0CHO", CHANNEL, ts, force=True)
    asked = await agent.tells(name, "asked")
    assert asked["id"] in (await house.command("list", "--json")).out
    assert 0 == (await house.command("show", asked["id"])).code
    decided = await house.command("approve", asked["id"], "--yes")
    assert 0 == decided.code, decided.err
    done = await agent.tells(name, "done")
    assert 1 == house.runs(done["id"])
    assert [] == [m for m in cards(await slack.state(), name) if buttons(m)]
    assert 0 == await bot.stop()


async def test_a_deleted_card_comes_back(house: House, agent: Agent, slack: SandboxClient):
    """The bot looks now and then: the card stands there again, once, and can be clicked."""
    bot = await _start(house, patrol=0.1)
    name, first = await _posted(agent, slack)
    await slack.delete_message("U0CHO", CHANNEL, first, force=True)
    state = await slack.wait_for(
        lambda state: [m for m in cards(state, name) if m["ts"] != first], "another card"
    )
    [again] = [m for m in cards(state, name) if m["ts"] != first]
    await bot.logs("card.deleted")
    await slack.click("U0ANA", channel=CHANNEL, ts=again["ts"], action_id=APPROVE)
    await agent.tells(name, "done")
    await until_card_says(slack, again["ts"], "Approved by <@U0ANA>", "done")
    assert [again["ts"]] == [m["ts"] for m in cards(await slack.state(), name) if m["ts"] != first]
    assert 0 == await bot.stop()
