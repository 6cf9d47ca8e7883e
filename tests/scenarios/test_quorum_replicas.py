"""P2, P11: a quorum that is completed on two replicas at one moment makes one decision."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.sandbox import SandboxClient
from gate import Approval, ApprovalResolved, Verifier, read_public_keys, record_key
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    REASON,
    REJECT,
    card,
    fresh,
    private,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, Agent, Bot, House, running_house

ROUNDS = 12
ANA, BEN, CHO = "U0ANA", "U0BEN", "U0CHO"
ROUTES = f"""\
[[routes]]
agent = "billing"
channel = "{CHANNEL}"

[[routes.quorums]]
name = "owners"
of = ["{ANA}", "{BEN}", "{CHO}"]
needed = 2
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Two replicas on one Redis, over signed HTTP so that a click can be given to either."""
    with running_house(bots=2, transport="http", routes=ROUTES, binary="redis") as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        await slack.edit_workspace(channels={CHANNEL: {"members": [ANA, BEN, CHO, "U0SIGNOFF"]}})
        yield slack


async def give(slack: SandboxClient, bot: Bot, payload: Mapping[str, Any], house: House) -> None:
    """Send one replica what a person did, as Slack signs it."""
    body = urlencode({"payload": json.dumps(payload)})
    secret, at = house.slack_wire["signing_secret"], int(time.time())
    status, _ = await slack.post_raw(bot.address, body, secret=secret, timestamp=at)
    assert 200 == status


async def click(slack: SandboxClient, user: str, ts: str) -> Mapping[str, Any]:
    return await slack.click_payload(user, action_id=APPROVE, channel=CHANNEL, ts=ts)


async def heard(slack: SandboxClient, *users: str) -> dict[str, int]:
    state = await slack.state()
    return {user: len(private(state, user)) for user in users}


async def answers(slack: SandboxClient, before: Mapping[str, int]) -> dict[str, str]:
    """Return the one private answer that each person of *before* got since."""
    state = await slack.wait_for(
        lambda state: all(len(private(state, user)) > count for user, count in before.items()),
        "an answer for everybody",
    )
    for user, count in before.items():
        assert count + 1 == len(private(state, user)), f"one answer for {user}"
    return {user: private(state, user)[-1] for user in before}


async def decided(store: Store, house: House, approval_id: str) -> tuple[Approval, set[str]]:
    """Return the record of the one decision, and the people on its receipt, which verifies."""
    events = [logged.event for logged in await store.read("", limit=10_000)]
    told = [e for e in events if isinstance(e, ApprovalResolved) and e.id == approval_id]
    assert 1 == len(told), "one event tells of one decision"
    approval = await store.get(record_key(approval_id))
    assert approval is not None
    verifier = Verifier(read_public_keys(house.public_keys, setting="the house's"))
    receipt = verifier.verify(approval, now=await store.now())
    assert told[0].verdict is receipt.verdict is approval.verdict
    return approval, {str(vote.principal).rpartition(":")[2] for vote in receipt.votes}


async def test_two_people_complete_a_quorum_on_two_replicas_at_one_moment(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """One decision with both people on its receipt, one run; both are told, the card is final."""
    for at in range(ROUNDS):
        name = fresh("merge")
        agent.ask(name)
        ts = await card(slack, name)
        before = await heard(slack, ANA, BEN)
        first, second = await click(slack, ANA, ts), await click(slack, BEN, ts)
        one, two = house.bots if at % 2 else reversed(house.bots)
        await asyncio.gather(give(slack, one, first, house), give(slack, two, second, house))
        done = await agent.tells(name, "done", "refused")
        assert "done" == done["event"]
        assert 1 == house.runs(done["id"])
        told = await answers(slack, before)
        approval, people = await decided(store, house, done["id"])
        assert {ANA, BEN} == people
        completing = str(approval.approver).rpartition(":")[2]
        other = {ANA: BEN, BEN: ANA}[completing]
        assert "Your answer is recorded: approve" in told[completing]
        assert "More answers are needed" not in told[completing]
        assert "Your answer is recorded: approve" in told[other]
        await until_card_says(slack, ts, "Approved by", f"<@{ANA}>", f"<@{BEN}>", "done")
        await until_thread(slack, ts, "Asked", "approve", "Approved", "started", "done")


async def test_the_completing_yes_against_a_no_makes_one_decision(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """Cho said yes before; Ana's yes and Ben's no meet: one decides, the other hears which."""
    for at in range(ROUNDS):
        name = fresh("merge")
        agent.ask(name)
        ts = await card(slack, name)
        cho = (await heard(slack, CHO))[CHO]
        await give(slack, house.bots[at % 2], await click(slack, CHO, ts), house)
        await until_told(slack, CHO, "More answers are needed", answers=cho + 1)
        await slack.click(BEN, channel=CHANNEL, ts=ts, action_id=REJECT)
        await slack.wait_for(lambda state: state.views(BEN), "Ben's form")
        before = await heard(slack, ANA, BEN)
        # The sandbox sends forms to the first replica, so the click goes to the second.
        yes = await click(slack, ANA, ts)
        await asyncio.gather(
            slack.submit(BEN, values={REASON: "stop"}), give(slack, house.bots[1], yes, house)
        )
        end = await agent.tells(name, "done", "refused")
        told = await answers(slack, before)
        asked = await agent.tells(name, "asked")
        _, people = await decided(store, house, asked["id"])
        if end["event"] == "done":
            assert (1, {ANA, CHO}) == (house.runs(asked["id"]), people)
            assert "Your answer is recorded: approve" in told[ANA]
            assert "too late and changes nothing" in told[BEN]
            assert "Approved by" in told[BEN]
            await until_card_says(slack, ts, "Approved by", f"<@{ANA}>", f"<@{CHO}>", "done")
        else:
            assert ("approval_denied", "stop") == (end["code"], end["note"])
            assert (0, {BEN, CHO}) == (house.runs(asked["id"]), people)
            assert "Your answer is recorded: reject" in told[BEN]
            assert "too late and changes nothing" in told[ANA]
            assert "Rejected by" in told[ANA]
            await until_card_says(slack, ts, "Rejected by", f"<@{BEN}>", "stop")
