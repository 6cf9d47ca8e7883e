"""Owns the contract of a log of steps, in prose.

All methods raise `StoreUnavailable` when the place cannot be reached and nothing was written,
`Unconfirmed` when a write was sent and its fate is not known, and `StoreCorrupt` when what is there
cannot be read. A log repeats no write by itself. `stores.conformance` proves every sentence here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from .rows import StepRow

__all__ = ["StepLog"]


@runtime_checkable
class StepLog(Protocol):
    """Keeps rows, run by run, in the order in which they came. Knows no rules of steps.

    A run belongs to the worker of its last row. Nobody asks whether that worker still lives: who
    has seen all rows may follow it and takes the run away, and the other one learns of it at its
    next row.
    """

    async def append(self, run_id: str, row: StepRow, *, after: str | None) -> bool:
        """Add *row*, if the run is `row.worker`'s already, or if its last row is *after*.

        Args:
            run_id: An id.
            row: One of this run.
            after: The id of the last row that was seen, `""` for a run without rows, `None` to
                follow nobody.

        Returns:
            Whether it was added. Of many workers that would follow one row, at most one does.
            When it returns, the row is as durable as the place is; it is there whole or not at all.
        """
        ...

    async def rows(self, run_id: str) -> Sequence[StepRow]:
        """Return the rows of the run, oldest first; none if there is no such run.

        Raises:
            StoreCorrupt: Some row cannot be read, or is another run's.
        """
        ...

    async def clear(self, run_id: str) -> bool:
        """Remove the rows of this run and of no other; return whether there were any."""
        ...
