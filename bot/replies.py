"""Owns the replies in the threads of cards: each slot has one, sent once or found where it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from gate import Approval, Cards, get_logger

from .messenger import DeliveryFailed, Mark, Message, Posted
from .notes import POSTING
from .sending import Intent, Sending

__all__ = ["Replies"]


class Replies:
    """Writes replies.

    Args:
        cards: Remembers which were written.
        sending: Sends them.
        intent: What is noted before.
    """

    def __init__(self, cards: Cards, sending: Sending, *, intent: Intent) -> None:
        self._cards = cards
        self._sending = sending
        self._intent = intent
        # Posted and not yet noted: where the store takes no writes, trying again must not post
        # again.
        self._to_note: dict[tuple[str, str], str] = {}
        self._log = get_logger("signoff.bot")

    def owes_note(self, key: str) -> bool:
        """Say whether a reply about *key* is posted, and the store does not know it yet."""
        return any(mark[0] == key for mark in self._to_note)

    async def tell(
        self,
        approval: Approval,
        slot: str,
        render: Callable[[], Message | None],
        *,
        card: Posted,
        told: Mapping[str, str],
        happened: datetime,
    ) -> bool:
        """Write one reply, unless its slot has one; return whether the chat took it now.

        Args:
            approval: What it is about.
            slot: What it is known by.
            render: Makes it, or `None` where there is nothing to say.
            card: What it is a reply to.
            told: Slot → note, of all messages of the approval.
            happened: When that happened which it tells.

        Raises:
            DeliveryFailed: The chat did not take it.
            StoreUnavailable: It cannot be noted.
        """
        key, note = approval.key, told.get(slot, "")
        if self._intent.is_foreign(note):
            note = await self._intent.give_time(key, slot)
        if note and not note.startswith(POSTING):
            return False
        ts = self._to_note.get((key, slot))
        if ts is None:
            message = render()
            if message is None:
                return False
            if note != self._intent.note:
                await self._cards.keep_card(key, slot, self._intent.note)
            ts = await self._send(
                message,
                card,
                mark=Mark("reply", key, approval.nonce, slot),
                under_way=happened if note else None,
            )
            if ts is None:
                return False
            self._to_note[key, slot] = ts
        await self._cards.keep_card(key, slot, ts)
        del self._to_note[key, slot]
        return True

    async def _send(
        self, message: Message, card: Posted, *, mark: Mark, under_way: datetime | None
    ) -> str | None:
        """Return where the reply is; `None` where it cannot be told.

        Args:
            message: The reply.
            card: What it is a reply to.
            mark: What it is found by.
            under_way: When it happened, if somebody was about to tell it before.
        """
        try:
            if under_way is not None:
                found = await self._sending.find(
                    card.channel, mark=mark, since=under_way, thread=card.ts
                )
                if found:
                    return found[0].ts
            return (await self._sending.post(card.channel, message, mark=mark, thread=card.ts)).ts
        except DeliveryFailed as error:
            if not (error.gone or error.unfit):
                raise
            # Without its thread, or not to be told: no reason to end what can be decided.
            self._log.warning("reply.untold", approval=mark.key, reason=error.reason)
            return None
