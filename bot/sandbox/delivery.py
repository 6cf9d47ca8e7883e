"""Delivery to the app: over an open socket, else signed HTTP; what came back is recorded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import aiohttp

from .records import Delivery, DeliveryKind
from .signing import signed_headers
from .socket import Connection, ConnectionLost, SocketHub
from .state import World
from .wire import Json

_FORM = "application/x-www-form-urlencoded"


class Courier:
    """Brings payloads to the app and waits for the acknowledgement.

    Args:
        world: The state; deliveries are logged there.
        hub: The Socket Mode connections.
        ack_timeout: Seconds the app has to acknowledge.
        wall_time: The time put into signatures. It is the machine's time, not the sandbox's,
            because the app compares it with its own clock.
    """

    def __init__(
        self,
        world: World,
        hub: SocketHub,
        *,
        ack_timeout: float,
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        self._world = world
        self._hub = hub
        self._ack_timeout = ack_timeout
        self._wall_time = wall_time
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the HTTP client."""
        if self._session is not None:
            await self._session.close()

    async def deliver(self, kind: DeliveryKind, payload: Json, *, user: str | None) -> Delivery:
        """Deliver once; never raises for what the app does wrong.

        Args:
            kind: The envelope type.
            payload: The payload as in Slack's docs.
            user: Who caused it, for the log.
        """
        world = self._world
        delivery = Delivery(
            id=world.ids.count(),
            at=world.clock.now(),
            kind=kind,
            type=_type_of(payload),
            user=user,
            payload=payload,
        )
        world.deliveries.append(delivery)
        world.touch()
        began = time.perf_counter()
        connection = self._hub.choose()
        try:
            if connection is not None:
                await self._by_socket(delivery, connection)
            elif world.app.request_url is not None:
                await self._by_http(delivery, world.app.request_url)
            else:
                delivery.error = "not_connected"
        except TimeoutError:
            delivery.error = "timeout"
        except ConnectionLost:
            delivery.error = "connection_lost"
        except (aiohttp.ClientError, OSError):
            delivery.error = "connection_failed"
        finally:
            delivery.latency_ms = round((time.perf_counter() - began) * 1000, 3)
            delivery.ok = delivery.error is None
            delivery.done = True
            world.touch()
        return delivery

    async def _by_socket(self, delivery: Delivery, connection: Connection) -> None:
        envelope: Json = {
            "envelope_id": self._world.ids.envelope(),
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind != "events_api",
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": 0, "retry_reason": ""}
        delivery.transport, delivery.target = "socket", connection.id
        delivery.envelope_id = envelope["envelope_id"]
        delivery.raw = json.dumps(envelope)
        answer = await self._hub.send(connection, envelope, delivery, timeout=self._ack_timeout)
        delivery.answer = answer
        delivery.answer_raw = "" if answer is None else json.dumps(answer)

    async def _by_http(self, delivery: Delivery, url: str) -> None:
        if delivery.kind == "events_api":
            body, content_type = json.dumps(delivery.payload), "application/json"
        elif delivery.kind == "interactive":
            body, content_type = urlencode({"payload": json.dumps(delivery.payload)}), _FORM
        else:
            body, content_type = urlencode(delivery.payload), _FORM
        delivery.transport, delivery.target, delivery.raw = "http", url, body
        delivery.headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "Accept": "application/json,*/*",
            **signed_headers(self._world.app.signing_secret, int(self._wall_time()), body),
        }
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with asyncio.timeout(self._ack_timeout):
            async with self._session.post(
                url, data=body.encode(), headers=delivery.headers, allow_redirects=False
            ) as response:
                delivery.status = response.status
                delivery.answer_raw = await response.text(errors="replace")
        delivery.answer = _decoded(delivery.answer_raw)
        if not 200 <= delivery.status < 300:
            delivery.error = f"http_{delivery.status}"


def _type_of(payload: Json) -> str:
    if "command" in payload:
        return "slash_command"
    event = payload.get("event")
    if isinstance(event, dict):
        return str(event.get("type"))
    return str(payload.get("type"))


def _decoded(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
