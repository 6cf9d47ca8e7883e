"""Owns what the store remembers of an approval's messages: where each is, and what it shows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from .messenger import Message, Posted

__all__ = ["CARD", "COPY", "POSTING", "UNKNOWN", "CardNote", "fingerprint"]

CARD: Final = "card"
"""The slot of the card that counts."""
COPY: Final = "copy "
"""How the slot of another copy of the card begins; its timestamp follows."""
POSTING: Final = "posting "
"""How the note of a message begins that is about to be posted; its holder's name follows."""
UNKNOWN: Final = "?"
"""What a card shows, before it was changed once."""


@dataclass(frozen=True)
class CardNote:
    """Where a card is and what it shows."""

    posted: Posted
    shown: str

    def note(self) -> str:
        """Return the note's text."""
        # Under 64 bytes: a longer value makes Redis keep the whole hash in its large form.
        return f"{self.posted.channel} {self.posted.ts} {self.shown}"

    @classmethod
    def read(cls, note: str | None) -> CardNote | None:
        """Read a note; `None` where there is none, or only an intent."""
        parts = (note or "").split(" ")
        if len(parts) != 3 or parts[0] == POSTING.strip():
            return None
        return cls(Posted(parts[0], parts[1]), parts[2])


def fingerprint(message: Message) -> str:
    """Return a short text that is another for another message."""
    text = json.dumps([message.text, list(message.blocks)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
