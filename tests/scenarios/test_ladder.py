"""P11: a route's ladder asks again, wider and elsewhere; it survives the bots that climb it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.sandbox import SandboxClient, State
from tests.scenarios.reading import (
    APPROVE,
    REJECT,
    buttons,
    card,
    cards,
    fresh,
    full_text,
    replies,
    until_card_says,
    until_told,
)
from tests.support.house import CHANNEL, House, running_house

SECOND = "C0PRIVATE"
ROUTES = f"""\
[[routes]]
agent = "billing"
name = "pay-*"
channel = "{CHANNEL}"
approvers = ["U0ANA", "U0BEN"]

[[routes.ladder]]
after = "1s"
action = "remind"

[[routes.ladder]]
after = "2s"
action = "widen"
also = ["U0CHO"]

[[routes.ladder]]
after = "3s"
action = "move"
channel = "{SECOND}"

[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA"]

[[routes.ladder]]
after = "2s"
action = "widen"
also = ["U0DAN"]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Two replicas with short timers: one of them at a time climbs."""
    with running_house(bots=2, quick=True, routes=ROUTES) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


async def moved(slack: SandboxClient, name: str) -> str:
    """Return the ts of the card in the second channel, when the first one points to it."""
    await slack.wait_for(
        lambda state: (
            any(buttons(each) for each in cards(state, name, channel=SECOND))
            and all("Moved" in full_text(each) for each in cards(state, name))
        ),
        "the card has moved",
    )
    return await card(slack, name, channel=SECOND)


async def test_reminded_widened_and_moved(house: House, slack: SandboxClient):
    """Each rung once, though two replicas run: a call in the thread, a wider card, a new card."""
    agent, name = house.agent, fresh("pay")
    agent.ask(name)
    old = await card(slack, name)
    new = await moved(slack, name)
    state = await slack.wait_for(
        lambda state: len(state.thread(CHANNEL, old)) >= 4 and state.thread(SECOND, new),
        "all replies",
    )
    asked, reminded, widened, pointer = replies(state, old)
    assert "Asked" in asked
    assert "Still waiting" in reminded
    assert "<@U0ANA>" in reminded
    assert "<@U0CHO> may answer too" in widened
    assert f"Moved to <#{SECOND}>" in pointer
    [here] = replies(state, new, channel=SECOND)
    assert f"Moved here from <#{CHANNEL}>" in here
    assert [] == buttons(state.message(CHANNEL, old))
    # Cho was added; her click counts where it is asked now.
    assert (await slack.click("U0CHO", channel=SECOND, ts=new, action_id=APPROVE)).ok
    done = await agent.tells(name, "done")
    assert 1 == house.runs(done["id"])
    for channel, ts in ((CHANNEL, old), (SECOND, new)):
        await until_card_says(slack, ts, "Approved by <@U0CHO>", "done", channel=channel)
    state = await slack.state()
    assert 4 == len(state.thread(CHANNEL, old)), "the story goes on in one thread"


async def test_a_button_of_the_old_card_is_none_in_the_new_place(
    house: House, slack: SandboxClient
):
    """The seal is for the channel: a click on the new card, said to be in the old one, is void."""
    agent, name = house.agent, fresh("pay")
    agent.ask(name)
    await card(slack, name)
    new = await moved(slack, name)
    click = await slack.click_payload("U0ANA", action_id=APPROVE, channel=SECOND, ts=new)
    click["channel"]["id"] = click["container"]["channel_id"] = CHANNEL
    assert (await slack.deliver(click)).ok
    await until_told(slack, "U0ANA", "does not belong")
    assert ["asked"] == agent.heard(name)
    await slack.click("U0ANA", channel=SECOND, ts=new, action_id=APPROVE)
    await agent.tells(name, "done")


async def test_who_was_added_later_may_not_answer_before(house: House, slack: SandboxClient):
    """Dan is refused until the route asks him; the same card lets him decide afterwards."""
    agent, name = house.agent, fresh("deploy")
    agent.ask(name)
    ts = await card(slack, name)
    assert (await slack.click("U0DAN", channel=CHANNEL, ts=ts, action_id=APPROVE)).ok
    await until_told(slack, "U0DAN", "not among the people who may answer")

    def widened(state: State) -> bool:
        return "<@U0DAN>" in full_text(state.message(CHANNEL, ts))

    await slack.wait_for(widened, "the card asks Dan too")
    assert (await slack.click("U0DAN", channel=CHANNEL, ts=ts, action_id=REJECT)).ok
    await slack.wait_for(lambda state: state.views("U0DAN"), "the form")
    assert (await slack.submit("U0DAN", values={})).ok
    await agent.tells(name, "refused")
    await until_card_says(slack, ts, "Rejected by <@U0DAN>")


async def test_the_ladder_goes_on_after_its_bots_are_killed(house: House, slack: SandboxClient):
    """P18: with every bot gone the rungs wait in the store; the next one climbs them, each once."""
    agent, name = house.agent, fresh("pay")
    agent.ask(name)
    old = await card(slack, name)
    await slack.wait_for(
        lambda state: any("Still waiting" in text for text in replies(state, old)), "a reminder"
    )
    for bot in house.bots:
        if bot.returncode is None:
            bot.kill()
    await house.start_bot(quick=True, routes=ROUTES).up()
    new = await moved(slack, name)
    await slack.wait_for(
        lambda state: any("Moved to" in text for text in replies(state, old)), "the pointer"
    )
    told = " ".join(replies(await slack.state(), old))
    for words in ("Still waiting", "may answer too", "Moved to"):
        assert 1 == told.count(words), words
    assert 1 == len(cards(await slack.state(), name, channel=SECOND))
    await slack.click("U0ANA", channel=SECOND, ts=new, action_id=APPROVE)
    await agent.tells(name, "done")
