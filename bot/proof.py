"""Owns what is known of a record beside what it says: who wrote it, and whether it will stay. Pure.

A record comes from a store that others may write, and that may lose its last writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["SOUND", "Proof"]


@dataclass(frozen=True)
class Proof:
    """What may be told people of a record."""

    flaw: str | None = None
    """What in it somebody else wrote: `terms`, `votes`, `views` or `receipt`."""
    confirmed: bool = True
    """Whether a failover of the store cannot take back how it ended."""


SOUND: Final = Proof()
"""All of it is ours, and will stay."""
