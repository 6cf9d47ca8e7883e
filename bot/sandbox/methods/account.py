"""The methods about the token itself: auth.test and team.info."""

from __future__ import annotations

from collections.abc import Mapping

from ..state import World
from ..wire import Json
from .call import Args, Method


def auth_test(world: World, _: Args) -> Json:
    """Who the token is."""
    workspace, app = world.workspace, world.app
    return {
        "url": f"https://{workspace.team_domain}.slack.com/",
        "team": workspace.team_name,
        "user": app.name,
        "team_id": workspace.team_id,
        "user_id": app.bot_user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


def team_info(world: World, _: Args) -> Json:
    """The workspace."""
    workspace = world.workspace
    return {
        "team": {
            "id": workspace.team_id,
            "name": workspace.team_name,
            "url": f"https://{workspace.team_domain}.slack.com/",
            "domain": workspace.team_domain,
            "email_domain": "",
            "icon": {"image_default": True},
            "avatar_base_url": "https://ca.slack-edge.com/",
            "is_verified": False,
        }
    }


METHODS: Mapping[str, Method] = {
    "auth.test": Method(auth_test),
    "team.info": Method(team_info, ("team:read",)),
}
