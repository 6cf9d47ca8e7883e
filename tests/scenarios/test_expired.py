"""Nobody answers in time: the approval expires by the store's clock, and everybody is told."""

from __future__ import annotations

from bot.sandbox import SandboxClient
from gate import ApprovalGate
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    REASON,
    REJECT,
    card,
    cards,
    fresh,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House


async def test_the_agent_is_told_and_a_late_click_changes_nothing(
    house: House, agent: Agent, slack: SandboxClient
):
    """Agent, card and thread say that it expired; who clicks then is told so in private.

    So is who took too long to write a reason.
    """
    name = fresh("restart")
    agent.ask(name, expires_in=1.5)
    ts = await card(slack, name)
    click = await slack.click_payload("U0ANA", action_id=APPROVE, channel=CHANNEL, ts=ts)
    await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=REJECT)
    await slack.wait_for(lambda state: state.views("U0BEN"), "the form")
    refused = await agent.tells(name, "refused", "ran")
    assert "approval_expired" == refused.get("code")
    await until_card_says(slack, ts, "Expired undecided")
    await until_thread(slack, ts, "Asked", "Expired")

    late = await slack.deliver(click)  # pressed on a card that had not been redrawn yet
    assert late.ok, late.error
    await until_told(slack, "U0ANA", "too late", "Expired")
    await slack.submit("U0BEN", values={REASON: "no"})
    await until_told(slack, "U0BEN", "too late", "Expired")

    asked = await agent.tells(name, "asked")
    assert 0 == house.runs(asked["id"])
    assert ["asked", "refused"] == agent.heard(name)
    await until_card_says(slack, ts, "Expired undecided")
    assert 1 == len(cards(await slack.state(), name))


async def test_it_expires_with_no_agent_there(house: House, slack: SandboxClient, store: Store):
    """The agent is gone: the bot ends what has run out, and the card says so."""
    name = fresh("restart")
    async with ApprovalGate(store, agent="billing") as gate:
        asked = await gate.request(name=name, payload=None, expires_in=1.0)
    ts = await card(slack, name)
    await until_card_says(slack, ts, "Expired undecided")
    await until_thread(slack, ts, "Asked", "Expired")
    ended = await store.get(asked.key)
    assert ended is not None
    assert "expired" == ended.status
