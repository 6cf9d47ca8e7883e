"""The same id stands for the same question for ever: anything else is refused, nothing changes."""

from __future__ import annotations

from bot.sandbox import SandboxClient
from stores import Store
from tests.scenarios.reading import APPROVE, card, cards, fresh, until_thread
from tests.support.house import CHANNEL, Agent, House


async def test_the_same_id_with_another_payload_is_a_conflict(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """The second question is refused; the first one, its record and its card stay as they were."""
    name, approval_id = fresh("delete-user"), fresh("delete")
    agent.ask(name, {"user_id": 42}, id=approval_id)
    ts = await card(slack, name)
    await until_thread(slack, ts, "Asked")
    before, shown = await store.get(approval_id), cards(await slack.state(), name)

    agent.ask(name, {"user_id": 43}, id=approval_id, job="other-payload")
    agent.ask(fresh("drop-table"), {"user_id": 42}, id=approval_id, job="other-name")
    agent.ask(name, {"user_id": 42}, id=approval_id, expires_in=60, job="other-terms")
    for job in ("other-payload", "other-name", "other-terms"):
        refused = await agent.tells(job, "refused", "asked")
        assert "approval_conflict" == refused.get("code"), job

    assert before == await store.get(approval_id)
    assert shown == cards(await slack.state(), name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    ran = await agent.tells(name, "ran", "refused")
    assert {"user_id": 42} == ran["payload"]
    await agent.tells(name, "done")
    assert 1 == house.runs(approval_id)


async def test_another_agent_with_the_same_id_is_a_conflict(
    house: House, agent: Agent, slack: SandboxClient
):
    """An id that is taken cannot be used to hide behind somebody else's approval."""
    name, approval_id = fresh("delete-user"), fresh("delete")
    agent.ask(name, {"user_id": 42}, id=approval_id)
    ts = await card(slack, name)
    other = house.start_agent("marketing")
    other.ask(name, {"user_id": 42}, id=approval_id)
    refused = await other.tells(name, "refused", "asked")
    assert "approval_conflict" == refused.get("code")
    assert 1 == len(cards(await slack.state(), name))
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    assert [1, ["refused"]] == [house.runs(approval_id), other.heard(name)]


async def test_the_same_question_twice_is_one_approval_with_one_card(
    house: House, agent: Agent, slack: SandboxClient
):
    """Two processes that ask the same with the same id share the approval; one of them runs."""
    name, approval_id = fresh("delete-user"), fresh("delete")
    other = house.start_agent()
    for asker in (agent, other):
        asker.ask(name, {"user_id": 42}, id=approval_id)
        await asker.tells(name, "asked")
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    ends = [await asker.tells(name, "done", "refused") for asker in (agent, other)]
    assert {"done", "already_consumed"} == {end.get("code", end["event"]) for end in ends}
    assert 1 == house.runs(approval_id)
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    assert 1 == len(cards(await slack.state(), name))
