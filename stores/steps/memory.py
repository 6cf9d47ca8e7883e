"""Owns the log of steps in memory: the shortest reading of the contract, for one process."""

from __future__ import annotations

from collections.abc import Sequence

from gate import StepRow, check_id

__all__ = ["MemoryStepLog"]


class MemoryStepLog:
    """Keeps rows as long as the process lives. See `gate.StepLog`."""

    def __init__(self) -> None:
        # Text, not objects: what is read back shares nothing with what was given.
        self._runs: dict[str, list[tuple[str, str, str]]] = {}

    async def append(self, run_id: str, row: StepRow, *, after: str | None) -> bool:
        """See `gate.StepLog.append`."""
        text = row.to_text()
        kept = self._runs.get(check_id(run_id, field="run_id"), [])
        worker, last, _ = kept[-1] if kept else ("", "", "")
        if worker != row.worker and last != after:
            return False
        self._runs[run_id] = [*kept, (row.worker, row.id, text)]
        return True

    async def rows(self, run_id: str) -> Sequence[StepRow]:
        """See `gate.StepLog.rows`."""
        kept = self._runs.get(check_id(run_id, field="run_id"), [])
        return [StepRow.from_text(text, run_id=run_id) for _, _, text in kept]

    async def clear(self, run_id: str) -> bool:
        """See `gate.StepLog.clear`."""
        return self._runs.pop(check_id(run_id, field="run_id"), None) is not None
