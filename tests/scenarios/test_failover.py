"""P3, P5: a failover that loses the last writes releases no run that the survivor does not know."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bot.sandbox import SandboxClient, State
from gate import Approval, ApprovalStatus, record_key
from stores import Store, open_store
from tests.scenarios.reading import (
    APPROVE,
    buttons,
    card,
    fresh,
    full_text,
    private,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House, running_house
from tests.support.proxy import Proxy, proxy_to
from tests.support.servers import RedisServer, redis_server
from tests.support.waiting import wait_until

ANA = "U0ANA"


@pytest.fixture
def house() -> Iterator[House]:
    """A house whose bot and agent are started by the test, on a way that can be led elsewhere."""
    with running_house(bots=0, binary="redis") as house:
        yield house


@dataclass
class Pair:
    """A primary that everybody uses over *way*, and the replica that follows it."""

    primary: RedisServer
    replica: RedisServer
    way: Proxy

    async def part(self) -> None:
        """Cut the replica off when it has all so far, and make it a primary of its own."""
        await wait_until(
            lambda: _offset(self.primary) == _offset(self.replica) != b"", "the replica is level"
        )
        assert self.replica.ask("REPLICAOF", "NO", "ONE").startswith(b"+OK")

    async def fail_over(self) -> None:
        """Let the primary die as in a power cut; everybody gets to the one that was promoted."""
        await self.primary.kill()
        await self.way.redirect(self.replica.port)


def _offset(server: RedisServer) -> bytes:
    found = re.search(rb"master_repl_offset:(\d+)", server.ask("INFO", "replication"))
    return found[1] if found else b""


@asynccontextmanager
async def following(primary: RedisServer) -> AsyncIterator[RedisServer]:
    """Run a replica of *primary* that follows it."""
    # By default a primary waits five seconds for further replicas before it copies itself.
    assert primary.ask("CONFIG", "SET", "repl-diskless-sync-delay", "0").startswith(b"+OK")
    options = ("--replicaof", f"127.0.0.1 {primary.port}")
    async with redis_server(options=options) as replica:
        await wait_until(
            lambda: b"state=online" in primary.ask("INFO", "replication"), "a replica follows"
        )
        yield replica


@pytest.fixture
async def pair(house: House) -> AsyncIterator[Pair]:
    async with following(house.redis) as replica, proxy_to(house.redis.port) as way:
        yield Pair(house.redis, replica, way)


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


async def ask(agent: Agent, slack: SandboxClient, *, hold: bool = False) -> tuple[str, str]:
    """Ask under an id that is the action's name; return it and the card."""
    name = fresh("wipe")
    agent.ask(name, id=name, hold=hold)
    ts = await card(slack, name)
    # The bot has noted the card once the first reply stands; a lost note brings another card.
    await until_thread(slack, ts, "Asked")
    return name, ts


async def approve(slack: SandboxClient, ts: str) -> None:
    assert (await slack.click(ANA, channel=CHANNEL, ts=ts, action_id=APPROVE)).ok


async def approved(agent: Agent, slack: SandboxClient) -> str:
    """Ask, approve, and return the id when the agent holds an approval that is confirmed."""
    name, ts = await ask(agent, slack, hold=True)
    await approve(slack, ts)
    await agent.tells(name, "approved")

    def confirmed(state: State) -> bool:
        shown = full_text(state.message(CHANNEL, ts))
        return "Approved by" in shown and "Not confirmed" not in shown

    await slack.wait_for(confirmed, "the card says it without a doubt")
    return name


async def stands(store: Store, approval_id: str) -> Approval:
    found = await store.get(record_key(approval_id))
    assert found is not None
    return found


