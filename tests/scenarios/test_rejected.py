"""A person rejects and says why: the agent hears the reason, and the action does not run."""

from __future__ import annotations

from bot.sandbox import SandboxClient
from tests.scenarios.reading import (
    REASON,
    REJECT,
    card,
    fresh,
    reject,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House


async def test_the_reason_reaches_the_agent_and_the_thread(
    any_house: House, any_agent: Agent, any_slack: SandboxClient
):
    """The form's words come out at the agent as they were written, and stand in the thread."""
    name, why = fresh("refund"), "Not without a second look: is <@U0BEN> *sure*?"
    any_agent.ask(name, {"amount": 1250})
    ts = await card(any_slack, name)
    asked = await any_agent.tells(name, "asked")

    await reject(any_slack, "U0BEN", ts, why)

    refused = await any_agent.tells(name, "refused", "ran")
    assert ("approval_denied", why) == (refused.get("code"), refused.get("note"))
    assert 0 == any_house.runs(asked["id"])
    shown = await until_card_says(any_slack, ts, "Rejected by <@U0BEN>", why)
    assert "Waiting" not in shown
    thread = await until_thread(any_slack, ts, "Asked", "Rejected")
    assert why in thread[1]
    await until_told(any_slack, "U0BEN", "Your answer is recorded: reject")


async def test_nothing_is_decided_before_the_form_is_sent(
    agent: Agent, house: House, slack: SandboxClient
):
    """Opening and closing the form leaves the approval pending, and it can still be approved."""
    name = fresh("refund")
    agent.ask(name)
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=REJECT)
    await slack.wait_for(lambda state: state.views("U0ANA"), "the form")
    await slack.close_view("U0ANA")
    assert ["asked"] == agent.heard(name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id="signoff_approve")
    done = await agent.tells(name, "done", "refused")
    assert 1 == house.runs(done["id"])


async def test_a_form_that_is_sent_too_late_changes_nothing(
    agent: Agent, house: House, slack: SandboxClient
):
    """Ben writes while Ana approves: Ben is told, the approval stands."""
    name = fresh("refund")
    agent.ask(name)
    ts = await card(slack, name)
    await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=REJECT)
    await slack.wait_for(lambda state: state.views("U0BEN"), "the form")
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id="signoff_approve")
    done = await agent.tells(name, "done", "refused")
    told = len((await slack.state()).ephemerals("U0BEN"))
    sent = await slack.submit("U0BEN", values={REASON: "too late"})
    assert sent.ok
    await until_told(slack, "U0BEN", "too late", "Approved by", answers=told + 1)
    assert 1 == house.runs(done["id"])
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
