"""Owns one Socket Mode connection: when it is renewed, and when there is no use in trying.

The SDK's client tries for ever, whatever Slack says, and closes the old connection before it has
seen out what came over it (slack_sdk 3.47, `connect` and `connect_to_new_endpoint`). This one ends
where only the operator can help, and lets clicks that are being decided be acknowledged first.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any, Final

from aiohttp import WSMessage
from slack_bolt.adapter.socket_mode.async_internals import (
    run_async_bolt_app,
    send_async_response,
)
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from gate import ConfigError, get_logger

from .messenger import failure
from .workspace import app_token_trouble

__all__ = ["Connection"]

PING_SECONDS: Final = 5.0
"""Between two pings, and between two tries to connect."""
DRAIN_SECONDS: Final = 3.0
"""How long Slack waits for the acknowledgement of what it has sent."""
_KNOWN_REASONS: Final = frozenset(
    {"warning", "refresh_requested", "link_disabled", "too_many_websockets"}
)


class Connection(SocketModeClient):
    """One connection, and its successors.

    Args:
        bolt: The app that takes what comes.
        client: For `apps.connections.open`.
        app_token: The app-level token.
        ended: Is told once, or more often, why trying is of no use any more.
        counted: Is told how many connections Slack counts for the app, at each hello.
        ping_interval: Seconds between pings, and between two tries.

    Attributes:
        disconnects: reason → how often Slack has asked this connection to go.
    """

    def __init__(
        self,
        bolt: AsyncApp,
        *,
        client: AsyncWebClient,
        app_token: str,
        ended: Callable[[ConfigError], None],
        counted: Callable[[int], None],
        ping_interval: float = PING_SECONDS,
    ) -> None:
        super().__init__(
            app_token,
            logger=logging.getLogger("slack_sdk.socket_mode"),
            web_client=client,
            ping_interval=ping_interval,
        )
        self._bolt = bolt
        self._ended = ended
        self._counted = counted
        self._under_way: set[asyncio.Task[Any]] = set()
        self._log = get_logger("signoff.slack")
        self.disconnects: dict[str, int] = {}
        self.socket_mode_request_listeners.append(self._take)
        # The only listeners that see `hello` and `disconnect`.
        self.on_message_listeners.append(self._read)

    async def drain(self) -> None:
        """Return when what came over it is answered, or Slack waits no longer."""
        own = asyncio.current_task()
        others = [task for task in self._under_way if task is not own]
        if others:
            await asyncio.wait(others, timeout=DRAIN_SECONDS)

    async def issue_new_wss_url(self) -> str:
        """Ask for an address to connect to; see `SocketModeClient`."""
        try:
            answer = await self.web_client.apps_connections_open(app_token=self.app_token)
            return str(answer["url"])
        except Exception as error:
            failed = failure(error)
            trouble = app_token_trouble(failed.reason)
            if trouble is not None:
                self._end(trouble)
            elif failed.retry_after is not None:
                await asyncio.sleep(failed.retry_after)
            raise

    async def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  (the SDK's signature)
        """Renew the connection, after what came over the old one; see `SocketModeClient`."""
        if force:
            # An acknowledgement on another connection is none: the person would see an error.
            await self.drain()
        await super().connect_to_new_endpoint(force)

    def _end(self, trouble: ConfigError) -> None:
        # Closed, it leaves its loops without trying again; whoever owns it closes the rest.
        self.closed = True
        self._ended(trouble)

    async def _read(self, message: WSMessage) -> None:
        try:
            frame = json.loads(message.data)
        except (TypeError, ValueError):
            return
        if not isinstance(frame, dict):
            return
        if frame.get("type") == "hello" and isinstance(count := frame.get("num_connections"), int):
            self._counted(count)
        elif frame.get("type") == "disconnect":
            given = frame.get("reason")
            reason = given if given in _KNOWN_REASONS else "other"
            self.disconnects[reason] = self.disconnects.get(reason, 0) + 1
            self._log.info("socket.disconnect", reason=reason)
            if reason == "link_disabled" and (trouble := app_token_trouble(reason)) is not None:
                self._end(trouble)

    async def _take(self, _: Any, request: SocketModeRequest) -> None:
        # Known as long as it runs: the SDK keeps no reference to its tasks.
        task = asyncio.current_task()
        if task is not None:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        loop = asyncio.get_running_loop()
        began = loop.time()
        answer = await run_async_bolt_app(self._bolt, request)
        await send_async_response(self, request, answer, began)
