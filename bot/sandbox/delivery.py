"""Delivery to the app: over an open socket, else signed HTTP; what came back is recorded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from urllib.parse import urlencode

import aiohttp

from .faults import DELIVERY_FAULTS, Event, Fault
from .records import Delivery, DeliveryKind
from .rules import ACK_SECONDS, EVENT_RETRY_SECONDS, TRIGGER_SECONDS
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
        retry_seconds: Sandbox seconds before each retry of an event.
    """

    def __init__(
        self,
        world: World,
        hub: SocketHub,
        *,
        ack_timeout: float,
        wall_time: Callable[[], float] = time.time,
        retry_seconds: Sequence[float] = EVENT_RETRY_SECONDS,
    ) -> None:
        self._world = world
        self._hub = hub
        self._ack_timeout = ack_timeout
        self._wall_time = wall_time
        self._retry_seconds = tuple(retry_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._held: dict[int, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Drop what is still to come, and close the HTTP client."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def deliver(self, kind: DeliveryKind, payload: Json, *, user: str | None) -> Delivery:
        """Deliver once, faults and retries of events apart.

        It never raises for what the app does wrong. Interactive payloads and commands are not
        retried; events are, in the background.

        Args:
            kind: The envelope type.
            payload: The payload as in Slack's docs.
            user: Who caused it, for the log.
        """
        delivery = self._record(kind, payload, user)
        faults = self._world.faults.hitting(DELIVERY_FAULTS, _event_of(delivery))
        delivery.fault = list(faults)
        if "expire_trigger" in faults:
            self._expire(payload)
        if "hold" in faults:
            await self._hold(delivery)
        if "lose" in faults:
            self._finish(delivery, "lost")
        elif "delay" in faults:
            await self._delay(delivery, float(faults["delay"].settings["seconds"]))
        else:
            duplicate = faults.get("duplicate")
            if duplicate is not None:
                # It starts at the first pause of the attempt, when id and headers are written.
                self._own(self._duplicate(delivery, duplicate))
            await self._attempt(delivery)
            if "lose_ack" in faults and delivery.ok:
                self._finish(delivery, "timeout")
        if kind == "events_api" and not delivery.ok and "delay" not in faults:
            self._own(self._retry(delivery))
        return delivery

    async def release(self, order: Sequence[int]) -> list[int]:
        """Let held deliveries go, each after the one before it was answered.

        Args:
            order: Ids of deliveries.

        Returns:
            The ids that were held, in the order in which they went.
        """
        gone = []
        for number in order:
            gate = self._held.pop(number, None)
            if gate is None:
                continue
            gone.append(number)
            gate.set()
            while not self._done(number):
                await self._world.wait_beyond(self._world.version, self._ack_timeout)
        return gone

    @property
    def held(self) -> list[int]:
        """Ids of the held deliveries, oldest first."""
        return list(self._held)

    def _done(self, number: int) -> bool:
        return all(item.done for item in self._world.deliveries if item.id == number)

    def _record(
        self, kind: DeliveryKind, payload: Json, user: str | None, *, copy_of: int | None = None
    ) -> Delivery:
        world = self._world
        delivery = Delivery(
            id=world.ids.count(),
            at=world.clock.now(),
            kind=kind,
            type=_type_of(payload),
            user=user,
            payload=payload,
            copy_of=copy_of,
        )
        world.deliveries.append(delivery)
        world.touch()
        return delivery

    def _finish(self, delivery: Delivery, error: str | None) -> None:
        delivery.error = error
        delivery.ok = error is None
        delivery.done = True
        self._world.touch()

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _expire(self, payload: Json) -> None:
        trigger = self._world.triggers.get(str(payload.get("trigger_id")))
        if trigger is not None:
            trigger.issued -= TRIGGER_SECONDS + 1.0

    async def _hold(self, delivery: Delivery) -> None:
        gate = self._held[delivery.id] = asyncio.Event()
        delivery.held = True
        self._world.touch()
        try:
            await self._world.unless_closed(gate.wait())
        finally:
            self._held.pop(delivery.id, None)
            delivery.held = False

    async def _delay(self, delivery: Delivery, seconds: float) -> None:
        if seconds < ACK_SECONDS:
            await self._world.unless_closed(self._world.clock.sleep(seconds))
            await self._attempt(delivery)
            return
        # The person's client gives up long before the app hears of it.
        self._finish(delivery, "late")
        self._own(self._late(delivery, seconds))

    async def _late(self, delivery: Delivery, seconds: float) -> None:
        await self._world.clock.sleep(seconds)
        await self._attempt(self._copy(delivery))

    async def _duplicate(self, delivery: Delivery, fault: Fault) -> None:
        for _ in range(int(fault.settings["copies"])):
            await self._world.clock.sleep(float(fault.settings["seconds"]))
            copy = self._copy(delivery)
            copy.envelope_id = delivery.envelope_id
            if not fault.settings["resign"]:
                copy.headers = dict(delivery.headers)
            await self._attempt(copy)

    async def _retry(self, delivery: Delivery) -> None:
        last = delivery
        for number, seconds in enumerate(self._retry_seconds, start=1):
            if last.no_retry or last.error == "not_connected":
                return
            await self._world.clock.sleep(seconds)
            again = self._copy(delivery)
            again.retry, again.retry_reason = number, _retry_reason(last)
            faults = self._world.faults.hitting(DELIVERY_FAULTS, _event_of(again))
            again.fault = list(faults)
            if "lose" in faults:
                self._finish(again, "lost")
            else:
                await self._attempt(again)
            if again.ok:
                return
            last = again

    def _copy(self, delivery: Delivery) -> Delivery:
        return self._record(
            delivery.kind, delivery.payload, delivery.user, copy_of=delivery.copy_of or delivery.id
        )

    async def _attempt(self, delivery: Delivery) -> None:
        """Send once; the record tells what came of it."""
        world = self._world
        began = time.perf_counter()
        connection = self._hub.choose()
        error: str | None = None
        try:
            if world.away is not None or world.closing:
                error = "slack_away"
            elif connection == "ghost":
                delivery.transport, delivery.target = "socket", "ghost"
                error = "lost"
            elif connection is not None:
                await self._by_socket(delivery, connection)
            elif world.app.request_url is not None:
                error = await self._by_http(delivery, world.app.request_url)
            else:
                error = "not_connected"
        except TimeoutError:
            error = "timeout"
        except ConnectionLost:
            error = "connection_lost"
        except (aiohttp.ClientError, OSError):
            error = "connection_failed"
        finally:
            delivery.latency_ms = round((time.perf_counter() - began) * 1000, 3)
            self._finish(delivery, error)

    async def _by_socket(self, delivery: Delivery, connection: Connection) -> None:
        delivery.transport, delivery.target = "socket", connection.id
        delivery.envelope_id = delivery.envelope_id or self._world.ids.envelope()
        envelope = _envelope(delivery)
        delivery.raw = json.dumps(envelope)
        answer = await self._hub.send(connection, envelope, delivery, timeout=self._ack_timeout)
        delivery.answer = answer
        delivery.answer_raw = "" if answer is None else json.dumps(answer)

    async def _by_http(self, delivery: Delivery, url: str) -> str | None:
        delivery.transport, delivery.target = "http", url
        delivery.raw = _body(delivery)
        if not delivery.headers:
            delivery.headers = self._headers(delivery)
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with asyncio.timeout(self._ack_timeout):
            async with self._session.post(
                url, data=delivery.raw.encode(), headers=delivery.headers, allow_redirects=False
            ) as response:
                delivery.status = response.status
                delivery.no_retry = response.headers.get("X-Slack-No-Retry") == "1"
                delivery.answer_raw = await response.text(errors="replace")
        delivery.answer = _decoded(delivery.answer_raw)
        return None if 200 <= delivery.status < 300 else f"http_{delivery.status}"

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        secret = self._world.app.signing_secret
        headers = {
            "Content-Type": "application/json" if delivery.kind == "events_api" else _FORM,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "Accept": "application/json,*/*",
            **signed_headers(secret, int(self._wall_time()), delivery.raw),
        }
        if delivery.retry:
            headers["X-Slack-Retry-Num"] = str(delivery.retry)
            headers["X-Slack-Retry-Reason"] = delivery.retry_reason
        return headers


def _event_of(delivery: Delivery) -> Event:
    """A delivery as faults see it."""
    payload = delivery.payload
    inner = payload.get("event") if isinstance(payload.get("event"), dict) else {}
    channel = payload.get("channel_id") or (inner or {}).get("channel")
    if isinstance(payload.get("channel"), dict):
        channel = payload["channel"].get("id")
    actions = payload.get("actions") or [{}]
    view = payload.get("view") or {}
    args = {
        "action_id": actions[0].get("action_id"),
        "callback_id": payload.get("callback_id") or view.get("callback_id"),
        "command": payload.get("command"),
    }
    return Event(delivery.type, channel=channel, user=delivery.user, args=args)


def _envelope(delivery: Delivery) -> Json:
    envelope: Json = {
        "envelope_id": delivery.envelope_id,
        "type": delivery.kind,
        "payload": delivery.payload,
        "accepts_response_payload": delivery.kind != "events_api",
    }
    if delivery.kind == "events_api":
        envelope |= {"retry_attempt": delivery.retry, "retry_reason": delivery.retry_reason}
    return envelope


def _body(delivery: Delivery) -> str:
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload)
    if delivery.kind == "interactive":
        return urlencode({"payload": json.dumps(delivery.payload)})
    return urlencode(delivery.payload)


def _retry_reason(delivery: Delivery) -> str:
    error = delivery.error or ""
    if error in ("timeout", "lost", "connection_lost"):
        return "timeout" if delivery.transport == "socket" else "http_timeout"
    if error == "connection_failed":
        return error
    if error.startswith("http_3"):
        return "too_many_redirects"
    return "http_error" if error.startswith("http_") else "unknown_error"


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
