"""Clicks and submissions reach a real Bolt app, over signed HTTP and over Socket Mode."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web as aioweb
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SandboxClient, SandboxRefusal

from .conftest import APPROVALS, card, modal

SECRET = "sandbox-signing-secret"


@dataclass
class Seen:
    """What the app received, and how it shall answer submissions."""

    actions: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    submission: dict[str, Any] = field(default_factory=dict)
    request_url: str = ""


def _app(sandbox: Sandbox, seen: Seen) -> AsyncApp:
    app = AsyncApp(
        client=AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url),
        signing_secret=sandbox.signing_secret,
        process_before_response=True,
    )

    @app.action("approve")
    async def approve(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        seen.actions.append(body)
        channel, ts = body["container"]["channel_id"], body["container"]["message_ts"]
        await client.chat_update(channel=channel, ts=ts, text="approved")
        await ack()

    @app.action("deny")
    async def deny(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        seen.actions.append(body)
        await client.views_open(trigger_id=body["trigger_id"], view=modal(notify_on_close=True))
        await ack()

    @app.action("answer")
    async def answer(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        await respond(text="only you", replace_original=False)

    @app.view("note")
    async def submitted(ack: Any, body: dict[str, Any]) -> None:
        seen.views.append(body)
        await ack(**seen.submission)

    @app.view_closed("note")
    async def closed(ack: Any, body: dict[str, Any]) -> None:
        seen.views.append(body)
        await ack()

    @app.command("/signoff")
    async def command(ack: Any, body: dict[str, Any]) -> None:
        seen.commands.append(body)
        await ack(f"you said {body['text']}")

    @app.event("app_home_opened")
    async def home(body: dict[str, Any]) -> None:
        seen.events.append(body)

    return app


async def _serve(app: AsyncApp) -> tuple[aioweb.AppRunner, str]:
    async def events(request: aioweb.Request) -> aioweb.StreamResponse:
        response = await app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(response)

    server = aioweb.Application()
    server.router.add_post("/slack/events", events)
    runner = aioweb.AppRunner(server)
    await runner.setup()
    site = aioweb.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"


@pytest.fixture(params=["http", "socket"])
async def seen(
    request: pytest.FixtureRequest, sandbox: Sandbox, client: SandboxClient
) -> AsyncIterator[Seen]:
    """A Bolt app connected over one of the two transports."""
    seen = Seen()
    app = _app(sandbox, seen)
    if request.param == "http":
        runner, seen.request_url = await _serve(app)
        sandbox.request_url = seen.request_url
        yield seen
        await runner.cleanup()
        return
    handler = AsyncSocketModeHandler(app, sandbox.app_token, web_client=app.client)
    await handler.connect_async()
    await client.wait_for(lambda state: state.sockets, "an open socket")
    yield seen
    await handler.close_async()
    # The SDK cancels its tasks on close without awaiting them.
    await asyncio.gather(
        *(
            task
            for task in asyncio.all_tasks()
            if task is not asyncio.current_task() and "slack_sdk" in repr(task.get_coro())
        ),
        return_exceptions=True,
    )


async def _post(web: AsyncWebClient, **changes: Any) -> str:
    answer = await web.chat_postMessage(channel=APPROVALS, text="May I?", blocks=card(**changes))
    return str(answer["ts"])


async def test_a_click_reaches_the_app_and_is_acknowledged(
    seen: Seen, web: AsyncWebClient, client: SandboxClient
) -> None:
    """block_actions arrives with every key of the real payload."""
    ts = await _post(web, value="r7")
    result = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    assert (True, None) == (result.ok, result.error)
    body = seen.actions[0]
    assert body == result.payload
    assert {
        "type", "user", "api_app_id", "token", "container", "trigger_id", "team", "enterprise",
        "is_enterprise_install", "channel", "message", "state", "response_url", "actions",
    } == set(body)  # fmt: skip
    assert {
        "id": "U0ANA",
        "username": "ana",
        "name": "ana",
        "team_id": "T0SANDBOX",
    } == body["user"]
    assert {
        "type": "message", "message_ts": ts, "channel_id": APPROVALS, "is_ephemeral": False,
    } == body["container"]  # fmt: skip
    action = body["actions"][0]
    assert (
        "approve",
        "decide",
        "r7",
        "primary",
        "button",
    ) == tuple(action[key] for key in ("action_id", "block_id", "value", "style", "type"))
    assert "approved" == (await client.messages(APPROVALS))[0]["text"]
    assert [] == (await client.state()).marks("U0ANA")


async def test_a_modal_round_trip(seen: Seen, web: AsyncWebClient, client: SandboxClient) -> None:
    """Click, modal, empty input refused by the client, submission with state, modal closed."""
    ts = await _post(web)
    await client.click("U0ANA", action_id="deny", channel=APPROVALS, ts=ts)
    view = (await client.views("U0ANA"))[-1]
    with pytest.raises(SandboxRefusal, match="incomplete"):
        await client.submit("U0ANA")
    assert ["why"] == list((await client.views("U0ANA"))[-1]["errors"])
    result = await client.submit("U0ANA", view_id=view["id"], values={"text": "too risky"})
    assert result.ok
    body = seen.views[0]
    assert ("view_submission", "too risky", "r1", []) == (
        body["type"],
        body["view"]["state"]["values"]["why"]["text"]["value"],
        body["view"]["private_metadata"],
        body["response_urls"],
    )
    assert {
        "id", "team_id", "type", "blocks", "private_metadata", "callback_id", "state", "hash",
        "title", "clear_on_close", "notify_on_close", "close", "submit", "previous_view_id",
        "root_view_id", "app_id", "external_id", "app_installed_team_id", "bot_id",
    } == set(body["view"])  # fmt: skip
    assert [] == await client.views("U0ANA")


@pytest.mark.parametrize(
    ("submission", "stack", "errors"),
    [
        ({"response_action": "errors", "errors": {"why": "too short"}}, ["note"], ["why"]),
        ({"response_action": "update", "view": modal(callback_id="next")}, ["next"], []),
        ({"response_action": "push", "view": modal(callback_id="next")}, ["note", "next"], []),
        ({"response_action": "clear"}, [], []),
    ],
)
async def test_submission_answers_change_the_modal(
    seen: Seen,
    web: AsyncWebClient,
    client: SandboxClient,
    submission: dict[str, Any],
    stack: list[str],
    errors: list[str],
) -> None:
    """Errors keeps the modal, update replaces it, push adds one, clear closes all."""
    seen.submission = submission
    ts = await _post(web)
    await client.click("U0ANA", action_id="deny", channel=APPROVALS, ts=ts)
    assert (await client.submit("U0ANA", values={"why": "no"})).ok
    views = await client.views("U0ANA")
    assert (stack, errors) == (
        [view["callback_id"] for view in views],
        [block for view in views for block in view["errors"]],
    )


async def test_an_unusable_submission_answer_shows_trouble(
    seen: Seen, web: AsyncWebClient, client: SandboxClient
) -> None:
    """Errors for a block that does not exist leave the modal open with a trouble sign."""
    seen.submission = {"response_action": "errors", "errors": {"nowhere": "x"}}
    ts = await _post(web)
    await client.click("U0ANA", action_id="deny", channel=APPROVALS, ts=ts)
    result = await client.submit("U0ANA", values={"why": "no"})
    assert (False, "invalid_error_blocks") == (result.ok, result.error)
    assert "invalid_error_blocks" == (await client.views("U0ANA"))[-1]["trouble"]


async def test_closing_tells_the_app(
    seen: Seen, web: AsyncWebClient, client: SandboxClient
) -> None:
    """view_closed goes out where notify_on_close asks for it."""
    ts = await _post(web)
    await client.click("U0ANA", action_id="deny", channel=APPROVALS, ts=ts)
    result = await client.close_view("U0ANA")
    assert result is not None
    assert result.ok
    assert ("view_closed", False) == (seen.views[0]["type"], seen.views[0]["is_cleared"])


async def test_respond_answers_the_clicker_only(
    seen: Seen, web: AsyncWebClient, client: SandboxClient
) -> None:
    """The response URL of a click posts an ephemeral."""
    blocks = [
        {"type": "actions", "elements": [{**card()[1]["elements"][0], "action_id": "answer"}]}
    ]
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=blocks))["ts"]
    await client.click("U0BEN", action_id="answer", channel=APPROVALS, ts=ts)
    state = await client.wait_for(lambda state: state.ephemerals("U0BEN"), "an ephemeral")
    assert (["only you"], []) == (
        [message["text"] for message in state.ephemerals("U0BEN")],
        state.ephemerals("U0ANA"),
    )


async def test_commands_and_events_arrive(seen: Seen, client: SandboxClient) -> None:
    """A slash command's answer is shown; opening the home sends its event."""
    result = await client.slash("U0ANA", APPROVALS, "/signoff", "list")
    assert (True, ["you said list"]) == (
        result.ok,
        [message["text"] for message in await client.ephemerals("U0ANA")],
    )
    assert ("/signoff", "U0ANA") == (seen.commands[0]["command"], seen.commands[0]["user_id"])
    opened = await client.open_home("U0ANA")
    assert opened is not None
    assert opened.ok
    await client.wait_for(lambda _: seen.events, "the event listener ran")
    assert "app_home_opened" == seen.events[0]["event"]["type"]


