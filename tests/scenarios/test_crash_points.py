"""P18: a bot may be killed at each point between a click and all that is told of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Final
from urllib.parse import urlsplit

import pytest

from bot.sandbox import SandboxClient
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    buttons,
    card,
    cards,
    fresh,
    private,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, Agent, Bot, House, running_house
from tests.support.proxy import Proxy, proxy_to
from tests.support.waiting import wait_until

DECISION: Final = re.compile(rb"onApprovalResolved")
"""In the request that writes a decision, and in nothing else that a bot asks its store for."""
PAYLOAD: Final = {"rows": [f"row {number} " + "r" * 60 for number in range(120)]}
"""Two pages."""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house without a bot: each test starts and kills its own."""
    with running_house(bots=0) as house:
        yield house


@pytest.fixture(autouse=True)
async def everything_is_well_again(house: House, slack: SandboxClient) -> AsyncIterator[None]:
    """Let no fault, form or bot of one test work in the next one."""
    yield
    await slack.faults.clear()
    for bot in house.bots:
        if bot.returncode is None:
            bot.kill()


@pytest.fixture
async def proxy(house: House) -> AsyncIterator[Proxy]:
    """A way to the store that can keep a request, or its answer."""
    port = urlsplit(house.redis.url).port
    assert port is not None
    async with proxy_to(port) as proxy:
        yield proxy


async def behind(proxy: Proxy, house: House) -> Bot:
    """Start a bot that reaches its store through *proxy*."""
    return await house.start_bot(quick=True, SIGNOFF_REDIS_URL=proxy.url).up()


async def asked(agent: Agent, slack: SandboxClient, name: str) -> tuple[str, str]:
    """Ask; return the approval's id and its card, with the thread begun."""
    agent.ask(name)
    told = await agent.tells(name, "asked")
    ts = await card(slack, name)
    await until_thread(slack, ts, "Asked")
    return told["id"], ts


async def heard(slack: SandboxClient, user: str) -> list[str]:
    return private(await slack.state(), user)


async def test_between_click_and_commit(
    house: House, agent: Agent, slack: SandboxClient, store: Store, proxy: Proxy
):
    """Killed before the decision is stored: nothing is decided, the clicker sees Slack's error.

    The same click works as soon as a bot is there again.
    """
    first = await behind(proxy, house)
    name = fresh("pay")
    approval_id, ts = await asked(agent, slack, name)
    told = len(await heard(slack, "U0ANA"))
    proxy.keep_request = DECISION
    click = asyncio.create_task(slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE))
    await wait_until(lambda: proxy.kept, "the decision is on its way")
    first.kill()
    assert not (await click).ok
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", (), 0) == (record.status, record.votes, house.runs(approval_id))
    assert APPROVE in buttons((await slack.state()).message(CHANNEL, ts))

    await house.start_bot(quick=True).up()
    assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
    await agent.tells(name, "done")
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    await until_told(slack, "U0ANA", "Your answer is recorded", answers=told + 1)
    assert (told + 1, 1) == (len(await heard(slack, "U0ANA")), house.runs(approval_id))


async def test_between_commit_and_acknowledgement(
    house: House, agent: Agent, slack: SandboxClient, proxy: Proxy
):
    """Killed with the decision stored, and nobody knows: the agent goes on all the same.

    Slack shows an error. The next bot tells the clicker; a click in doubt is told the same.
    """
    first = await behind(proxy, house)
    name = fresh("pay")
    approval_id, ts = await asked(agent, slack, name)
    told = len(await heard(slack, "U0ANA"))
    again = await slack.click_payload("U0ANA", action_id=APPROVE, channel=CHANNEL, ts=ts)
    proxy.keep_answer_to = DECISION
    click = asyncio.create_task(slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE))
    await wait_until(lambda: proxy.kept, "the decision is on its way")
    await agent.tells(name, "done")
    first.kill()
    assert not (await click).ok

    await house.start_bot(quick=True).up()
    assert (await slack.deliver(again)).ok
    await until_told(slack, "U0ANA", "it stands", answers=told + 2)
    answers = (await heard(slack, "U0ANA"))[told:]
    assert 1 == sum("You gave this answer before; it stands" in text for text in answers)
    # Once more than once only if the first bot said it, and died before it could note that.
    assert sum("Your answer is recorded: approve" in text for text in answers) in (1, 2)
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    assert 1 == house.runs(approval_id)


