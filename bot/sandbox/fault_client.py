"""The driver's side of faults: one typed verb for everything that can go wrong at Slack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

from .caller import Caller
from .rate_limits import RateLimits
from .snapshot import Delivered
from .wire import Json


class ApiScope(TypedDict, total=False):
    """Which API calls a fault hits; what is left out does not restrict.

    Attributes:
        method: A method or glob, for example `chat.*`; `response_url` and `upload` for those.
        channel: Only calls with this channel.
        args: Only calls with these arguments, for example `{"user": "U0BEN"}`.
        skip: So many fitting calls pass first.
        count: At most so many are hit; without it, until cleared.
        probability: The share of fitting calls that are hit, 0 to 1.
        seed: Makes the share reproducible.
    """

    method: str
    channel: str
    args: dict[str, str]
    skip: int
    count: int
    probability: float
    seed: int


class DeliveryScope(TypedDict, total=False):
    """Which deliveries a fault hits; what is left out does not restrict.

    Attributes:
        method: The delivery's type or a glob: `block_actions`, `view_*`, `slash_command`,
            `message_action`, `shortcut`, an event's type.
        channel: Only what happens in this conversation.
        user: Only what this person does.
        args: Only with these: `action_id`, `callback_id`, `command`.
        skip: So many fitting deliveries pass first.
        count: At most so many are hit; without it, until cleared.
        probability: The share of fitting deliveries that are hit, 0 to 1.
        seed: Makes the share reproducible.
    """

    method: str
    channel: str
    user: str
    args: dict[str, str]
    skip: int
    count: int
    probability: float
    seed: int


class FaultClient:
    """Orders faults. Every verb that takes a scope returns the fault's id, for `clear`.

    Args:
        caller: The connection to the sandbox.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def _order(self, kind: str, scope: Mapping[str, Any], **settings: Any) -> str:
        answer = await self._caller.post("fault", kind=kind, **scope, **settings)
        return str(answer["fault"]["id"])

    async def clear(self, fault: str | None = None) -> None:
        """Withdraw one fault; without an id all of them, with Slack back and the ghosts gone.

        What is held stays held until `release`.
        """
        await self._caller.post("clear", fault=fault)

    async def fired(self, fault: str) -> int:
        """How many calls or deliveries a fault has hit; 0 for one that was cleared."""
        async with self._caller.session.get(
            f"{self._caller.url}/sandbox/state", params={"log": "0"}
        ) as response:
            faults = (await response.json())["faults"]
        return next((int(item["fired"]) for item in faults if item["id"] == fault), 0)

    async def rate_limited(self, *, retry_after: float = 1, **scope: Unpack[ApiScope]) -> str:
        """Calls are refused: 429, `ratelimited`, and `Retry-After` in seconds."""
        return await self._order("rate_limited", scope, retry_after=retry_after)

    async def server_error(self, *, status: int = 500, **scope: Unpack[ApiScope]) -> str:
        """Calls fail with a 5xx: 500 with JSON, others with the text of a proxy."""
        return await self._order("server_error", scope, status=status)

    async def refuse(
        self, error: str, *, details: Json | None = None, **scope: Unpack[ApiScope]
    ) -> str:
        """Calls are answered with `ok: false` and `error`, plus the keys of `details`."""
        return await self._order("refuse", scope, error=error, details=details or {})

    async def reset_before(self, **scope: Unpack[ApiScope]) -> str:
        """The connection is reset before the call has an effect."""
        return await self._order("reset_before", scope)

    async def reset_after(self, **scope: Unpack[ApiScope]) -> str:
        """The call has its effect (the message is stored), then the connection is reset."""
        return await self._order("reset_after", scope)

    async def slow(
        self, *, ms: float = 0.0, seconds: float = 0.0, **scope: Unpack[ApiScope]
    ) -> str:
        """Calls take `ms` real milliseconds plus `seconds` of the sandbox's clock longer.

        The wait is before the effect. It may be combined with a fault of another kind.
        """
        return await self._order("slow", scope, ms=ms, seconds=seconds)

    async def away(self, how: Literal["drop", "503"] = "drop") -> None:
        """Slack is gone: calls fail, sockets drop, people can do nothing."""
        await self._caller.post("away", how=how)

    async def back(self) -> None:
        """Slack is back."""
        await self._caller.post("away")

    async def lose(self, **scope: Unpack[DeliveryScope]) -> str:
        """Deliveries reach nobody (`lost`); the person sees the error sign."""
        return await self._order("lose", scope)

    async def lose_ack(self, **scope: Unpack[DeliveryScope]) -> str:
        """Deliveries arrive, but the person sees the error sign as if nobody had answered."""
        return await self._order("lose_ack", scope)

    async def duplicate(
        self,
        *,
        copies: int = 1,
        seconds: float = 0.0,
        resign: bool = True,
        **scope: Unpack[DeliveryScope],
    ) -> str:
        """Deliveries arrive again, with the same envelope id or body.

        Args:
            copies: How many more times.
            seconds: Of the sandbox's clock before each copy; 0 sends it beside the first.
            resign: Sign a copy anew; False repeats the old time and signature, as a replay.
            scope: Which deliveries.
        """
        return await self._order("duplicate", scope, copies=copies, seconds=seconds, resign=resign)

    async def delay(self, *, seconds: float, **scope: Unpack[DeliveryScope]) -> str:
        """Deliveries arrive late, by `seconds` of the sandbox's clock.

        From 3 seconds on the person sees the error sign at once (`late`), and the late
        delivery is a record of its own (`State.copies`).
        """
        return await self._order("delay", scope, seconds=seconds)

    async def hold(self, **scope: Unpack[DeliveryScope]) -> str:
        """Deliveries wait for `release`; the verb that caused one waits with it."""
        return await self._order("hold", scope)

    async def release(
        self, order: Literal["held", "reversed"] | Sequence[int] = "held"
    ) -> list[int]:
        """Hold no longer, and let the held go in this order, each after the last was answered.

        Args:
            order: As they came, the other way round, or ids from `State.held`.

        Returns:
            The ids in the order in which they went.
        """
        wish = order if isinstance(order, str) else list(order)
        return list((await self._caller.post("release", order=wish))["released"])

    async def expire_trigger(self, **scope: Unpack[DeliveryScope]) -> str:
        """The trigger ids of deliveries are already expired when they arrive."""
        return await self._order("expire_trigger", scope)

    async def ghosts(self, count: int) -> None:
        """Slack counts `count` dead connections in `hello`, and sends them their share."""
        await self._caller.post("ghosts", count=count)

    async def socket_mode(self, *, enabled: bool) -> None:
        """Switch Socket Mode; off closes every socket, also new ones, with `link_disabled`."""
        await self._caller.post("socket_mode", enabled=enabled)

    async def rate_limits(self, limits: RateLimits | Mapping[str, Any] | None) -> None:
        """Apply Slack's own rate limits from now on, or (None) none; the counts start anew."""
        fields = vars(limits) if isinstance(limits, RateLimits) else limits
        await self._caller.post("rate_limits", limits=None if fields is None else dict(fields))

    async def revoke(
        self,
        *,
        error: Literal["token_revoked", "account_inactive", "invalid_auth"] = "token_revoked",
        kind: Literal["bot", "app"] = "bot",
    ) -> Delivered | None:
        """A token is refused from now on; the `tokens_revoked` delivery if subscribed."""
        record = (await self._caller.post("revoke", error=error, token=kind))["delivery"]
        return Delivered.of(record) if record else None

    async def restore(self, *, kind: Literal["bot", "app"] = "bot") -> None:
        """A revoked token is good again."""
        await self._caller.post("revoke", token=kind)

    async def scopes(self, scopes: Sequence[str]) -> None:
        """The bot token has exactly these scopes from now on."""
        await self._edit(scopes=list(scopes))

    async def rotate_secret(self, secret: str) -> None:
        """Sign with another secret from now on."""
        await self._edit(signing_secret=secret)

    async def rehash(self, view_id: str) -> str:
        """Give a view a new hash, so that an update with the old one is a `hash_conflict`."""
        return str((await self._caller.post("rehash", view_id=view_id))["hash"])

    async def remove_from_channel(self, channel: str, user: str | None = None) -> None:
        """Take a person, or (None) the bot, out of a channel."""
        await self._caller.post("member", channel=channel, user=user, member=False)

    async def add_to_channel(self, channel: str, user: str | None = None) -> None:
        """Put a person, or (None) the bot, into a channel."""
        await self._caller.post("member", channel=channel, user=user, member=True)

    async def archive(self, channel: str, *, archived: bool = True) -> None:
        """Archive a channel, or bring it back."""
        await self._edit(channels={channel: {"is_archived": archived}})

    async def share(self, channel: str, *, shared: bool = True) -> None:
        """Share a channel with another organization (Slack Connect), or stop that."""
        await self._edit(channels={channel: {"is_ext_shared": shared}})

    async def deactivate(self, user: str, *, deleted: bool = True) -> None:
        """Deactivate a person, or activate them again."""
        await self._edit(users={user: {"deleted": deleted}})

    async def make_guest(self, user: str, *, single_channel: bool = False) -> None:
        """Make a person a guest, of several channels or of a single one."""
        await self._edit(
            users={user: {"is_restricted": True, "is_ultra_restricted": single_channel}}
        )

    async def make_stranger(self, user: str, *, team_id: str = "T0OTHER") -> None:
        """Make a person a member of another workspace."""
        await self._edit(users={user: {"is_stranger": True, "team_id": team_id}})

    async def _edit(self, **sections: Any) -> None:
        await self._caller.post("workspace", **sections)
