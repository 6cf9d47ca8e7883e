"""P17: no wake-up arrives, ever, and still every agent goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from bot.sandbox import SandboxClient
from tests.scenarios.reading import APPROVE, card, fresh, reject, until_thread
from tests.support.house import CHANNEL, Agent, House, running_house
from tests.support.proxy import PUBLISHED, Proxy, proxy_to


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with running_house(quick=True) as house:
        yield house


@pytest.fixture
async def deaf(house: House) -> AsyncIterator[Proxy]:
    """A way to the store on which nothing that is published ever arrives."""
    port = urlsplit(house.redis.url).port
    assert port is not None
    async with proxy_to(port) as proxy:
        proxy.drop = PUBLISHED
        yield proxy


@pytest.fixture
def agent(house: House, deaf: Proxy) -> Iterator[Agent]:
    """An agent that hears nothing, and looks at what it waits for every half second."""
    agent = house.start_agent(sweep=0.5, redis_url=deaf.url)
    yield agent
    agent.kill()


async def test_every_published_message_is_dropped_and_everything_still_arrives(
    agent: Agent, house: House, slack: SandboxClient, deaf: Proxy
):
    """Approved, rejected, expired, cancelled: the agent learns each from the record itself."""
    names = {word: fresh(word) for word in ("approved", "rejected", "expired", "cancelled")}
    for word, name in names.items():
        agent.ask(name, **({"expires_in": 1.0} if word == "expired" else {}))
    ts = {word: await card(slack, name) for word, name in names.items()}
    await slack.click("U0ANA", channel=CHANNEL, ts=ts["approved"], action_id=APPROVE)
    await reject(slack, "U0BEN", ts["rejected"], "not today")
    asked = await agent.tells(names["cancelled"], "asked")
    agent.cancel("withdraw", asked["id"])
    done = await agent.tells(names["approved"], "done")
    assert 1 == house.runs(done["id"])
    for word, code in (
        ("rejected", "approval_denied"),
        ("expired", "approval_expired"),
        ("cancelled", "approval_cancelled"),
    ):
        refused = await agent.tells(names[word], "refused", "ran")
        assert code == refused.get("code")
    assert deaf.dropped >= 4, "messages were published, and cut out"
    await until_thread(slack, ts["approved"], "Asked", "Approved", "started", "done")
