"""Owns the Web API client of the bot: it repeats nothing, and has its failures counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from .messenger import failure

__all__ = ["CountedClient"]


class CountedClient(AsyncWebClient):
    """A client without retry handlers: a repeated post is a second message.

    Args:
        token: The bot's token.
        api_url: The address of the Web API, ending in a slash.
        session: What it calls with.
        count: Is told Slack's word, or ours, for each call that failed; `None` if nobody counts.
    """

    def __init__(
        self,
        *,
        token: str,
        api_url: str,
        session: aiohttp.ClientSession,
        count: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(token=token, base_url=api_url, session=session, retry_handlers=[])
        self._count = count

    async def api_call(self, api_method: str, **arguments: Any) -> AsyncSlackResponse:
        """Call a method; every other verb of the client comes through here."""
        try:
            return await super().api_call(api_method, **arguments)
        except Exception as error:
            if self._count is not None:
                self._count(failure(error).reason)
            raise
