"""The files.* methods but the one that hands out upload URLs, which is in `uploads`.

Source: docs.slack.dev, files.getUploadURLExternal and files.completeUploadExternal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..records import Message, StoredFile
from ..rules import check_message_blocks
from ..state import World
from ..wire import Json, SlackError, invalid_arguments
from ..workspace import Channel
from .call import Args, Method


def _destinations(world: World, args: Args) -> list[Channel]:
    listed = args.optional("channel_id") or args.optional("channels") or ""
    found = []
    for channel_id in filter(None, listed.split(",")):
        channel = world.channels.get(channel_id)
        if channel is None:
            raise SlackError("channel_not_found")
        if channel.is_archived:
            raise SlackError("is_archived")
        if world.app.bot_user_id not in channel.members:
            raise SlackError("not_in_channel")
        found.append(channel)
    if args.has("thread_ts") and len(found) != 1:
        raise invalid_arguments("thread_ts needs exactly one channel")
    return found


def complete(world: World, args: Args) -> Json:
    """files.completeUploadExternal: posts a message with the files to each channel."""
    listed: Any = args.decoded("files", error="invalid_arguments")
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise invalid_arguments("must provide an array [json-pointer:/files]")
    files = []
    for item in listed:
        file = world.files.get(str(item.get("id")))
        if file is None or file.content is None or file.completed:
            raise SlackError("file_not_found")
        files.append(file)
    if not files:
        raise invalid_arguments("no fewer than 1 items allowed [json-pointer:/files]")
    blocks: Any = args.decoded("blocks", error="invalid_blocks_format")
    if blocks is not None:
        check_message_blocks(blocks)
    channels = _destinations(world, args)
    for item, file in zip(listed, files, strict=True):
        file.title = str(item.get("title") or file.name)
        file.completed = True
    for channel in channels:
        message = world.post(
            Message(
                ts=world.new_ts(),
                channel=channel.id,
                user=world.app.bot_user_id,
                from_bot=True,
                text=args.optional("initial_comment") or "",
                blocks=world.completed(blocks or []),
                thread_ts=args.optional("thread_ts"),
                files=[file.id for file in files],
            )
        )
        for file in files:
            file.shared.append((channel.id, message.ts))
    return {"files": [world.file_wire(file) for file in files]}


def _existing(world: World, args: Args) -> StoredFile:
    file = world.files.get(args.text("file"))
    if file is None or not file.completed:
        raise SlackError("file_not_found")
    return file


def info(world: World, args: Args) -> Json:
    """files.info."""
    return {"file": world.file_wire(_existing(world, args)), "comments": []}


def delete(world: World, args: Args) -> Json:
    """files.delete: the file disappears from every message."""
    file = _existing(world, args)
    del world.files[file.id]
    for channel, ts in file.shared:
        message = world.find(channel, ts)
        if message is not None and file.id in message.files:
            message.files.remove(file.id)
            if not message.files and not message.text and not message.blocks:
                world.delete(message)
    world.touch()
    return {}


_WRITE = ("files:write",)

METHODS: Mapping[str, Method] = {
    "files.completeUploadExternal": Method(complete, _WRITE),
    "files.info": Method(info, ("files:read",)),
    "files.delete": Method(delete, _WRITE),
}
