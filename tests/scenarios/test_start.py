"""A bot that cannot do its work does not start: one sentence says which setting to change."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from bot.sandbox import SandboxClient
from tests.support.house import CHANNEL, ROUTES, House, running_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house in which no bot comes up."""
    with running_house(bots=0) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


async def refused(house: House, *, routes: str = ROUTES, **changes: str | None) -> str:
    """Start a bot that must not come up, and return its one sentence."""
    transport = "http" if "SLACK_SIGNING_SECRET" in changes else "socket"
    bot = house.start_bot(transport=transport, routes=routes, **changes)
    code = await bot.ended()
    lines = [line for line in bot.printed().splitlines() if not line.startswith("{")]
    assert 2 == code, bot.printed()
    assert 1 == len(lines), bot.printed()
    assert lines[0].startswith("signoff: ")
    assert "Traceback" not in bot.printed()
    return lines[0].removeprefix("signoff: ")


async def test_a_wrong_variable_is_named(house: House):
    """Missing, of another kind, or unknown to Slack: the sentence says which setting it is."""
    wrong: list[tuple[str, str | None, str]] = [
        ("SLACK_BOT_TOKEN", None, "SLACK_BOT_TOKEN"),
        ("SLACK_BOT_TOKEN", "xoxb-unknown", "SLACK_BOT_TOKEN"),
        ("SLACK_APP_TOKEN", None, "SLACK_APP_TOKEN"),
        ("SLACK_APP_TOKEN", "xapp-unknown", "SLACK_APP_TOKEN"),
        ("SLACK_API_URL", "http://127.0.0.1:1/api/", "SLACK_API_URL"),
        ("SIGNOFF_CONFIG", "nowhere.toml", "SIGNOFF_CONFIG"),
        ("SIGNOFF_REDIS_URL", "http://127.0.0.1", "SIGNOFF_REDIS_URL"),
    ]
    sentences = await asyncio.gather(
        *(refused(house, **{variable: value}) for variable, value, _ in wrong)
    )
    for (_, _, named), sentence in zip(wrong, sentences, strict=True):
        assert named in sentence
        assert "unknown" not in sentence, "no token is repeated"


async def test_a_wrong_line_of_the_file_is_named(house: House):
    """Above all an empty list of approvers: it never means everybody."""
    wrong = [
        ("", "routes"),
        (f'[[routes]]\nchannel = "{CHANNEL}"\napprovers = []\n', "route 1, approvers"),
        ('[[routes]]\nchannel = "#approvals"\napprovers = ["U0ANA"]\n', "route 1, channel"),
        (ROUTES.replace(CHANNEL, "C0NOWHERE"), "channel C0NOWHERE"),
        (ROUTES.replace(CHANNEL, "C0GENERAL"), "channel C0GENERAL"),
    ]
    sentences = await asyncio.gather(*(refused(house, routes=routes) for routes, _ in wrong))
    for (_, named), sentence in zip(wrong, sentences, strict=True):
        assert named in sentence


async def test_an_archived_channel_is_named(house: House, slack: SandboxClient):
    """What worked yesterday and cannot work today stops the start too."""
    await slack.edit_workspace(channels={CHANNEL: {"is_archived": True}})
    try:
        assert f"channel {CHANNEL}" in await refused(house)
    finally:
        await slack.edit_workspace(channels={CHANNEL: {"is_archived": False}})


async def test_a_missing_scope_is_named(house: House, slack: SandboxClient):
    """The sentence names the scope and says what to do."""
    scopes = list((await slack.state()).data["app"]["scopes"])
    await slack.edit_workspace(scopes=[scope for scope in scopes if scope != "usergroups:read"])
    try:
        sentence = await refused(house)
        assert "usergroups:read" in sentence
        assert "signoff manifest" in sentence
    finally:
        await slack.edit_workspace(scopes=scopes)


async def test_an_address_that_is_taken_is_named(house: House):
    """Two programs on one port: the sentence names the setting, not a line of ours."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "SIGNOFF_LISTEN" in await refused(house, SIGNOFF_LISTEN=f"127.0.0.1:{port}")


async def test_a_store_that_cannot_be_reached_is_said_in_one_sentence(house: House):
    """It may come up later, so it is another exit code than a wrong setting's."""
    bot = house.start_bot(SIGNOFF_REDIS_URL="redis://:hunter2@127.0.0.1:1/0")
    assert 1 == await bot.ended()
    [line] = [line for line in bot.printed().splitlines() if not line.startswith("{")]
    assert "store" in line
    assert "hunter2" not in line
    bot.killed = True  # it ended with 1, as it should


async def test_a_store_that_may_throw_approvals_away_stops_the_start(house: House):
    """The sentence says what to set; a bot that is told to takes the server as it is."""
    assert house.redis.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru").startswith(b"+OK")
    try:
        for more in ({}, {"SIGNOFF_ALLOW_EVICTION": "0"}):
            sentence = await refused(house, **more)
            assert sentence.startswith("maxmemory-policy: is allkeys-lru")
            assert "set it to noeviction there, or SIGNOFF_ALLOW_EVICTION=1" in sentence
        bot = await house.start_bot(SIGNOFF_ALLOW_EVICTION="1").up()
        assert 1 == len(bot.logged("store_may_evict"))
        assert 0 == await bot.stop()
    finally:
        house.redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")


async def test_it_stops_in_order_when_told_to(house: House):
    """SIGTERM right after the start, and in the middle of one: exit code 0, no traceback."""
    bots = [house.start_bot(), house.start_bot(transport="http")]
    await asyncio.gather(*(bot.up() for bot in bots))
    assert [0, 0] == [await bot.stop() for bot in bots]
