"""Owns the Bolt app, and Socket Mode as one of its two ways in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
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
_DRAIN_SECONDS: Final = 3.0
"""How long Slack waits for what it has sent."""


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
        self._under_way: set[asyncio.Task[Any]] = set()
        for handler in self._handlers:
            handler.client.socket_mode_request_listeners[:] = [self._owned(handler.handle)]

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(
                *(
                    handler.connect_async()  # type: ignore[no-untyped-call]  # bolt has no types
                    for handler in self._handlers
                )
            )
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._under_way:
            # A click that is being decided is still acknowledged.
            await asyncio.wait(tuple(self._under_way), timeout=_DRAIN_SECONDS)
        await self._close()

    async def _close(self) -> None:
        await asyncio.gather(
            *(
                handler.close_async()  # type: ignore[no-untyped-call]  # bolt has no types
                for handler in self._handlers
            ),
            return_exceptions=True,
        )

    def _owned(self, handle: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        """Return *handle*, known as long as it runs: the SDK keeps no reference to its tasks."""

        async def owned(client: Any, request: Any) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            await handle(client, request)

        return owned

    async def connected(self) -> int:
        """Return how many connections stand."""
        return sum([await handler.client.is_connected() for handler in self._handlers])
