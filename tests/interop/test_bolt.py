"""A JavaScript Bolt app from npm works against the sandbox, over HTTP and over Socket Mode."""

from __future__ import annotations

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SandboxClient

from .bolt import BoltApp
from .official import payload_problems

APPROVALS = "C0APPROVALS"

Schemas = dict[str, dict[str, Any]]


def _button(name: str) -> dict[str, Any]:
    return {"type": "button", "action_id": name, "text": {"type": "plain_text", "text": name}}


async def _card(sandbox: Sandbox, *elements: dict[str, Any]) -> str:
    web = AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url)
    blocks = [{"type": "actions", "block_id": "decide", "elements": list(elements)}]
    answer = await web.chat_postMessage(channel=APPROVALS, text="May I?", blocks=blocks)
    return str(answer["ts"])


async def _check(client: SandboxClient, schemas: Schemas) -> None:
    """Everything was acknowledged, and every payload fits the official types."""
    deliveries = (await client.state()).deliveries
    assert deliveries
    assert [] == [item["error"] for item in deliveries if not item["ok"]]
    assert [] == [
        problem for item in deliveries for problem in payload_problems(schemas["sent"], item)
    ]


async def test_a_click_changes_the_message(
    app: BoltApp, sandbox: Sandbox, client: SandboxClient, schemas: Schemas
) -> None:
    """block_actions, acknowledged; the message is updated through the Web API."""
    ts = await _card(sandbox, _button("approve"))
    await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    assert (await app.got("action"))["actions"][0]["action_id"] == "approve"
    state = await client.wait_for(
        lambda state: (state.message(APPROVALS, ts) or {})["text"] != "May I?", "the update"
    )
    assert (state.message(APPROVALS, ts) or {})["text"] == "approved by <@U0ANA>"
    await _check(client, schemas)


async def test_a_modal_is_opened_corrected_and_sent(
    app: BoltApp, sandbox: Sandbox, client: SandboxClient, schemas: Schemas
) -> None:
    """Trigger, modal, an error at the input, a good submission; another one is closed."""
    ts = await _card(sandbox, _button("deny"))
    await client.click("U0ANA", action_id="deny", channel=APPROVALS, ts=ts)
    await client.wait_for(lambda state: state.views("U0ANA"), "the modal")
    await client.submit("U0ANA", values={"why": "no"})
    assert (await client.views("U0ANA"))[0]["errors"] == {"why": "Say more."}
    await client.submit("U0ANA", values={"why": "too risky"})
    assert await client.views("U0ANA") == []
    assert [body["type"] for body in app.bodies("view")] == ["view_submission"] * 2
    await client.click("U0BEN", action_id="deny", channel=APPROVALS, ts=ts)
    await client.wait_for(lambda state: state.views("U0BEN"), "the other modal")
    await client.close_view("U0BEN")
    assert (await app.got("closed"))["is_cleared"] is False
    await _check(client, schemas)


async def test_menus_and_boxes_are_understood(
    app: BoltApp, sandbox: Sandbox, client: SandboxClient, schemas: Schemas
) -> None:
    """Every other control sends an action of its official type."""
    options = [{"text": {"type": "plain_text", "text": text}, "value": text} for text in ("a", "b")]
    choices: dict[str, Any] = {
        "static_select": "a", "overflow": "b", "radio_buttons": "a", "checkboxes": ["a", "b"],
        "multi_static_select": ["a"], "users_select": "U0BEN", "datepicker": "2026-11-22",
        "channels_select": "C0APPROVALS", "conversations_select": "C0APPROVALS",
        "timepicker": "12:00", "multi_users_select": ["U0BEN"],
    }  # fmt: skip
    with_options = {
        "static_select", "overflow", "radio_buttons", "checkboxes", "multi_static_select",
    }  # fmt: skip
    ts = await _card(
        sandbox,
        *(
            {"type": kind, "action_id": f"pick_{kind}"}
            | ({"options": options} if kind in with_options else {})
            for kind in choices
        ),
    )
    for number, (kind, value) in enumerate(choices.items(), start=1):
        await client.click("U0ANA", action_id=f"pick_{kind}", channel=APPROVALS, ts=ts, value=value)
        assert kind == (await app.got("action", number))["actions"][0]["type"]
    await _check(client, schemas)


