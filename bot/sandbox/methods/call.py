"""One Web API call: its arguments, read as Slack reads them, and what a method declares."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ..state import World
from ..wire import Json, SlackError, invalid_arguments
from ..workspace import Channel

T = TypeVar("T")


class Args:
    """The arguments of a call; form values are strings, JSON values keep their type."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def has(self, name: str) -> bool:
        """Whether the argument was sent with a value."""
        return self.values.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """A required string.

        Raises:
            SlackError: `invalid_arguments`, it is missing.
        """
        value = self.optional(name)
        if value is None:
            raise invalid_arguments(f"missing required field: {name}")
        return value

    def optional(self, name: str) -> str | None:
        """A string, or None where it was not sent."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, (dict, list)):
            raise invalid_arguments(f"must be a string [json-pointer:/{name}]")
        return str(value)

    def flag(self, name: str) -> bool:
        """A boolean: `true`, `1` or JSON true."""
        return str(self.values.get(name, "")).lower() in ("1", "true")

    def number(self, name: str, default: int, *, most: int) -> int:
        """A positive whole number, cut to `most`.

        Raises:
            SlackError: `invalid_limit`, it is no positive number.
        """
        text = self.optional(name)
        if text is None:
            return default
        if not text.isdigit() or int(text) < 1:
            raise SlackError("invalid_limit")
        return min(int(text), most)

    def decoded(self, name: str, *, error: str) -> Any:
        """A JSON argument: decoded if it came as a string, None if it did not come.

        Raises:
            SlackError: `error`, the string is no JSON.
        """
        value = self.values.get(name)
        if isinstance(value, str):
            if value == "":
                return None
            try:
                return json.loads(value)
            except ValueError as exc:
                raise SlackError(error) from exc
        return value


Handler = Callable[[World, Args], Json]


@dataclass(frozen=True)
class Method:
    """A method: its code, the scopes it needs (any one of them), the kind of token it takes.

    `wants` is `none` where Slack asks for no token at all.
    """

    handler: Handler
    scopes: tuple[str, ...] = ()
    wants: Literal["bot", "app", "none"] = "bot"


def missing_scope(world: World, needed: str) -> SlackError:
    """Slack's refusal of a call for which the token lacks a scope."""
    return SlackError("missing_scope", needed=needed, provided=",".join(sorted(world.app.scopes)))


def require_scope(world: World, *scopes: str) -> None:
    """Refuse unless one of `scopes` is granted.

    Raises:
        SlackError: `missing_scope`.
    """
    if not any(scope in world.app.scopes for scope in scopes):
        raise missing_scope(world, scopes[0])


def scope_for(channel: Channel, *, verb: str) -> str:
    """The scope that lets the app `read` or see the `history` of a conversation."""
    if channel.is_im:
        family = "im"
    elif channel.is_mpim:
        family = "mpim"
    else:
        family = "groups" if channel.is_private else "channels"
    return f"{family}:{verb}"


def visible_channel(world: World, channel_id: str, *, verb: str) -> Channel:
    """A conversation the bot may look at.

    Raises:
        SlackError: `channel_not_found` (also for private ones it is not in), `missing_scope`.
    """
    channel = world.channels.get(channel_id)
    if channel is None:
        raise SlackError("channel_not_found")
    if channel.is_private and world.app.bot_user_id not in channel.members:
        raise SlackError("channel_not_found")
    require_scope(world, scope_for(channel, verb=verb))
    return channel


def page(items: Sequence[T], args: Args, *, default: int, most: int) -> tuple[list[T], str]:
    """One page of a cursor-paged list, and the next cursor (empty at the end).

    Raises:
        SlackError: `invalid_limit` or `invalid_cursor`.
    """
    limit = args.number("limit", default, most=most)
    start = 0
    cursor = args.optional("cursor")
    if cursor is not None:
        try:
            word, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
            start = int(number)
        except (ValueError, binascii.Error) as exc:
            raise SlackError("invalid_cursor") from exc
        if word != "next":
            raise SlackError("invalid_cursor")
    end = start + limit
    following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return list(items[start:end]), following
