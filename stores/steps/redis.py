"""Owns the log of steps in Redis or Valkey: one list for each run.

An entry is the row's worker, its id and its JSON, with spaces between, so that a script finds the
first two without reading JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gate import StepRow, StoreCorrupt, check_id

from ..redis.place import RedisPlace
from ..redis.state_scripts import append_step, drop_steps

__all__ = ["RedisStepLog"]

_PAGE: Final = 100
"""Rows in one read; a row may have a quarter of a megabyte."""


class RedisStepLog(RedisPlace):
    """Keeps rows in Redis 6.2 or later, or Valkey. See `gate.StepLog`.

    Enter it (`async with`) before use; that is where the schema is checked.

    Args:
        url: As `open_store` takes them for a server.
        operation_timeout: Seconds for one whole operation.
        connections: Operations under way at once; more of them queue in order.

    Raises:
        ConfigError: The address cannot be read.
    """

    def __init__(self, url: str, *, operation_timeout: float = 2.0, connections: int = 8) -> None:
        super().__init__(url, operation_timeout=operation_timeout, connections=connections)

    async def append(self, run_id: str, row: StepRow, *, after: str | None) -> bool:
        """See `gate.StepLog.append`."""
        check_id(run_id, field="run_id")
        return await append_step(*self._at(run_id), run_id, row=row, after=after)

    async def rows(self, run_id: str) -> Sequence[StepRow]:
        """See `gate.StepLog.rows`."""
        link, names = self._at(check_id(run_id, field="run_id"))
        name = names.steps(run_id)
        found: list[StepRow] = []
        while True:
            start = len(found)
            [page] = await link.read(
                ["LRANGE", name, start, start + _PAGE - 1], operation="rows", key=run_id
            )
            found.extend(_row(entry, run_id=run_id) for entry in page)
            if len(page) < _PAGE:
                return found

    async def clear(self, run_id: str) -> bool:
        """See `gate.StepLog.clear`."""
        check_id(run_id, field="run_id")
        return await drop_steps(*self._at(run_id), run_id)


def _row(entry: bytes, *, run_id: str) -> StepRow:
    worker, _, rest = entry.partition(b" ")
    name, _, text = rest.partition(b" ")
    row = StepRow.from_text(text, run_id=run_id)
    if (row.worker.encode(), row.id.encode()) != (worker, name):
        raise StoreCorrupt(run_id, reason="a row of another worker")
    return row
