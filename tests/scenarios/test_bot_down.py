"""The bot may be away or killed at any moment: nothing asked is lost, every card ends final."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from bot.manifest import BOT_SCOPES, OPTIONAL_BOT_SCOPES
from bot.sandbox import SandboxClient, State
from gate import Approval, ApprovalGate
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    buttons,
    card,
    cards,
    fresh,
    replies,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House, running_house
from tests.support.proxy import Proxy, proxy_to
from tests.support.waiting import wait_until

POST = re.compile(rb"POST /api/chat\.postMessage ")
"""Only this: the bot has one connection to Slack here, and asks other things on it, too."""
ME = pwd.getpwuid(os.getuid()).pw_name
ROUTES = f"""\
[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA", "U0BEN", "cli:{ME}"]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house without a bot: each test starts and kills its own."""
    with running_house(bots=0, routes=ROUTES) as house:
        yield house


@pytest.fixture(autouse=True)
def no_bot_is_left(house: House) -> Iterator[None]:
    """Let no bot of a failed test work in the next one."""
    yield
    for bot in house.bots:
        if bot.returncode is None:
            bot.kill()


@pytest.fixture
async def closed_history(slack: SandboxClient) -> AsyncIterator[None]:
    """An installation without the optional scopes: the bot cannot look for its own messages."""
    await slack.faults.scopes(BOT_SCOPES)
    yield
    await slack.faults.scopes([*BOT_SCOPES, *OPTIONAL_BOT_SCOPES])


@pytest.fixture
async def proxy(house: House) -> AsyncIterator[Proxy]:
    """A way to the sandbox that can lose its answers."""
    port = urlsplit(house.url).port
    assert port is not None
    async with proxy_to(port) as proxy:
        yield proxy


async def test_what_was_asked_while_it_was_away_is_posted_when_it_comes(
    house: House, agent: Agent, slack: SandboxClient
):
    """Requests queue in the store, in order; the bot posts them all when it starts."""
    names = [fresh("sync") for _ in range(5)]
    for name in names:
        agent.ask(name)
        await agent.tells(name, "asked")
    bot = await house.start_bot(quick=True, routes=ROUTES).up()
    stamps = [await card(slack, name) for name in names]
    assert sorted(stamps) == stamps
    for name, ts in zip(names, stamps, strict=True):
        await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
        await agent.tells(name, "done")
        await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    assert 0 == await bot.stop()


async def test_what_ended_while_it_was_away_is_not_posted(
    house: House, slack: SandboxClient, store: Store
):
    """Nobody is asked about what can no longer be answered; what still can be is posted."""
    gone, cancelled, live = fresh("gone"), fresh("cancelled"), fresh("live")
    async with ApprovalGate(store, agent="billing") as gate:
        ended = await gate.request(name=gone, payload=None, expires_in=0.05)
        await gate.wait(ended.id)
        withdrawn = await gate.request(name=cancelled, payload=None)
        await gate.cancel(withdrawn.id)
        await gate.request(name=live, payload=None)
    bot = await house.start_bot(quick=True, routes=ROUTES).up()
    await until_thread(slack, await card(slack, live), "Asked")
    state = await slack.state()
    assert [[], []] == [cards(state, gone), cards(state, cancelled)]
    assert 0 == await bot.stop()


async def test_what_was_decided_while_it_was_away_is_told_when_it_comes(
    house: House, agent: Agent, slack: SandboxClient
):
    """Killed after the card; somebody decides at the command line; the next bot tells it all."""
    name = fresh("sync")
    first = await house.start_bot(quick=True, routes=ROUTES).up()
    agent.ask(name)
    asked = await agent.tells(name, "asked")
    ts = await card(slack, name)
    await until_thread(slack, ts, "Asked")
    first.kill()
    assert 0 == (await house.command("show", asked["id"])).code
    decided = await house.command("approve", asked["id"], "--yes", "--json")
    assert 0 == decided.code, decided.err
    await agent.tells(name, "done")
    assert buttons((await slack.state()).message(CHANNEL, ts))
    second = await house.start_bot(quick=True, routes=ROUTES).up()
    await until_card_says(slack, ts, f"Approved by {ME}", "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    assert 1 == len(cards(await slack.state(), name))
    assert 0 == await second.stop()


async def test_decided_before_it_was_ever_posted_it_is_posted_as_it_ended(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """Routed, then killed before the card; decided at the command line: the story is still told.

    What was withdrawn meanwhile is not: nobody was ever asked.
    """
    name, gone = fresh("sync"), fresh("gone")
    async with proxy_to(urlsplit(house.url).port or 0) as proxy:
        first = await house.start_bot(
            quick=True, routes=ROUTES, SLACK_API_URL=f"http://127.0.0.1:{proxy.port}/api/"
        ).up()
        await proxy.stop()  # Slack is away
        agent.ask(gone)
        agent.ask(name)
        withdrawn, asked = [await agent.tells(job, "asked") for job in (gone, name)]

        async def routed() -> bool:
            found = await store.get_many([withdrawn["id"], asked["id"]])
            return all(isinstance(each, Approval) and each.terms is not None for each in found)

        await wait_until(routed, "both are routed")
        await first.logs("delivery.failed")
        first.kill()
    agent.cancel("withdraw", withdrawn["id"])
    assert 0 == (await house.command("show", asked["id"])).code
    decided = await house.command("approve", asked["id"], "--yes")
    assert 0 == decided.code, decided.err
    await agent.tells(name, "done")
    second = await house.start_bot(quick=True, routes=ROUTES).up()
    ts = await card(slack, name)
    await until_card_says(slack, ts, f"Approved by {ME}", "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    assert [] == cards(await slack.state(), gone)
    assert 0 == await second.stop()


@pytest.mark.usefixtures("closed_history")
async def test_killed_between_post_and_note_there_is_one_copy_more_at_most(
    house: House, agent: Agent, slack: SandboxClient, proxy: Proxy
):
    """Slack has the card and the bot never hears so, then dies: the next bot posts it once more.

    Both copies can be used; the agent runs once, and both end final.
    """
    name = fresh("sync")
    first = await house.start_bot(
        quick=True, routes=ROUTES, SLACK_API_URL=f"http://127.0.0.1:{proxy.port}/api/"
    ).up()
    proxy.keep_answer_to = POST
    agent.ask(name)
    lost = await card(slack, name)
    first.kill()
    second = await house.start_bot(quick=True, routes=ROUTES).up()
    state = await slack.wait_for(lambda state: len(cards(state, name)) == 2, "another copy")
    noted = str(cards(state, name)[1]["ts"])
    await until_thread(slack, noted, "Asked")
    await slack.click("U0ANA", channel=CHANNEL, ts=lost, action_id=APPROVE)
    done = await agent.tells(name, "done")
    assert 1 == house.runs(done["id"])
    for ts in (lost, noted):
        await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    await until_thread(slack, noted, "Asked", "Approved", "started", "done")
    assert 2 == len(cards(await slack.state(), name))
    assert 0 == await second.stop()


async def test_killed_between_post_and_note_the_next_bot_finds_the_card(
    house: House, agent: Agent, slack: SandboxClient, proxy: Proxy
):
    """With the history to look at there is no second card: the lost one is taken, and goes on."""
    name = fresh("sync")
    through = f"http://127.0.0.1:{proxy.port}/api/"
    first = await house.start_bot(quick=True, routes=ROUTES, SLACK_API_URL=through).up()
    proxy.keep_answer_to = POST
    agent.ask(name)
    lost = await card(slack, name)
    first.kill()
    second = await house.start_bot(quick=True, routes=ROUTES).up()
    await second.logs("message.found")
    await until_thread(slack, lost, "Asked")
    await slack.click("U0ANA", channel=CHANNEL, ts=lost, action_id=APPROVE)
    done = await agent.tells(name, "done")
    assert 1 == house.runs(done["id"])
    await until_card_says(slack, lost, "Approved by <@U0ANA>", "done")
    await until_thread(slack, lost, "Asked", "Approved", "started", "done")
    assert [lost] == [message["ts"] for message in cards(await slack.state(), name)]
    assert 0 == await second.stop()


@pytest.mark.usefixtures("closed_history")
async def test_a_copy_that_nobody_knew_of_ends_final_when_it_is_used(
    house: House, agent: Agent, slack: SandboxClient, proxy: Proxy
):
    """A click on a forgotten copy after the end is answered, and makes the copy final too."""
    name = fresh("sync")
    first = await house.start_bot(
        quick=True, routes=ROUTES, SLACK_API_URL=f"http://127.0.0.1:{proxy.port}/api/"
    ).up()
    proxy.keep_answer_to = POST
    agent.ask(name)
    lost = await card(slack, name)
    first.kill()
    second = await house.start_bot(quick=True, routes=ROUTES).up()
    state = await slack.wait_for(lambda state: len(cards(state, name)) == 2, "another copy")
    noted = str(cards(state, name)[1]["ts"])
    await slack.click("U0ANA", channel=CHANNEL, ts=noted, action_id=APPROVE)
    await agent.tells(name, "done")
    await until_card_says(slack, noted, "Approved by <@U0ANA>", "done")
    await slack.click("U0BEN", channel=CHANNEL, ts=lost, action_id=APPROVE)
    await until_told(slack, "U0BEN", "too late", "Approved by")
    await until_card_says(slack, lost, "Approved by <@U0ANA>", "done")
    assert 0 == await second.stop()


async def test_killed_again_and_again_every_story_is_told_to_its_end(
    house: House, agent: Agent, slack: SandboxClient
):
    """Four kills among ten questions: each has its card, a copy more a kill at most, all final."""
    names = [fresh("sync") for _ in range(10)]
    kills = 4
    for name in names:
        agent.ask(name)
    for count in range(1, kills + 1):
        bot = house.start_bot(quick=True, routes=ROUTES)
        await slack.wait_for(
            lambda state, count=count: sum(bool(cards(state, name)) for name in names) >= count,
            f"card {count}",
        )
        bot.kill()
    last = await house.start_bot(quick=True, routes=ROUTES).up()
    for name in names:
        await slack.click("U0ANA", channel=CHANNEL, ts=await card(slack, name), action_id=APPROVE)
        await agent.tells(name, "done")

    def told(state: State) -> bool:
        return all(any("done" in "".join(t) for t in threads(state, name)) for name in names)

    state = await slack.wait_for(told, "each story is told under one of its copies")
    copies = [message for name in names for message in cards(state, name)]
    assert len(names) <= len(copies) <= len(names) + kills
    for message in copies:
        if buttons(message):  # a copy that the crash left unnoted; whoever uses it makes it end
            await slack.click("U0BEN", channel=CHANNEL, ts=message["ts"], action_id=APPROVE)
        await until_card_says(slack, message["ts"], "Approved by <@U0ANA>", "done")
    for name in names:
        [thread] = [each for each in threads(await slack.state(), name) if each]
        assert ["Asked", "Approved", "done"] == [
            word for word in ("Asked", "Approved", "done") if any(word in r for r in thread)
        ]
        assert len(thread) <= 4 + kills
    assert 0 == await last.stop()


def threads(state: State, name: str) -> list[list[str]]:
    """Return the threads of all copies of a card."""
    return [replies(state, message["ts"]) for message in cards(state, name)]
