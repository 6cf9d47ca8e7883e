"""A driver for a running sandbox: people's verbs, state, and waiting, over the control API."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp

from .signing import signed_headers
from .wire import Json

_POLL_SECONDS = 5.0


class SandboxRefusal(RuntimeError):
    """The sandbox refused a verb: Slack's own client would not allow it, or the call is wrong.

    Attributes:
        error: A stable word, for example `no_such_action` or `deactivated`.
        detail: A sentence.
        answer: The whole answer.
    """

    def __init__(self, answer: Json) -> None:
        self.error = str(answer.get("error"))
        self.detail = str(answer.get("detail"))
        self.answer = answer
        super().__init__(f"{self.error}: {self.detail}")


@dataclass(frozen=True)
class Delivered:
    """What the app did with one delivery.

    Attributes:
        ok: It acknowledged in time and usefully; otherwise the person saw an error sign.
        error: Why not, for example `timeout`, `http_404`, `not_connected`.
        transport: `socket`, `http` or `none`.
        status: HTTP status, if HTTP was used.
        answer: The decoded body or ack payload.
        latency_ms: How long the answer took.
        payload: The payload that was delivered.
        record: The whole record of the log.
    """

    ok: bool
    error: str | None
    transport: str
    status: int | None
    answer: Any
    latency_ms: float
    payload: Json
    record: Json

    @classmethod
    def of(cls, record: Json) -> Self:
        """From a record of the log."""
        return cls(
            ok=record["ok"],
            error=record["error"],
            transport=record["transport"],
            status=record["status"],
            answer=record["answer"],
            latency_ms=record["latency_ms"] or 0.0,
            payload=record["payload"],
            record=record,
        )


@dataclass(frozen=True)
class State:
    """One snapshot of a sandbox; `data` is the whole dump."""

    data: Json

    @property
    def version(self) -> int:
        """Number of changes so far."""
        return int(self.data["version"])

    def messages(self, channel: str) -> list[Json]:
        """What stands in a channel, oldest first, without thread replies."""
        return [
            message
            for message in self.data["messages"].get(channel, [])
            if message.get("thread_ts") in (None, message["ts"])
            or message.get("subtype") == "thread_broadcast"
        ]

    def thread(self, channel: str, ts: str) -> list[Json]:
        """The replies in the thread of a message, oldest first, without the message."""
        return [
            message
            for message in self.data["messages"].get(channel, [])
            if message.get("thread_ts") == ts and message["ts"] != ts
        ]

    def message(self, channel: str, ts: str) -> Json | None:
        """One message, replies included; None if it is not there."""
        for message in self.data["messages"].get(channel, []):
            if message["ts"] == ts:
                found: Json = message
                return found
        return None

    def ephemerals(self, user: str) -> list[Json]:
        """The messages only `user` sees, oldest first."""
        return list(self.data["ephemerals"].get(user, []))

    def views(self, user: str) -> list[Json]:
        """The open modals of a person, the visible one last."""
        return list(self.data["views"].get(user, []))

    def home(self, user: str) -> Json | None:
        """The App Home of a person."""
        home: Json | None = self.data["homes"].get(user)
        return home

    def marks(self, user: str) -> list[Json]:
        """Spinners (`pending`) and error signs (`failed`) a person sees."""
        return [mark for mark in self.data["marks"] if mark["user"] == user]

    @property
    def requests(self) -> list[Json]:
        """The app's Web API and response URL requests, oldest first."""
        return list(self.data.get("requests", []))

    @property
    def deliveries(self) -> list[Json]:
        """The deliveries to the app, oldest first."""
        return list(self.data.get("deliveries", []))

    @property
    def sockets(self) -> list[Json]:
        """The open Socket Mode connections."""
        return list(self.data["sockets"])

    def direct_channel(self, user: str) -> str | None:
        """The id of the direct message between the bot and `user`."""
        for channel in self.data["channels"]:
            if channel.get("is_im") and channel.get("user") == user:
                return str(channel["id"])
        return None


