"""Owns the contracts of reads that save a store work: optional, found by `isinstance` too.

Nothing but the cost depends on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from .approval import Approval

__all__ = ["BulkVersions", "TimedRead"]


@runtime_checkable
class BulkVersions(Protocol):
    """A store that tells in one go which of many records have changed."""

    async def versions(self, keys: Sequence[str]) -> list[int | None]:
        """Return the versions of *keys* in order; `None` where there is no record, or no telling.

        It costs less than reading them: whoever waits for thousands looks at all of them.
        """
        ...


@runtime_checkable
class TimedRead(Protocol):
    """A store that tells its time and reads in one go."""

    async def timed_get(self, key: str) -> tuple[datetime, Approval | None]:
        """Return the store's time, and then what is under *key*: never the other way round.

        Whoever finds the time past an end has every decision that was in time in the record.
        """
        ...