async def test_an_outcome_that_is_not_known_is_said_and_then_told(
    house: House, agent: Agent, slack: SandboxClient, proxy: Proxy
):
    """The store took the decision and its answer is lost: "not certain", then what it really is."""
    bot = await behind(proxy, house)
    name = fresh("pay")
    approval_id, ts = await asked(agent, slack, name)
    told = len(await heard(slack, "U0ANA"))
    proxy.keep_answer_to = DECISION
    assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
    await agent.tells(name, "done")
    await until_told(slack, "U0ANA", answers=told + 2)
    answers = (await heard(slack, "U0ANA"))[told:]
    assert 1 == sum("It is not certain" in text for text in answers)
    assert 1 == sum("Your answer is recorded: approve" in text for text in answers)
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    assert 1 == house.runs(approval_id)
    proxy.keep_answer_to = None
    assert 0 == await bot.stop()


async def test_between_view_and_decision(
    house: House, agent: Agent, slack: SandboxClient, store: Store, proxy: Proxy
):
    """Killed on the last page, with the view on record: no yes; the button works again."""
    first = await behind(proxy, house)
    name = fresh("import")
    agent.ask(name, PAYLOAD)
    approval_id = (await agent.tells(name, "asked"))["id"]
    ts = await card(slack, name)
    click = await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id="signoff_review")
    assert click.ok
    state = await slack.wait_for(lambda state: state.views("U0ANA"), "the first page")
    view = state.views("U0ANA")[-1]["id"]
    assert (await slack.click("U0ANA", view_id=view, action_id="signoff_page")).ok
    await slack.wait_for(lambda state: state.views("U0ANA")[-1].get("submit"), "the last page")
    proxy.keep_request = DECISION
    submitted = asyncio.create_task(slack.submit("U0ANA"))
    await wait_until(lambda: proxy.kept, "the decision is on its way")
    first.kill()
    assert not (await submitted).ok
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", 1, 0) == (record.status, len(record.views), house.runs(approval_id))
    assert 1 == len(await slack.views("U0ANA")), "the page is still open"

    await house.start_bot(quick=True).up()
    assert (await slack.submit("U0ANA")).ok
    await agent.tells(name, "done")
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    assert ([], 1) == (await slack.views("U0ANA"), house.runs(approval_id))


async def test_between_commit_and_card(house: House, agent: Agent, slack: SandboxClient):
    """Killed before the card is changed: another replica changes it and tells the rest, once."""
    leader = await house.start_bot(quick=True).up()
    await leader.logs("lease.taken")
    other = await house.start_bot(quick=True).up()
    name = fresh("pay")
    approval_id, ts = await asked(agent, slack, name)
    fault = await slack.faults.slow(method="chat.update", seconds=600)
    assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
    await agent.tells(name, "done")

    async def under_way() -> bool:
        return await slack.faults.fired(fault) > 0

    await wait_until(under_way, "the change of the card is on its way")
    leader.kill()
    assert APPROVE in buttons((await slack.state()).message(CHANNEL, ts))
    await slack.faults.clear(fault)
    await other.logs("lease.taken")
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    assert (1, 1) == (house.runs(approval_id), len(cards(await slack.state(), name)))


async def test_an_orderly_restart_with_answers_owed(
    house: House, agent: Agent, slack: SandboxClient
):
    """Stopped in order while answers are owed: each is told exactly once, by one of the bots."""
    first = await house.start_bot(quick=True).up()
    names = [fresh("pay") for _ in range(6)]
    found = [await asked(agent, slack, name) for name in names]
    told = len(await heard(slack, "U0ANA"))
    fault = await slack.faults.slow(method="chat.postEphemeral", ms=700)
    for name, (_, ts) in zip(names, found, strict=True):
        assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
        await agent.tells(name, "done")
    await until_told(slack, "U0ANA", "recorded", answers=told + 1)
    assert len(await heard(slack, "U0ANA")) < told + len(names), "some are still owed"
    assert 0 == await first.stop()
    done = len(await heard(slack, "U0ANA")) - told
    assert 1 <= done < len(names), "the first bot told what it had begun, and began no more"
    await slack.faults.clear(fault)

    await house.start_bot(quick=True).up()
    await until_told(slack, "U0ANA", "recorded", answers=told + len(names), timeout=20)
    for name, (_, ts) in zip(names, found, strict=True):
        await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
        await until_thread(slack, ts, "Asked", "Approved", "started", "done")
        assert 1 == len(cards(await slack.state(), name))
    # What is told next comes after all that was owed before.
    last = fresh("pay")
    _, ts = await asked(agent, slack, last)
    assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
    await until_told(slack, "U0ANA", "recorded", answers=told + len(names) + 1)
    assert told + len(names) + 1 == len(await heard(slack, "U0ANA"))
