"""A person approves, and the agent runs exactly that action, exactly once."""

from __future__ import annotations

from bot.sandbox import SandboxClient
from tests.scenarios.reading import (
    APPROVE,
    REJECT,
    buttons,
    card,
    cards,
    fresh,
    full_text,
    raw,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House

ANA = "slack:T0SANDBOX:U0ANA"


async def test_a_click_releases_the_run_and_the_thread_tells_all_of_it(
    any_house: House, any_agent: Agent, any_slack: SandboxClient
):
    """Card, click, one run, in this order; the decision names who clicked, as Slack proved it."""
    name, payload = fresh("delete-user"), {"user_id": 42, "erase": False}
    any_agent.ask(name, payload, reason="Ticket 1873.")
    ts = await card(any_slack, name)
    shown = (await any_slack.state()).message(CHANNEL, ts)
    assert [APPROVE, REJECT] == buttons(shown)
    for part in ("billing", name, "user_id: 42", "erase: false", "Ticket 1873."):
        assert part in full_text(shown), part
    assert ["asked"] == any_agent.heard(name)

    clicked = await any_slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)

    assert (True, None) == (clicked.ok, clicked.error)
    ran = await any_agent.tells(name, "ran", "refused")
    assert ("ran", ANA, payload) == (ran["event"], ran["approver"], ran["payload"])
    assert {"approver": ANA} == ran["metadata"]
    await any_agent.tells(name, "done")
    await until_card_says(any_slack, ts, "Approved by <@U0ANA>", "ran ", "done in")
    thread = await until_thread(any_slack, ts, "Asked", "Approved", "started", "done")
    assert "<@U0ANA>" in thread[1]
    assert ["asked", "ran", "done"] == any_agent.heard(name)
    assert 1 == any_house.runs(ran["id"])
    await until_told(any_slack, "U0ANA", "Your answer is recorded: approve")


async def test_the_clicks_come_the_way_that_is_set_up(
    any_house: House, any_agent: Agent, any_slack: SandboxClient
):
    """Socket Mode where there is an app token, signed HTTP where there is a signing secret."""
    name = fresh("deploy")
    any_agent.ask(name)
    ts = await card(any_slack, name)
    clicked = await any_slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=APPROVE)
    [up] = any_house.bots[0].logged("bot.up")
    assert up["transport"] == clicked.transport
    await any_agent.tells(name, "done")


async def test_no_button_carries_the_payload(agent: Agent, slack: SandboxClient):
    """What a button sends back are opaque ids."""
    name, secret = fresh("rotate"), fresh("value")
    agent.ask(name, {"key": secret})
    ts = await card(slack, name)
    [shown] = cards(await slack.state(), name)
    [actions] = [block for block in shown["blocks"] if block["type"] == "actions"]
    assert secret in raw(shown)
    assert secret not in raw(actions)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")


async def test_a_run_that_fails_is_told_by_its_class_alone(agent: Agent, slack: SandboxClient):
    """Card and thread say that the run failed and with which class, never with which words."""
    name, words = fresh("migrate"), fresh("the database password is")
    agent.ask(name, fail=words)
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "failed")
    await until_card_says(slack, ts, "Run failed", "_Broken")
    thread = await until_thread(slack, ts, "Asked", "Approved", "started", "failed")
    assert words not in raw((await slack.state()).message(CHANNEL, ts))
    assert words not in "".join(thread)


async def test_any_number_of_actions_go_their_own_way(
    house: House, agent: Agent, slack: SandboxClient
):
    """Ten actions at once: each has its own card, its own answer, its own single run."""
    names = [fresh("batch") for _ in range(10)]
    for name in names:
        agent.ask(name, {"name": name})
    stamps = [await card(slack, name) for name in names]
    assert 10 == len(set(stamps))
    for ts in reversed(stamps):
        await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=APPROVE)
    ids = {(await agent.tells(name, "done"))["id"] for name in names}
    assert [1] * 10 == [house.runs(approval_id) for approval_id in ids]
    for ts in stamps:
        await until_thread(slack, ts, "Asked", "Approved", "started", "done")
