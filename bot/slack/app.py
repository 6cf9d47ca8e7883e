"""Owns the Bolt app, and Socket Mode as one of its two ways in."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import Any, Final, Self

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from gate import get_logger

from .handlers import Handlers
from .workspace import Workspace

__all__ = ["CONNECTIONS", "SocketMode", "bolt_app"]

CONNECTIONS: Final = 2
"""Socket Mode connections: Slack closes one to refresh it before it opens the next."""


def bolt_app(
    handlers: Handlers,
    *,
    client: AsyncWebClient,
    token: str,
    workspace: Workspace,
    signing_secret: str | None,
) -> AsyncApp:
    """Return the Bolt app with our listeners.

    `process_before_response` makes Bolt run the listener and then answer. Its default starts the
    listener and looks every 10 ms whether it has acknowledged.

    Args:
        handlers: The listeners.
        client: Copied by Bolt for each request: address, session, no retry handlers.
        token: The bot's token.
        workspace: The installation that every request is judged by.
        signing_secret: For signed requests; Socket Mode has no signatures.
    """

    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=workspace.team,
            bot_user_id=workspace.bot_user,
            bot_id=workspace.bot_id,
            bot_token=token,
        )

    bolt = AsyncApp(
        client=client,
        authorize=authorize,
        # Without a secret no signed request is ever dispatched here: see bot.web.
        signing_secret=signing_secret or "socket-mode-has-no-signatures",
        process_before_response=True,
    )
    handlers.register(bolt)

    @bolt.error
    async def log_error(error: Exception) -> None:
        get_logger("signoff.slack").error("listener.failed", error=type(error).__name__)

    return bolt


class SocketMode:
    """Connections that Slack sends clicks over, as long as it is open.

    Args:
        bolt: The app.
        client: For `apps.connections.open`.
        app_token: The app-level token.
        connections: How many.
    """

    def __init__(
        self,
        bolt: AsyncApp,
        *,
        client: AsyncWebClient,
        app_token: str,
        connections: int = CONNECTIONS,
    ) -> None:
        quiet = logging.getLogger("slack_sdk.socket_mode")
        self._handlers = [
            AsyncSocketModeHandler(bolt, app_token, logger=quiet, web_client=client)
            for _ in range(connections)
        ]

    async def __aenter__(self) -> Self:
        await asyncio.gather(
            *(
                handler.connect_async()  # type: ignore[no-untyped-call]  # bolt has no types
                for handler in self._handlers
            )
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handler in self._handlers:
            await handler.close_async()  # type: ignore[no-untyped-call]  # bolt has no types

    async def connected(self) -> int:
        """Return how many connections stand."""
        return sum([await handler.client.is_connected() for handler in self._handlers])
