"""Owns the contract of persistence: texts under keys, saved whole, swapped by one worker at a time.

What is kept here is the agent's own state, such as the snapshot of a loop. It is a claim of the
agent, never a proof: nothing that is read from a checkpoint may release an action.

All methods raise `StoreUnavailable` when the place cannot be reached and nothing was written,
`Unconfirmed` when a write was sent and its fate is not known, and `StoreCorrupt` when what is there
cannot be read: broken is never the same as missing. No method repeats a write by itself. After
`Unconfirmed`, `load` tells the truth. `stores.conformance` proves every sentence here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from .approval import check_text
from .errors import LimitExceeded, PayloadNotCanonical

__all__ = [
    "MAX_CHECKPOINT",
    "MAX_CHECKPOINT_KEY",
    "Checkpoint",
    "Checkpoints",
    "check_checkpoint",
    "check_checkpoint_key",
]

MAX_CHECKPOINT: Final = 8 * 1024 * 1024
"""Bytes of one text, UTF-8."""

MAX_CHECKPOINT_KEY: Final = 512
"""Characters of one key."""


@dataclass(frozen=True)
class Checkpoint:
    """What is kept under a key."""

    text: str
    version: str
    """Names this one write. Opaque; no other write ever has the same, not even of the same text, or
    after a delete."""


@runtime_checkable
class Checkpoints(Protocol):
    """Keeps texts under keys.

    A key is any text of 1 to 512 characters, compared exactly: two keys that differ in anything,
    case or normal form included, are two keys. A text is any text of up to 8 MiB in UTF-8. Lone
    surrogates are refused in both. A write is seen whole or not at all, by every process, also
    after a crash at any point; it is as durable as the place is when the method returns.
    """

    async def load(self, key: str) -> Checkpoint | None:
        """Return what is kept under *key*, or `None` if there is nothing.

        Raises:
            StoreCorrupt: Something is there that cannot be read.
        """
        ...

    async def save(self, key: str, text: str) -> str:
        """Keep *text* under *key*, whatever was there, and return the version of this write.

        Also replaces what cannot be read.

        Raises:
            InvalidId: *key* is empty or no text.
            LimitExceeded: *key* is too long, or *text* too large.
            PayloadNotCanonical: Lone surrogates.
        """
        ...

    async def swap(self, key: str, text: str, *, expected: str) -> str | None:
        """Keep *text* under *key* if its version is *expected*; return the new one, else `None`.

        `expected=""` means: only if there is nothing. Of many concurrent calls with one expected
        version at most one writes. Nothing is written where the answer is `None`.

        Raises:
            InvalidId: As `save`.
            LimitExceeded: As `save`.
            PayloadNotCanonical: As `save`.
            StoreCorrupt: What is there cannot be read, so it cannot be compared.
        """
        ...

    async def delete(self, key: str, *, expected: str | None = None) -> bool:
        """Remove what is under *key*; with *expected*, only if that is its version.

        Returns whether something was removed; a missing key is no error. Without *expected* it also
        removes what cannot be read.
        """
        ...

    async def keys(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Sequence[str]:
        """Return up to *limit* keys that begin with *prefix*, those behind *after*.

        In the order of their UTF-8 bytes; *after* need not exist. A key whose text cannot be read
        is among them.
        """
        ...


def check_checkpoint_key(key: str) -> str:
    """Return *key* if it can be one; for stores.

    Raises:
        InvalidId: It is not text, or empty.
        LimitExceeded: It is too long.
        PayloadNotCanonical: It has lone surrogates.
    """
    return check_text(key, field="key", limit=MAX_CHECKPOINT_KEY)


def check_checkpoint(text: str) -> bytes:
    """Return the UTF-8 of *text* if it can be kept; for stores.

    Raises:
        LimitExceeded: More than 8 MiB.
        PayloadNotCanonical: Lone surrogates.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise PayloadNotCanonical(path="", reason="lone surrogate in a string") from None
    if len(raw) > MAX_CHECKPOINT:
        raise LimitExceeded(field="checkpoint bytes", value=len(raw), limit=MAX_CHECKPOINT)
    return raw
