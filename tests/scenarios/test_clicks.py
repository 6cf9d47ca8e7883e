"""P15: every click gets one visible answer, also a late, foreign, repeated or unrecorded one."""

from __future__ import annotations

from bot.sandbox import SandboxClient, State
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    REJECT,
    card,
    fresh,
    private,
    until_card_says,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House, running_house


async def heard(slack: SandboxClient, user: str) -> int:
    return len(private(await slack.state(), user))


async def test_delivered_twice(any_house: House, any_agent: Agent, any_slack: SandboxClient):
    """A doubled delivery: both are acknowledged, one effect, one answer."""
    slack, name = any_slack, fresh("pay")
    any_agent.ask(name)
    ts = await card(slack, name)
    told = await heard(slack, "U0ANA")
    await slack.faults.duplicate(copies=2, count=1)
    assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
    done = await any_agent.tells(name, "done")
    assert 1 == any_house.runs(done["id"])
    await until_told(slack, "U0ANA", "Your answer is recorded", answers=told + 1)
    # What is told next comes after all that was owed before.
    other = fresh("pay")
    any_agent.ask(other)
    shown = await card(slack, other)
    assert (await slack.click("U0ANA", channel=CHANNEL, ts=shown, action_id=APPROVE)).ok
    await any_agent.tells(other, "done")
    await until_told(slack, "U0ANA", "Your answer is recorded", answers=told + 2)
    assert told + 2 == await heard(slack, "U0ANA")


async def test_no_form_opens(any_house: House, any_agent: Agent, any_slack: SandboxClient):
    """Reject works though the trigger is over; the reason can follow in the thread."""
    slack, name = any_slack, fresh("pay")
    any_agent.ask(name)
    ts = await card(slack, name)
    told = await heard(slack, "U0BEN")
    await slack.faults.expire_trigger(count=1)
    assert (await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=REJECT)).ok
    refused = await any_agent.tells(name, "refused", "ran")
    assert ("approval_denied", None) == (refused.get("code"), refused.get("note"))
    await until_told(slack, "U0BEN", "It is rejected", "thread", answers=told + 1)
    await until_card_says(slack, ts, "Rejected by <@U0BEN>")


async def test_the_store_is_away(house: House, agent: Agent, slack: SandboxClient, store: Store):
    """While nothing can be written the person hears that nothing was recorded; later it works."""
    name = fresh("pay")
    agent.ask(name)
    asked = await agent.tells(name, "asked")
    ts = await card(slack, name)
    told = await heard(slack, "U0ANA")
    house.redis.ask("CLIENT", "PAUSE", "1500", "ALL")
    clicked = await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    assert clicked.ok
    await until_told(slack, "U0ANA", "was not recorded", "store", answers=told + 1)
    record = await store.get(asked["id"])
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
    await agent.tells(name, "done")
    assert 1 == house.runs(asked["id"])


async def test_where_an_ephemeral_cannot_reach(house: House, agent: Agent, slack: SandboxClient):
    """Who is in the channel no more is told directly."""
    name = fresh("pay")
    agent.ask(name)
    ts = await card(slack, name)
    click = await slack.click_payload("U0BEN", action_id=APPROVE, channel=CHANNEL, ts=ts)
    await slack.faults.remove_from_channel(CHANNEL, "U0BEN")
    try:
        assert (await slack.deliver(click)).ok
        await agent.tells(name, "done")

        def direct(state: State) -> bool:
            return any(
                "Your answer is recorded" in str(message["text"])
                for channel, messages in state.data["messages"].items()
                if channel.startswith("D")
                for message in messages
            )

        await slack.wait_for(direct, "a direct message to Ben")
    finally:
        await slack.faults.add_to_channel(CHANNEL, "U0BEN")


async def test_killed_between_the_decision_and_its_answer():
    """The bot dies with the decision stored and nobody told: the next one tells it, once."""
    with running_house(quick=True) as house:
        async with house.slack() as slack:
            [bot] = house.bots
            name = fresh("pay")
            house.agent.ask(name)
            ts = await card(slack, name)
            fault = await slack.faults.slow(method="chat.postEphemeral", seconds=60)
            assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
            done = await house.agent.tells(name, "done")
            assert 0 == await heard(slack, "U0ANA")
            bot.kill()
            await bot.ended()
            await slack.faults.clear(fault)
            house.start_bot(quick=True)
            await until_told(slack, "U0ANA", "Your answer is recorded", timeout=30)
            await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
            assert 1 == house.runs(done["id"])
            assert 1 == await heard(slack, "U0ANA")