class SandboxClient:
    """Drives a sandbox as people would.

    Args:
        url: The sandbox's `http://host:port`.
        session: An HTTP client to use; by default an own one, closed at the end of the block.
    """

    def __init__(self, url: str, *, session: aiohttp.ClientSession | None = None) -> None:
        self._url = url.rstrip("/")
        self._session = session
        self._owned = session is None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the HTTP client if it is our own."""
        if self._owned and self._session is not None:
            await self._session.close()
            self._session = None

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def _post(self, verb: str, **body: Any) -> Json:
        sent = {key: value for key, value in body.items() if value is not None}
        async with self._client().post(f"{self._url}/sandbox/{verb}", json=sent) as response:
            answer: Json = await response.json()
        if not answer.get("ok"):
            raise SandboxRefusal(answer)
        return answer

    async def _delivered(self, verb: str, **body: Any) -> Delivered:
        return Delivered.of((await self._post(verb, **body))["delivery"])

    async def state(
        self, *, since: int | None = None, timeout: float = _POLL_SECONDS, log: bool = True
    ) -> State:
        """A snapshot; with `since`, waits up to `timeout` s for a change after that version."""
        query: dict[str, str] = {"log": "1" if log else "0"}
        if since is not None:
            query |= {"since": str(since), "timeout": str(timeout)}
        async with self._client().get(f"{self._url}/sandbox/state", params=query) as response:
            response.raise_for_status()
            return State(await response.json())

    async def wait_for(
        self,
        predicate: Callable[[State], Any],
        description: str,
        timeout: float = 10.0,
    ) -> State:
        """The first snapshot for which `predicate` is true; woken by changes, not by polling.

        Raises:
            AssertionError: none within `timeout` seconds; names `description`.
        """
        end = time.monotonic() + timeout
        state = await self.state()
        while not predicate(state):
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"waited {timeout:g} s in vain for: {description}")
            state = await self.state(since=state.version, timeout=min(left, _POLL_SECONDS))
        return state

    async def messages(self, channel: str) -> list[Json]:
        """What stands in a channel, oldest first, without thread replies."""
        return (await self.state(log=False)).messages(channel)

    async def thread(self, channel: str, ts: str) -> list[Json]:
        """The replies to a message, oldest first."""
        return (await self.state(log=False)).thread(channel, ts)

    async def ephemerals(self, user: str) -> list[Json]:
        """The messages only `user` sees."""
        return (await self.state(log=False)).ephemerals(user)

    async def views(self, user: str) -> list[Json]:
        """The open modals of a person, the visible one last."""
        return (await self.state(log=False)).views(user)

    async def click(
        self,
        user: str,
        *,
        action_id: str,
        channel: str | None = None,
        ts: str | None = None,
        view_id: str | None = None,
        block_id: str | None = None,
        value: Any = None,
        inputs: Json | None = None,
        force: bool = False,
    ) -> Delivered:
        """Use a control in a message (`channel`, `ts`) or in a modal or home (`view_id`).

        Args:
            user: Who.
            action_id: The control.
            channel: The message's conversation.
            ts: The message.
            view_id: The modal or home, instead of a message.
            block_id: The control's block, where the action id is not unique.
            value: What was chosen, for menus and the like.
            inputs: Other inputs of the message or view, as for `submit`.
            force: Also as somebody who just lost access: a click already on its way.

        Raises:
            SandboxRefusal: Slack's client would not let them.
        """
        return await self._delivered(
            "click",
            user=user,
            action_id=action_id,
            channel=channel,
            ts=ts,
            view_id=view_id,
            block_id=block_id,
            value=value,
            inputs=inputs,
            force=force,
        )

    async def click_payload(
        self, user: str, *, action_id: str, channel: str, ts: str, force: bool = False
    ) -> Json:
        """The payload of a click, not delivered; its trigger and response URL are real."""
        answer = await self._post(
            "payload", user=user, action_id=action_id, channel=channel, ts=ts, force=force
        )
        payload: Json = answer["payload"]
        return payload

    async def submit(
        self, user: str, *, view_id: str | None = None, values: Json | None = None
    ) -> Delivered:
        """Submit the modal on top.

        Args:
            user: Who.
            view_id: Must be on top; None takes whichever is.
            values: What was entered, by action id, block id, or block id then action id.

        Raises:
            SandboxRefusal: no modal, unknown input, or a required one is empty (`incomplete`).
        """
        return await self._delivered("submit", user=user, view_id=view_id, values=values)

    async def close_view(
        self, user: str, *, view_id: str | None = None, everything: bool = False
    ) -> Delivered | None:
        """Close the modal on top, or all; the `view_closed` delivery if the app wanted one."""
        answer = await self._post("close", user=user, view_id=view_id, all=everything)
        record = answer["delivery"]
        return Delivered.of(record) if record else None

    async def say(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> str:
        """Post a message as a person; returns its ts."""
        answer = await self._post("say", user=user, channel=channel, text=text, thread_ts=thread_ts)
        return str(answer["ts"])

    async def delete_message(
        self, user: str, channel: str, ts: str, *, force: bool = False
    ) -> None:
        """Delete a message as its author, as an admin, or with `force` as anybody."""
        await self._post("delete", user=user, channel=channel, ts=ts, force=force)

    async def slash(self, user: str, channel: str, command: str, text: str = "") -> Delivered:
        """Type a slash command."""
        return await self._delivered(
            "slash", user=user, channel=channel, command=command, text=text
        )

    async def open_home(self, user: str) -> Delivered | None:
        """Open the App Home; the event's delivery if the app subscribed."""
        record = (await self._post("home", user=user))["delivery"]
        return Delivered.of(record) if record else None

    async def deliver(
        self,
        payload: Json,
        *,
        kind: Literal["interactive", "slash_commands", "events_api"] = "interactive",
    ) -> Delivered:
        """Deliver any payload over the app's transport, correctly signed."""
        return await self._delivered("deliver", payload=payload, kind=kind)

    async def disconnect(
        self,
        *,
        reason: Literal["warning", "refresh_requested", "link_disabled"] | None,
        connection: str | None = None,
        grace: float = 0.0,
    ) -> int:
        """Close sockets: with a `disconnect` frame and `grace` seconds, or with None abruptly."""
        answer = await self._post("disconnect", reason=reason, connection=connection, grace=grace)
        return int(answer["closed"])

    async def advance_clock(self, seconds: float) -> None:
        """Let `seconds` pass in the sandbox."""
        await self._post("clock", advance=seconds)

    async def edit_workspace(self, **sections: Any) -> None:
        """Change the workspace, for example `users={"U0BEN": {"deleted": True}}`.

        Args:
            sections: `users`, `usergroups`, `channels` (fields by id; unknown ids are added),
                `scopes`, `events` (whole lists), `request_url`, `paid_plan`.
        """
        async with self._client().post(f"{self._url}/sandbox/workspace", json=sections) as response:
            answer: Json = await response.json()
        if not answer.get("ok"):
            raise SandboxRefusal(answer)

    async def post_raw(
        self,
        url: str,
        body: str,
        *,
        secret: str | None,
        timestamp: int | str,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str]:
        """POST a raw body to the app, signed with `secret` or (None) unsigned.

        Returns:
            Status and body of the answer.
        """
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        if secret is not None:
            sent |= signed_headers(secret, timestamp, body)
        async with self._client().post(
            url, data=body.encode(), headers=sent | (headers or {})
        ) as response:
            return response.status, await response.text()
