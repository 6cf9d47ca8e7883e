"""Owns the seam between the logic and the chat: a handful of verbs, and what they carry.

The logic (`bot.notifier`, the deciding of clicks) knows these verbs and no Slack; `bot.slack` knows
Slack and no rules. A message is rendered before it gets here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

__all__ = ["DeliveryFailed", "Mark", "Message", "Messenger", "Posted"]


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


@dataclass(frozen=True)
class Mark:
    """What a message tells programs of itself: opaque ids, by which its sender finds it again.

    Everybody in the workspace may read it.
    """

    kind: Literal["card", "reply"]
    key: str
    """The approval's."""
    nonce: str
    """The approval's: a key may be used again after retention."""
    slot: str
    """Where the store notes the message."""


class DeliveryFailed(Exception):
    """The chat did not take a message.

    `permanent` says that trying again cannot help as things stand; `gone` that the message to be
    changed or answered is not there; `unfit` that it is this message which the chat will never
    take, wherever it goes; `uncertain` that it may have taken it all the same; `retry_after` is how
    many seconds the chat asked to be left alone; `reason` is the chat's own word.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        gone: bool = False,
        unfit: bool = False,
        uncertain: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.gone = gone
        self.unfit = unfit
        self.uncertain = uncertain
        self.retry_after = retry_after


class Messenger(Protocol):
    """What the logic asks of a chat. Every verb raises `DeliveryFailed` and nothing else."""

    async def post(
        self, channel: str, message: Message, *, thread: str | None = None, mark: Mark | None = None
    ) -> Posted:
        """Post *message* to a channel or, by a person's id, to that person; return where it is.

        Nothing is repeated inside: after a failure it may or may not have been posted. What it is
        can be told programs with a *mark*.
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

    async def find(
        self, channel: str, mark: Mark, *, since: datetime, thread: str | None = None
    ) -> Sequence[Posted]:
        """Return our own messages with exactly this *mark*, oldest first.

        Looked for among the messages of the channel, or of one thread, that are not much older than
        *since*, up to some hundreds. Empty also where the chat does not let us look.
        """
        ...

    async def trouble(self, channel: str) -> str | None:
        """Return the word for why *channel* takes no messages of ours; `None` if it should."""
        ...
