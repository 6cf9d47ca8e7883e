"""Owns outlasting a store that is away: what must be done is tried until it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from gate import StoreUnavailable, Unconfirmed, get_logger

__all__ = ["FIRST_DELAY", "LAST_DELAY", "outlast"]

T = TypeVar("T")

FIRST_DELAY: Final = 0.2
"""Seconds before the second attempt; doubled with each further one."""
LAST_DELAY: Final = 30.0


async def outlast(attempt: Callable[[], Awaitable[T]], *, first_delay: float = FIRST_DELAY) -> T:
    """Return what *attempt* returns, however long the store stays away.

    Args:
        attempt: Something that may be repeated.
        first_delay: Seconds before the second attempt; doubled up to 30 s.
    """
    delay = first_delay
    while True:
        try:
            return await attempt()
        except (StoreUnavailable, Unconfirmed) as error:
            get_logger("signoff.bot").warning("outbox.store_away", error=error.code)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_DELAY)
