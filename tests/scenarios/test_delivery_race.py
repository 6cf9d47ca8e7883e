"""P2, P7: click, withdrawal and expiry in the same moment have one winner, and all hear which."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from bot.sandbox import SandboxClient
from gate import Approval
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    card,
    cards,
    fresh,
    private,
    replies,
    until_card_says,
)
from tests.support.house import CHANNEL, Agent, House, running_house
from tests.support.waiting import wait_until

ENDS = {
    "approved": ("Approved", "done"),
    "cancelled": ("Cancelled", "approval_cancelled"),
    "expired": ("Expired undecided", "approval_expired"),
}
"""status → what the card says, and what the agent hears."""


@pytest.fixture(scope="module", params=["valkey", "redis"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """Timers of a tenth of a second, on each of the real servers."""
    with running_house(quick=True, binary=request.param) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


async def test_click_withdrawal_and_expiry_at_once(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """Ten approvals are clicked and withdrawn around their very end, some before and some after.

    Card, thread, agent and clicker tell the one outcome that the store has.
    """
    names = [fresh("race") for _ in range(10)]
    for at, name in enumerate(names):
        agent.ask(name, expires_in=1.5 + 0.15 * at)
    stamps = {name: await card(slack, name) for name in names}
    ids = {name: str((await agent.tells(name, "asked"))["id"]) for name in names}
    clicks = {
        name: await slack.click_payload("U0ANA", action_id=APPROVE, channel=CHANNEL, ts=ts)
        for name, ts in stamps.items()
    }
    for at, name in enumerate(names):
        # A click has the longer way: it is given a start, that each can be the first.
        await _at_its_end(store, ids[name], milliseconds=60 - 10 * at)
        click = asyncio.create_task(slack.deliver(clicks[name]))
        await _at_its_end(store, ids[name], milliseconds=60 - 10 * at - 8 * (at % 3))
        agent.cancel(f"withdraw-{name}", ids[name])
        assert (await click).ok
    for name in names:
        record = await _final(store, ids[name])
        said, heard = ENDS[record.status.value]
        shown = await until_card_says(slack, stamps[name], said)
        assert 1 == sum(ends in shown for ends, _ in ENDS.values())
        told = await agent.tells(name, "done", "refused")
        assert heard == (told.get("code") or told["event"])
        assert (heard == "done") == (house.runs(ids[name]) == 1)
        await _thread_says(slack, stamps[name], said.split(" ", 1)[0])
        assert 1 == len(cards(await slack.state(), name))
    state = await slack.wait_for(
        lambda state: len(private(state, "U0ANA")) >= len(names), "each click has its answer"
    )
    assert len(names) == len(private(state, "U0ANA"))


async def _at_its_end(store: Store, approval_id: str, *, milliseconds: int) -> None:
    """Return so long before the approval's end by the store's clock; after it, if negative."""
    record = await store.get(approval_id)
    assert record is not None
    moment = record.deadline - timedelta(milliseconds=milliseconds)

    async def come() -> bool:
        return await store.now() >= moment

    await wait_until(come, "the moment has come")


async def _final(store: Store, approval_id: str) -> Approval:
    found: list[Approval] = []

    async def over() -> bool:
        record = await store.get(approval_id)
        if record is not None and record.final:
            found.append(record)
        return bool(found)

    await wait_until(over, "it is over")
    return found[0]


async def _thread_says(slack: SandboxClient, ts: str, word: str) -> None:
    """Wait for the end in the thread, and see that no other end is told there."""
    state = await slack.wait_for(
        lambda state: any(word in reply for reply in replies(state, ts)), f"the thread says {word}"
    )
    told = [
        said.split(" ", 1)[0]
        for said, _ in ENDS.values()
        if any(said.split(" ", 1)[0] in reply for reply in replies(state, ts)[1:])
    ]
    assert [word] == told
