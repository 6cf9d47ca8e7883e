"""What a person can see and use: the checks Slack's own client makes before a click."""

from __future__ import annotations

from typing import Any

from .elements import INPUT_ELEMENTS, UnknownOption, elements_of, entered
from .records import Message, View
from .state import World
from .wire import Json
from .workspace import Channel, User


class Impossible(ValueError):
    """Slack's own client would not let this person do this.

    Attributes:
        error: A word for programs.
        detail: A sentence for people.
    """

    def __init__(self, error: str, detail: str, **data: Any) -> None:
        super().__init__(f"{error}: {detail}")
        self.error = error
        self.detail = detail
        self.data = data


def person(world: World, user_id: str, *, force: bool = False) -> User:
    """An active person whose client reaches Slack.

    Raises:
        Impossible: unknown, a bot, deactivated (`force` allows that), or Slack is away.
    """
    if world.away is not None:
        raise Impossible("slack_is_away", "Slack does not answer")
    user = world.users.get(user_id)
    if user is None or user.is_bot:
        raise Impossible("no_such_person", f"there is no person {user_id!r}")
    if user.deleted and not force:
        raise Impossible("deactivated", f"{user.name} is deactivated")
    return user


def visible_channel(world: World, user: User, channel_id: str, *, force: bool = False) -> Channel:
    """A conversation `user` can look into.

    Raises:
        Impossible: there is none, or it is closed to them (`force` allows the latter).
    """
    channel = world.channels.get(channel_id)
    if channel is None:
        raise Impossible("no_such_channel", f"there is no channel {channel_id!r}")
    closed = channel.is_private or user.is_restricted or user.is_ultra_restricted
    outside = user.team_id != world.workspace.team_id
    if not force and (closed or outside) and user.id not in channel.members:
        raise Impossible("not_visible", f"{user.name} can not see {channel_id}")
    return channel


def visible_message(
    world: World, user: User, channel_id: str, ts: str, *, force: bool = False
) -> Message:
    """A message `user` sees, an ephemeral one included.

    Raises:
        Impossible: they see no such message.
    """
    visible_channel(world, user, channel_id, force=force)
    message = world.find_ephemeral(user.id, ts) or world.find(channel_id, ts)
    if message is None or message.channel != channel_id:
        raise Impossible("no_such_message", f"{user.name} sees no message {ts}")
    return message


def top_view(world: World, user_id: str, view_id: str | None = None) -> View:
    """The modal a person looks at, which must be `view_id` if that is given.

    Raises:
        Impossible: no modal is open, or another one is on top.
    """
    stack = world.modals.get(user_id) or []
    if not stack:
        raise Impossible("no_open_view", f"{user_id} has no open modal")
    if view_id is not None and stack[-1].id != view_id:
        raise Impossible("not_on_top", f"{view_id} is not the modal on top")
    return stack[-1]


def control(blocks: list[Json], action_id: str, block_id: str | None) -> tuple[Json, Json]:
    """The element with `action_id`, and its block.

    Raises:
        Impossible: none or several are shown.
    """
    found = [
        (block, element)
        for block, element in elements_of(blocks)
        if element["action_id"] == action_id and block_id in (None, block["block_id"])
    ]
    if not found:
        shown = ", ".join(element["action_id"] for _, element in elements_of(blocks))
        raise Impossible("no_such_action", f"no {action_id!r} is shown; there is: {shown}")
    if len(found) > 1:
        raise Impossible("ambiguous_action", f"{action_id!r} is in several blocks")
    return found[0]


def enter(blocks: list[Json], inputs: dict[tuple[str, str], Any], values: Json) -> None:
    """Note what a person entered: by action id, by block id, or block id then action id.

    Raises:
        Impossible: no such input or option is shown.
    """
    left = dict(values)
    for block, element in elements_of(blocks):
        block_id, action_id = block["block_id"], element["action_id"]
        if element["type"] not in INPUT_ELEMENTS:
            continue
        if block_id in values:
            value = values[block_id]
            if isinstance(value, dict) and action_id in value:
                value = value[action_id]
            left.pop(block_id, None)
        elif action_id in values:
            value = values[action_id]
            left.pop(action_id, None)
        else:
            continue
        try:
            inputs[block_id, action_id] = entered(element, value)
        except UnknownOption as exc:
            raise Impossible("no_such_option", str(exc)) from exc
    if left:
        raise Impossible("no_such_input", f"no input {sorted(left)} is shown")
