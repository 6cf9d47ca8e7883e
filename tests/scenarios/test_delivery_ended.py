"""A connection that can never come back ends the bot with one sentence, not with endless tries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.sandbox import SandboxClient
from tests.scenarios.reading import APPROVE, card, fresh, until_card_says
from tests.support.house import CHANNEL, Agent, Bot, House, running_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with running_house(bots=0) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack
        await slack.faults.restore(kind="app")
        await slack.faults.socket_mode(enabled=True)


@pytest.fixture
async def bot(house: House, slack: SandboxClient) -> Bot:
    """A `signoff run` with its two connections."""
    bot = await house.start_bot().up()
    await bot.logs("lease.taken")
    await slack.wait_for(lambda state: len(state.sockets) == 2, "two connections")
    return bot


async def _ended(bot: Bot) -> str:
    """Return the last line of a bot that ended by itself, as what cannot work as it is set up."""
    assert 2 == await bot.ended()
    return bot.printed().rstrip().splitlines()[-1]


async def test_socket_mode_switched_off_while_it_runs(bot: Bot, slack: SandboxClient):
    """The sentence names the switch."""
    await slack.faults.socket_mode(enabled=False)
    assert "Socket Mode is switched off for the app" in await _ended(bot)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("invalid_auth", "Slack does not know this token"),
        ("account_inactive", "the token's account is deactivated"),
    ],
)
async def test_a_token_revoked_while_it_runs(
    bot: Bot, slack: SandboxClient, word: str, sentence: str
):
    """At the next refresh the bot ends, and names the setting."""
    await slack.faults.revoke(error=word, kind="app")  # type: ignore[arg-type]  # one of its words
    await slack.disconnect(reason="refresh_requested")
    last = await _ended(bot)
    assert "SLACK_APP_TOKEN" in last
    assert sentence in last


async def test_refreshed_again_and_again_no_click_is_lost(
    bot: Bot, agent: Agent, slack: SandboxClient
):
    """One connection is renewed while the other takes the clicks: people never see an error."""
    for _ in range(4):
        name = fresh("refresh")
        agent.ask(name)
        ts = await card(slack, name)
        old = [str(socket["id"]) for socket in (await slack.state()).sockets]
        await slack.disconnect(reason="warning", connection=old[0], grace=1.0)
        clicked = await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
        assert clicked.ok, clicked.error
        await agent.tells(name, "done")
        await until_card_says(slack, ts, "Approved by <@U0ANA>")
        await slack.wait_for(
            lambda state, old=old: len({s["id"] for s in state.sockets} - {old[0]}) == 2,
            "two connections again",
        )
    assert not bot.logged("socket.shared")
    assert 0 == await bot.stop()
