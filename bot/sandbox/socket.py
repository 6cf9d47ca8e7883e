"""Socket Mode: tickets, connections, envelopes and their acks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import WSMsgType, web

from .methods import Args, Method
from .records import Delivery
from .rules import MAX_SOCKETS
from .state import World
from .wire import Json

DisconnectReason = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]

_PING_SECONDS = 10.0
_CONNECTION_SECONDS = 18_060


class ConnectionLost(ConnectionError):
    """The connection closed before the envelope was acknowledged."""


@dataclass
class Connection:
    """One open WebSocket of the app."""

    id: str
    socket: web.WebSocketResponse
    since: float
    # A list per envelope, because a duplicate has the same id and its own ack.
    waiting: dict[str, list[asyncio.Future[Any]]] = field(default_factory=dict)
    late: dict[str, tuple[Delivery, float]] = field(default_factory=dict)

    async def send(self, frame: Json) -> None:
        """Send one frame."""
        await self.socket.send_str(json.dumps(frame))


class SocketHub:
    """All Socket Mode connections of the app.

    Args:
        world: The state, for ids and time.
        base_url: Returns the sandbox's own `http://host:port`.

    Attributes:
        connections: The open connections.
        ghosts: Dead registrations that Slack still counts and still sends to.
    """

    def __init__(self, world: World, *, base_url: Callable[[], str]) -> None:
        self._world = world
        self._base_url = base_url
        self._tickets: set[str] = set()
        self._next = 0
        self._closing: set[asyncio.Task[None]] = set()
        self.connections: list[Connection] = []
        self.ghosts = 0

    def methods(self) -> dict[str, Method]:
        """The Web API method that hands out tickets."""
        return {"apps.connections.open": Method(self._open, wants="app")}

    def _open(self, world: World, _: Args) -> Json:
        ticket = world.ids.hex(32)
        self._tickets.add(ticket)
        url = self._base_url().replace("http", "ws", 1)
        return {"url": f"{url}/link/?ticket={ticket}&app_id={world.app.id}"}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket for as long as it lives."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="unknown or used ticket")
        self._tickets.discard(ticket)
        if self._world.away is not None:
            return web.Response(status=503)
        socket = web.WebSocketResponse(heartbeat=_PING_SECONDS)
        await socket.prepare(request)
        unwanted = self._unwanted()
        if unwanted is not None:
            await socket.send_str(self._goodbye(unwanted))
            await socket.close()
            return socket
        world = self._world
        connection = Connection(f"S{world.ids.word(8)}", socket, world.clock.now())
        self.connections.append(connection)
        world.touch()
        try:
            await connection.send(self._hello())
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._received(connection, message.data)
        finally:
            self._forget(connection)
        return socket

    def _unwanted(self) -> DisconnectReason | None:
        if not self._world.app.socket_mode:
            return "link_disabled"
        if len(self.connections) + self.ghosts >= MAX_SOCKETS:
            return "too_many_websockets"
        return None

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections) + self.ghosts,
            "debug_info": {
                "host": "applink-sandbox",
                "build_number": 1,
                "approximate_connection_time": _CONNECTION_SECONDS,
            },
            "connection_info": {"app_id": self._world.app.id},
        }

    @staticmethod
    def _goodbye(reason: DisconnectReason) -> str:
        return json.dumps(
            {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}}
        )

    def _received(self, connection: Connection, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            return
        if not isinstance(frame, dict):
            return
        envelope_id = str(frame.get("envelope_id"))
        waiter = next(
            (item for item in connection.waiting.get(envelope_id, []) if not item.done()), None
        )
        if waiter is not None:
            waiter.set_result(frame.get("payload"))
            return
        late = connection.late.pop(envelope_id, None)
        if late is not None:
            delivery, began = late
            delivery.late_ms = round((time.perf_counter() - began) * 1000, 3)
            self._world.touch()

    def _forget(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
        for waiters in connection.waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(ConnectionLost(connection.id))
        connection.waiting.clear()
        self._world.touch()

    def choose(self) -> Connection | Literal["ghost"] | None:
        """The connection for the next envelope: each in turn, the ghosts after the living."""
        lines = len(self.connections) + self.ghosts
        if lines == 0:
            return None
        self._next += 1
        place = self._next % lines
        return self.connections[place] if place < len(self.connections) else "ghost"

    async def send(
        self, connection: Connection, envelope: Json, delivery: Delivery, *, timeout: float
    ) -> Any:
        """Send an envelope and return the payload of its ack.

        Raises:
            TimeoutError: no ack within `timeout` seconds; a later one is noted in `delivery`.
            ConnectionLost: the connection closed first.
        """
        envelope_id = envelope["envelope_id"]
        waiter: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        connection.waiting.setdefault(envelope_id, []).append(waiter)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(timeout):
                try:
                    await connection.send(envelope)
                except ConnectionError as exc:
                    raise ConnectionLost(connection.id) from exc
                return await waiter
        except TimeoutError:
            connection.late[envelope_id] = (delivery, began)
            raise
        finally:
            waiters = connection.waiting.get(envelope_id, [])
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters:
                connection.waiting.pop(envelope_id, None)

    async def disconnect(
        self,
        *,
        reason: DisconnectReason | None,
        connection_id: str | None = None,
        grace: float = 0.0,
    ) -> int:
        """Close connections as Slack does; returns how many were told.

        Args:
            reason: The reason in the `disconnect` frame; None drops the line without a word.
            connection_id: Only this connection; None means all.
            grace: Seconds between the frame and the closing, 10 for Slack's `warning`.
        """
        chosen = [item for item in self.connections if connection_id in (None, item.id)]
        for connection in chosen:
            # No new envelopes from here on, though the socket may stay open a while.
            if connection in self.connections:
                self.connections.remove(connection)
            if reason is not None:
                with contextlib.suppress(ConnectionError):
                    await connection.socket.send_str(self._goodbye(reason))
            self._own(self._hang_up(connection, grace))
        self._world.touch()
        return len(chosen)

    def _own(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    @staticmethod
    async def _hang_up(connection: Connection, grace: float) -> None:
        try:
            await asyncio.sleep(grace)
        finally:
            await connection.socket.close()

    async def close(self) -> None:
        """Close every connection and end the pending goodbyes."""
        for task in list(self._closing):
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        for connection in list(self.connections):
            await connection.socket.close()
