"""P11: a quorum counts distinct people of each circle; the card says who is still missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.sandbox import SandboxClient, State
from tests.scenarios.reading import (
    APPROVE,
    card,
    fresh,
    full_text,
    reject,
    until_card_says,
    until_thread,
    until_told,
)
from tests.support.house import CHANNEL, House, running_house

ROUTES = f"""\
[[routes]]
agent = "billing"
channel = "{CHANNEL}"
deny_threshold = 2

[[routes.quorums]]
name = "owners"
of = ["S0OWNERS"]
needed = 2

[[routes.quorums]]
name = "security"
of = ["S0SECURITY"]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One bot whose route asks two owners and one of security; two rejections end it."""
    with running_house(routes=ROUTES) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


async def until_says(slack: SandboxClient, ts: str, *words: str) -> None:
    """Return when the card says all of *words*."""

    def says(state: State) -> bool:
        shown = full_text(state.message(CHANNEL, ts))
        return all(word in shown for word in words)

    await slack.wait_for(says, f"the card says {words}")


async def approve(slack: SandboxClient, user: str, ts: str) -> None:
    assert (await slack.click(user, channel=CHANNEL, ts=ts, action_id=APPROVE)).ok


async def test_live_progress_until_all_are_there(house: House, slack: SandboxClient):
    """After each answer the card says what it came to; the last one decides."""
    agent, name = house.agent, fresh("wipe")
    agent.ask(name)
    ts = await card(slack, name)
    await approve(slack, "U0ANA", ts)
    await until_says(slack, ts, "✅ <@U0ANA>", "1 of 2 owners, security missing")
    await until_told(slack, "U0ANA", "More answers are needed", "change yours")
    await approve(slack, "U0CHO", ts)
    await until_says(slack, ts, "1 of 2 owners, 1 of 1 security")
    assert ["asked"] == agent.heard(name)
    await approve(slack, "U0BEN", ts)
    ran = await agent.tells(name, "ran", "refused")
    assert "slack:T0SANDBOX:U0BEN" == ran["approver"]
    await agent.tells(name, "done")
    await until_card_says(slack, ts, "<@U0ANA>", "<@U0BEN>", "<@U0CHO>", "done")
    assert 1 == house.runs(ran["id"])


async def test_one_person_twice_is_one_person(house: House, slack: SandboxClient):
    """Ana clicks again: told that her answer stands; the count stays as it was."""
    agent, name = house.agent, fresh("wipe")
    agent.ask(name)
    ts = await card(slack, name)
    for _ in range(2):
        await approve(slack, "U0ANA", ts)
    await until_told(slack, "U0ANA", "You gave this answer before")
    await until_says(slack, ts, "1 of 2 owners, security missing")
    assert ["asked"] == agent.heard(name)
    for user in ("U0BEN", "U0CHO"):
        await approve(slack, user, ts)
    await agent.tells(name, "done")


async def test_an_answer_may_be_changed_until_the_decision_falls(
    house: House, slack: SandboxClient
):
    """Ana says yes, then no, then yes: the last one counts, and one no does not end it."""
    agent, name = house.agent, fresh("wipe")
    agent.ask(name)
    ts = await card(slack, name)
    await approve(slack, "U0ANA", ts)
    await until_says(slack, ts, "✅ <@U0ANA>")
    await reject(slack, "U0ANA", ts, "not sure")
    await until_says(slack, ts, "⛔ <@U0ANA>", "0 of 2 owners", "1 of 2 rejections")
    await approve(slack, "U0CHO", ts)
    await approve(slack, "U0BEN", ts)
    await until_says(slack, ts, "1 of 2 owners, 1 of 1 security, 1 of 2 rejections")
    assert ["asked"] == agent.heard(name)
    await approve(slack, "U0ANA", ts)
    done = await agent.tells(name, "done")
    assert 1 == house.runs(done["id"])
    thread = await until_thread(
        slack, ts, "Asked", "approve", "reject", "approve", "approve", "Approved", "started", "done"
    )
    assert "not sure" in thread[2]


async def test_as_many_rejections_as_the_route_says_end_it(house: House, slack: SandboxClient):
    """The first no waits for the second; what was approved meanwhile does not count."""
    agent, name = house.agent, fresh("wipe")
    agent.ask(name)
    ts = await card(slack, name)
    await approve(slack, "U0ANA", ts)
    await reject(slack, "U0BEN", ts, "first")
    await until_says(slack, ts, "1 of 2 rejections")
    assert ["asked"] == agent.heard(name)
    await reject(slack, "U0CHO", ts, "second")
    refused = await agent.tells(name, "refused", "ran")
    assert ("approval_denied", "second") == (refused["code"], refused["note"])
    await until_card_says(slack, ts, "Rejected by", "<@U0BEN>", "<@U0CHO>")
