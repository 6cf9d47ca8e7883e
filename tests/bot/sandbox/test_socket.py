"""Socket Mode at the wire: tickets, hello, one envelope to one connection, goodbyes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SandboxClient

from .conftest import APPROVALS, card
from .small_app import Line


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def _url(sandbox: Sandbox) -> str:
    web = AsyncWebClient(base_url=sandbox.api_url)
    return str((await web.apps_connections_open(app_token=sandbox.app_token))["url"])


async def test_a_ticket_is_good_for_one_connection(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    """The URL of apps.connections.open can be used once."""
    url = await _url(sandbox)
    await session.ws_connect(url)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(url)


async def test_hello_counts_the_connections(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    """Hello carries the count, the app id and how long the connection may live."""
    lines = [await Line.open(sandbox, session) for _ in range(2)]
    hellos = [await line.frame() for line in lines]
    assert [
        ("hello", 1),
        ("hello", 2),
    ] == [(hello["type"], hello["num_connections"]) for hello in hellos]
    assert "A0SIGNOFF" == hellos[0]["connection_info"]["app_id"]
    assert hellos[0]["debug_info"]["approximate_connection_time"] > 0


async def test_the_eleventh_connection_is_turned_away(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    """Ten connections are the limit."""
    lines = [await Line.open(sandbox, session) for _ in range(10)]
    assert ["hello"] * 10 == [(await line.frame())["type"] for line in lines]
    late = await (await Line.open(sandbox, session)).frame()
    assert ("disconnect", "too_many_websockets") == (late["type"], late["reason"])


async def test_each_envelope_goes_to_one_connection(
    sandbox: Sandbox,
    session: aiohttp.ClientSession,
    web: AsyncWebClient,
    client: SandboxClient,
) -> None:
    """Two connections share the clicks; nothing arrives twice."""
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card()))["ts"]
    lines = [await Line.open(sandbox, session) for _ in range(2)]
    for line in lines:
        await line.frame()

    async def serve(line: Line) -> str:
        envelope = await line.frame()
        await line.ack(envelope["envelope_id"])
        return str(envelope["envelope_id"])

    serving = [asyncio.ensure_future(serve(line)) for line in lines]
    results = [
        await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts) for _ in range(2)
    ]
    got = await asyncio.gather(*serving)
    assert [True, True] == [result.ok for result in results]
    assert {result.record["envelope_id"] for result in results} == set(got)
    assert 2 == len(set(got))


async def test_a_line_that_drops_loses_the_click(
    sandbox: Sandbox,
    session: aiohttp.ClientSession,
    web: AsyncWebClient,
    client: SandboxClient,
) -> None:
    """A click in flight on a dying connection is not retried; the person sees a sign."""
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card()))["ts"]
    line = await Line.open(sandbox, session)
    await line.frame()
    click = asyncio.ensure_future(
        client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    )
    await line.frame()
    await line.socket.close()
    assert "connection_lost" == (await click).error
    assert [] == (await client.state()).sockets


async def test_a_late_ack_is_noted(
    sandbox: Sandbox,
    session: aiohttp.ClientSession,
    web: AsyncWebClient,
    client: SandboxClient,
) -> None:
    """An ack after the deadline does not help the person, but the log tells."""
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card()))["ts"]
    line = await Line.open(sandbox, session)
    await line.frame()
    result = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    assert "timeout" == result.error
    await line.ack((await line.frame())["envelope_id"])
    state = await client.wait_for(
        lambda state: state.deliveries[-1]["late_ms"] is not None, "the late ack"
    )
    assert state.deliveries[-1]["late_ms"] >= 1000
    assert ["failed"] == [mark["status"] for mark in state.marks("U0ANA")]


async def test_slack_can_ask_for_a_reconnect(
    sandbox: Sandbox, session: aiohttp.ClientSession, client: SandboxClient
) -> None:
    """A disconnect frame names its reason, then the socket closes."""
    line = await Line.open(sandbox, session)
    await line.frame()
    assert 1 == await client.disconnect(reason="refresh_requested")
    frame = await line.frame()
    assert ("disconnect", "refresh_requested") == (frame["type"], frame["reason"])
    closed = await line.socket.receive(timeout=5)
    assert aiohttp.WSMsgType.CLOSE is closed.type or line.socket.closed


async def test_a_warned_line_gets_nothing_new(
    sandbox: Sandbox, session: aiohttp.ClientSession, client: SandboxClient
) -> None:
    """During the grace time the old socket stays open, but is no longer chosen."""
    line = await Line.open(sandbox, session)
    await line.frame()
    await client.disconnect(reason="warning", grace=30)
    assert "warning" == (await line.frame())["reason"]
    assert ([], False) == ((await client.state()).sockets, line.socket.closed)
