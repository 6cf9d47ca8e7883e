"""Edits of a running workspace: people, groups, channels, scopes, request URL."""

from __future__ import annotations

from dataclasses import fields
from typing import TypeVar

from .state import World
from .wire import Json
from .workspace import Channel, User, UserGroup

_Item = TypeVar("_Item", User, UserGroup, Channel)


def apply_edit(world: World, edit: Json) -> None:
    """Change the workspace.

    Args:
        world: The state.
        edit: Any of `users`, `usergroups`, `channels`: objects keyed by id whose fields are set
            (unknown ids are added); `scopes`, `events`: the whole list; `request_url`;
            `paid_plan`.

    Raises:
        ValueError: an unknown section or field, or a new item without its name.
    """
    known = {"users", "usergroups", "channels", "scopes", "events", "request_url", "paid_plan"}
    unknown = set(edit) - known
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    for user_id, changes in edit.get("users", {}).items():
        world.users[user_id] = _edited(User, user_id, world.users.get(user_id), changes)
    for group_id, changes in edit.get("usergroups", {}).items():
        group = world.usergroups.get(group_id)
        world.usergroups[group_id] = _edited(UserGroup, group_id, group, changes)
    for channel_id, changes in edit.get("channels", {}).items():
        channel = world.channels.get(channel_id)
        world.channels[channel_id] = _edited(Channel, channel_id, channel, changes)
    if "scopes" in edit:
        world.app.scopes = set(edit["scopes"])
    if "events" in edit:
        world.app.events = set(edit["events"])
    if "request_url" in edit:
        world.app.request_url = edit["request_url"]
    if "paid_plan" in edit:
        world.workspace.paid_plan = bool(edit["paid_plan"])
    world.touch()


def _edited(kind: type[_Item], item_id: str, item: _Item | None, changes: Json) -> _Item:
    names = {field.name for field in fields(kind)} - {"id"}
    unknown = set(changes) - names
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    if item is None:
        try:
            return kind(id=item_id, **changes)
        except TypeError as exc:
            raise ValueError(f"a new {kind.__name__} needs more fields") from exc
    for name, value in changes.items():
        setattr(item, name, value)
    return item
