"""Owns the seam between the logic and the chat: a handful of verbs, and what they carry.

The logic (`bot.notifier`, the deciding of clicks) knows these verbs and no Slack; `bot.slack` knows
Slack and no rules. A message is rendered before it gets here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["DeliveryFailed", "Message", "Messenger", "Posted"]


@dataclass(frozen=True)
class Message:
    """A rendered message: `text` is the notification and what screen readers read."""

    text: str
    blocks: Sequence[dict[str, Any]] = field(default_factory=tuple)


@dataclass(frozen=True)
class Posted:
    """Where a message is: the channel's id and the message's timestamp, Slack's name for it."""

    channel: str
    ts: str


class DeliveryFailed(Exception):
    """The chat did not take a message.

    `permanent` says that trying again cannot help as things stand; `gone` that the message to be
    changed or answered is not there; `unfit` that it is this message which the chat will never
    take, wherever it goes; `retry_after` is how many seconds the chat asked to be left alone;
    `reason` is the chat's own word.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        gone: bool = False,
        unfit: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.gone = gone
        self.unfit = unfit
        self.retry_after = retry_after


class Messenger(Protocol):
    """What the logic asks of a chat. Every verb raises `DeliveryFailed` and nothing else."""

    async def post(self, channel: str, message: Message, *, thread: str | None = None) -> Posted:
        """Post *message* to a channel or, by a person's id, to that person; return where it is.

        Nothing is repeated inside: after a failure it may or may not have been posted.
        """
        ...

    async def update(self, posted: Posted, message: Message) -> None:
        """Replace the message at *posted*. Repeating it is harmless."""
        ...

    async def tell(self, channel: str, person: str, message: Message) -> None:
        """Show *message* to one person only, in the channel or, where that fails, directly."""
        ...

    async def link(self, posted: Posted) -> str | None:
        """Return the address of the message at *posted*, or `None` where the chat gives none."""
        ...