async def test_a_command_is_answered_twice(
    app: BoltApp, client: SandboxClient, schemas: Schemas
) -> None:
    """In the acknowledgement and through the response URL."""
    await client.slash("U0ANA", APPROVALS, "/signoff", "show @ben")
    assert (await app.got("command"))["text"] == "show <@U0BEN|ben>"
    state = await client.wait_for(lambda state: len(state.ephemerals("U0ANA")) == 2, "both")
    assert {"you said show <@U0BEN|ben>", "and this came later"} == {
        message["text"] for message in state.ephemerals("U0ANA")
    }
    await _check(client, schemas)


async def test_shortcuts_open_modals(
    app: BoltApp, sandbox: Sandbox, client: SandboxClient, schemas: Schemas
) -> None:
    """Of a message, and global."""
    ts = await _card(sandbox, _button("approve"))
    await client.message_shortcut("U0ANA", channel=APPROVALS, ts=ts, callback_id="who")
    assert (await app.got("shortcut"))["type"] == "message_action"
    await client.global_shortcut("U0BEN", callback_id="who")
    assert (await app.got("shortcut", 2))["type"] == "shortcut"
    await client.wait_for(
        lambda state: state.views("U0ANA") and state.views("U0BEN"), "both modals"
    )
    await _check(client, schemas)


async def test_events_arrive(app: BoltApp, client: SandboxClient, schemas: Schemas) -> None:
    """The home is published; a message is answered with a file in its thread."""
    await client.open_home("U0ANA")
    state = await client.wait_for(lambda state: state.home("U0ANA"), "the home")
    assert len((state.home("U0ANA") or {})["blocks"]) == 1
    await client.open_home("U0ANA")
    ts = await client.say("U0BEN", APPROVALS, "show the diff")
    state = await client.wait_for(lambda state: state.thread(APPROVALS, ts), "the file")
    assert state.thread(APPROVALS, ts)[0]["files"][0]["name"] == "change.diff"
    await _check(client, schemas)


async def test_bolt_waits_out_a_rate_limit(
    app: BoltApp, sandbox: Sandbox, client: SandboxClient
) -> None:
    """The official client understands 429 with Retry-After, and comes again."""
    await client.faults.rate_limited(method="chat.update", retry_after=1, count=1)
    ts = await _card(sandbox, _button("approve"))
    await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    state = await client.wait_for(lambda state: len(state.calls("chat.update")) == 2, "a retry")
    assert [429, 200] == [call["status"] for call in state.calls("chat.update")]
    waited = state.calls("chat.update")[1]["at"] - state.calls("chat.update")[0]["at"]
    assert waited >= 1.0
    assert app.bodies("error") == []


async def test_bolt_survives_faults_of_delivery(
    app: BoltApp, sandbox: Sandbox, client: SandboxClient
) -> None:
    """A refreshed socket is replaced; a foreign signature is refused; then all works again."""
    ts = await _card(sandbox, _button("approve"))
    if app.bodies("ready")[0] is None:
        old = [item["id"] for item in (await client.state()).sockets]
        await client.disconnect(reason="refresh_requested")
        await client.wait_for(
            lambda state: [item for item in state.sockets if item["id"] not in old],
            "a new socket",
        )
    else:
        await client.faults.rotate_secret("wrong")
        result = await client.click("U0BEN", action_id="approve", channel=APPROVALS, ts=ts)
        assert result.error == "http_401"
        await client.faults.rotate_secret("sandbox-signing-secret")
    result = await client.click("U0ANA", action_id="approve", channel=APPROVALS, ts=ts)
    assert (result.error, len(app.bodies("action"))) == (None, 1)
