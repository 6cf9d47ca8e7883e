"""Owns sending to Slack: the messenger's verbs as Web API calls, and Slack's errors as ours.

The client must have no retry handlers: Slack knows no idempotency key, so a repeated post is a
second message. Repeating is the notifier's business, which knows what was posted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from gate import get_logger

from ..messenger import DeliveryFailed, Mark, Message, Posted
from .ids import is_channel, is_message
from .limits import check_message

__all__ = ["SlackMessenger", "failure", "is_missing", "plain_word", "read"]

_PASSING: Final = frozenset(
    {
        "external_channel_migrating",
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

_GONE: Final = frozenset(
    {
        "cannot_reply_to_message",
        "cant_update_message",
        "edit_window_closed",
        "message_not_found",
        "thread_not_found",
    }
)

_UNFIT: Final = frozenset(
    {
        "invalid_arguments",
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
    }
)
"""Words that are about the message and not about where it goes."""

_READING: Final = frozenset(
    {"chat.getPermalink", "conversations.history", "conversations.info", "conversations.replies"}
)
_PAGE: Final = 200
_PAGES: Final = 3
_SKEW: Final = 300.0
"""Seconds by which Slack's clock may be behind the store's."""

_MISSING: Final = frozenset({"unknown_method", "http_404", "http_405", "http_501"})
"""Words of a Slack that has not the method; the numbers come where it has no words for that."""

_LINKS: Final = ("https://", "http://")
"""Slack's own are the first; a Slack on this machine need not be encrypted."""

