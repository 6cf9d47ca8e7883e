"""The fault verbs of the control API: order, clear, hold and release, sockets, Slack away."""

from __future__ import annotations

from typing import Any

from .control import Verb
from .delivery import Courier
from .payloads import event_callback
from .rate_limits import RateLimits, RateMeter
from .socket import SocketHub
from .state import World
from .visibility import Impossible
from .wire import Json


class FaultControl:
    """Carries out what tests do to the sandbox itself.

    Args:
        world: The state.
        hub: The Socket Mode connections.
        courier: Delivers payloads to the app.
    """

    def __init__(self, world: World, *, hub: SocketHub, courier: Courier) -> None:
        self._world = world
        self._hub = hub
        self._courier = courier

    def verbs(self) -> dict[str, Verb]:
        """The verbs by name."""
        return {
            "fault": self._fault,
            "clear": self._clear,
            "release": self._release,
            "away": self._away,
            "ghosts": self._ghosts,
            "socket_mode": self._socket_mode,
            "rate_limits": self._rate_limits,
            "revoke": self._revoke,
            "rehash": self._rehash,
            "member": self._member,
        }

    async def _fault(self, body: Json) -> Json:
        order = dict(body)
        fault = self._world.faults.add(order.pop("kind"), order)
        self._world.touch()
        return {"fault": fault.wire()}

    async def _clear(self, body: Json) -> Json:
        cleared = self._world.faults.clear(fault_id=body.get("fault"), kind=body.get("kind"))
        if body.get("fault") is None and body.get("kind") is None:
            self._world.away = None
            self._hub.ghosts = 0
        self._world.touch()
        return {"cleared": [fault.wire() for fault in cleared]}

    async def _release(self, body: Json) -> Json:
        """Stop holding; let the held deliveries go in the wished order, the rest after them."""
        self._world.faults.clear(kind="hold")
        held = self._courier.held
        order: Any = body.get("order", "held")
        if order == "reversed":
            order = list(reversed(held))
        elif order == "held":
            order = held
        elif not isinstance(order, list) or not set(order) <= set(held):
            raise ValueError("order must be held, reversed, or ids of held deliveries")
        rest = [number for number in held if number not in order]
        return {"released": await self._courier.release([*order, *rest])}

    async def _away(self, body: Json) -> Json:
        how = body.get("how")
        if how not in (None, "drop", "503"):
            raise ValueError("how must be drop, 503 or null")
        self._world.away = how
        if how is not None:
            await self._hub.disconnect(reason=None)
        self._world.touch()
        return {}

    async def _ghosts(self, body: Json) -> Json:
        count = int(body["count"])
        if count < 0:
            raise ValueError("count must not be negative")
        self._hub.ghosts = count
        self._world.touch()
        return {}

    async def _socket_mode(self, body: Json) -> Json:
        self._world.app.socket_mode = bool(body["enabled"])
        closed = 0
        if not self._world.app.socket_mode:
            closed = await self._hub.disconnect(reason="link_disabled")
        self._world.touch()
        return {"closed": closed}

    async def _rate_limits(self, body: Json) -> Json:
        limits = RateLimits.of(body.get("limits"))
        self._world.meter = RateMeter(limits, self._world.clock) if limits else None
        self._world.touch()
        return {}

    async def _revoke(self, body: Json) -> Json:
        """Refuse every call with a token; tell the app where it subscribed to that event."""
        world = self._world
        error, token = body.get("error"), body.get("token", "bot")
        if token not in ("bot", "app"):
            raise ValueError("token must be bot or app")
        if token == "app":  # noqa: S105 - the kind of a token, not a token
            world.app.app_token_error = error
        else:
            world.app.token_error = error
        world.touch()
        if token == "bot" and error and "tokens_revoked" in world.app.events:  # noqa: S105 - as above
            event: Json = {
                "type": "tokens_revoked",
                "tokens": {"oauth": [], "bot": [world.app.bot_user_id]},
                "event_ts": world.new_ts(),
            }
            delivery = await self._courier.deliver(
                "events_api", event_callback(world, event), user=None
            )
            return {"delivery": delivery.wire()}
        return {"delivery": None}

    async def _rehash(self, body: Json) -> Json:
        """Give a view a new hash, as if something else had just changed it."""
        view = self._world.view(body["view_id"])
        if view is None:
            raise Impossible("no_such_view", "there is no such view")
        view.hash = self._world.new_hash()
        self._world.touch()
        return {"hash": view.hash}

    async def _member(self, body: Json) -> Json:
        """Let somebody, by default the bot, join or leave a channel."""
        channel = self._world.channels.get(body["channel"])
        user = body.get("user") or self._world.app.bot_user_id
        if channel is None or user not in self._world.users:
            raise Impossible("no_such_channel", "there is no such channel or person")
        if body["member"] and user not in channel.members:
            channel.members.append(user)
        elif not body["member"] and user in channel.members:
            channel.members.remove(user)
        self._world.touch()
        return {}
