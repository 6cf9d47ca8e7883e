"""Any number of people may click at once: one answer wins, everybody learns which."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlencode

import pytest

from bot.sandbox import SandboxClient
from tests.scenarios.reading import (
    APPROVE,
    REASON,
    REJECT,
    card,
    fresh,
    private,
    reject,
    until_card_says,
    until_thread,
)
from tests.support.house import CHANNEL, Agent, Bot, House, running_house

TEN = [f"U0P{number}" for number in range(10)]
ROUTES = f"""\
[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA", "U0BEN", "S0CROWD"]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Two replicas, over signed HTTP so that a click can be given to either."""
    with running_house(bots=2, transport="http", routes=ROUTES) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        await slack.edit_workspace(
            users={user: {"name": user.lower(), "real_name": user} for user in TEN},
            usergroups={"S0CROWD": {"handle": "crowd", "name": "Crowd", "users": TEN}},
            channels={CHANNEL: {"members": ["U0ANA", "U0BEN", "U0SIGNOFF", *TEN]}},
        )
        yield slack


async def press(slack: SandboxClient, bot: Bot, user: str, ts: str, house: House) -> None:
    """Give a signed click on Approve to one replica."""
    click = await slack.click_payload(user, action_id=APPROVE, channel=CHANNEL, ts=ts)
    secret = house.slack_wire["signing_secret"]
    body = urlencode({"payload": json.dumps(click)})
    status, _ = await slack.post_raw(bot.address, body, secret=secret, timestamp=int(time.time()))
    assert 200 == status


async def answers(slack: SandboxClient, users: list[str], before: dict[str, int]) -> dict[str, str]:
    """Return the one private answer that each of *users* got since *before*."""
    state = await slack.wait_for(
        lambda state: all(len(private(state, user)) > before[user] for user in users),
        "an answer for everybody",
    )
    for user in users:
        assert before[user] + 1 == len(private(state, user)), f"one answer for {user}"
    return {user: private(state, user)[-1] for user in users}


async def heard(slack: SandboxClient, users: list[str]) -> dict[str, int]:
    state = await slack.state()
    return {user: len(private(state, user)) for user in users}


async def test_two_people_on_two_replicas_one_winner_and_both_are_told(
    house: House, agent: Agent, slack: SandboxClient
):
    """Both clicks are signed and in time; one is recorded, the other is told who was first."""
    for _ in range(5):
        name = fresh("publish")
        agent.ask(name)
        ts = await card(slack, name)
        before = await heard(slack, ["U0ANA", "U0BEN"])
        await asyncio.gather(
            press(slack, house.bots[0], "U0ANA", ts, house),
            press(slack, house.bots[1], "U0BEN", ts, house),
        )
        ran = await agent.tells(name, "ran", "refused")
        winner = ran["approver"].rpartition(":")[2]
        loser = {"U0ANA": "U0BEN", "U0BEN": "U0ANA"}[winner]
        told = await answers(slack, ["U0ANA", "U0BEN"], before)
        assert "Your answer is recorded: approve" in told[winner]
        assert "too late and changes nothing" in told[loser]
        assert "Approved by" in told[loser]
        await agent.tells(name, "done")
        assert 1 == house.runs(ran["id"])
        await until_card_says(slack, ts, f"Approved by <@{winner}>", "done")
        thread = await until_thread(slack, ts, "Asked", "Approved", "started", "done")
        assert f"<@{winner}>" in thread[1]


async def test_ten_people_at_once_one_winner_and_nine_are_told(
    house: House, agent: Agent, slack: SandboxClient
):
    """Ten clicks on two replicas: one decision, one run, ten private answers."""
    name = fresh("publish")
    agent.ask(name)
    ts = await card(slack, name)
    before = await heard(slack, TEN)
    await asyncio.gather(
        *(press(slack, house.bots[at % 2], user, ts, house) for at, user in enumerate(TEN))
    )
    ran = await agent.tells(name, "ran", "refused")
    told = await answers(slack, TEN, before)
    recorded = [user for user, text in told.items() if "Your answer is recorded" in text]
    assert [ran["approver"].rpartition(":")[2]] == recorded
    assert 9 == sum("too late and changes nothing" in text for text in told.values())
    await agent.tells(name, "done")
    assert 1 == house.runs(ran["id"])
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")


async def test_yes_against_no_one_wins_and_the_agent_hears_that_one(
    house: House, agent: Agent, slack: SandboxClient
):
    """Ana approves while Ben sends his form: what the card says is what the agent did."""
    seen = set()
    for _ in range(6):
        name = fresh("publish")
        agent.ask(name)
        ts = await card(slack, name)
        await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=REJECT)
        await slack.wait_for(lambda state: state.views("U0BEN"), "the form")
        before = await heard(slack, ["U0ANA", "U0BEN"])
        await asyncio.gather(
            slack.submit("U0BEN", values={REASON: "stop"}),
            press(slack, house.bots[1], "U0ANA", ts, house),
        )
        end = await agent.tells(name, "done", "refused")
        told = await answers(slack, ["U0ANA", "U0BEN"], before)
        asked = await agent.tells(name, "asked")
        seen.add(end["event"])
        if end["event"] == "done":
            assert 1 == house.runs(asked["id"])
            assert "too late" in told["U0BEN"]
            await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
        else:
            assert ("approval_denied", "stop") == (end["code"], end["note"])
            assert 0 == house.runs(asked["id"])
            assert "too late" in told["U0ANA"]
            await until_card_says(slack, ts, "Rejected by <@U0BEN>", "stop")
    assert seen <= {"done", "refused"}


