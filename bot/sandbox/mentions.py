"""Mentions as people type them and as apps get them: `@ana` and `<@U0ANA|ana>`."""

from __future__ import annotations

import re

from .state import World

_TYPED = re.compile(r"(?<![\w<])([@#])([\w.-]*\w)")


def with_ids(world: World, text: str) -> str:
    """The text of a command with `should_escape`: known people and channels become ids.

    Names that nobody has stay as typed (docs.slack.dev, slash commands).
    """
    people = {user.name: user.id for user in world.users.values()}
    groups = {group.handle: group.id for group in world.usergroups.values() if not group.disabled}
    channels = {item.name: item.id for item in world.channels.values() if item.name}

    def mention(match: re.Match[str]) -> str:
        sign, name = match.groups()
        if sign == "#":
            return f"<#{channels[name]}|{name}>" if name in channels else match.group()
        if name in people:
            return f"<@{people[name]}|{name}>"
        return f"<!subteam^{groups[name]}|@{name}>" if name in groups else match.group()

    return _TYPED.sub(mention, text)
