"""The whole state of a sandbox as JSON, for the page and for tests."""

from __future__ import annotations

from dataclasses import asdict

from .delivery import Courier
from .records import Message, View
from .socket import SocketHub
from .state import World
from .wire import Json
from .workspace import Channel


def dump(world: World, hub: SocketHub, courier: Courier, *, log: bool) -> Json:
    """The state as JSON.

    Args:
        world: The state.
        hub: The Socket Mode connections.
        courier: Knows the held deliveries.
        log: Also the traffic log: `requests` and `deliveries`.
    """
    workspace, app = world.workspace, world.app
    state: Json = {
        "version": world.version,
        "now": world.clock.now(),
        "team": {
            "id": workspace.team_id,
            "name": workspace.team_name,
            "domain": workspace.team_domain,
        },
        "app": {
            "id": app.id,
            "name": app.name,
            "bot_user_id": app.bot_user_id,
            "bot_id": app.bot_id,
            "scopes": sorted(app.scopes),
            "events": sorted(app.events),
            "request_url": app.request_url,
            "socket_mode": app.socket_mode,
            "commands": [asdict(command) for command in app.commands],
            "shortcuts": [asdict(shortcut) for shortcut in app.shortcuts],
        },
        "users": [world.user_wire(user) for user in world.users.values()],
        "usergroups": [asdict(group) for group in world.usergroups.values()],
        "channels": [_channel(world, channel) for channel in world.channels.values()],
        "messages": {
            channel: [_message(world, message) for message in messages]
            for channel, messages in world.messages.items()
        },
        "ephemerals": _ephemerals(world),
        "views": {
            user: [_view(world, view) for view in stack]
            for user, stack in world.modals.items()
            if stack
        },
        "homes": {user: _view(world, view) for user, view in world.homes.items()},
        "marks": [asdict(mark) for mark in world.marks],
        "sockets": [{"id": item.id, "since": item.since} for item in hub.connections],
        "ghosts": hub.ghosts,
        "held": courier.held,
        "away": world.away,
        "faults": [fault.wire() for fault in world.faults],
        "rate_limits": world.meter.wire() if world.meter else None,
    }
    if log:
        state |= log_after(world, 0)
    return state


def log_after(world: World, number: int) -> Json:
    """The traffic log's records with an id above `number`, and deliveries still under way."""
    return {
        "requests": [record.wire() for record in world.requests if record.id > number],
        "deliveries": [record.wire() for record in world.deliveries if record.id > number],
    }


def _channel(world: World, channel: Channel) -> Json:
    return world.channel_wire(channel) | {"members": list(channel.members)}


def _message(world: World, message: Message) -> Json:
    wire = world.message_wire(message)
    if message.ephemeral_to is not None:
        wire |= {"channel": message.channel, "is_ephemeral": True}
    if message.broadcast:
        wire["subtype"] = "thread_broadcast"
    return wire


def _ephemerals(world: World) -> Json:
    found: dict[str, list[Json]] = {}
    for message in world.ephemerals:
        if message.ephemeral_to is not None:
            found.setdefault(message.ephemeral_to, []).append(_message(world, message))
    return found


def _view(world: World, view: View) -> Json:
    return world.view_wire(view) | {"errors": view.errors, "trouble": view.trouble}