async def test_a_double_click_by_one_person_is_one_answer(
    house: House, agent: Agent, slack: SandboxClient
):
    """Two clicks of one person, on both replicas: one decision, and no word of being too late."""
    name = fresh("publish")
    agent.ask(name)
    ts = await card(slack, name)
    before = (await heard(slack, ["U0ANA"]))["U0ANA"]
    await asyncio.gather(*(press(slack, bot, "U0ANA", ts, house) for bot in house.bots))
    done = await agent.tells(name, "done")
    state = await slack.wait_for(
        lambda state: len(private(state, "U0ANA")) == before + 2, "two answers"
    )
    told = private(state, "U0ANA")[before:]
    assert 1 == sum("Your answer is recorded: approve" in text for text in told)
    assert 1 == sum("You gave this answer before; it stands" in text for text in told)
    assert 1 == house.runs(done["id"])
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")


async def test_the_same_signed_click_delivered_again_is_one_answer(
    house: House, agent: Agent, slack: SandboxClient
):
    """Slack may deliver twice, late and to another replica: one effect, one private answer."""
    name = fresh("publish")
    agent.ask(name)
    ts = await card(slack, name)
    before = await heard(slack, ["U0BEN"])
    click = await slack.click_payload("U0BEN", action_id=APPROVE, channel=CHANNEL, ts=ts)
    for _ in range(3):
        assert (await slack.deliver(click)).ok
    done = await agent.tells(name, "done")
    assert (await slack.deliver(click)).ok
    secret, body = house.slack_wire["signing_secret"], urlencode({"payload": json.dumps(click)})
    for bot in house.bots:
        at = int(time.time())
        assert 200 == (await slack.post_raw(bot.address, body, secret=secret, timestamp=at))[0]
    assert 1 == house.runs(done["id"])
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    # Whoever answers next is answered after all that was owed before.
    other = fresh("publish")
    agent.ask(other)
    shown = await card(slack, other)
    await slack.click("U0BEN", channel=CHANNEL, ts=shown, action_id=APPROVE)
    await agent.tells(other, "done")
    await slack.wait_for(
        lambda state: len(private(state, "U0BEN")) >= before["U0BEN"] + 2, "both answers"
    )
    assert before["U0BEN"] + 2 == len(private(await slack.state(), "U0BEN"))


async def test_a_no_after_a_no_by_the_same_person_is_no_news(
    house: House, agent: Agent, slack: SandboxClient
):
    """Two forms of one person: the first reason counts and reaches the agent."""
    name = fresh("publish")
    agent.ask(name)
    ts = await card(slack, name)
    await reject(slack, "U0BEN", ts, "first")
    refused = await agent.tells(name, "refused")
    assert "first" == refused["note"]
    await until_thread(slack, ts, "Asked", "Rejected")