async def test_a_failover_that_loses_the_last_writes(
    house: House, slack: SandboxClient, pair: Pair
):
    """Nothing ran that the survivor does not know as consumed; what was lost is asked again."""
    house.environ["SIGNOFF_WAIT_REPLICAS"] = "1"
    url = pair.way.url
    bot = house.start_bot(quick=True, options={"patrol": 0.2}, SIGNOFF_REDIS_URL=url)
    await bot.up()
    agent = house.start_agent(redis_url=url)
    done = await approved(agent, slack)
    agent.go(done)
    await agent.tells(done, "done")
    kept, taken = await approved(agent, slack), await approved(agent, slack)
    lost, lost_card = await ask(agent, slack)
    waiting, waiting_card = await ask(agent, slack)

    await pair.part()
    # The old primary goes on alone: it says yes to everything, and nothing of it will stay.
    before = len(private(await slack.state(), ANA))
    agent.go(taken)
    gone, gone_card = await ask(agent, slack)
    await approve(slack, lost_card)
    await until_card_says(slack, lost_card, "Approved by <@U0ANA>", "Not confirmed yet")
    for each in (lost, taken):
        refused = await agent.tells(each, "refused", "ran")
        assert "unconfirmed" == refused.get("code"), each
    told = " ".join(private(await slack.state(), ANA)[before:])
    assert re.search("not certain|Not confirmed yet", told), "Ana is told"

    await pair.fail_over()
    async with open_store(pair.replica.url) as survivor:
        assert ApprovalStatus.PENDING is (await stands(survivor, lost)).status
    await slack.wait_for(
        lambda state: APPROVE in buttons(state.message(CHANNEL, lost_card)), "it is asked again"
    )
    assert "Approved by" not in full_text((await slack.state()).message(CHANNEL, lost_card))
    refused = await agent.tells(gone, "refused", "ran")
    assert "approval_not_found" == refused.get("code")
    before = len(private(await slack.state(), ANA))
    await approve(slack, gone_card)
    await until_told(slack, ANA, "not known here any more", answers=before + 1)
    assert {0} == {house.runs(each) for each in (lost, taken, kept, waiting, gone)}

    async with following(pair.replica):
        agent.go(kept)
        await agent.tells(kept, "done")
        await approve(slack, waiting_card)
        await agent.tells(waiting, "done")
        await approve(slack, lost_card)
        for each in (lost, taken):
            agent.ask(each, id=each, job=f"{each} again")
            await agent.tells(f"{each} again", "done")
        await until_card_says(slack, lost_card, "Approved by <@U0ANA>", "done")
        async with open_store(pair.replica.url) as survivor:
            for each in (done, kept, taken, lost, waiting):
                assert 1 == house.runs(each), each
                assert (await stands(survivor, each)).consumption is not None
        assert 0 == await bot.stop()


async def test_without_replicas_to_wait_for_a_failover_may_forget_a_run(
    house: House, slack: SandboxClient, pair: Pair
):
    """The limit that docs/security.md tells: a run may be forgotten; a lost yes is asked again."""
    url = pair.way.url
    bot = house.start_bot(quick=True, options={"patrol": 0.2}, SIGNOFF_REDIS_URL=url)
    await bot.up()
    agent = house.start_agent(redis_url=url)
    forgotten = await approved(agent, slack)
    lost, lost_card = await ask(agent, slack, hold=True)

    await pair.part()
    agent.go(forgotten)
    await agent.tells(forgotten, "done")
    await approve(slack, lost_card)
    await until_card_says(slack, lost_card, "Approved by <@U0ANA>")
    assert "Not confirmed" not in full_text((await slack.state()).message(CHANNEL, lost_card))
    await agent.tells(lost, "approved")

    await pair.fail_over()
    async with open_store(pair.replica.url) as survivor:
        assert 1 == house.runs(forgotten)
        assert (await stands(survivor, forgotten)).consumption is None
        await slack.wait_for(
            lambda state: APPROVE in buttons(state.message(CHANNEL, lost_card)), "it is asked again"
        )
        agent.go(lost)
        await approve(slack, lost_card)
        await agent.tells(lost, "done")
        assert 1 == house.runs(lost)
        assert (await stands(survivor, lost)).consumption is not None
    assert 0 == await bot.stop()
