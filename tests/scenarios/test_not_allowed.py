"""Only people who are listed and full members decide; everybody else is told no, in private."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.sandbox import SandboxClient
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    REJECT,
    card,
    fresh,
    full_text,
    replies,
    until_card_says,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House

LATE = "U0LATE"
LEFT = "U0LEFT"


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        everyone = ["U0ANA", "U0BEN", "U0CHO", "U0DAN", "U0GUEST", "U0EXT", LATE, LEFT]
        await slack.edit_workspace(
            users={
                user: {"name": user.lower(), "real_name": user, "deleted": False}
                for user in (LATE, LEFT)
            },
            channels={CHANNEL: {"members": [*everyone, "U0SIGNOFF"]}},
        )
        yield slack


async def _asked(agent: Agent, slack: SandboxClient) -> tuple[str, str, str]:
    name = fresh("grant")
    agent.ask(name, {"role": "admin"})
    asked = await agent.tells(name, "asked")
    return name, asked["id"], await card(slack, name)


@pytest.mark.parametrize("action", [APPROVE, REJECT])
async def test_a_member_who_is_not_listed_is_refused(
    house: House, agent: Agent, slack: SandboxClient, store: Store, action: str
):
    """Dan is in the channel and sees the card; his click changes nothing, and only he is told."""
    name, approval_id, ts = await _asked(agent, slack)
    told = len((await slack.state()).ephemerals("U0DAN"))
    clicked = await slack.click("U0DAN", channel=CHANNEL, ts=ts, action_id=action)
    assert clicked.ok
    await until_told(slack, "U0DAN", "not among the people who may answer", answers=told + 1)
    state = await slack.state()
    assert [] == state.views("U0DAN")
    assert all("Dan" not in text and "U0DAN" not in text for text in replies(state, ts))
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    assert ["asked"] == agent.heard(name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")


async def test_outsiders_are_refused_even_where_they_are_in_an_approving_group(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """A guest, a deactivated member, somebody of another workspace and a bot never count."""
    members = ["U0CHO", "U0GUEST", "U0GONE", "U0EXT", "U0SIGNOFF"]
    await slack.edit_workspace(usergroups={"S0SECURITY": {"users": members}})
    name, approval_id, ts = await _asked(agent, slack)
    for user in ("U0GUEST", "U0EXT"):
        clicked = await slack.click(user, channel=CHANNEL, ts=ts, action_id=APPROVE, force=True)
        assert clicked.ok, user
        await until_told(slack, user, "Only full members")
    gone = await slack.click("U0GONE", channel=CHANNEL, ts=ts, action_id=APPROVE, force=True)
    assert gone.ok
    forged = await slack.click_payload("U0ANA", action_id=APPROVE, channel=CHANNEL, ts=ts)
    forged["user"] |= {"id": "U0SIGNOFF", "username": "signoff", "name": "signoff"}
    assert (await slack.deliver(forged)).ok
    forged["user"] |= {"id": "U0NOBODY"}
    assert (await slack.deliver(forged)).ok
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    assert ["asked"] == agent.heard(name)
    await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    assert 1 == house.runs(approval_id)


async def test_the_same_id_from_another_workspace_is_another_person(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """A signed click that names Ana of another team is not Ana's."""
    name, approval_id, ts = await _asked(agent, slack)
    for place in ("user", "team"):
        click = await slack.click_payload("U0ANA", action_id=APPROVE, channel=CHANNEL, ts=ts)
        if place == "user":
            click["user"]["team_id"] = "T0OTHER"
        else:
            click["user"].pop("team_id")
            click["team"]["id"] = "T0OTHER"
        assert (await slack.deliver(click)).ok, place
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")


async def test_a_member_of_a_listed_group_may_decide(
    house: House, agent: Agent, slack: SandboxClient
):
    """Cho is listed only through the security group; the decision names her."""
    await slack.edit_workspace(usergroups={"S0SECURITY": {"users": ["U0CHO"]}})
    name, approval_id, ts = await _asked(agent, slack)
    await slack.click("U0CHO", channel=CHANNEL, ts=ts, action_id=APPROVE)
    ran = await agent.tells(name, "ran", "refused")
    assert "slack:T0SANDBOX:U0CHO" == ran.get("approver")
    await agent.tells(name, "done")
    await until_card_says(slack, ts, "Approved by <@U0CHO>", "done")
    assert 1 == house.runs(approval_id)


async def test_who_lost_the_right_before_the_click_is_refused(
    house: House, agent: Agent, slack: SandboxClient
):
    """Deactivated after the card was posted, with the click on its way: it does not count."""
    await slack.edit_workspace(
        usergroups={"S0SECURITY": {"users": ["U0CHO", LATE]}}, users={LATE: {"deleted": False}}
    )
    name, approval_id, ts = await _asked(agent, slack)
    click = await slack.click_payload(LATE, action_id=APPROVE, channel=CHANNEL, ts=ts)
    await slack.edit_workspace(users={LATE: {"deleted": True}})
    assert (await slack.deliver(click)).ok
    await until_thread_is_just_asked(slack, ts)
    assert ["asked"] == agent.heard(name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    assert 1 == house.runs(approval_id)


async def test_who_left_the_group_is_refused_once_the_answer_of_a_minute_ago_is_old(
    house: House, slack: SandboxClient
):
    """A bot that has not looked at the group within the last minute sees that Left is gone."""
    bot = await house.start_bot(quick=True).up()
    assert 0 == await house.bots[0].stop(), "its cache goes with it"
    try:
        agent = house.start_agent()
        await slack.edit_workspace(usergroups={"S0SECURITY": {"users": ["U0CHO"]}})
        name = fresh("grant")
        agent.ask(name)
        ts = await card(slack, name)
        await slack.click(LEFT, channel=CHANNEL, ts=ts, action_id=APPROVE)
        told = await until_told(slack, LEFT, "not among the people who may answer")
        assert 1 == len(told)
        assert ["asked"] == agent.heard(name)
    finally:
        await bot.stop()
        await house.start_bot().up()


async def test_who_cannot_be_checked_is_refused(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """Slack does not say who somebody is, or says it too late: refused, and told to try again."""
    newcomers = [fresh("U0N").upper().replace("-", "") for _ in range(3)]
    await slack.edit_workspace(
        users={user: {"name": user.lower(), "real_name": user} for user in newcomers},
        usergroups={"S0SECURITY": {"users": newcomers}},
        channels={CHANNEL: {"members": ["U0ANA", "U0SIGNOFF", *newcomers]}},
    )
    name, approval_id, ts = await _asked(agent, slack)
    faults = slack.faults
    for user, order in (
        (newcomers[0], faults.server_error(method="users.info")),
        (newcomers[1], faults.refuse("ratelimited", method="users.info")),
        (newcomers[2], faults.slow(ms=2000, method="users.info")),
    ):
        fault = await order
        clicked = await slack.click(user, channel=CHANNEL, ts=ts, action_id=APPROVE)
        assert clicked.ok, f"answered in time: {clicked.error}"
        await until_told(slack, user, "could not be checked", "try again")
        await faults.clear(fault)
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")


async def until_thread_is_just_asked(slack: SandboxClient, ts: str) -> None:
    """Wait for the first reply and see that it is the only one."""
    state = await slack.wait_for(lambda state: state.thread(CHANNEL, ts), "a reply")
    assert ["Asked"] == [
        "Asked" if "Asked" in full_text(reply) else full_text(reply)
        for reply in state.thread(CHANNEL, ts)
    ]
