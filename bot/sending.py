"""Owns sending a message that must not be sent twice: sent once, or found where it is.

A chat knows no idempotency key. So before a message is posted the store notes the intent, and who
finds an intent without its end looks whether the chat has the message already. Where the chat does
not let us look there is one copy more at most, which ends like the noted one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gate import Cards, get_logger

from .messenger import DeliveryFailed, Mark, Message, Messenger, Posted
from .notes import POSTING

__all__ = ["Intent", "Sending"]

_LOOKS: Final = 3
"""Failed looks after which a message is posted without: a search that never works must not keep
people from being asked."""


class Sending:
    """Posts marked messages, and finds those whose end nobody noted.

    Args:
        messenger: The chat.
    """

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger
        self._log = get_logger("signoff.bot")
        # In this process only: after a crash nothing is certain.
        self._refused: set[tuple[str, str]] = set()
        self._looks: Counter[tuple[str, str]] = Counter()

    async def post(
        self, channel: str, message: Message, *, mark: Mark, thread: str | None = None
    ) -> Posted:
        """Post *message*; return where it is.

        Raises:
            DeliveryFailed: The chat did not take it, or it is not known whether it did.
        """
        place = mark.key, mark.slot
        self._refused.discard(place)
        try:
            posted = await self._messenger.post(channel, message, thread=thread, mark=mark)
        except DeliveryFailed as error:
            if not error.uncertain:
                self._refused.add(place)
            raise
        del self._looks[place]
        return posted

    async def find(
        self, channel: str, *, mark: Mark, since: datetime, thread: str | None = None
    ) -> Sequence[Posted]:
        """Return where the message with *mark* is already, each copy, oldest first.

        Nothing is asked where the last attempt of this process was refused for certain.

        Raises:
            DeliveryFailed: The chat cannot say just now. The third time it is empty instead.
        """
        place = mark.key, mark.slot
        if place in self._refused:
            return ()
        try:
            found = await self._messenger.find(channel, mark, since=since, thread=thread)
        except DeliveryFailed as error:
            self._looks[place] += 1
            if self._looks[place] < _LOOKS:
                raise
            self._log.warning("message.not_looked_for", approval=mark.key, reason=error.reason)
            return ()
        if found:
            self._log.info("message.found", approval=mark.key, channel=channel, kind=mark.kind)
        return found

    def forget(self, key: str) -> None:
        """Forget what is known of an approval's messages; nothing more is posted about it."""
        self._refused = {place for place in self._refused if place[0] != key}
        for place in [place for place in self._looks if place[0] == key]:
            del self._looks[place]


class Intent:
    """What this replica notes before it sends, and how it meets the intents of others.

    Args:
        cards: Where it is noted.
        holder: This replica's name.
        patience: Seconds for which another's intent is given time.

    Attributes:
        note: The text of the note.
    """

    def __init__(self, cards: Cards, *, holder: str, patience: float) -> None:
        self._cards = cards
        self._patience = patience
        self.note = f"{POSTING}{holder}"

    def is_foreign(self, note: str) -> bool:
        """Say whether *note* is the intent of another replica."""
        return note.startswith(POSTING) and note != self.note

    async def give_time(self, key: str, slot: str) -> str:
        """Return the note in *slot* a while later: whose intent it is may only be slow."""
        await asyncio.sleep(self._patience)
        return (await self._cards.cards(key)).get(slot, "")
