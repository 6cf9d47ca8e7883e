"""The payloads Slack sends to an app, with all the keys real ones have."""

from __future__ import annotations

from typing import Any

from .elements import state_values
from .records import Message, View
from .state import World
from .wire import Json
from .workspace import Channel, Shortcut, User


def user_part(user: User) -> Json:
    """The person in an interactive payload."""
    return {
        "id": user.id,
        "username": user.name,
        "name": user.name,
        "team_id": user.team_id,
    }


def channel_part(channel: Channel) -> Json:
    """The channel in an interactive payload; Slack hides the names of private ones."""
    if channel.is_im:
        return {"id": channel.id, "name": "directmessage"}
    if channel.is_private:
        return {"id": channel.id, "name": "privategroup"}
    return {"id": channel.id, "name": channel.name}


def _common(world: World, user: User, kind: str) -> Json:
    workspace = world.workspace
    return {
        "type": kind,
        "user": user_part(user),
        "api_app_id": world.app.id,
        "token": world.app.verification_token,
        "team": {"id": workspace.team_id, "domain": workspace.team_domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def message_action(
    world: World,
    user: User,
    message: Message,
    action: Json,
    *,
    trigger_id: str,
    response_url: str,
) -> Json:
    """`block_actions` of a control in a message; ephemeral ones come without the message."""
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.ephemeral_to is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload = _common(world, user, "block_actions") | {
        "container": container,
        "trigger_id": trigger_id,
        "channel": channel_part(world.channels[message.channel]),
        "state": {"values": state_values(message.blocks, message.inputs)},
        "response_url": response_url,
        "actions": [action],
    }
    if message.ephemeral_to is None:
        payload["message"] = world.message_wire(message)
    return payload


def message_shortcut(
    world: World,
    user: User,
    message: Message,
    shortcut: Shortcut,
    *,
    trigger_id: str,
    response_url: str,
) -> Json:
    """`message_action`: a shortcut chosen in a message's menu."""
    return _common(world, user, "message_action") | {
        "action_ts": world.new_ts(),
        "callback_id": shortcut.callback_id,
        "trigger_id": trigger_id,
        "message_ts": message.ts,
        "response_url": response_url,
        "channel": channel_part(world.channels[message.channel]),
        "message": world.message_wire(message),
    }


def global_shortcut(world: World, user: User, shortcut: Shortcut, *, trigger_id: str) -> Json:
    """`shortcut`: one chosen outside of any channel; it has no response URL."""
    return _common(world, user, "shortcut") | {
        "action_ts": world.new_ts(),
        "callback_id": shortcut.callback_id,
        "trigger_id": trigger_id,
    }


def _view_common(world: World, user: User, kind: str) -> Json:
    """As `_common`; for somebody of another workspace `team` is theirs, not the app's.

    The app's own is in `view.app_installed_team_id` (docs.slack.dev, Slack Connect).
    """
    common = _common(world, user, kind)
    if user.team_id != world.workspace.team_id:
        common["team"] = {"id": user.team_id, "domain": user.team_id.lower()}
    return common


def view_action(world: World, user: User, view: View, action: Json, *, trigger_id: str) -> Json:
    """`block_actions` of a control in a modal or App Home."""
    return _view_common(world, user, "block_actions") | {
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": trigger_id,
        "view": world.view_wire(view),
        "actions": [action],
    }


def view_submission(
    world: World, user: User, view: View, *, trigger_id: str, response_urls: list[Json]
) -> Json:
    """`view_submission`."""
    return _view_common(world, user, "view_submission") | {
        "trigger_id": trigger_id,
        "view": world.view_wire(view),
        "response_urls": response_urls,
    }


def view_closed(world: World, user: User, view: View, *, cleared: bool) -> Json:
    """`view_closed`."""
    return _view_common(world, user, "view_closed") | {
        "view": world.view_wire(view),
        "is_cleared": cleared,
    }


def slash_command(
    world: World,
    user: User,
    channel: Channel,
    *,
    command: str,
    text: str,
    trigger_id: str,
    response_url: str,
) -> Json:
    """The form fields of a slash command; all values are strings."""
    return {
        "token": world.app.verification_token,
        "team_id": world.workspace.team_id,
        "team_domain": world.workspace.team_domain,
        "channel_id": channel.id,
        "channel_name": channel_part(channel)["name"],
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": world.app.id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def event_callback(world: World, event: dict[str, Any]) -> Json:
    """The Events API envelope around an event."""
    workspace, app = world.workspace, world.app
    channel = world.channels.get(str(event.get("channel")))
    return {
        "token": app.verification_token,
        "team_id": workspace.team_id,
        "context_team_id": workspace.team_id,
        "context_enterprise_id": None,
        "api_app_id": app.id,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{world.ids.word(9)}",
        "event_time": int(world.clock.now()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.team_id,
                "user_id": app.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": channel is not None and channel.is_ext_shared,
        "event_context": f"4-{world.ids.hex(24)}",
    }
