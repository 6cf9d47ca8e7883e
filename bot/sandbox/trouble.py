"""Faults at the app's own calls: refusals, slow answers, dropped connections, Slack away."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .faults import API_FAULTS, Event, Fault
from .records import ApiRequest
from .state import World
from .wire import Json

# SO_LINGER with zero seconds makes the kernel send a reset instead of a goodbye.
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Answer:
    """What a call is answered with.

    Attributes:
        body: JSON, or text as Slack's edge sends it when the servers behind it are gone.
        fault: The kind of fault that made this answer.
        dropped: The connection is reset instead.
    """

    status: int = 200
    body: Json | str = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    fault: str | None = None
    dropped: bool = False


class Trouble:
    """Carries out the ordered faults around a call.

    Args:
        world: The state, with its faults and rate limits.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    async def around(self, event: Event, answer: Callable[[], Answer]) -> Answer:
        """The answer of a call, after what the faults do to it.

        Args:
            event: The call.
            answer: Carries the call out; it is not called when a fault comes first.
        """
        world = self._world
        if world.away is not None:
            return _away(world.away)
        retry_after = world.meter.refusal(event.method, event.channel) if world.meter else None
        if retry_after is not None:
            return _limited(retry_after, "rate_limits")
        faults = world.faults.hitting(API_FAULTS, event)
        if faults:
            world.touch()
        slow = faults.pop("slow", None)
        if slow is not None:
            await world.unless_closed(world.clock.sleep(float(slow.settings["seconds"])))
            await world.unless_closed(asyncio.sleep(float(slow.settings["ms"]) / 1000.0))
        for kind, fault in faults.items():
            if kind != "reset_after":
                return _instead(kind, fault)
        done = answer()
        if "reset_after" in faults:
            done.fault, done.dropped = "reset_after", True
        elif slow is not None:
            done.fault = "slow"
        return done

    def respond(
        self,
        request: web.Request,
        record: ApiRequest,
        answer: Answer,
    ) -> web.Response:
        """Log the call and send the answer, or reset the connection."""
        record.status, record.fault = answer.status, answer.fault
        record.answer = answer.body if isinstance(answer.body, dict) else {}
        world = self._world
        world.requests.append(record)
        world.touch()
        if answer.dropped:
            _reset(request)
            return web.Response(status=444)
        if isinstance(answer.body, str):
            return web.Response(
                text=answer.body,
                status=answer.status,
                headers=answer.headers,
                content_type="text/html",
            )
        return web.json_response(
            text=json.dumps(answer.body), status=answer.status, headers=answer.headers
        )


def event_of_call(method: str, args: Json, channel: str | None = None) -> Event:
    """An API call as faults see it."""
    named = args.get("channel") or args.get("channel_id") or channel
    return Event(method, channel=None if named is None else str(named), args=args)


def _away(how: str) -> Answer:
    if how == "drop":
        return Answer(dropped=True, fault="away")
    return Answer(503, "upstream connect error or disconnect", fault="away")


def _limited(retry_after: str, fault: str) -> Answer:
    body: Json = {"ok": False, "error": "ratelimited"}
    return Answer(429, body, {"Retry-After": retry_after}, fault)


def _instead(kind: str, fault: Fault) -> Answer:
    settings: dict[str, Any] = fault.settings
    if kind == "rate_limited":
        return _limited(f"{settings['retry_after']:g}", kind)
    if kind == "server_error":
        status = int(settings["status"])
        if status == 500:
            return Answer(500, {"ok": False, "error": "internal_error"}, fault=kind)
        return Answer(status, "no healthy upstream", fault=kind)
    if kind == "refuse":
        refusal: Json = {"ok": False, "error": settings["error"], **settings["details"]}
        return Answer(200, refusal, fault=kind)
    return Answer(dropped=True, fault=kind)


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
