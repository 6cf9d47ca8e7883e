"""Owns the cap on what one agent has waiting, where a request came past the gate's own."""

from __future__ import annotations

from gate import Approval, Bounded, Bounds

__all__ = ["TOO_MANY", "Crowding"]

TOO_MANY = "too_many_pending"
"""Why such a request ends undelivered; its agent reads it."""


class Crowding:
    """Knows when an agent has more waiting than people should be asked about.

    Whoever has the store's password can write a request there without asking the store whether it
    may. Nobody is asked about it: people who are flooded approve without reading.

    Args:
        store: Counts.
        bounds: The operator's. They count here whatever the store says they are.
    """

    def __init__(self, store: Bounded, bounds: Bounds) -> None:
        self._store = store
        self._bounds = bounds

    async def too_many(self, approval: Approval) -> bool:
        """Say whether *approval* is one more than its agent may have pending.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        return await self._store.place_of(approval) > self._bounds.pending
