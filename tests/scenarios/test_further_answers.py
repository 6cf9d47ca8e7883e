"""P6, P11, P13: what a person edits or answers instead is what is decided, shown, and runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest

from bot.sandbox import SandboxClient, State
from gate import ApprovalGate
from gate.loop import AgentLoop, FinishReason, ToolMessage, define_tool
from gate.policy import PermissionPolicy, Rule
from gate.testing import ScriptedModel
from stores import Store, open_store
from tests.scenarios.reading import (
    APPROVE,
    REASON,
    REJECT,
    buttons,
    card,
    fresh,
    full_text,
    replies,
    until_card_says,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House, running_house

EDIT, ANSWER, SKIP = "signoff_edit", "signoff_answer", "signoff_skip"
AMOUNT, RESULT = "signoff_edit_value:0", "signoff_result_text"
ANA, BEN = "slack:T0SANDBOX:U0ANA", "slack:T0SANDBOX:U0BEN"
ASKED: Final[dict[str, Any]] = {"amount": 1250, "order": "A-1009"}
EDITED: Final = ASKED | {"amount": 125}
SCHEMA: Final = {
    "type": "object",
    "properties": {"amount": {"type": "integer", "minimum": 1}, "order": {"type": "string"}},
    "required": ["amount", "order"],
}
ALLOWING: Final[dict[str, Any]] = {
    "editable": True,
    "allow_override": True,
    "arguments_schema": SCHEMA,
}
ROUTES: Final = f"""\
[[routes]]
agent = "billing"
name = "two-*"
channel = "{CHANNEL}"
approvers = ["U0ANA", "U0BEN"]
needed = 2
answers = ["edit", "override", "skip"]

[[routes]]
agent = "billing"
name = "strict-*"
channel = "{CHANNEL}"
approvers = ["U0ANA"]
answers = []

