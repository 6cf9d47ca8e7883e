"""Socket Mode: renewed without losing a click, watched, and ended where trying is of no use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.sandbox import SandboxClient
from bot.slack.app import SocketMode
from gate import ConfigError
from tests.bot.slack.edge import client_of
from tests.bot.slack.office import APPROVE, CHANNEL, Office, office
from tests.support.emitted import Sandbox
from tests.support.waiting import wait_until

PING = 0.05


@pytest.fixture
async def slack() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@asynccontextmanager
async def connected(slack: Sandbox, *, connections: int = 2) -> AsyncIterator[SocketMode]:
    """Connect an app without listeners."""
    from slack_bolt.async_app import AsyncApp

    async with client_of(slack.api_url) as client:
        bolt = AsyncApp(client=client, signing_secret="none", token=slack.bot_token)
        async with SocketMode(
            bolt,
            client=client,
            app_token=slack.app_token,
            connections=connections,
            ping_interval=PING,
        ) as socket:
            yield socket


async def ended(socket: SocketMode) -> ConfigError:
    """Return the error that ends the connections."""
    async with asyncio.timeout(5):
        with pytest.raises(ConfigError) as caught:
            await socket.watch()
    return caught.value


async def test_a_token_that_slack_refuses_at_the_start(slack: Sandbox):
    """Connecting ends with a sentence; the SDK alone would try for ever."""
    slack.world.app.app_token_error = "account_inactive"
    async with asyncio.timeout(5):
        with pytest.raises(ConfigError) as caught:
            async with connected(slack):
                pass
    assert ("SLACK_APP_TOKEN", "the token's account is deactivated") == (
        caught.value.setting,
        caught.value.reason,
    )


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("invalid_auth", "Slack does not know this token"),
        ("account_inactive", "the token's account is deactivated"),
        ("token_revoked", "the token was revoked"),
    ],
)
async def test_a_token_that_slack_refuses_later(slack: Sandbox, word: str, sentence: str):
    """Revoked while it ran: the next renewal ends it, with the token's name."""
    async with connected(slack) as socket:
        slack.world.app.app_token_error = word
        await slack.hub.disconnect(reason="refresh_requested")
        error = await ended(socket)
        assert ("SLACK_APP_TOKEN", sentence) == (error.setting, error.reason)


async def test_a_token_that_slack_refuses_after_the_line_was_cut(slack: Sandbox):
    """The same where nobody said goodbye before."""
    async with connected(slack, connections=1) as socket:
        slack.world.app.app_token_error = "not_authed"
        await slack.hub.disconnect(reason=None)
        assert "SLACK_APP_TOKEN" == (await ended(socket)).setting


async def test_socket_mode_switched_off(slack: Sandbox):
    """It is said which switch it is, and nothing tries any more."""
    async with connected(slack) as socket:
        slack.world.app.socket_mode = False
        await slack.hub.disconnect(reason="link_disabled")
        assert "Socket Mode is switched off for the app" == (await ended(socket)).reason
        assert {"link_disabled": 2} == dict(socket.disconnects())


@pytest.mark.parametrize("reason", ["refresh_requested", "warning", "too_many_websockets", None])
async def test_ordinary_goodbyes_are_followed_by_a_new_connection(
    slack: Sandbox, reason: str | None
):
    """Whatever else ends a connection, it comes back, and nothing is ended for good."""
    async with connected(slack) as socket, SandboxClient(slack.url) as people:
        old = {line.id for line in slack.hub.connections}
        await people.disconnect(reason=reason)  # type: ignore[arg-type]  # one of its words
        await wait_until(
            lambda: len({line.id for line in slack.hub.connections} - old) == 2, "two new ones"
        )
        await wait_until(lambda: _two(socket), "both stand")
        watching = asyncio.create_task(socket.watch())
        await asyncio.wait({watching}, timeout=2 * PING)
        assert not watching.done()
        watching.cancel()
        await asyncio.wait({watching})


async def _two(socket: SocketMode) -> bool:
    return 2 == await socket.connected()


async def test_an_outage_is_waited_for(slack: Sandbox):
    """Errors of Slack's own, rate limits and silence are no reason to end."""
    async with connected(slack) as socket, SandboxClient(slack.url) as people:
        old = {line.id for line in slack.hub.connections}
        await people.faults.server_error(method="apps.connections.open", count=2)
        await people.faults.rate_limited(method="apps.connections.open", retry_after=0, count=2)
        await people.faults.reset_before(method="apps.connections.open", count=1)
        await people.disconnect(reason="refresh_requested")
        await wait_until(
            lambda: len({line.id for line in slack.hub.connections} - old) == 2, "two new ones"
        )
        await wait_until(lambda: _two(socket), "both stand")


async def test_connections_of_others_are_noticed(slack: Sandbox, caplog: pytest.LogCaptureFixture):
    """Who else has the token gets a share of the clicks: one warning, with the number."""
    async with connected(slack) as socket, SandboxClient(slack.url) as people:
        await wait_until(lambda: socket.counted == 2, "both hellos")
        assert "socket.shared" not in caplog.text
        await people.faults.ghosts(3)
        await people.disconnect(reason="refresh_requested")
        await wait_until(lambda: socket.counted == 5, "the hello that counts all")
        line = [text for text in caplog.messages if "socket.shared" in text][-1]
        assert "connections=5" in line
        assert "ours=2" in line


async def test_a_click_under_way_is_acknowledged_before_the_connection_is_renewed():
    """Slack asks for the connection while somebody's click is decided: the person sees no error."""
    async with office("socket") as at:
        ts = await at.ask()
        writing, go_on = asyncio.Event(), asyncio.Event()

        async def slow(verb: str) -> None:
            if verb == "patch":
                writing.set()
                await go_on.wait()

        at.store.fault = slow
        click = asyncio.create_task(_click(at, ts))
        await writing.wait()
        [old] = at.slack.hub.connections
        await at.people.disconnect(reason="warning", grace=2.0)
        asyncio.get_running_loop().call_later(0.1, go_on.set)
        assert await click
        await wait_until(
            lambda: [line for line in at.slack.hub.connections if line is not old], "a new one"
        )


async def _click(at: Office, ts: str) -> bool:
    payload, mark = at.slack.people.click_message("U0ANA", CHANNEL, ts, APPROVE)
    return bool((await at.slack.people.deliver_click(payload, mark)).ok)
