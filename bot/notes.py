"""Owns what the store remembers of an approval's messages: where each is, and what it shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .messenger import Message, Posted

__all__ = [
    "ALARM",
    "CARD",
    "COPY",
    "LEFT",
    "POSTING",
    "UNKNOWN",
    "CardNote",
    "fingerprint",
    "left_behind",
]

CARD: Final = "card"
"""The slot of the card that counts."""
COPY: Final = "copy "
"""How the slot of another copy of the card begins; its timestamp follows."""
LEFT: Final = "left "
"""How the slot of a card begins that was left behind when its approval moved to another channel;
the number of that move follows, from 1, and the card's timestamp."""
ALARM: Final = "alarm "
"""How the slot begins that says that an alarm is on record; the part that is not ours follows."""
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


def left_behind(told: Mapping[str, str]) -> dict[int, CardNote]:
    """Return move → the card that it left behind, of those in *told*, slot → note."""
    found: dict[int, CardNote] = {}
    for slot, note in told.items():
        card = CardNote.read(note) if slot.startswith(LEFT) else None
        number = slot.removeprefix(LEFT).partition(" ")[0]
        if card is not None and number.isdecimal():
            found[int(number)] = card
    return found


def fingerprint(message: Message) -> str:
    """Return a short text that is another for another message."""
    text = json.dumps([message.text, list(message.blocks)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
