"""A driver for a running sandbox: people's verbs, state, and waiting, over the control API."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

import aiohttp

from .caller import Caller
from .fault_client import FaultClient
from .signing import signed_headers
from .snapshot import Delivered, SandboxRefusal, State
from .wire import Json

__all__ = ["Delivered", "SandboxClient", "SandboxRefusal", "State"]

_POLL_SECONDS = 5.0


class SandboxClient(Caller):
    """Drives a sandbox as people would.

    Args:
        url: The sandbox's `http://host:port`.
        session: An HTTP client to use; by default an own one, closed at the end of the block.

    Attributes:
        faults: Everything that can go wrong at Slack.
    """

    def __init__(self, url: str, *, session: aiohttp.ClientSession | None = None) -> None:
        super().__init__(url, session=session)
        self.faults = FaultClient(self)

    async def state(
        self, *, since: int | None = None, timeout: float = _POLL_SECONDS, log: bool = True
    ) -> State:
        """A snapshot; with `since`, waits up to `timeout` s for a change after that version."""
        query: dict[str, str] = {"log": "1" if log else "0"}
        if since is not None:
            query |= {"since": str(since), "timeout": str(timeout)}
        async with self.session.get(f"{self.url}/sandbox/state", params=query) as response:
            response.raise_for_status()
            return State(await response.json())

    async def wait_for(
        self,
        predicate: Callable[[State], Any],
        description: str,
        timeout: float = 30.0,
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
        return await self.delivered(
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
        answer = await self.post(
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
        return await self.delivered("submit", user=user, view_id=view_id, values=values)

    async def close_view(
        self, user: str, *, view_id: str | None = None, everything: bool = False
    ) -> Delivered | None:
        """Close the modal on top, or all; the `view_closed` delivery if the app wanted one."""
        answer = await self.post("close", user=user, view_id=view_id, all=everything)
        record = answer["delivery"]
        return Delivered.of(record) if record else None

    async def say(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> str:
        """Post a message as a person; returns its ts."""
        answer = await self.post("say", user=user, channel=channel, text=text, thread_ts=thread_ts)
        return str(answer["ts"])

    async def delete_message(
        self, user: str, channel: str, ts: str, *, force: bool = False
    ) -> None:
        """Delete a message as its author, as an admin, or with `force` as anybody."""
        await self.post("delete", user=user, channel=channel, ts=ts, force=force)

    async def message_shortcut(
        self, user: str, *, channel: str, ts: str, callback_id: str
    ) -> Delivered:
        """Choose one of the app's shortcuts in the menu of a message."""
        return await self.delivered(
            "shortcut", user=user, channel=channel, ts=ts, callback_id=callback_id
        )

    async def global_shortcut(self, user: str, *, callback_id: str) -> Delivered:
        """Choose one of the app's global shortcuts."""
        return await self.delivered("shortcut", user=user, callback_id=callback_id)

    async def slash(self, user: str, channel: str, command: str, text: str = "") -> Delivered:
        """Type a slash command."""
        return await self.delivered("slash", user=user, channel=channel, command=command, text=text)

    async def open_home(
        self, user: str, *, tab: Literal["home", "messages"] = "home"
    ) -> Delivered | None:
        """Open a tab of the App Home; the event's delivery if the app subscribed."""
        record = (await self.post("home", user=user, tab=tab))["delivery"]
        return Delivered.of(record) if record else None

    async def deliver(
        self,
        payload: Json,
        *,
        kind: Literal["interactive", "slash_commands", "events_api"] = "interactive",
    ) -> Delivered:
        """Deliver any payload over the app's transport, correctly signed."""
        return await self.delivered("deliver", payload=payload, kind=kind)

    async def disconnect(
        self,
        *,
        reason: Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]
        | None,
        connection: str | None = None,
        grace: float = 0.0,
    ) -> int:
        """Close sockets: with a `disconnect` frame and `grace` seconds, or with None abruptly."""
        answer = await self.post("disconnect", reason=reason, connection=connection, grace=grace)
        return int(answer["closed"])

    async def advance_clock(self, seconds: float) -> None:
        """Let `seconds` pass in the sandbox."""
        await self.post("clock", advance=seconds)

    async def set_clock_speed(self, speed: float) -> None:
        """Let the sandbox's time run `speed` times as fast as the machine's."""
        await self.post("clock", speed=speed)

    async def edit_workspace(self, **sections: Any) -> None:
        """Change the workspace, for example `users={"U0BEN": {"deleted": True}}`.

        Args:
            sections: `users`, `usergroups`, `channels` (fields by id; unknown ids are added),
                `scopes`, `events`, `commands`, `shortcuts` (whole lists), `request_url`,
                `signing_secret`, `socket_mode`, `paid_plan`, `manifest` (an app manifest).
        """
        async with self.session.post(f"{self.url}/sandbox/workspace", json=sections) as response:
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
        async with self.session.post(
            url, data=body.encode(), headers=sent | (headers or {})
        ) as response:
            return response.status, await response.text()
