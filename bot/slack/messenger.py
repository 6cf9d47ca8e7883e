"""Owns sending to Slack: the messenger's verbs as Web API calls, and Slack's errors as ours.

The client must have no retry handlers: Slack knows no idempotency key, so a repeated post is a
second message. Repeating is the notifier's business, which knows what was posted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from ..messenger import DeliveryFailed, Message, Posted
from .limits import check_message

__all__ = ["SlackMessenger", "failure"]

_PASSING: Final = frozenset(
    {
        "fatal_error",
        "internal_error",
        "ratelimited",
        "rate_limited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
        "message_limit_exceeded",
    }
)
"""Words of Slack's after which the same call may work later; every other word is for good."""

_GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


class SlackMessenger:
    """Sends through the Web API.

    Args:
        client: A client without retry handlers.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def post(self, channel: str, message: Message, *, thread: str | None = None) -> Posted:
        """Post; see `Messenger.post`."""
        answer = await self._call(
            "chat.postMessage",
            channel=channel,
            thread_ts=thread,
            unfurl_links=False,
            unfurl_media=False,
            **_body(message),
        )
        return Posted(str(answer["channel"]), str(answer["ts"]))

    async def update(self, posted: Posted, message: Message) -> None:
        """Replace; see `Messenger.update`."""
        await self._call("chat.update", channel=posted.channel, ts=posted.ts, **_body(message))

    async def tell(self, channel: str, person: str, message: Message) -> None:
        """Tell one person; see `Messenger.tell`."""
        try:
            await self._call("chat.postEphemeral", channel=channel, user=person, **_body(message))
        except DeliveryFailed as error:
            if not error.permanent:
                raise
            # Not in the channel, say: an ephemeral message cannot reach them, a direct one can.
            await self.post(person, message)

    async def link(self, posted: Posted) -> str | None:
        """Return the message's permalink; see `Messenger.link`."""
        try:
            answer = await self._call(
                "chat.getPermalink", channel=posted.channel, message_ts=posted.ts
            )
        except DeliveryFailed:
            return None
        return str(answer["permalink"])

    async def _call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            if method == "chat.getPermalink":
                answer = await self._client.api_call(method, http_verb="GET", params=given)
            else:
                answer = await self._client.api_call(method, json=given)
        except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
            raise failure(error) from None
        return answer.data if isinstance(answer.data, dict) else {}


def failure(error: Exception) -> DeliveryFailed:
    """Return what a failed call of the Web API means; Slack's text never holds more than words."""
    if isinstance(error, SlackApiError):
        response = error.response
        word = str(response.get("error", "unknown")) if response is not None else "unknown"
        status = getattr(response, "status_code", 200)
        headers = getattr(response, "headers", {}) or {}
        if status == 429 or word in ("ratelimited", "rate_limited"):
            return DeliveryFailed("ratelimited", retry_after=_seconds(headers))
        if status >= 500 or word in _PASSING:
            return DeliveryFailed(word)
        return DeliveryFailed(word, permanent=True, gone=word in _GONE)
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return DeliveryFailed("timeout")
    return DeliveryFailed("unreachable")


def _seconds(headers: Mapping[str, Any]) -> float:
    for name, value in headers.items():
        if str(name).lower() == "retry-after":
            text = value[0] if isinstance(value, list) else value
            return max(0.0, float(text)) if str(text).replace(".", "", 1).isdigit() else 1.0
    return 1.0


def _body(message: Message) -> dict[str, Any]:
    problems = check_message(message)
    if problems:
        # A last look before Slack's own: what breaks its limits would be refused or, worse, cut.
        raise DeliveryFailed("invalid_blocks", permanent=True)
    body: dict[str, Any] = {"text": message.text}
    if message.blocks:
        body["blocks"] = list(message.blocks)
    return body
