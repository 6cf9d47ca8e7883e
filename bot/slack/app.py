"""Owns the Bolt app, and Socket Mode as one of its two ways in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from gate import ConfigError, get_logger

from .connection import PING_SECONDS, Connection
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
        ping_interval: Seconds between pings, and between two tries to connect.

    Attributes:
        counted: How many connections Slack counts for the app, by its last hello: ours, those of
            other replicas, of anybody else with the token, and dead ones.
    """

    def __init__(
        self,
        bolt: AsyncApp,
        *,
        client: AsyncWebClient,
        app_token: str,
        connections: int = CONNECTIONS,
        ping_interval: float = PING_SECONDS,
    ) -> None:
        self._log = get_logger("signoff.slack")
        self._trouble: ConfigError | None = None
        self._ended = asyncio.Event()
        self._warned = 0
        self.counted = 0
        self._connections = [
            Connection(
                bolt,
                client=client,
                app_token=app_token,
                ended=self._end,
                counted=self._count,
                ping_interval=ping_interval,
            )
            for _ in range(connections)
        ]

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            ConfigError: Slack refuses the token, or Socket Mode is off.
        """
        try:
            await asyncio.gather(
                *(
                    connection.connect()  # type: ignore[no-untyped-call]  # the SDK has no types
                    for connection in self._connections
                )
            )
            if self._trouble is not None:
                raise self._trouble
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
        # A click that is being decided is still acknowledged.
        await asyncio.gather(*(connection.drain() for connection in self._connections))
        await self._close()

    async def watch(self) -> None:
        """Return never: only an error ends it.

        Raises:
            ConfigError: Slack refuses the token by now, or Socket Mode was switched off.
        """
        await self._ended.wait()
        if self._trouble is not None:
            raise self._trouble

    async def connected(self) -> int:
        """Return how many connections stand."""
        return sum([await connection.is_connected() for connection in self._connections])

    def disconnects(self) -> Mapping[str, int]:
        """Return reason → how often Slack has asked one of the connections to go."""
        total: Counter[str] = Counter()
        for connection in self._connections:
            total.update(connection.disconnects)
        return total

    async def _close(self) -> None:
        await asyncio.gather(
            *(
                connection.close()  # type: ignore[no-untyped-call]  # the SDK has no types
                for connection in self._connections
            ),
            return_exceptions=True,
        )

    def _end(self, trouble: ConfigError) -> None:
        self._trouble = self._trouble or trouble
        self._ended.set()

    def _count(self, count: int) -> None:
        self.counted = count
        ours = len(self._connections)
        if count > ours and count != self._warned:
            # Each of them gets its share of the clicks, and what a stranger gets we never see.
            self._log.warning("socket.shared", connections=count, ours=ours)
        self._warned = count if count > ours else 0
