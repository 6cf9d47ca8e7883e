"""Several bots share the work: one at a time posts, and another takes over when it is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.sandbox import SandboxClient
from tests.scenarios.reading import APPROVE, card, cards, fresh, full_text, until_thread
from tests.support.house import CHANNEL, ROUTES, Bot, House, running_house
from tests.support.waiting import wait_until


@pytest.fixture
def house() -> Iterator[House]:
    """Two bots with a short lease, over Socket Mode."""
    with running_house(bots=2, quick=True) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


async def leader(bots: list[Bot]) -> Bot:
    """Return the one that holds the lease by its own word."""
    leading: list[Bot] = []

    def found() -> bool:
        leading[:] = [
            bot
            for bot in bots
            if bot.returncode is None
            and len(bot.logged("lease.taken")) > len(bot.logged("lease.lost"))
        ]
        return bool(leading)

    await wait_until(found, "a leader")
    [only] = leading
    return only


async def test_two_bots_post_everything_once(house: House, slack: SandboxClient):
    """Twelve questions, answered over both: one card each, each event told once, in order."""
    agents = [house.agent, house.start_agent()]
    names = [fresh("index") for _ in range(12)]
    for at, name in enumerate(names):
        agents[at % 2].ask(name)
    for name in names:
        ts = await card(slack, name)
        clicked = await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=APPROVE)
        assert clicked.ok, clicked.error
    for at, name in enumerate(names):
        await agents[at % 2].tells(name, "done")
    for name in names:
        [ts] = [message["ts"] for message in cards(await slack.state(), name)]
        await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    used = {delivery["target"] for delivery in (await slack.state(log=True)).deliveries}
    assert 2 == len(used), "both bots took clicks"
    assert 1 == sum(bool(bot.logged("card.posted")) for bot in house.bots), "one bot posted"


async def test_when_the_leader_is_killed_the_other_takes_over(house: House, slack: SandboxClient):
    """The other bot gets the lease, posts what was asked meanwhile, and takes clicks."""
    agent = house.agent
    first = await leader(house.bots)
    name = fresh("index")
    agent.ask(name)
    await until_thread(slack, await card(slack, name), "Asked")
    first.kill()
    [second] = [bot for bot in house.bots if bot is not first]
    later = fresh("index")
    agent.ask(later)
    ts = await card(slack, later)
    assert second is await leader(house.bots)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(later, "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    assert 1 == len(cards(await slack.state(), name))


async def test_when_the_leader_stops_in_order_the_other_takes_over_at_once():
    """A clean stop gives the lease of ten seconds back and leaves nothing half told."""
    with running_house(bots=2) as house:
        async with house.slack() as slack:
            names = [fresh("index") for _ in range(20)]
            for name in names:
                house.agent.ask(name)
            await card(slack, names[0])
            first = await leader(house.bots)
            assert 0 == await first.stop()
            [second] = [bot for bot in house.bots if bot is not first]
            # It asks every third of a lease; without the clean stop two thirds were left at least.
            await second.logs("lease.taken", timeout=6)
            for name in names:
                await until_thread(slack, await card(slack, name), "Asked")
            state = await slack.state()
            assert [1] * 20 == [len(cards(state, name)) for name in names]
            assert first.logged("card.posted"), "the first one had begun"


async def test_a_leader_that_sleeps_too_long_does_not_post_beside_the_next(
    house: House, slack: SandboxClient
):
    """Frozen past its lease and woken again, a bot knows that it is not the leader any more."""
    agent = house.agent
    first = await leader(house.bots)
    await agent.says(lambda line: line["event"] == "up", "up")
    first.freeze()
    try:
        names = [fresh("index") for _ in range(5)]
        for name in names:
            agent.ask(name)
        [second] = [bot for bot in house.bots if bot is not first]
        for name in names:
            await card(slack, name)
    finally:
        first.thaw()
    await first.logs("lease.lost")
    assert second is await leader(house.bots)
    more = [fresh("index") for _ in range(5)]
    for name in more:
        agent.ask(name)
    for name in [*names, *more]:
        await until_thread(slack, await card(slack, name), "Asked")
    state = await slack.state()
    assert [1] * 10 == [len(cards(state, name)) for name in [*names, *more]]


async def test_a_third_bot_with_other_routes_changes_no_route_that_is_fixed(
    house: House, slack: SandboxClient
):
    """Who is asked is fixed when it is routed: a restart with other rules changes nothing."""
    agent = house.agent
    name = fresh("index")
    agent.ask(name)
    ts = await card(slack, name)
    for bot in house.bots:
        await bot.stop()
    await house.start_bot(quick=True, routes=ROUTES.replace("U0ANA", "U0DAN")).up()
    await slack.click("U0DAN", channel=CHANNEL, ts=ts, action_id=APPROVE)
    state = await slack.wait_for(lambda state: state.ephemerals("U0DAN"), "an answer to Dan")
    assert "not among the people" in full_text(state.ephemerals("U0DAN")[0])
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
