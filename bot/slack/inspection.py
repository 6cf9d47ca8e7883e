"""Owns what `signoff doctor` asks Slack: one question each, all reading, each refusal one word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from ..directory import Directory, LookupFailed
from ..doctor.workplace import ChannelFacts, Identity
from .client import CountedClient
from .directory import SlackDirectory
from .messenger import plain_word, read

__all__ = ["Inspection", "open_inspection"]


class Inspection:
    """Asks one workspace; see `bot.doctor.workplace.Workplace`.

    Args:
        client: With the bot's token and without retry handlers.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def identity(self) -> Identity:
        """Return who the token is; see `Workplace.identity`."""
        answer, headers = await self._ask("auth.test")
        team = answer.get("team_id")
        if not isinstance(team, str):
            raise LookupFailed("malformed_answer")
        return Identity(team=team, team_name=str(answer.get("team", "")), scopes=_scopes(headers))

    async def channel(self, channel: str) -> ChannelFacts:
        """Return what the bot sees of a channel; see `Workplace.channel`."""
        found = (await self._ask("conversations.info", channel=channel))[0].get("channel")
        if not isinstance(found, dict):
            raise LookupFailed("malformed_answer")
        return ChannelFacts(
            archived=bool(found.get("is_archived")),
            # Slack leaves it out for some kinds of channels: only a no is a no.
            member=found.get("is_member") is not False,
            shared=bool(found.get("is_ext_shared") or found.get("is_pending_ext_shared")),
        )

    async def directory(self) -> Directory:
        """Return a directory of the token's workspace; see `Workplace.directory`."""
        return SlackDirectory(self._client, team=(await self.identity()).team)

    async def offers_connection(self, app_token: str) -> None:
        """Ask for a connection's address, and leave it; see `Workplace.offers_connection`.

        It is not opened: Slack hands each click to any one of the open connections, and a click
        that came here would be lost.
        """
        try:
            await self._client.apps_connections_open(app_token=app_token)
        except Exception as error:  # noqa: BLE001  (whatever it was, it is one word)
            raise LookupFailed(plain_word(error)) from None

    async def _ask(self, method: str, **params: str) -> tuple[dict[str, Any], Any]:
        try:
            answer = await read(self._client, method, params)
        except Exception as error:  # noqa: BLE001  (whatever it was, it is one word)
            raise LookupFailed(plain_word(error)) from None
        return (answer.data if isinstance(answer.data, dict) else {}), answer.headers


@asynccontextmanager
async def open_inspection(token: str, *, api_url: str, seconds: float) -> AsyncIterator[Inspection]:
    """Give an inspection with a bot's token.

    Args:
        token: The bot's token.
        api_url: The address of the Web API, ending in a slash.
        seconds: For one call.
    """
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Inspection(CountedClient(token=token, api_url=api_url, session=session))


def _scopes(headers: Any) -> frozenset[str] | None:
    """Read the header that Slack puts on every answer: the scopes of the token that asked."""
    for name, value in dict(headers).items():
        if str(name).lower() == "x-oauth-scopes":
            text = value[0] if isinstance(value, list) else str(value)
            return frozenset(scope.strip() for scope in text.split(",")) - {""}
    return None
