"""The conversations.* methods."""

from __future__ import annotations

from collections.abc import Mapping

from ..records import Message
from ..state import World
from ..wire import Json, SlackError
from ..workspace import Channel
from .call import Args, Method, page, require_scope, visible_channel

_FAMILIES = {
    "public_channel": "channels:read",
    "private_channel": "groups:read",
    "im": "im:read",
    "mpim": "mpim:read",
}


def info(world: World, args: Args) -> Json:
    """conversations.info."""
    channel = visible_channel(world, args.text("channel"), verb="read")
    wire = world.channel_wire(channel)
    if args.flag("include_num_members"):
        wire["num_members"] = len(channel.members)
    return {"channel": wire}


def members(world: World, args: Args) -> Json:
    """conversations.members."""
    channel = visible_channel(world, args.text("channel"), verb="read")
    found, cursor = page(channel.members, args, default=100, most=1000)
    return {"members": found, "response_metadata": {"next_cursor": cursor}}


def list_(world: World, args: Args) -> Json:
    """conversations.list."""
    kinds = (args.optional("types") or "public_channel").split(",")
    for kind in kinds:
        if kind.strip() not in _FAMILIES:
            raise SlackError("invalid_types")
        require_scope(world, _FAMILIES[kind.strip()])
    wanted = {kind.strip() for kind in kinds}
    bot = world.app.bot_user_id
    found = [
        channel
        for channel in world.channels.values()
        if _family(channel) in wanted
        and not (channel.is_archived and args.flag("exclude_archived"))
        and not (channel.is_private and bot not in channel.members)
    ]
    channels, cursor = page(found, args, default=100, most=1000)
    return {
        "channels": [
            world.channel_wire(channel) | {"num_members": len(channel.members)}
            for channel in channels
        ],
        "response_metadata": {"next_cursor": cursor},
    }


def _family(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    if channel.is_mpim:
        return "mpim"
    return "private_channel" if channel.is_private else "public_channel"


def open_(world: World, args: Args) -> Json:
    """conversations.open."""
    listed = args.values.get("users")
    if isinstance(listed, list):
        users = [str(user) for user in listed]
    else:
        users = [user.strip() for user in (args.optional("users") or "").split(",") if user]
    if not users and args.has("channel"):
        return {"channel": {"id": visible_channel(world, args.text("channel"), verb="read").id}}
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 8:
        raise SlackError("too_many_users")
    require_scope(world, "im:write" if len(users) == 1 else "mpim:write")
    for user_id in users:
        user = world.users.get(user_id)
        if user is None:
            raise SlackError("user_not_found")
        if user.deleted:
            raise SlackError("user_disabled")
        if user.is_stranger:
            raise SlackError("user_not_visible")
    channel = world.direct(users[0]) if len(users) == 1 else world.group_direct(users)
    if args.flag("return_im"):
        return {"channel": world.channel_wire(channel)}
    return {"channel": {"id": channel.id}}


def _readable(world: World, args: Args) -> Channel:
    channel = visible_channel(world, args.text("channel"), verb="history")
    if world.app.bot_user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _in_window(message: Message, args: Args) -> bool:
    oldest, latest = args.optional("oldest"), args.optional("latest")
    ts = float(message.ts)
    if args.flag("inclusive"):
        return not ((oldest and ts < float(oldest)) or (latest and ts > float(latest)))
    return not ((oldest and ts <= float(oldest)) or (latest and ts >= float(latest)))


def history(world: World, args: Args) -> Json:
    """conversations.history: newest first, without the replies."""
    channel = _readable(world, args)
    found = [
        message
        for message in reversed(world.messages.get(channel.id, []))
        if (not message.thread_ts or message.thread_ts == message.ts or message.broadcast)
        and _in_window(message, args)
    ]
    return _messages(world, found, args, default=100)


def replies(world: World, args: Args) -> Json:
    """conversations.replies: the parent, then its replies, oldest first."""
    channel = _readable(world, args)
    ts = args.text("ts")
    message = world.find(channel.id, ts)
    root = message.thread_ts or ts if message else ts
    found = [
        item
        for item in world.messages.get(channel.id, [])
        if item.ts == root or item.thread_ts == root
    ]
    if not found:
        raise SlackError("thread_not_found")
    parent, others = found[:1], [item for item in found[1:] if _in_window(item, args)]
    return _messages(world, parent + others, args, default=1000)


def _messages(world: World, found: list[Message], args: Args, *, default: int) -> Json:
    messages, cursor = page(found, args, default=default, most=1000)
    everything = args.flag("include_all_metadata")
    answer: Json = {
        "messages": [world.message_wire(message, all_metadata=everything) for message in messages],
        "has_more": bool(cursor),
    }
    if cursor:
        answer["response_metadata"] = {"next_cursor": cursor}
    return answer


METHODS: Mapping[str, Method] = {
    "conversations.info": Method(info),
    "conversations.members": Method(members),
    "conversations.list": Method(list_),
    "conversations.open": Method(open_),
    "conversations.history": Method(history),
    "conversations.replies": Method(replies),
}