[[routes]]
channel = "{CHANNEL}"
approvers = ["U0ANA", "U0BEN"]
answers = ["edit", "override", "skip"]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One bot whose routes ask one or two people, and offer them everything or nothing more."""
    with running_house(routes=ROUTES) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


@pytest.fixture
async def store(house: House) -> AsyncIterator[Store]:
    async with open_store(house.redis.url) as store:
        yield store


async def ask(agent: Agent, slack: SandboxClient, word: str, **terms: Any) -> tuple[str, str]:
    """Return the name of something asked, and the ts of its card."""
    name = fresh(word)
    agent.ask(name, ASKED, **(terms or ALLOWING))
    return name, await card(slack, name)


async def click(slack: SandboxClient, user: str, ts: str, action: str) -> None:
    clicked = await slack.click(user, channel=CHANNEL, ts=ts, action_id=action)
    assert clicked.ok, clicked.error


async def fill(slack: SandboxClient, user: str, ts: str, action: str, **values: str) -> None:
    """Open a form, fill it in as a person does, and submit it."""
    await click(slack, user, ts, action)
    await slack.wait_for(lambda state: state.views(user), f"the form for {user}")
    submitted = await slack.submit(user, values=values)
    assert submitted.ok, submitted.error


async def until_says(slack: SandboxClient, ts: str, *words: str) -> None:
    def says(state: State) -> bool:
        shown = full_text(state.message(CHANNEL, ts))
        return all(word in shown for word in words)

    await slack.wait_for(says, f"the card says {words}")


async def until_replied(slack: SandboxClient, ts: str, *words: str) -> str:
    """Return the reply in the thread of a card that says all of *words*."""

    def found(state: State) -> list[str]:
        return [each for each in replies(state, ts) if all(word in each for word in words)]

    state = await slack.wait_for(lambda state: found(state), f"a reply that says {words}")
    return found(state)[0]


async def test_edit_and_approve(house: House, slack: SandboxClient, store: Store):
    """The edited payload runs, by its receipt; both are on record, the change in the thread."""
    agent = house.agent
    name, ts = await ask(agent, slack, "refund")
    assert {APPROVE, EDIT, ANSWER, SKIP, REJECT} == set(
        buttons((await slack.state()).message(CHANNEL, ts))
    )
    await fill(slack, "U0ANA", ts, EDIT, **{AMOUNT: "125", REASON: "one zero too many"})
    ran = await agent.tells(name, "ran", "refused")
    assert ("ran", ANA, EDITED) == (ran["event"], ran["approver"], ran["payload"])
    await agent.tells(name, "done")
    assert 1 == house.runs(ran["id"])
    record = await store.get(ran["id"])
    assert record is not None
    assert (ASKED, EDITED) == (record.payload, record.effective_payload)
    assert record.receipt is not None
    assert record.consumption is not None
    assert record.digest_of(EDITED) == record.consumption.digest
    told = await until_replied(slack, ts, "Edited", "<@U0ANA>")
    assert told.index("amount: 1250") < told.index("amount: 125", told.index("1250") + 4)
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    await until_told(slack, "U0ANA", "recorded")


async def test_an_entry_that_does_not_fit(house: House, slack: SandboxClient, store: Store):
    """The form stays open and says why; nothing is on record until it fits."""
    agent = house.agent
    name, ts = await ask(agent, slack, "refund")
    asked = await agent.tells(name, "asked")
    await click(slack, "U0ANA", ts, EDIT)
    await slack.wait_for(lambda state: state.views("U0ANA"), "the form")
    before = await store.get(asked["id"])
    assert (await slack.submit("U0ANA", values={AMOUNT: "0"})).ok
    [view] = await slack.views("U0ANA")
    assert {"signoff_edit:0": "It has to be at least 1."} == view["errors"]
    assert before == await store.get(asked["id"])
    assert (await slack.submit("U0ANA", values={AMOUNT: "1"})).ok
    assert ASKED | {"amount": 1} == (await agent.tells(name, "ran"))["payload"]


async def test_an_edit_is_asked_of_the_others(house: House, slack: SandboxClient, store: Store):
    """It voids yeses and buttons from before it; the second yes is to the edit, and that runs."""
    agent = house.agent
    name, ts = await ask(agent, slack, "two-refunds")
    asked = await agent.tells(name, "asked")
    await click(slack, "U0BEN", ts, APPROVE)
    await until_says(slack, ts, "1 of 2")
    old = await slack.click_payload("U0BEN", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await fill(slack, "U0ANA", ts, EDIT, **{AMOUNT: "125"})
    await until_says(slack, ts, "amount: 125\n", "<@U0ANA>")
    assert (await slack.deliver(old)).ok
    await until_told(slack, "U0BEN", "newest card")
    record = await store.get(asked["id"])
    assert record is not None
    assert ("pending", [ANA]) == (record.status, [vote.principal for vote in record.votes])
    await until_replied(slack, ts, "Edited", "<@U0ANA>", "1250")
    await click(slack, "U0BEN", ts, APPROVE)
    ran = await agent.tells(name, "ran", "refused")
    assert (BEN, EDITED) == (ran.get("approver"), ran.get("payload"))


async def test_answer_instead(house: House, slack: SandboxClient, store: Store):
    """The agent gets the words, and nothing can be consumed."""
    agent = house.agent
    name, ts = await ask(agent, slack, "refund")
    await fill(slack, "U0BEN", ts, ANSWER, **{RESULT: "Refunded by hand, nothing to do."})
    told = await agent.tells(name, "answered", "ran", "refused")
    assert "Refunded by hand, nothing to do." == told.get("result")
    assert 0 == house.runs(told["id"])
    record = await store.get(told["id"])
    assert record is not None
    assert record.consumption is None
    await until_replied(slack, ts, "in place of a run", "Refunded by hand")
    await until_card_says(slack, ts, "<@U0BEN>", "Refunded by hand")


async def test_skip(house: House, slack: SandboxClient):
    """The agent hears another word than a no, and goes on without the action."""
    agent = house.agent
    name, ts = await ask(agent, slack, "refund")
    await click(slack, "U0ANA", ts, SKIP)
    told = await agent.tells(name, "refused", "ran")
    assert "approval_skipped" == told.get("code")
    await until_card_says(slack, ts, "Skipped", "<@U0ANA>")


@pytest.mark.parametrize(
    ("action", "route", "terms"),
    [
        (EDIT, "strict-refund", ALLOWING),
        (ANSWER, "strict-refund", ALLOWING),
        (SKIP, "strict-refund", ALLOWING),
        (EDIT, "refund", {"allow_override": True}),
        (ANSWER, "refund", {"editable": True}),
    ],
)
async def test_what_is_not_allowed_is_not_offered_and_not_taken(
    house: House, slack: SandboxClient, store: Store, action: str, route: str, terms: dict[str, Any]
):
    """No button where route or request do not allow it, and a forged click is refused."""
    name, ts = await ask(house.agent, slack, route, **terms)
    assert action not in buttons((await slack.state()).message(CHANNEL, ts))
    payload = await slack.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=REJECT)
    payload["actions"][0]["action_id"] = action
    before = len(await slack.ephemerals("U0ANA"))
    assert (await slack.deliver(payload)).ok
    state = await slack.wait_for(
        lambda state: len(state.ephemerals("U0ANA")) > before, "Ana is told in private"
    )
    assert [] == state.views("U0ANA")
    asked = await house.agent.tells(name, "asked")
    record = await store.get(asked["id"])
    assert record is not None
    assert ("pending", ()) == (record.status, record.votes)
    [refused] = [
        logged.event
        for logged in await store.read("", limit=1000)
        if logged.event.key == asked["id"] and logged.event.type == "onApprovalRefused"
    ]
    words = {EDIT: "edit", ANSWER: "override", SKIP: "skip"}
    assert f"{words[action]}_not_allowed" == getattr(refused, "reason", None)


async def test_a_loop_hears_that_a_person_changed_the_arguments(
    house: House, slack: SandboxClient, store: Store
):
    """The tool runs with what stands in the form, and the model is told who made it so."""
    ran: list[int] = []
    tool = fresh("refund").replace("-", "_")

    @define_tool(name=tool)
    async def refund(order: str, amount: int) -> str:
        """Refund an order."""
        ran.append(amount)
        return f"refunded {amount} for {order}"

    model = ScriptedModel()
    model.calls((tool, ASKED)).says("Done.")
    policy = PermissionPolicy([Rule(effect="ask", reason="Money needs a person.")])
    async with ApprovalGate(
        store, agent="billing", public_keys=house.public_keys.split(",")
    ) as gate:
        loop = AgentLoop(
            model, tools=[refund], policy=policy, approve=gate, terms={"editable": True}
        )
        run = asyncio.create_task(loop.complete("Refund A-1009."))
        ts = await card(slack, tool)
        shown = full_text((await slack.state()).message(CHANNEL, ts))
        assert "Money needs a person." in shown
        await fill(slack, "U0ANA", ts, EDIT, **{AMOUNT: "125"})
        result = await run
    assert (FinishReason.DONE, [125]) == (result.finish_reason, ran)
    [told] = [message for message in model.asked[-1] if isinstance(message, ToolMessage)]
    assert "A person changed the arguments" in told.content