async def test_an_unhandled_click_leaves_an_error_sign(
    seen: Seen, web: AsyncWebClient, client: SandboxClient
) -> None:
    """No listener: HTTP 404, or no ack at all over the socket; the person sees a sign."""
    blocks = [
        {"type": "actions", "elements": [{**card()[1]["elements"][0], "action_id": "nobody"}]}
    ]
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=blocks))["ts"]
    result = await client.click("U0ANA", action_id="nobody", channel=APPROVALS, ts=ts)
    expected = "http_404" if result.transport == "http" else "timeout"
    assert (False, expected) == (result.ok, result.error)
    assert [("failed", expected)] == [
        (mark["status"], mark["error"]) for mark in (await client.state()).marks("U0ANA")
    ]


@pytest.mark.parametrize("seen", ["http"], indirect=True)
@pytest.mark.parametrize(
    ("secret", "age", "status"),
    [(SECRET, 0, 200), ("wrong", 0, 401), (SECRET, 301, 401), (None, 0, 401)],
)
async def test_forged_requests_can_be_sent(
    seen: Seen,
    web: AsyncWebClient,
    client: SandboxClient,
    secret: str | None,
    age: int,
    status: int,
) -> None:
    """Tests can send a payload with a good, wrong, old or missing signature."""
    ts = await _post(web)
    payload = await client.click_payload("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    body = urlencode({"payload": json.dumps(payload)})
    answer = await client.post_raw(
        seen.request_url, body, secret=secret, timestamp=int(time.time()) - age
    )
    assert (status, 1 if status == 200 else 0) == (answer[0], len(seen.actions))


async def test_without_transport_a_click_fails(
    sandbox: Sandbox, web: AsyncWebClient, client: SandboxClient
) -> None:
    """Neither socket nor request URL, or nobody listening there."""
    ts = await _post(web)
    lost = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    sandbox.request_url = "http://127.0.0.1:9/slack/events"
    dead = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    assert ("not_connected", "connection_failed") == (lost.error, dead.error)
