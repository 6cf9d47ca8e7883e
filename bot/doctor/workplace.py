"""Owns the seam between the doctor and the chat: what is asked there, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..directory import Directory

__all__ = ["ChannelFacts", "Identity", "Workplace"]


@dataclass(frozen=True)
class Identity:
    """Who the bot's token is.

    Attributes:
        team: The workspace's id.
        team_name: What it is called.
        scopes: What the token may do; `None` where the chat does not say.
    """

    team: str
    team_name: str
    scopes: frozenset[str] | None


@dataclass(frozen=True)
class ChannelFacts:
    """A channel as the bot sees it.

    Attributes:
        archived: Nobody can write there any more.
        member: Whether the bot is in it.
        shared: Whether people of other organisations are in it, or are invited.
    """

    archived: bool
    member: bool
    shared: bool


class Workplace(Protocol):
    """What the doctor asks of the chat. All verbs raise `LookupFailed` with the chat's word."""

    async def identity(self) -> Identity:
        """Return who the bot's token is."""
        ...

    async def channel(self, channel: str) -> ChannelFacts:
        """Return what the bot sees of a channel."""
        ...

    async def directory(self) -> Directory:
        """Return a directory of the token's own workspace."""
        ...

    async def offers_connection(self, app_token: str) -> None:
        """Return if the chat would open a connection for the app-level token."""
        ...
