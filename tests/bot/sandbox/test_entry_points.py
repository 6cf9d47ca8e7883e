"""Shortcuts, slash commands, the App Home and the app's settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SandboxClient, SandboxRefusal

from .conftest import APPROVALS, card, modal
from .small_app import Endpoint, endpoint

SHORTCUTS = [
    {"name": "Who can decide this?", "callback_id": "who", "type": "message"},
    {"name": "New request", "callback_id": "new", "type": "global"},
]


@pytest.fixture
async def app(sandbox: Sandbox, client: SandboxClient) -> AsyncIterator[Endpoint]:
    await client.edit_workspace(shortcuts=SHORTCUTS)
    async with endpoint(sandbox) as found:
        yield found


async def test_a_message_shortcut_carries_its_message(
    app: Endpoint, web: AsyncWebClient, client: SandboxClient
) -> None:
    """message_action with message, channel, a trigger that opens a modal, and a response URL."""
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card()))["ts"]
    result = await client.message_shortcut("U0ANA", channel=APPROVALS, ts=ts, callback_id="who")
    body = app.received[0].payload
    assert result.ok
    assert ("message_action", "who", ts, ts, APPROVALS, "U0ANA") == (
        body["type"], body["callback_id"], body["message_ts"], body["message"]["ts"],
        body["channel"]["id"], body["user"]["id"],
    )  # fmt: skip
    assert body["message"]["blocks"]
    assert "/response/" in body["response_url"]
    await web.views_open(trigger_id=body["trigger_id"], view=modal())


async def test_a_global_shortcut_has_no_channel(app: Endpoint, client: SandboxClient) -> None:
    """Type `shortcut`, without channel, message or response URL."""
    assert (await client.global_shortcut("U0BEN", callback_id="new")).ok
    body = app.received[0].payload
    assert ("shortcut", "new") == (body["type"], body["callback_id"])
    assert set() == {"channel", "message", "response_url"} & set(body)


async def test_shortcuts_are_for_the_own_workspace(
    app: Endpoint, web: AsyncWebClient, client: SandboxClient
) -> None:
    """Unknown ones, the wrong kind, and people of other workspaces are refused."""
    ts = (await web.chat_postMessage(channel=APPROVALS, text="x"))["ts"]
    await client.faults.add_to_channel(APPROVALS, "U0EXT")
    with pytest.raises(SandboxRefusal, match="no_such_shortcut"):
        await client.message_shortcut("U0ANA", channel=APPROVALS, ts=ts, callback_id="new")
    with pytest.raises(SandboxRefusal, match="no_such_shortcut"):
        await client.global_shortcut("U0ANA", callback_id="nobody")
    with pytest.raises(SandboxRefusal, match="other_workspace"):
        await client.message_shortcut("U0EXT", channel=APPROVALS, ts=ts, callback_id="who")
    assert [] == app.received


@pytest.mark.parametrize(
    ("escape", "expected"),
    [
        (
            True,
            "ask <@U0BEN|ben> in <#C0APPROVALS|approvals> or <!subteam^S0OWNERS|@owners>, "
            "not @nobody or a@b.c",
        ),
        (False, "ask @ben in #approvals or @owners, not @nobody or a@b.c"),
    ],
)
async def test_mentions_in_a_command(
    app: Endpoint, client: SandboxClient, escape: bool, expected: str
) -> None:
    """With `should_escape` people, channels and groups arrive as ids, without it as typed."""
    await client.edit_workspace(commands=[{"command": "/signoff", "should_escape": escape}])
    typed = "ask @ben in #approvals or @owners, not @nobody or a@b.c"
    await client.slash("U0ANA", APPROVALS, "/signoff", typed)
    assert [expected] == parse_qs(app.received[0].body)["text"]


async def test_only_known_commands_can_be_typed(app: Endpoint, client: SandboxClient) -> None:
    """Slack says itself that a command is not valid; the app hears nothing."""
    with pytest.raises(SandboxRefusal, match="no_such_command"):
        await client.slash("U0ANA", APPROVALS, "/nonsense")
    assert [] == app.received


async def test_the_home_event_carries_the_published_view(
    app: Endpoint, web: AsyncWebClient, client: SandboxClient
) -> None:
    """The first opening has no view, the next has, with the hash for a safe update."""
    await client.open_home("U0ANA")
    view = (await web.views_publish(user_id="U0ANA", view={"type": "home", "blocks": card()}))[
        "view"
    ]
    await client.open_home("U0ANA")
    await client.open_home("U0ANA", tab="messages")
    first, second, third = (item.payload["event"] for item in app.received)
    assert ("home", "home", "messages") == (first["tab"], second["tab"], third["tab"])
    assert (False, False) == ("view" in first, "view" in third)
    assert second["view"]["hash"] == view["hash"]
    click = await client.click("U0ANA", action_id="approve", view_id=view["id"])
    assert (click.payload["container"], click.payload["view"]["type"]) == (
        {"type": "view", "view_id": view["id"]},
        "home",
    )


async def test_settings_come_from_a_manifest(client: SandboxClient) -> None:
    """A manifest sets commands, shortcuts, scopes, events; never an address to call."""
    await client.edit_workspace(
        manifest={
            "display_information": {"name": "signoff"},
            "features": {
                "slash_commands": [{"command": "/ask", "should_escape": True}],
                "shortcuts": SHORTCUTS,
            },
            "oauth_config": {"scopes": {"bot": ["chat:write", "commands"]}},
            "settings": {
                "event_subscriptions": {"bot_events": ["app_home_opened"]},
                "interactivity": {"request_url": "https://signoff.example.com/slack/events"},
                "socket_mode_enabled": True,
            },
        }
    )
    app = (await client.state()).data["app"]
    assert (["/ask"], ["who", "new"], ["chat:write", "commands"], ["app_home_opened"], None) == (
        [command["command"] for command in app["commands"]],
        [shortcut["callback_id"] for shortcut in app["shortcuts"]],
        app["scopes"],
        app["events"],
        app["request_url"],
    )
    with pytest.raises(SandboxRefusal, match="invalid_field"):
        await client.edit_workspace(shortcuts=[{"nonsense": 1}])
