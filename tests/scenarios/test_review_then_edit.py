"""P13: who was sent every page of a review may edit it there, or answer in place of a run."""

from __future__ import annotations

from typing import Any, Final

from bot.sandbox import SandboxClient, State
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    REASON,
    REJECT,
    buttons,
    card,
    fresh,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House

EDIT, ANSWER, REVIEW = "signoff_edit", "signoff_answer", "signoff_review"
AMOUNT, RESULT = "signoff_edit_value:0", "signoff_result_text"
ANA: Final = "slack:T0SANDBOX:U0ANA"
SECRET: Final = "correct-horse-battery"
ASKED: Final[dict[str, Any]] = {
    "amount": 1250,
    "orders": [f"order {number}: " + "o" * 40 for number in range(300)],
    "password": SECRET,
}
ALLOWING: Final[dict[str, Any]] = {"editable": True, "allow_override": True}


def title(state: State) -> str:
    views = state.views("U0ANA")
    return str(views[-1]["title"]["text"]) if views else ""


async def press(slack: SandboxClient, action: str) -> State:
    """Use a button of the view before Ana; return what is there when another view is."""
    view = (await slack.views("U0ANA"))[-1]
    assert (await slack.click("U0ANA", view_id=view["id"], action_id=action)).ok

    def changed(state: State) -> bool:
        now = state.views("U0ANA")[-1]
        return (now["id"], now["hash"]) != (view["id"], view["hash"])

    return await slack.wait_for(changed, f"another view after {action}")


async def read_through(agent: Agent, slack: SandboxClient, name: str) -> tuple[str, str]:
    """Ask, and have Ana read all of it, revealing what is masked; return id and card."""
    agent.ask(name, ASKED, **ALLOWING)
    ts = await card(slack, name)
    assert [REVIEW, REJECT] == buttons((await slack.state()).message(CHANNEL, ts))
    assert (await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=REVIEW)).ok
    state = await slack.wait_for(
        lambda state: (
            "page 1 of" in title(state) and name in str(state.views("U0ANA")[-1]["blocks"])
        ),
        "the first page",
    )
    while (view := state.views("U0ANA")[-1]).get("submit") is None:
        assert not {APPROVE, EDIT, ANSWER} & set(buttons(view))
        reveal = "signoff_reveal" in buttons(view)
        state = await press(slack, "signoff_reveal" if reveal else "signoff_page")
    assert {EDIT, ANSWER, REJECT} < set(buttons(view))
    return (await agent.tells(name, "asked"))["id"], ts


async def test_review_then_edit(any_house: House, any_agent: Agent, any_slack: SandboxClient):
    """The form has what an input takes; the rest, secrets too, runs as it was asked and read."""
    slack, name = any_slack, fresh("refund")
    _, ts = await read_through(any_agent, slack, name)
    state = await press(slack, EDIT)
    page, form = state.views("U0ANA")
    assert page["id"] == form["previous_view_id"]
    assert ["amount", "Why?"] == [
        block["label"]["text"] for block in form["blocks"] if block["type"] == "input"
    ]
    shown = str(form["blocks"])
    assert "it is too long for an input" in shown
    assert "it looks like a secret" in shown
    assert SECRET not in shown
    assert ["asked"] == any_agent.heard(name)
    assert (await slack.submit("U0ANA", values={AMOUNT: "125", REASON: "one zero too many"})).ok
    ran = await any_agent.tells(name, "ran", "refused")
    assert ("ran", ANA, ASKED | {"amount": 125}) == (ran["event"], ran["approver"], ran["payload"])
    await any_agent.tells(name, "done")
    assert 1 == any_house.runs(ran["id"])
    assert [] == await slack.views("U0ANA")
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    await until_thread(slack, ts, "Asked", "Edited", "Approved", "started", "done")
    await until_told(slack, "U0ANA", "recorded")
    assert SECRET not in str((await slack.state()).messages(CHANNEL))


async def test_review_then_answer(agent: Agent, slack: SandboxClient, house: House, store: Store):
    """The agent gets the words of somebody of whom it is on record that they saw all of it."""
    name = fresh("refund")
    key, ts = await read_through(agent, slack, name)
    await press(slack, ANSWER)
    before = await store.get(key)
    assert before is not None
    assert [(ANA, before.digest, "review")] == [
        (view.principal, view.digest, view.surface) for view in before.views
    ]
    assert (await slack.submit("U0ANA", values={RESULT: "Refunded by hand."})).ok
    told = await agent.tells(name, "answered", "ran", "refused")
    assert "Refunded by hand." == told.get("result")
    assert 0 == house.runs(key)
    await until_card_says(slack, ts, "<@U0ANA>", "Refunded by hand.")


async def test_edit_by_command(agent: Agent, slack: SandboxClient):
    """What was not seen is shown first; from its last page the same form opens."""
    name = fresh("refund")
    agent.ask(name, {"amount": 1250}, **ALLOWING)
    await card(slack, name)
    asked = await agent.tells(name, "asked")
    assert (await slack.slash("U0ANA", CHANNEL, "/signoff", f"edit {asked['id']}")).ok
    await slack.wait_for(lambda state: "Review" == title(state), "the review")
    state = await press(slack, EDIT)
    assert "Edit and approve" == title(state)
    assert (await slack.submit("U0ANA", values={AMOUNT: "125"})).ok
    assert {"amount": 125} == (await agent.tells(name, "ran", "refused")).get("payload")
