"""The control API under `/sandbox/`: what tests, the demo and the page ask of the sandbox."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from .delivery import Courier
from .dump import dump, log_after
from .edits import apply_edit
from .interactions import People
from .modals import Modals
from .records import Delivery
from .socket import SocketHub
from .state import World
from .visibility import Impossible
from .wire import Json

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_MAX_WAIT = 60.0

Verb = Callable[[Json], Awaitable[Json]]


class Control:
    """Serves the control API, to this machine only.

    Every verb is a POST with a JSON object and answers `{"ok": true, ...}`; what Slack's own
    client would not let a person do is a 409 with `error` and `detail`.
    """

    def __init__(
        self,
        world: World,
        *,
        hub: SocketHub,
        courier: Courier,
        people: People,
        modals: Modals,
    ) -> None:
        self._world = world
        self._hub = hub
        self._courier = courier
        self._people = people
        self._modals = modals

    def add_routes(self, app: web.Application, more: Mapping[str, Verb]) -> None:
        """Add the routes under `/sandbox/`; `more` are verbs of others."""
        app.router.add_get("/sandbox/state", self._guarded(self._state))
        app.router.add_get("/sandbox/log", self._guarded(self._log))
        app.router.add_get("/sandbox/events", self._guarded(self._events))
        verbs: dict[str, Verb] = {
            "click": self._click,
            "payload": self._payload,
            "submit": self._submit,
            "close": self._close,
            "say": self._say,
            "delete": self._delete,
            "slash": self._slash,
            "home": self._home,
            "deliver": self._deliver,
            "disconnect": self._disconnect,
            "clock": self._clock,
            "workspace": self._workspace,
            "shortcut": self._shortcut,
            **more,
        }
        for name, verb in verbs.items():
            app.router.add_post(f"/sandbox/{name}", self._guarded(self._verb(verb)))

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            # The Host and Origin checks keep other sites in the same browser out.
            host = urlsplit(f"//{request.host}").hostname
            origin = request.headers.get("Origin")
            local = request.remote in _LOOPBACK and host in _LOOPBACK
            if not local or (origin and urlsplit(origin).netloc != request.host):
                return _refuse(403, "loopback_only", "the control API is for this machine")
            try:
                return await handler(request)
            except ValueError as exc:
                return _refuse(400, "invalid_field", str(exc))

        return guarded

    def _verb(self, verb: Verb) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                body = json.loads(await request.text() or "{}")
            except ValueError:
                return _refuse(400, "invalid_json", "the body is no JSON")
            if not isinstance(body, dict):
                return _refuse(400, "invalid_json", "the body is no JSON object")
            try:
                return web.json_response({"ok": True, **await verb(body)})
            except Impossible as exc:
                return _refuse(409, exc.error, exc.detail, **exc.data)
            except KeyError as exc:
                return _refuse(400, "missing_field", f"missing: {exc.args[0]}")
            except (TypeError, ValueError) as exc:
                return _refuse(400, "invalid_field", str(exc))

        return handle

    async def _state(self, request: web.Request) -> web.StreamResponse:
        since = request.query.get("since")
        if since is not None:
            timeout = min(float(request.query.get("timeout", "25")), _MAX_WAIT)
            await self._world.wait_beyond(int(since), timeout)
        log = request.query.get("log") != "0"
        return web.json_response(dump(self._world, self._hub, self._courier, log=log))

    async def _log(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(log_after(self._world, int(request.query.get("after", "0"))))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: one `{"version": n}` per burst of changes."""
        world = self._world
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        version = -1
        while not world.closing:
            if world.version > version:
                version = world.version
                line = f"data: {json.dumps({'version': version})}\n\n"
            else:
                line = ": still here\n\n"
            try:
                await response.write(line.encode())
            except ConnectionError:
                break
            await world.wait_beyond(version, 15.0)
        return response

    def _prepare_click(self, body: Json) -> tuple[Json, Any]:
        extra = {key: body.get(key) for key in ("block_id", "value", "inputs")}
        if body.get("view_id"):
            return self._people.click_view(
                body["user"], body["view_id"], body["action_id"], **extra
            )
        return self._people.click_message(
            body["user"],
            body["channel"],
            body["ts"],
            body["action_id"],
            force=bool(body.get("force")),
            **extra,
        )

    async def _click(self, body: Json) -> Json:
        payload, mark = self._prepare_click(body)
        return _delivered(await self._people.deliver_click(payload, mark))

    async def _payload(self, body: Json) -> Json:
        """The payload of a click that is not delivered: raw material for forgeries."""
        return {"payload": self._prepare_click(body)[0]}

    async def _submit(self, body: Json) -> Json:
        delivery = await self._modals.submit(
            body["user"], view_id=body.get("view_id"), values=body.get("values")
        )
        return _delivered(delivery)

    async def _close(self, body: Json) -> Json:
        delivery = await self._modals.close_view(
            body["user"], view_id=body.get("view_id"), everything=bool(body.get("all"))
        )
        return {"delivery": delivery.wire() if delivery else None}

    async def _say(self, body: Json) -> Json:
        message = await self._people.say(
            body["user"], body["channel"], body["text"], thread_ts=body.get("thread_ts")
        )
        return {"ts": message.ts}

    async def _delete(self, body: Json) -> Json:
        self._people.delete_message(
            body["user"], body["channel"], body["ts"], force=bool(body.get("force"))
        )
        return {}

    async def _slash(self, body: Json) -> Json:
        delivery = await self._people.slash(
            body["user"], body["channel"], body["command"], body.get("text", "")
        )
        return _delivered(delivery)

    async def _shortcut(self, body: Json) -> Json:
        user, callback_id = body["user"], body["callback_id"]
        if body.get("ts") is None:
            return _delivered(await self._people.global_shortcut(user, callback_id))
        return _delivered(
            await self._people.message_shortcut(user, body["channel"], body["ts"], callback_id)
        )

    async def _home(self, body: Json) -> Json:
        tab = body.get("tab", "home")
        if tab not in ("home", "messages"):
            raise ValueError("tab must be home or messages")
        delivery = await self._people.open_home(body["user"], tab=tab)
        return {"delivery": delivery.wire() if delivery else None}

    async def _deliver(self, body: Json) -> Json:
        kind = body.get("kind", "interactive")
        if kind not in ("interactive", "slash_commands", "events_api"):
            raise ValueError("kind must be interactive, slash_commands or events_api")
        return _delivered(await self._courier.deliver(kind, body["payload"], user=None))

    async def _disconnect(self, body: Json) -> Json:
        count = await self._hub.disconnect(
            reason=body.get("reason"),
            connection_id=body.get("connection"),
            grace=float(body.get("grace", 0.0)),
        )
        return {"closed": count}

    async def _clock(self, body: Json) -> Json:
        clock = self._world.clock
        if "speed" in body:
            clock.set_speed(float(body["speed"]))
        clock.advance(float(body.get("advance", 0.0)))
        self._world.touch()
        return {"now": clock.now(), "speed": clock.speed}

    async def _workspace(self, body: Json) -> Json:
        apply_edit(self._world, body)
        return {}


def _delivered(delivery: Delivery) -> Json:
    return {"delivery": delivery.wire()}


def _refuse(status: int, error: str, detail: str, **data: Any) -> web.Response:
    return web.json_response({"ok": False, "error": error, "detail": detail, **data}, status=status)
