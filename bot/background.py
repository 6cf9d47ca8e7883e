"""Owns work that outlives its starter: kept, finished or ended at the stop, failures logged."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from gate import get_logger

__all__ = ["Background", "see_out"]

T = TypeVar("T")

_LIMIT: Final = 1000


class Background:
    """Owns tasks. asyncio itself keeps only weak references to them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = get_logger("signoff.bot")

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Run *work* by the way; beyond 1,000 at once it is dropped, with a log line."""
        if len(self._tasks) >= _LIMIT:
            work.close()
            self._log.error("background.full", work=name)
            return
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def aclose(self, *, patience: float = 5.0) -> None:
        """Wait up to *patience* seconds for what is under way, then end it."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=patience)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._log.error(
                "background.failed", work=task.get_name(), error=type(task.exception()).__name__
            )


async def see_out(work: Coroutine[Any, Any, T], *, patience: float) -> T:
    """Return what *work* returns. A cancellation comes through only when the work is done.

    For two steps of which the second must follow the first, such as posting and noting it.

    Args:
        work: What not to break off.
        patience: Seconds that it may take from a cancellation on; then it is broken off.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({task}, timeout=patience)
        finally:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
