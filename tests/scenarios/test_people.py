"""P9: who may decide is checked when the answer comes: whose agent, from where, still there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.sandbox import SandboxClient
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    REASON,
    REJECT,
    card,
    fresh,
    full_text,
    until_card_says,
    until_told,
)
from tests.support.house import CHANNEL, House, running_house

ROUTES = f"""\
[[routes]]
agent = "billing"
name = "shared-*"
channel = "{CHANNEL}"
approvers = ["U0ANA", "T0OTHER:U0EXT"]
teams = ["T0OTHER"]

[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA", "U0BEN", "T0OTHER:U0EXT", "S0SECURITY"]

[agents.billing]
owner = "U0BEN"
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One bot; the agent is Ben's, and one route admits people of another workspace."""
    with running_house(routes=ROUTES) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        everyone = ["U0ANA", "U0BEN", "U0CHO", "U0DAN", "U0GUEST", "U0EXT", "U0SIGNOFF"]
        await slack.edit_workspace(channels={CHANNEL: {"members": everyone}})
        yield slack


async def asked(house: House, slack: SandboxClient, word: str) -> tuple[str, str, str]:
    """Ask; return name, id and the card's ts."""
    name = fresh(word)
    house.agent.ask(name)
    told = await house.agent.tells(name, "asked")
    return name, str(told["id"]), await card(slack, name)


@pytest.mark.parametrize("action", [APPROVE, REJECT])
async def test_whose_agent_it_is_does_not_decide(
    house: House, slack: SandboxClient, store: Store, action: str
):
    """Ben is listed, and owns the agent: told so in private, not waited for on the card."""
    name, approval_id, ts = await asked(house, slack, "pay")
    assert "<@U0BEN>" not in full_text((await slack.state()).message(CHANNEL, ts))
    assert (await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=action)).ok
    await until_told(slack, "U0BEN", "You may not decide this one yourself")
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await house.agent.tells(name, "done")


async def test_people_of_another_workspace_where_the_route_admits_it(
    house: House, slack: SandboxClient
):
    """Eve of a connected workspace is named twice; only the route that lists it counts her."""
    name, _, ts = await asked(house, slack, "pay")
    assert (await slack.click("U0EXT", channel=CHANNEL, ts=ts, action_id=APPROVE, force=True)).ok
    await until_told(slack, "U0EXT", "Only full members")
    assert ["asked"] == house.agent.heard(name)
    shared, _, ts = await asked(house, slack, "shared")
    assert (await slack.click("U0EXT", channel=CHANNEL, ts=ts, action_id=APPROVE, force=True)).ok
    ran = await house.agent.tells(shared, "ran", "refused")
    assert "slack:T0OTHER:U0EXT" == ran.get("approver")
    await house.agent.tells(shared, "done")
    await until_card_says(slack, ts, "Approved by <@U0EXT>", "done")


async def test_who_left_the_group_while_the_form_was_open(
    house: House, slack: SandboxClient, store: Store
):
    """The form is judged by who Cho is when she sends it, not when she opened it."""
    await slack.edit_workspace(usergroups={"S0SECURITY": {"users": ["U0CHO"]}})
    name, approval_id, ts = await asked(house, slack, "pay")
    assert (await slack.click("U0CHO", channel=CHANNEL, ts=ts, action_id=REJECT)).ok
    await slack.wait_for(lambda state: state.views("U0CHO"), "the form")
    await slack.edit_workspace(usergroups={"S0SECURITY": {"users": ["U0DAN"]}})
    assert (await slack.submit("U0CHO", values={REASON: "no"})).ok
    await until_told(slack, "U0CHO", "not among the people who may answer")
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await house.agent.tells(name, "done")


async def test_a_form_whose_sender_cannot_be_checked(
    house: House, slack: SandboxClient, store: Store
):
    """What was known a minute ago is not good enough for a form: no answer, no vote."""
    name, approval_id, ts = await asked(house, slack, "pay")
    assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=REJECT)).ok
    await slack.wait_for(lambda state: state.views("U0ANA"), "the form")
    fault = await slack.faults.refuse("ratelimited", method="users.info")
    assert (await slack.submit("U0ANA", values={REASON: "no"})).ok
    await until_told(slack, "U0ANA", "could not be checked", "try again")
    await slack.faults.clear(fault)
    record = await store.get(approval_id)
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await house.agent.tells(name, "done")
