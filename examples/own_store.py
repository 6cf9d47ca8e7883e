"""A store of one's own: the three methods of `gate.ApprovalStore`, here on SQLite.

The gate needs nothing else. It finds no wake-ups here, so it polls; no clock, so it uses its own;
and it consumes by compare-and-set. `tests/stores/test_own_store.py` proves this file with the
shipped suite, `stores.conformance`, in a few lines.

Run it::

    python examples/own_store.py
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from gate import Approval, ApprovalEvent, ApprovalGate, Patched


class SqliteStore:
    """Keeps approvals in one SQLite file. It has no event log, so it drops the events."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        with self._transaction() as database:
            database.execute("CREATE TABLE IF NOT EXISTS approval (key PRIMARY KEY, record)")

    async def put(self, approval: Approval, events: Sequence[ApprovalEvent] = ()) -> Approval:
        """Create the record if its key is free, and return what is stored."""
        del events
        return await asyncio.to_thread(self._put, approval)

    async def get(self, key: str) -> Approval | None:
        """Return the record, or `None`."""
        return await asyncio.to_thread(self._get, key)

    async def patch(
        self,
        key: str,
        expected_version: int,
        approval: Approval,
        events: Sequence[ApprovalEvent] = (),
        before: datetime | None = None,
    ) -> Patched:
        """Replace the record, if its version is the expected one and it is not too late."""
        del events
        return await asyncio.to_thread(self._patch, key, expected_version, approval, before)

    def _put(self, approval: Approval) -> Approval:
        with self._transaction() as database:
            stored = _read(database, approval.key)
            if stored is None:
                wire = json.dumps(approval.to_wire())
                database.execute("INSERT INTO approval VALUES (?, ?)", (approval.key, wire))
                stored = Approval.from_wire(json.loads(wire))
            return stored

    def _get(self, key: str) -> Approval | None:
        with self._transaction() as database:
            return _read(database, key)

    def _patch(
        self, key: str, expected_version: int, approval: Approval, before: datetime | None
    ) -> Patched:
        with self._transaction() as database:
            stored = _read(database, key)
            if stored is None:
                return Patched.MISSING
            if stored.version != expected_version:
                return Patched.STALE
            if before is not None and datetime.now(UTC) >= before:
                return Patched.LATE
            asked = {name: getattr(stored, name) for name in Approval.request_fields()}
            record = approval.model_copy(update=asked | {"version": expected_version + 1})
            wire = json.dumps(record.to_wire())
            database.execute("UPDATE approval SET record = ? WHERE key = ?", (wire, key))
            return Patched.APPLIED

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the database to one writer at a time, so that looking and writing are one step."""
        database = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            database.execute("BEGIN IMMEDIATE")
            with database:
                yield database
        finally:
            database.close()


def _read(database: sqlite3.Connection, key: str) -> Approval | None:
    found = database.execute("SELECT record FROM approval WHERE key = ?", (key,)).fetchone()
    return None if found is None else Approval.from_wire(json.loads(found[0]), key=key)


async def main(path: str | Path) -> None:
    """Ask, answer, and go on, all in one process."""
    async with ApprovalGate(SqliteStore(path), agent="billing", poll=0.05) as gate:
        asked = await gate.request(name="delete-user", payload={"user_id": 42})
        print("asked:  ", asked.id, asked.status.value)
        waiting = asyncio.create_task(gate.wait(asked.id, timeout=10))
        await gate.decide(asked.id, "approve", approver="cli:ana")
        decided = await waiting
        print("decided:", decided.status.value, "by", decided.approver)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder) / "approvals.sqlite"))