_WORD: Final = re.compile(r"[a-z0-9_.:-]{1,80}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_LONGEST_PAUSE: Final = 300.0
"""Seconds. A wrong header must not silence a channel for a day."""


class SlackMessenger:
    """Sends through the Web API.

    Args:
        client: A client without retry handlers.
        own: Says whether a message is ours, others' with the same metadata are not; without it
            none is found again.
    """

    def __init__(
        self, client: AsyncWebClient, *, own: Callable[[Mapping[str, Any]], bool] | None = None
    ) -> None:
        self._client = client
        self._own = own
        self._log = get_logger("signoff.slack")

    async def post(
        self, channel: str, message: Message, *, thread: str | None = None, mark: Mark | None = None
    ) -> Posted:
        """Post; see `Messenger.post`."""
        answer = await self._call(
            "chat.postMessage",
            channel=channel,
            thread_ts=thread,
            unfurl_links=False,
            unfurl_media=False,
            # Needs no scope beyond chat:write, and chat.update keeps it (docs.slack.dev: both).
            metadata=_metadata(mark) if mark else None,
            **_body(message),
        )
        # Slack always says where; where it was sent to a channel, that can be nowhere else.
        known = channel if is_channel(channel) else None
        where, ts = answer.get("channel", known), answer.get("ts")
        if not isinstance(where, str) or not isinstance(ts, str):
            # It was taken, and nobody can say where it is: trying again would post it again.
            raise DeliveryFailed("malformed_answer", permanent=True, uncertain=True)
        return Posted(where, ts)

    async def update(self, posted: Posted, message: Message) -> None:
        """Replace; see `Messenger.update`."""
        await self._call("chat.update", channel=posted.channel, ts=posted.ts, **_body(message))

    async def tell(self, channel: str, person: str, message: Message) -> None:
        """Tell one person; see `Messenger.tell`."""
        try:
            await self._call("chat.postEphemeral", channel=channel, user=person, **_body(message))
        except DeliveryFailed as error:
            if not (error.permanent or is_missing(error.reason)):
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
        link = answer.get("permalink")
        return link if isinstance(link, str) and link.startswith(_LINKS) else None

    async def find(
        self, channel: str, mark: Mark, *, since: datetime, thread: str | None = None
    ) -> Sequence[Posted]:
        """Look in the history, which is an optional scope; see `Messenger.find`."""
        if self._own is None:
            return ()
        method = "conversations.history" if thread is None else "conversations.replies"
        found: list[Posted] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            try:
                answer = await self._call(
                    method,
                    channel=channel,
                    ts=thread,
                    oldest=f"{since.timestamp() - _SKEW:.6f}",
                    limit=_PAGE,
                    include_all_metadata="true",
                    cursor=cursor,
                )
            except DeliveryFailed as error:
                if not (error.permanent or is_missing(error.reason)):
                    raise
                self._log.info("history.closed", channel=channel, reason=error.reason)
                return ()
            found += [Posted(channel, ts) for ts in _marked(answer, mark, own=self._own)]
            cursor = _next(answer)
            if cursor is None:
                break
        return sorted(found, key=lambda posted: posted.ts)

    async def trouble(self, channel: str) -> str | None:
        """Ask conversations.info; see `Messenger.trouble`."""
        try:
            answer = await self._call("conversations.info", channel=channel)
        except DeliveryFailed as error:
            return error.reason
        found = answer.get("channel")
        if not isinstance(found, dict):
            return "malformed_answer"
        if found.get("is_archived"):
            return "is_archived"
        return "not_in_channel" if found.get("is_member") is False else None

    async def _call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            if method in _READING:
                answer = await read(self._client, method, given)
            else:
                answer = await self._client.api_call(method, json=given)
        except Exception as error:  # noqa: BLE001  (the verbs raise nothing else, whatever broke)
            raise failure(error) from None
        return answer.data if isinstance(answer.data, dict) else {}


async def read(
    client: AsyncWebClient, method: str, arguments: Mapping[str, object]
) -> AsyncSlackResponse:
    """Call a method that only reads, with its arguments as a form.

    Slack takes them in the address too, and as JSON for methods that write; a form is what it takes
    for every method (docs.slack.dev/apis/web-api), and what others that speak its Web API take.
    """
    return await client.api_call(method, data={name: str(arguments[name]) for name in arguments})


def plain_word(error: Exception) -> str:
    """Return the word for a failed call, the same one wherever there is no such method."""
    word = failure(error).reason
    return "unknown_method" if is_missing(word) else word


def is_missing(word: str) -> bool:
    """Say whether *word* means that there is no such method: Slack itself has all that we call."""
    return word in _MISSING


def failure(error: Exception) -> DeliveryFailed:
    """Return what a failed call of the Web API means; only words of Slack's own are for good."""
    if isinstance(error, SlackApiError):
        # The SDK's own response or, where the body was no JSON, the HTTP client's.
        response: Any = error.response
        status: int = getattr(response, "status_code", 0) or getattr(response, "status", 0)
        word = _word(getattr(response, "data", None))
        if status == 429 or word in ("ratelimited", "rate_limited"):
            return DeliveryFailed("ratelimited", retry_after=_seconds(response))
        if word is None:
            # Not Slack's answer: a proxy's page, say. An outage is never for good.
            return DeliveryFailed(f"http_{status}", uncertain=True)
        if status >= 500 or word in _PASSING:
            # By Slack's own words such a call may have had its effect in part.
            return DeliveryFailed(word, uncertain=True)
        return DeliveryFailed(word, permanent=True, gone=word in _GONE, unfit=word in _UNFIT)
    if isinstance(error, TimeoutError):
        return DeliveryFailed("timeout", uncertain=True)
    # Without a connection nothing was sent.
    return DeliveryFailed(
        "unreachable", uncertain=not isinstance(error, aiohttp.ClientConnectorError)
    )


def _word(data: object) -> str | None:
    word = data.get("error") if isinstance(data, dict) else None
    if not isinstance(word, str):
        return None
    return word if _WORD.fullmatch(word) else "unknown"


def _seconds(response: object) -> float:
    for name, value in dict(getattr(response, "headers", None) or {}).items():
        if str(name).lower() == "retry-after" and _SECONDS.fullmatch(str(value)):
            return min(float(value), _LONGEST_PAUSE)
    return 1.0


def _body(message: Message) -> dict[str, Any]:
    problems = check_message(message)
    if problems:
        # A last look before Slack's own: what breaks its limits would be refused or, worse, cut.
        raise DeliveryFailed("invalid_blocks", permanent=True, unfit=True)
    return {"text": message.text, "blocks": list(message.blocks)}


def _metadata(mark: Mark) -> dict[str, Any]:
    payload = {"approval": mark.key, "nonce": mark.nonce, "slot": mark.slot}
    return {"event_type": f"signoff_{mark.kind}", "event_payload": payload}


def _marked(
    answer: Mapping[str, Any], mark: Mark, *, own: Callable[[Mapping[str, Any]], bool]
) -> list[str]:
    wanted = _metadata(mark)
    messages = answer.get("messages")
    return [
        message["ts"]
        for message in (messages if isinstance(messages, list) else ())
        if isinstance(message, dict)
        # Anybody may post such metadata; only ours is ours.
        and own(message)
        and _has(message.get("metadata"), wanted)
        and is_message(message.get("ts"))
    ]


def _has(found: object, wanted: Mapping[str, Any]) -> bool:
    return isinstance(found, dict) and all(found.get(k) == v for k, v in wanted.items())


def _next(answer: Mapping[str, Any]) -> str | None:
    rest = answer.get("response_metadata")
    cursor = rest.get("next_cursor") if isinstance(rest, dict) else None
    return cursor if isinstance(cursor, str) and cursor else None
