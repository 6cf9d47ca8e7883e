"""Owns looking people up in Slack: `users.info` and `usergroups.users.list`."""

from __future__ import annotations

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from ..directory import LookupFailed, Person
from .messenger import plain_word, read

__all__ = ["SlackDirectory"]


class SlackDirectory:
    """A directory of one workspace.

    Args:
        client: A client without retry handlers.
        team: The workspace that the bot is installed in.
    """

    def __init__(self, client: AsyncWebClient, *, team: str) -> None:
        self._client = client
        self._team = team

    async def person(self, team: str, user: str) -> Person:
        """Return the person; see `Directory.person`."""
        found = (await self._ask("users.info", user=user)).get("user")
        if not isinstance(found, dict) or found.get("id") != user:
            raise LookupFailed("malformed_answer")
        for needed in ("team_id", "is_bot"):
            if needed not in found:
                # Slack always says both. Whoever it is, this is no check.
                raise LookupFailed(f"no_{needed}")
        return _person(found, clicked_from=team, home=self._team)

    async def members(self, group: str) -> frozenset[str]:
        """Return who is in a user group; see `Directory.members`."""
        users = (await self._ask("usergroups.users.list", usergroup=group)).get("users")
        if not isinstance(users, list):
            raise LookupFailed("malformed_answer")
        return frozenset(str(user) for user in users)

    async def _ask(self, method: str, **params: str) -> dict[str, Any]:
        try:
            answer = await read(self._client, method, params)
        except Exception as error:  # noqa: BLE001  (a check that cannot be made is a refusal)
            raise LookupFailed(plain_word(error)) from None
        return answer.data if isinstance(answer.data, dict) else {}


def _person(user: dict[str, Any], *, clicked_from: str, home: str) -> Person:
    """Read a user object; what is missing counts against the person, `deleted` excepted.

    Source: docs.slack.dev/reference/objects/user-object. `deleted` is false for those who are not,
    or not there at all. `team_id` of the record and of the click must both be the bot's own
    workspace, or both be the same other one. A stranger is somebody of another workspace, whom a
    route may admit; a guest is one wherever they are.
    """
    profile = user.get("profile")
    enterprise = user.get("enterprise_user")
    organisation = enterprise.get("enterprise_id") if isinstance(enterprise, dict) else None
    both = {clicked_from} if user.get("team_id") == clicked_from else set()
    if both and isinstance(organisation, str):
        both.add(organisation)
    name = profile.get("display_name") if isinstance(profile, dict) else None
    return Person(
        team=str(user.get("team_id", "")),
        id=str(user.get("id", "")),
        name=str(name or user.get("real_name") or user.get("name") or user.get("id")),
        live=user.get("deleted", False) is False and not user.get("is_invited_user"),
        human=user.get("is_bot") is False and not user.get("is_workflow_bot"),
        member=user.get("team_id") == home and clicked_from == home and not user.get("is_stranger"),
        guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        teams=frozenset(both),
    )
