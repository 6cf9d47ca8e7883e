"""A process that works through the steps of a run and stops dead at one boundary, to be killed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gate import DurableRunner, StepLog, StepRow
from stores import open_step_log

__all__ = ["STEPS", "effect", "work"]

STEPS = ("reserve", "charge", "send")


class Boundaries:
    """Counts the places between rows and effects; at the chosen one nothing goes on."""

    def __init__(self, stop: int) -> None:
        self._left = stop

    async def come(self) -> None:
        if self._left == 0:
            sys.stdout.write("stopped\n")
            sys.stdout.flush()
            await asyncio.Event().wait()
        self._left -= 1


class WatchedLog:
    """A log with a boundary before and behind each row."""

    def __init__(self, log: StepLog, boundaries: Boundaries) -> None:
        self._log = log
        self._boundaries = boundaries

    async def append(self, run_id: str, row: StepRow, *, after: str | None) -> bool:
        await self._boundaries.come()
        added = await self._log.append(run_id, row, after=after)
        await self._boundaries.come()
        return added

    async def rows(self, run_id: str) -> Sequence[StepRow]:
        return await self._log.rows(run_id)

    async def clear(self, run_id: str) -> bool:
        return await self._log.clear(run_id)


def effect(file: Path, what: str) -> Callable[[], str]:
    """Return a function that has an effect which outlives the process."""

    def act() -> str:
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{what}\n".encode())
        os.close(handle)
        return f"did {what}"

    return act


async def work(log: StepLog, file: Path, *, idempotent: bool) -> list[str]:
    """Return the results of all steps."""
    runner = DurableRunner(log, "order-1009")
    return [
        await runner.step(what, effect(file, what), name=what, idempotent=idempotent)
        for what in STEPS
    ]


async def main(url: str, file: str, stop: str) -> None:
    async with open_step_log(url) as log:
        await work(WatchedLog(log, Boundaries(int(stop))), Path(file), idempotent=False)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
