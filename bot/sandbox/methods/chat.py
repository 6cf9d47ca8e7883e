"""The chat.* methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..records import Message
from ..rules import (
    MAX_ATTACHMENTS,
    MAX_MARKDOWN_TEXT,
    MAX_POST_TEXT,
    MAX_UPDATE_TEXT,
    check_message_blocks,
    check_metadata,
)
from ..state import World
from ..wire import Json, SlackError
from ..workspace import Channel
from .call import Args, Method


def _destination(world: World, channel_id: str) -> Channel:
    """The conversation a bot may write to; a user id means the direct message."""
    user = world.users.get(channel_id)
    if user is not None:
        if user.deleted or user.is_bot or user.is_stranger:
            raise SlackError("channel_not_found")
        return world.direct(user.id)
    return _conversation(world, channel_id)


def _conversation(world: World, channel_id: str) -> Channel:
    channel = world.channels.get(channel_id)
    if channel is None:
        raise SlackError("channel_not_found")
    if channel.is_private and world.app.bot_user_id not in channel.members:
        raise SlackError("channel_not_found")
    return channel


def _must_be_member(world: World, channel: Channel) -> None:
    if channel.is_archived:
        raise SlackError("is_archived")
    member = world.app.bot_user_id in channel.members
    if not member and "chat:write.public" not in world.app.scopes:
        raise SlackError("not_in_channel")


def _content(args: Args) -> tuple[str, list[Json] | None]:
    """Text and blocks of a call, checked.

    Raises:
        SlackError: `no_text`, `invalid_blocks`, `invalid_blocks_format`, `msg_blocks_too_long`,
            `too_many_attachments`, `markdown_text_conflict`, `msg_too_long`.
    """
    text = args.optional("text") or ""
    blocks: Any = args.decoded("blocks", error="invalid_blocks_format")
    attachments: Any = args.decoded("attachments", error="invalid_attachments")
    if isinstance(attachments, list) and len(attachments) > MAX_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    markdown = args.optional("markdown_text")
    if markdown is not None:
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        if len(markdown) > MAX_MARKDOWN_TEXT:
            raise SlackError("msg_too_long")
        blocks = [{"type": "markdown", "text": markdown}]
    if blocks is not None:
        check_message_blocks(blocks)
    if not text and not blocks:
        raise SlackError("no_text")
    return text, blocks


def _metadata(args: Args) -> Json | None:
    metadata: Json | None = args.decoded("metadata", error="invalid_metadata_format")
    if metadata is not None:
        check_metadata(metadata)
    return metadata


def post_message(world: World, args: Args) -> Json:
    """chat.postMessage."""
    channel = _destination(world, args.optional("channel") or "")
    text, blocks = _content(args)
    metadata = _metadata(args)
    _must_be_member(world, channel)
    thread_ts = args.optional("thread_ts")
    if thread_ts is not None:
        parent = world.find(channel.id, thread_ts)
        if parent is not None and parent.thread_ts:
            thread_ts = parent.thread_ts
    message = world.post(
        Message(
            ts=world.new_ts(),
            channel=channel.id,
            user=world.app.bot_user_id,
            from_bot=True,
            text=text[:MAX_POST_TEXT],
            blocks=world.completed(blocks or []),
            thread_ts=thread_ts,
            broadcast=args.flag("reply_broadcast"),
            metadata=metadata or None,
        )
    )
    return {"channel": channel.id, "ts": message.ts, "message": world.message_wire(message)}


def update(world: World, args: Args) -> Json:
    """chat.update."""
    channel = _conversation(world, args.optional("channel") or "")
    ts = args.text("ts")
    text, blocks = _content(args)
    metadata = _metadata(args)
    if len(text) > MAX_UPDATE_TEXT:
        raise SlackError("msg_too_long")
    message = world.find(channel.id, ts)
    if message is None:
        raise SlackError("message_not_found")
    if message.user != world.app.bot_user_id:
        raise SlackError("cant_update_message")
    if channel.is_archived:
        raise SlackError("is_archived")
    message.text = text
    message.blocks = world.completed(blocks or [])
    if metadata is not None:
        message.metadata = metadata or None
    if blocks is None:
        message.edited = {"user": world.app.bot_user_id, "ts": world.new_ts()}
    world.touch()
    wire = world.message_wire(message)
    return {"channel": channel.id, "ts": ts, "text": text, "message": wire}


def delete(world: World, args: Args) -> Json:
    """chat.delete."""
    channel = _conversation(world, args.optional("channel") or "")
    message = world.find(channel.id, args.text("ts"))
    if message is None:
        raise SlackError("message_not_found")
    if message.user != world.app.bot_user_id:
        raise SlackError("cant_delete_message")
    world.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(world: World, args: Args) -> Json:
    """chat.postEphemeral."""
    channel = _conversation(world, args.optional("channel") or "")
    user_id = args.text("user")
    text, blocks = _content(args)
    _must_be_member(world, channel)
    user = world.users.get(user_id)
    if user is None or user.deleted or user_id not in channel.members:
        raise SlackError("user_not_in_channel")
    message = Message(
        ts=world.new_ts(),
        channel=channel.id,
        user=world.app.bot_user_id,
        from_bot=True,
        text=text[:MAX_POST_TEXT],
        blocks=world.completed(blocks or []),
        thread_ts=args.optional("thread_ts"),
        ephemeral_to=user_id,
    )
    world.ephemerals.append(message)
    world.touch()
    return {"message_ts": message.ts}


def get_permalink(world: World, args: Args) -> Json:
    """chat.getPermalink."""
    channel = _conversation(world, args.optional("channel") or "")
    message = world.find(channel.id, args.text("message_ts"))
    if message is None:
        raise SlackError("message_not_found")
    link = (
        f"https://{world.workspace.team_domain}.slack.com/archives/"
        f"{channel.id}/p{message.ts.replace('.', '')}"
    )
    if message.thread_ts and message.thread_ts != message.ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


_WRITE = ("chat:write",)

METHODS: Mapping[str, Method] = {
    "chat.postMessage": Method(post_message, _WRITE),
    "chat.update": Method(update, _WRITE),
    "chat.delete": Method(delete, _WRITE),
    "chat.postEphemeral": Method(post_ephemeral, _WRITE),
    "chat.getPermalink": Method(get_permalink),
}
