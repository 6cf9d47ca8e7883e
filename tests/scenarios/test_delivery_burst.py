"""P16, P19: a thousand requests at once on one channel, at Slack's own limits, delay nobody else.

Slack's seconds are shortened for sandbox and bot alike, so that the half hour which the limits
dictate fits into a test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.notifier import READER
from bot.sandbox import SandboxClient
from bot.sandbox.rate_limits import RateLimits
from gate import ApprovalGate
from stores import Store
from tests.scenarios.reading import APPROVE, card, fresh, until_card_says, until_thread
from tests.support.house import CHANNEL, Agent, House, running_house
from tests.support.waiting import wait_until

COUNT = 1000
FASTER = 50.0
"""Slack's seconds in one of ours."""
QUIET = "C0PRIVATE"
ROUTES = f"""\
[[routes]]
agent = "billing"
name = "quiet-*"
channel = "{QUIET}"
approvers = ["U0ANA"]

[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA"]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with running_house(bots=0, routes=ROUTES) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        await slack.faults.rate_limits(RateLimits(scale=FASTER))
        await house.start_bot(quick=True, options={"pace": FASTER}, routes=ROUTES).up()
        yield slack


async def test_a_thousand_at_once_on_one_channel(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """All cards come, once, in order, and Slack never has to say "too fast".

    Meanwhile people decide: on another channel as if nothing were, and on the busy one the first
    cards long before the last ones are posted.
    """
    names = [f"busy-{number:04}" for number in range(COUNT)]
    async with ApprovalGate(store, agent="billing") as gate:
        for name in names:
            await gate.request(id=name, name=name, payload={"number": name})
        first = await card(slack, names[0])
        for _ in range(5):
            await _decide_elsewhere(agent, slack)
        await slack.click("U0ANA", channel=CHANNEL, ts=first, action_id=APPROVE)
        await until_card_says(slack, first, "Approved by <@U0ANA>")
        assert await _backlog(store) > COUNT / 2, "most of the cards are still to come"
        await wait_until(lambda: _told(store), "everything is told", timeout=240)
    state = await slack.state()
    posted = [str(m["text"]) for m in state.messages(CHANNEL)]
    assert COUNT == len(posted)
    for name, text in zip(names, posted, strict=True):
        assert name in text
    assert ({}, {}) == (state.violations, state.too_early)


async def _decide_elsewhere(agent: Agent, slack: SandboxClient) -> None:
    """Ask, decide and see it told on the quiet channel."""
    name = fresh("quiet")
    agent.ask(name)
    ts = await card(slack, name, channel=QUIET)
    await slack.click("U0ANA", channel=QUIET, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done", channel=QUIET)


async def _backlog(store: Store) -> int:
    """Return how many events are still to be told."""
    return len(await store.read(await store.position(READER), limit=10 * COUNT))


async def _told(store: Store) -> bool:
    return 0 == await _backlog(store)
