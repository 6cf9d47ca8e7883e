"""Logs that fail on purpose, and the world that steps act on."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from gate import StepLog, StepRow, StoreUnavailable, Unconfirmed
from stores.steps import MemoryStepLog

__all__ = ["Crash", "Fault", "FaultyLog", "Ledger"]


class Crash(BaseException):
    """The process ends here."""


class Fault(StrEnum):
    """What becomes of one operation of a log."""

    FINE = "fine"
    AWAY = "away"
    """Nothing is done, and it is said."""
    LOST_BEFORE = "lost_before"
    """Nothing is done, and nobody knows."""
    LOST_AFTER = "lost_after"
    """It is done, and nobody knows."""
    CRASH_BEFORE = "crash_before"
    CRASH_AFTER = "crash_after"


class FaultyLog:
    """A log in memory whose operations meet the given faults, one after the other.

    Attributes:
        kept: The log itself, which outlives every crash.
        faults: What comes; fine behind the last.
        calls: How many operations there were.
    """

    def __init__(self, faults: Sequence[Fault] = (), *, kept: StepLog | None = None) -> None:
        self.kept = kept or MemoryStepLog()
        self.faults = list(faults)
        self.calls = 0

    async def append(self, run_id: str, row: StepRow, *, after: str | None) -> bool:
        fault = self._fault()
        self._before(fault, "append")
        added = await self.kept.append(run_id, row, after=after)
        if fault is Fault.LOST_AFTER:
            raise Unconfirmed("append")
        if fault is Fault.CRASH_AFTER:
            raise Crash
        return added

    async def rows(self, run_id: str) -> Sequence[StepRow]:
        fault = self._fault()
        if fault in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER):
            raise Crash
        if fault is not Fault.FINE:
            raise StoreUnavailable("rows", cause="away")
        return await self.kept.rows(run_id)

    async def clear(self, run_id: str) -> bool:
        self._before(self._fault(), "clear")
        return await self.kept.clear(run_id)

    def _fault(self) -> Fault:
        self.calls += 1
        return self.faults.pop(0) if self.faults else Fault.FINE

    @staticmethod
    def _before(fault: Fault, operation: str) -> None:
        if fault is Fault.AWAY:
            raise StoreUnavailable(operation, cause="away")
        if fault is Fault.LOST_BEFORE:
            raise Unconfirmed(operation)
        if fault is Fault.CRASH_BEFORE:
            raise Crash


class Ledger:
    """Counts what was done."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def do(self, what: str) -> str:
        self.done.append(what)
        return f"did {what}"
