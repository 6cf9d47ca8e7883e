"""Faults on the way to the app: lost, doubled, late, reordered, retried, over both transports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Clock, Sandbox, SandboxClient, signed_headers

from .conftest import APPROVALS, card, modal
from .small_app import Endpoint, Line, endpoint


@pytest.fixture
async def app(sandbox: Sandbox) -> AsyncIterator[Endpoint]:
    async with endpoint(sandbox) as found:
        yield found


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def ts(web: AsyncWebClient) -> str:
    """A card with Approve and Deny."""
    answer = await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card())
    return str(answer["ts"])


def _signature_fits(received: Any, secret: str) -> bool:
    stamp = received.headers["X-Slack-Request-Timestamp"]
    expected = signed_headers(secret, stamp, received.body)["X-Slack-Signature"]
    return bool(expected == received.headers["X-Slack-Signature"])


async def test_a_click_is_lost(app: Endpoint, client: SandboxClient, ts: str) -> None:
    """Nothing arrives and nothing is retried; the person sees the error sign, then clicks again."""
    await client.faults.lose(method="block_actions", user="U0ANA", count=1)
    result = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    assert (False, "lost", []) == (result.ok, result.error, app.received)
    state = await client.state()
    assert [("failed", "lost")] == [
        (mark["status"], mark["error"]) for mark in state.marks("U0ANA")
    ]
    assert (await client.click("U0BEN", action_id="approve", channel=APPROVALS, ts=ts)).ok
    assert (await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)).ok
    assert 2 == len(app.received)


async def test_an_ack_is_lost(app: Endpoint, client: SandboxClient, ts: str) -> None:
    """The app got the click, but the person sees the error sign."""
    await client.faults.lose_ack(count=1)
    result = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    assert ("timeout", 1) == (result.error, len(app.received))


async def test_a_submission_is_lost(
    app: Endpoint, web: AsyncWebClient, client: SandboxClient, ts: str
) -> None:
    """The modal stays open with its trouble sign, and can be submitted again."""
    click = await client.click("U0ANA", action_id="deny", channel=APPROVALS, ts=ts)
    await web.views_open(trigger_id=click.payload["trigger_id"], view=modal())
    await client.faults.lose(method="view_*", count=1)
    assert "lost" == (await client.submit("U0ANA", values={"why": "no"})).error
    assert ["lost"] == [view["trouble"] for view in await client.views("U0ANA")]
    assert (await client.submit("U0ANA")).ok


@pytest.mark.parametrize("resign", [True, False])
async def test_a_click_is_doubled_over_http(
    app: Endpoint, sandbox: Sandbox, client: SandboxClient, ts: str, resign: bool
) -> None:
    """The same body arrives twice, signed anew or as a replay; only the first answer counts."""
    app.statuses = [200, 500]
    await client.faults.duplicate(resign=resign, count=1)
    result = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    state = await client.wait_for(
        lambda state: [copy for copy in state.copies(result.record["id"]) if copy["done"]],
        "the copy",
    )
    first, second = app.received
    assert first.body == second.body
    assert all(_signature_fits(item, sandbox.signing_secret) for item in app.received)
    copy = state.copies(result.record["id"])[0]
    assert {True, False} == {result.ok, copy["ok"]}


async def test_a_click_arrives_again_minutes_later(
    app: Endpoint, client: SandboxClient, clock: Clock, ts: str
) -> None:
    """A duplicate five minutes later is the same body."""
    await client.faults.duplicate(copies=2, seconds=300, count=1)
    result = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    assert 1 == len(app.received)
    for expected in (2, 3):
        clock.advance(300)
        await client.wait_for(
            lambda state, count=expected: (
                len(state.copies(result.record["id"])) == count - 1 and state.deliveries[-1]["done"]
            ),
            "the next copy",
        )
        assert expected == len(app.received)
    assert 1 == len({item.body for item in app.received})


async def test_an_envelope_is_doubled(
    sandbox: Sandbox, session: aiohttp.ClientSession, client: SandboxClient, ts: str
) -> None:
    """Over one socket the same envelope id comes twice; each ack is taken."""
    line = await Line.open(sandbox, session)
    await line.frame()
    await client.faults.duplicate(count=1)
    serving = line.serving(2)
    result = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    first, second = await serving
    assert first == second
    state = await client.wait_for(
        lambda state: [copy for copy in state.copies(result.record["id"]) if copy["done"]],
        "the copy",
    )
    assert [True, True] == [item["ok"] for item in state.deliveries]


async def test_a_click_arrives_late(
    app: Endpoint, client: SandboxClient, clock: Clock, ts: str
) -> None:
    """The person sees the error sign at once; the app gets the click five minutes later."""
    await client.faults.delay(seconds=300, count=1)
    result = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    assert ("late", []) == (result.error, app.received)
    clock.advance(301)
    state = await client.wait_for(
        lambda state: [copy for copy in state.copies(result.record["id"]) if copy["done"]],
        "the late delivery",
    )
    assert [True] == [copy["ok"] for copy in state.copies(result.record["id"])]
    assert [result.payload] == [item.payload for item in app.received]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("held", ["approve", "deny"]),
        ("reversed", ["deny", "approve"]),
        ("ids", ["deny", "approve"]),
    ],
)
async def test_clicks_are_reordered(
    app: Endpoint, client: SandboxClient, ts: str, order: Any, expected: list[str]
) -> None:
    """Held clicks go in the order a test wants, one after the other."""
    await client.faults.hold(method="block_actions")
    clicks = []
    for number, (user, action) in enumerate([("U0ANA", "approve"), ("U0BEN", "deny")], start=1):
        clicks.append(
            asyncio.ensure_future(client.click(user, action_id=action, channel=APPROVALS, ts=ts))
        )
        state = await client.wait_for(
            lambda state, count=number: len(state.held) == count, "one more held click"
        )
    assert [] == app.received
    ids = [state.held[1]] if order == "ids" else order
    released = await client.faults.release(ids)
    assert 2 == len(released)
    assert [True, True] == [(await click).ok for click in clicks]
    assert expected == [item.payload["actions"][0]["action_id"] for item in app.received]
    assert [] == (await client.state()).held


async def test_an_event_is_retried_over_http(
    app: Endpoint, client: SandboxClient, clock: Clock
) -> None:
    """At once, after a minute, after five; the same event id, with number and reason."""
    app.statuses = [500, 302, 404, 500]
    opened = await client.open_home("U0ANA")
    assert opened is not None
    assert "http_500" == opened.error
    for passed, count in ((0, 2), (60, 3), (300, 4)):
        clock.advance(passed)
        await client.wait_for(
            lambda state, count=count: (
                len(state.deliveries) == count and state.deliveries[-1]["done"]
            ),
            f"attempt {count}",
        )
    assert [
        (None, None),
        ("1", "http_error"),
        ("2", "too_many_redirects"),
        ("3", "http_error"),
    ] == [
        (item.headers.get("X-Slack-Retry-Num"), item.headers.get("X-Slack-Retry-Reason"))
        for item in app.received
    ]
    assert 1 == len({item.payload["event_id"] for item in app.received})


async def test_an_app_can_stop_retries(app: Endpoint, client: SandboxClient, clock: Clock) -> None:
    """`x-slack-no-retry: 1` ends it; so does success."""
    app.statuses, app.headers = [500, 500], {"X-Slack-No-Retry": "1"}
    await client.open_home("U0ANA")
    app.headers = {}
    await client.open_home("U0BEN")
    await client.wait_for(
        lambda state: len(state.deliveries) == 3 and state.deliveries[-1]["done"], "one retry"
    )
    clock.advance(1000)
    await client.open_home("U0CHO")
    assert ["U0ANA", "U0BEN", "U0BEN", "U0CHO"] == [
        item.payload["event"]["user"] for item in app.received
    ]


async def test_an_event_is_retried_over_the_socket(
    sandbox: Sandbox, session: aiohttp.ClientSession, client: SandboxClient
) -> None:
    """A new envelope with the attempt and its reason; the event id stays."""
    line = await Line.open(sandbox, session)
    await line.frame()
    await client.faults.lose_ack(count=1)
    serving = line.serving(2)
    await client.open_home("U0ANA")
    first, second = await serving
    assert first["envelope_id"] != second["envelope_id"]
    assert first["payload"] == second["payload"]
    assert [(0, ""), (1, "timeout")] == [
        (item["retry_attempt"], item["retry_reason"]) for item in (first, second)
    ]


async def test_clicks_and_commands_are_not_retried(
    app: Endpoint, client: SandboxClient, clock: Clock, ts: str
) -> None:
    """Only events are."""
    app.statuses = [500, 500]
    await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    await client.slash("U0ANA", APPROVALS, "/signoff", "list")
    clock.advance(1000)
    await client.open_home("U0ANA")
    assert 3 == len(app.received)


async def test_ghosts_swallow_their_share(
    sandbox: Sandbox, session: aiohttp.ClientSession, client: SandboxClient, ts: str
) -> None:
    """Hello counts the dead connections, and what is sent to them is lost."""
    await client.faults.ghosts(1)
    line = await Line.open(sandbox, session)
    assert 2 == (await line.frame())["num_connections"]
    serving = line.serving(2)
    results = [
        await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts) for _ in range(4)
    ]
    await serving
    assert [None, None, "lost", "lost"] == sorted(
        (result.error for result in results), key=lambda error: error or ""
    )
    await client.faults.ghosts(10)
    late = await (await Line.open(sandbox, session)).frame()
    assert "too_many_websockets" == late["reason"]


@pytest.mark.parametrize(
    "reason", ["warning", "refresh_requested", "link_disabled", "too_many_websockets"]
)
async def test_each_goodbye_has_its_reason(
    sandbox: Sandbox, session: aiohttp.ClientSession, client: SandboxClient, reason: Any
) -> None:
    """The frame says why; a new connection is welcome."""
    line = await Line.open(sandbox, session)
    await line.frame()
    assert 1 == await client.disconnect(reason=reason)
    assert reason == (await line.frame())["reason"]
    assert "hello" == (await (await Line.open(sandbox, session)).frame())["type"]


async def test_socket_mode_is_switched_off(
    sandbox: Sandbox, session: aiohttp.ClientSession, client: SandboxClient
) -> None:
    """Open sockets and new ones end with link_disabled until it is on again."""
    line = await Line.open(sandbox, session)
    await line.frame()
    await client.faults.socket_mode(enabled=False)
    again = await Line.open(sandbox, session)
    assert ["link_disabled", "link_disabled"] == [
        (await item.frame())["reason"] for item in (line, again)
    ]
    await client.faults.socket_mode(enabled=True)
    assert "hello" == (await (await Line.open(sandbox, session)).frame())["type"]


async def test_slack_going_away_drops_the_sockets(
    sandbox: Sandbox, session: aiohttp.ClientSession, client: SandboxClient
) -> None:
    """No goodbye; no new connection until Slack is back."""
    line = await Line.open(sandbox, session)
    await line.frame()
    await client.faults.away()
    assert (await line.socket.receive(timeout=5)).type in (
        aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING,
    )  # fmt: skip
    with pytest.raises((aiohttp.ClientError, OSError)):
        await Line.open(sandbox, session)
    await client.faults.clear()
    assert "hello" == (await (await Line.open(sandbox, session)).frame())["type"]


async def test_the_secret_is_rotated(app: Endpoint, client: SandboxClient, ts: str) -> None:
    """Deliveries are signed with the new secret from then on."""
    await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    await client.faults.rotate_secret("new-secret")
    await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    assert [False, True] == [_signature_fits(item, "new-secret") for item in app.received]


async def test_the_app_is_told_that_its_token_is_gone(app: Endpoint, client: SandboxClient) -> None:
    """tokens_revoked goes to an app that subscribed to it."""
    assert await client.faults.revoke() is None
    await client.edit_workspace(events=["tokens_revoked"])
    told = await client.faults.revoke()
    assert told is not None
    assert told.ok
    assert {"oauth": [], "bot": ["U0SIGNOFF"]} == app.received[0].payload["event"]["tokens"]


async def test_a_person_of_another_organization_clicks(
    app: Endpoint, client: SandboxClient, ts: str, web: AsyncWebClient
) -> None:
    """In a shared channel strangers see and click; `user.team_id` and a view's `team` tell."""
    await client.faults.share(APPROVALS)
    await client.faults.add_to_channel(APPROVALS, "U0EXT")
    assert (await web.conversations_info(channel=APPROVALS))["channel"]["is_ext_shared"]
    click = await client.click("U0EXT", action_id="deny", channel=APPROVALS, ts=ts)
    assert ("T0OTHER", "T0SANDBOX") == (
        click.payload["user"]["team_id"],
        click.payload["team"]["id"],
    )
    await web.views_open(trigger_id=click.payload["trigger_id"], view=modal())
    sent = await client.submit("U0EXT", values={"why": "no"})
    assert ("T0OTHER", "T0SANDBOX") == (
        sent.payload["team"]["id"],
        sent.payload["view"]["app_installed_team_id"],
    )
    await client.edit_workspace(events=["message.channels"])
    await client.say("U0EXT", APPROVALS, "hello")
    assert app.received[-1].payload["is_ext_shared_channel"]
