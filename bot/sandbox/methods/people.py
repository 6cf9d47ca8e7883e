"""The users.* and usergroups.* methods."""

from __future__ import annotations

from collections.abc import Mapping

from ..state import World
from ..wire import Json, SlackError
from ..workspace import UserGroup
from .call import Args, Method, page


def user_info(world: World, args: Args) -> Json:
    """users.info."""
    user = world.users.get(args.text("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": world.user_wire(user)}


def user_list(world: World, args: Args) -> Json:
    """users.list: the workspace's own members."""
    own = [user for user in world.users.values() if not user.is_stranger]
    users, cursor = page(own, args, default=1000, most=1000)
    return {
        "members": [world.user_wire(user) for user in users],
        "cache_ts": int(world.clock.now()),
        "response_metadata": {"next_cursor": cursor},
    }


def _active(world: World, group: UserGroup) -> list[str]:
    """Members; Slack takes deactivated people out of their groups."""
    return [user for user in group.users if user in world.users and not world.users[user].deleted]


def _group_wire(world: World, group: UserGroup, args: Args) -> Json:
    wire: Json = {
        "id": group.id,
        "team_id": world.workspace.team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": world.started,
        "date_update": world.started,
        "date_delete": world.started if group.disabled else 0,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": world.app.bot_user_id,
        "updated_by": world.app.bot_user_id,
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
        "user_count": len(_active(world, group)),
    }
    if args.flag("include_users"):
        wire["users"] = _active(world, group)
    return wire


def group_list(world: World, args: Args) -> Json:
    """usergroups.list."""
    if not world.workspace.paid_plan:
        raise SlackError("plan_upgrade_required")
    return {
        "usergroups": [
            _group_wire(world, group, args)
            for group in world.usergroups.values()
            if not group.disabled or args.flag("include_disabled")
        ]
    }


def group_users(world: World, args: Args) -> Json:
    """usergroups.users.list."""
    if not world.workspace.paid_plan:
        raise SlackError("plan_upgrade_required")
    group = world.usergroups.get(args.text("usergroup"))
    if group is None or (group.disabled and not args.flag("include_disabled")):
        raise SlackError("no_such_subteam")
    return {"users": _active(world, group)}


METHODS: Mapping[str, Method] = {
    "users.info": Method(user_info, ("users:read",)),
    "users.list": Method(user_list, ("users:read",)),
    "usergroups.list": Method(group_list, ("usergroups:read",)),
    "usergroups.users.list": Method(group_users, ("usergroups:read",)),
}
