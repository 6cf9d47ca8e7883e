"""Edits of a running workspace: people, groups, channels, scopes, request URL."""

from __future__ import annotations

from dataclasses import fields
from typing import TypeVar

from .app_settings import apply_manifest
from .state import World
from .wire import Json
from .workspace import Channel, Command, Shortcut, User, UserGroup

_ITEMS = {"users", "usergroups", "channels"}
_LISTS = {"scopes", "events", "commands", "shortcuts"}
_SETTINGS = {"request_url", "signing_secret", "token_error", "app_token_error", "socket_mode"}

_Item = TypeVar("_Item", User, UserGroup, Channel)


def apply_edit(world: World, edit: Json) -> None:
    """Change the workspace.

    Args:
        world: The state.
        edit: Any of `users`, `usergroups`, `channels`: objects keyed by id whose fields are set
            (unknown ids are added); `scopes`, `events`, `commands`, `shortcuts`: the whole list;
            `request_url`, `signing_secret`, `token_error`, `app_token_error`, `socket_mode`;
            `paid_plan`; `manifest`: an app manifest that sets the app's settings.

    Raises:
        ValueError: an unknown section or field, or a new item without its name.
    """
    unknown = set(edit) - _ITEMS - _LISTS - _SETTINGS - {"paid_plan", "manifest"}
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
    if "manifest" in edit:
        apply_manifest(world.app, edit["manifest"])
    for name in ("scopes", "events"):
        if name in edit:
            setattr(world.app, name, set(edit[name]))
    for name, kind in (("commands", Command), ("shortcuts", Shortcut)):
        if name in edit:
            setattr(world.app, name, [_new(kind, item) for item in edit[name]])
    for name in _SETTINGS & set(edit):
        setattr(world.app, name, edit[name])
    if "paid_plan" in edit:
        world.workspace.paid_plan = bool(edit["paid_plan"])
    world.touch()


def _new(kind: type[Command | Shortcut], item: Json) -> Command | Shortcut:
    try:
        return kind(**item)
    except TypeError as exc:
        raise ValueError(f"{sorted(item)} make no {kind.__name__}") from exc


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
