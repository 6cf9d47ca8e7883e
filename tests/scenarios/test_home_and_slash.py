"""A second way to decide: the app's home, the slash command, and who can decide what."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from bot.manifest import build
from bot.sandbox import SandboxClient, State
from stores import Store
from tests.scenarios.reading import APPROVE, card, fresh, private, until_card_says, until_told
from tests.support.house import CHANNEL, Agent, House


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    """The people of the house, with the app as its manifest makes it."""
    async with house.slack() as slack:
        await slack.edit_workspace(manifest=build(socket_mode=True))
        yield slack


def home(state: State, user: str) -> str:
    return json.dumps((state.home(user) or {}).get("blocks", []), ensure_ascii=False)


async def row(slack: SandboxClient, user: str, name: str, action: str) -> tuple[str, str]:
    """Open somebody's home; return its id and the block of the buttons under *name*."""
    await slack.open_home(user)
    state = await slack.wait_for(lambda state: name in home(state, user), f"{name} in the home")
    view = state.home(user)
    assert view is not None
    texts = [json.dumps(block, ensure_ascii=False) for block in view["blocks"]]
    begin = next(index for index, text in enumerate(texts) if name in text)
    block = next(b for b in view["blocks"][begin:] if b["type"] == "actions")
    assert action in [element["action_id"] for element in block["elements"]]
    return str(view["id"]), str(block["block_id"])


async def test_approve_in_the_home(house: House, agent: Agent, slack: SandboxClient):
    """Asked, seen and approved in the home; the agent goes on, card and home say so."""
    name = fresh("refund")
    agent.ask(name)
    ts = await card(slack, name)
    view, block = await row(slack, "U0ANA", name, APPROVE)
    clicked = await slack.click("U0ANA", view_id=view, block_id=block, action_id=APPROVE)
    assert clicked.ok
    done = await agent.tells(name, "done", "refused")
    assert ("done", 1) == (done["event"], house.runs(done["id"]))
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    await slack.wait_for(lambda state: "Decided lately" in home(state, "U0ANA"), "the home says so")


async def test_nobody_elses_home(house: House, agent: Agent, slack: SandboxClient):
    """Dan is not asked: nothing of it is in his home."""
    name = fresh("refund")
    agent.ask(name)
    await card(slack, name)
    await slack.open_home("U0DAN")
    state = await slack.wait_for(lambda state: state.home("U0DAN"), "a home for Dan")
    assert name not in home(state, "U0DAN")


async def test_the_slash_command(house: House, agent: Agent, slack: SandboxClient, store: Store):
    """Listed, shown, refused to Dan, rejected by Ben with a reason that reaches the agent."""
    name = fresh("refund")
    agent.ask(name)
    asked = await agent.tells(name, "asked")
    ts = await card(slack, name)
    listed = await slack.slash("U0BEN", CHANNEL, "/signoff", "list")
    assert name in json.dumps(listed.answer)
    told = len(private(await slack.state(), "U0DAN"))
    await slack.slash("U0DAN", CHANNEL, "/signoff", f"approve {asked['id']}")
    await until_told(slack, "U0DAN", "not among", answers=told + 1)
    told = len(private(await slack.state(), "U0BEN"))
    await slack.slash("U0BEN", CHANNEL, "/signoff", f"reject {asked['id']} not today")
    refused = await agent.tells(name, "refused", "ran")
    assert ("approval_denied", "not today") == (refused.get("code"), refused.get("note"))
    await until_told(slack, "U0BEN", "Your answer is recorded: reject", answers=told + 1)
    await until_card_says(slack, ts, "Rejected by <@U0BEN>", "not today")
    record = await store.get(asked["id"])
    assert record is not None
    assert ["slash"] == [vote.surface for vote in record.votes]


async def test_approve_by_command_shows_all_of_it_first(
    house: House, agent: Agent, slack: SandboxClient
):
    """The command opens the review; its last page approves."""
    name = fresh("refund")
    agent.ask(name)
    asked = await agent.tells(name, "asked")
    await card(slack, name)
    assert (await slack.slash("U0ANA", CHANNEL, "/signoff", f"approve {asked['id']}")).ok
    await slack.wait_for(lambda state: state.views("U0ANA"), "the review")
    assert ["asked"] == agent.heard(name)
    assert (await slack.submit("U0ANA")).ok
    done = await agent.tells(name, "done", "refused")
    assert ("done", 1) == (done["event"], house.runs(asked["id"]))


async def test_who_can_decide_this(house: House, agent: Agent, slack: SandboxClient):
    """The shortcut on a card answers whoever asks, in private."""
    name = fresh("refund")
    agent.ask(name)
    ts = await card(slack, name)
    for user, words in (("U0ANA", "You may decide it"), ("U0DAN", "You may not decide it")):
        told = len(private(await slack.state(), user))
        used = await slack.message_shortcut(user, channel=CHANNEL, ts=ts, callback_id="signoff_who")
        assert used.ok
        await until_told(slack, user, words, answers=told + 1)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
