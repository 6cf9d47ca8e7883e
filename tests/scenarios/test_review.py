"""P13: what does not fit on the card is approved only by who was sent every page of it."""

from __future__ import annotations

from typing import Any, Final

from bot.sandbox import SandboxClient, State
from stores import open_store
from tests.scenarios.reading import (
    APPROVE,
    REJECT,
    buttons,
    card,
    fresh,
    private,
    until_card_says,
    until_thread,
)
from tests.support.house import CHANNEL, Agent, House

ROWS: Final = [f"row {number}: " + "r" * 50 for number in range(650)]
PAYLOAD: Final[dict[str, Any]] = {"rows": ROWS, "last": "drop everything"}
"""About 40 kB."""


def page(state: State, user: str) -> str:
    views = state.views(user)
    return str(views[-1]["title"]["text"]) if views else ""


def shown(state: State, user: str) -> str:
    """Return the arguments on the page that is open before somebody."""
    return "\n".join(
        piece["text"]
        for block in state.views(user)[-1]["blocks"]
        for part in block.get("elements", ())
        if part.get("type") == "rich_text_preformatted"
        for piece in part["elements"]
    )


async def turn(slack: SandboxClient, user: str, action: str = "signoff_page") -> State:
    """Turn a page; return what is there then."""
    state = await slack.state()
    before = page(state, user)
    view = state.views(user)[-1]
    assert (await slack.click(user, view_id=view["id"], action_id=action)).ok
    return await slack.wait_for(lambda state: page(state, user) != before, "another page")


async def opened(agent: Agent, slack: SandboxClient, name: str) -> str:
    """Ask for 40 kB, open the review as Ana; return the card."""
    agent.ask(name, PAYLOAD)
    ts = await card(slack, name)
    clicked = await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id="signoff_review")
    assert clicked.ok
    await slack.wait_for(
        lambda state: (
            "page 1 of" in page(state, "U0ANA") and name in str(state.views("U0ANA")[-1]["blocks"])
        ),
        "the first page",
    )
    return ts


async def test_forty_kilobytes_page_by_page(
    any_house: House, any_agent: Agent, any_slack: SandboxClient
):
    """The card has no Approve; the last of all pages has it, and the run has what was shown."""
    slack, name = any_slack, fresh("import")
    ts = await opened(any_agent, slack, name)
    state = await slack.state()
    assert ["signoff_review", REJECT] == buttons(state.message(CHANNEL, ts))
    told, seen = len(private(state, "U0ANA")), shown(state, "U0ANA")
    while state.views("U0ANA")[-1].get("submit") is None:
        assert APPROVE not in buttons(state.views("U0ANA")[-1])
        state = await turn(slack, "U0ANA")
        seen += "\n" + shown(state, "U0ANA")
    assert [] == [row for row in ROWS if f'"{row}"' not in seen]
    assert "drop everything" in seen
    assert ["asked"] == any_agent.heard(name)
    assert (await slack.submit("U0ANA")).ok
    done = await any_agent.tells(name, "done", "refused")
    assert ("done", 1) == (done["event"], any_house.runs(done["id"]))
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    state = await slack.wait_for(
        lambda state: len(private(state, "U0ANA")) == told + 1, "one private answer"
    )
    assert "Your answer is recorded: approve" in private(state, "U0ANA")[-1]
    assert [] == state.views("U0ANA")
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    async with open_store(any_house.redis.url) as store:
        record = await store.get(done["id"])
    assert record is not None
    assert [("slack:T0SANDBOX:U0ANA", record.digest)] == [
        (view.principal, view.digest) for view in record.views
    ]


async def test_a_review_that_was_not_finished_is_no_view(
    any_house: House, any_agent: Agent, any_slack: SandboxClient
):
    """Who reads some pages and closes it has approved nothing, and has no view on record."""
    slack, name = any_slack, fresh("import")
    ts = await opened(any_agent, slack, name)
    await turn(slack, "U0ANA")
    await slack.close_view("U0ANA", everything=True)
    asked = await any_agent.tells(name, "asked")
    async with open_store(any_house.redis.url) as store:
        record = await store.get(asked["id"])
    assert record is not None
    assert ("pending", ()) == (record.status, record.views)
    await slack.click("U0BEN", channel=CHANNEL, ts=ts, action_id=REJECT)
    await slack.wait_for(lambda state: state.views("U0BEN"), "the form")
    assert (await slack.submit("U0BEN", values={})).ok
    await any_agent.tells(name, "refused")


async def test_reject_from_within_a_review(
    any_house: House, any_agent: Agent, any_slack: SandboxClient
):
    """Reject works on every page; the reason reaches the agent."""
    slack, name = any_slack, fresh("import")
    await opened(any_agent, slack, name)
    await turn(slack, "U0ANA")
    view = (await slack.views("U0ANA"))[-1]
    assert (await slack.click("U0ANA", view_id=view["id"], action_id=REJECT)).ok
    await slack.wait_for(lambda state: len(state.views("U0ANA")) == 2, "the form on top")
    assert (await slack.submit("U0ANA", values={"signoff_reason_text": "too much"})).ok
    refused = await any_agent.tells(name, "refused", "ran")
    assert ("approval_denied", "too much") == (refused.get("code"), refused.get("note"))
    assert [] == await slack.views("U0ANA")
