"""Owns a worker's hold on the log of one run: what it has read, and what it still owes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from ..clock import Clock
from ..errors import SignoffError, Unconfirmed
from ..run_errors import (
    RunTaken,
    StepUnrecorded,
)
from .log import StepLog
from .rows import Progress, StepKind, StepRow, StepState
from .work import Work

__all__ = ["Book"]


class Book:
    """The rows of a run as one worker knows them.

    What it knows may be old: then somebody else has the run, and its next row is refused.

    Args:
        log: Where the rows are.
        run_id: The run.
        ids: Fresh ids, for the worker and its rows.
        clock: The time that rows carry.
    """

    def __init__(self, log: StepLog, run_id: str, *, ids: Callable[[], str], clock: Clock) -> None:
        self._log = log
        self._run_id = run_id
        self._ids = ids
        self._clock = clock
        self._worker = ids()
        self._progress: Progress | None = None
        self._after: str | None = None
        self._owed: dict[str, StepRow] = {}

    @property
    def size(self) -> int:
        """How many rows are known."""
        return 0 if self._progress is None else self._progress.size

    async def rows(self) -> Sequence[StepRow]:
        """Return the rows of the log as they are now."""
        return await self._log.rows(self._run_id)

    async def state(self, step_id: str) -> StepState:
        """Return where a step stands, once what is owed about it is written.

        Raises:
            StepUnrecorded: It still cannot be written.
            StoreUnavailable: The log cannot be read.
            StoreCorrupt: The log is broken.
        """
        if step_id in self._owed:
            await self.end(self._owed[step_id])
        return (await self._known()).state(step_id)

    def row(self, work: Work, kind: StepKind, *, attempt: int, **more: Any) -> StepRow:
        """Return a fresh row about *work*."""
        return StepRow(
            id=self._ids(),
            run_id=self._run_id,
            step_id=work.step_id,
            name=work.name,
            fingerprint=work.fingerprint,
            worker=self._worker,
            kind=kind,
            attempt=attempt,
            at=self._clock.now(),
            **more,
        )

    def like(self, last: StepRow, kind: StepKind, **more: Any) -> StepRow:
        """Return a fresh row about the step and the attempt of another one."""
        update = {"id": self._ids(), "worker": self._worker, "at": self._clock.now()}
        plain = {"kind": kind, "final": False, "error": None, "error_code": None, "result": None}
        return last.model_copy(update=plain | update | more)

    async def write(self, row: StepRow) -> None:
        """Add a row to the log.

        Raises:
            RunTaken: Another worker has the run; nothing was written.
            Unconfirmed: It is not known whether it was written.
            StoreUnavailable: Nothing was written.
        """
        progress = await self._known()
        added = await self._append(row)
        if not added:
            raise RunTaken(self._run_id)
        # From now on the run is ours or lost: nobody is followed a second time.
        self._after = None
        progress.add(row)

    async def end(self, row: StepRow) -> None:
        """Write how a step has ended; a cancelled call ends when that is done.

        The row is kept until it is written, so that the step is never called again here.

        Raises:
            StepUnrecorded: It could not be written.
        """
        self._owed[row.step_id] = row
        writing = asyncio.ensure_future(self._pay(row))
        cancelled: asyncio.CancelledError | None = None
        while not writing.done():
            try:
                await asyncio.wait({writing})
            except asyncio.CancelledError as error:
                # The function has run. An end that is lost now leaves the step in doubt for ever,
                # and the log has deadlines of its own.
                cancelled = error
        failure = writing.exception()
        if cancelled is not None:
            raise cancelled
        if failure is not None:
            cause = failure.code if isinstance(failure, SignoffError) else type(failure).__name__
            raise StepUnrecorded(self._run_id, row.step_id, cause=cause) from failure

    async def clear(self) -> None:
        """Remove all rows, and begin as another worker."""
        await self._log.clear(self._run_id)
        self._worker = self._ids()
        self._progress = None
        self._owed.clear()

    async def _pay(self, row: StepRow) -> None:
        await self.write(row)
        del self._owed[row.step_id]

    async def _known(self) -> Progress:
        if self._progress is None:
            found = Progress(await self.rows())
            # Two steps may have looked at once: the one that came first may have written since.
            if self._progress is None:
                self._progress = found
                self._after = found.last
        return self._progress

    async def _append(self, row: StepRow) -> bool:
        try:
            return await self._log.append(self._run_id, row, after=self._after)
        except Unconfirmed:
            if any(each.id == row.id for each in await self.rows()):
                return True
        # The first try may still arrive: the same row twice counts once.
        return await self._log.append(self._run_id, row, after=self._after)
