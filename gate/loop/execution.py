"""Owns running one tool: with an end, whatever it does, and with an owner until it is over."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ..clock import Clock
from ..errors import Refused
from ..logs import get_logger
from .approving import outcome_of
from .tools import Tool, ToolContext, result_text
from .words import CallOutcome, sentence

__all__ = ["Ran", "Runner"]

_MAX_ERROR = 2000


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    outcome: CallOutcome
    text: str
    seconds: float
    error: str | None = None


class Runner:
    """Runs tools, and keeps those that do not end until they do.

    Args:
        clock: Time.
        grace: Seconds that a tool has to end after it was told to.
    """

    def __init__(self, *, clock: Clock, grace: float) -> None:
        self._clock = clock
        self._grace = grace
        self._stragglers: set[asyncio.Future[Any]] = set()

    async def run(
        self, tool: Tool, arguments: BaseModel, context: ToolContext, *, timeout: float
    ) -> Ran:
        """Run *tool*; after *timeout* seconds tell it to end, and go on without it if it does not.

        Cancelling this cancels the tool.
        """
        started = self._clock.monotonic()
        task = asyncio.ensure_future(_call(tool, arguments, context))
        in_time = True
        try:
            if not await self._within(task, timeout):
                in_time = False
                context.cancellation.request()
                task.cancel()
                await self._within(task, self._grace)
        finally:
            if not task.done():
                context.cancellation.request()
                task.cancel()
                self._stragglers.add(task)
                task.add_done_callback(self._forget)
        seconds = max(0.0, self._clock.monotonic() - started)
        # One that was told to end and came to its end all the same has told us how.
        if not task.done() or (task.cancelled() and not in_time):
            late = sentence(CallOutcome.TIMED_OUT, detail=f"The limit is {timeout:g} s.")
            return Ran(CallOutcome.TIMED_OUT, late, seconds, "TimeoutError")
        return _ended(tool, task, seconds)

    async def aclose(self) -> None:
        """Wait for the tools that were told to end."""
        while self._stragglers:
            for task in self._stragglers:
                task.cancel()
            await asyncio.wait(set(self._stragglers))

    def _forget(self, task: asyncio.Future[Any]) -> None:
        self._stragglers.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            get_logger("signoff.loop").warning("loop.tool_late", error=type(error).__name__)

    async def _within(self, task: asyncio.Future[Any], seconds: float) -> bool:
        over = asyncio.Event()
        timer = self._clock.call_later(seconds, over.set)
        bell = asyncio.ensure_future(over.wait())
        try:
            await asyncio.wait({task, bell}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            bell.cancel()
        return task.done()


async def _call(tool: Tool, arguments: BaseModel, context: ToolContext) -> Any:
    return await tool.run(arguments, context)


def _ended(tool: Tool, task: asyncio.Future[Any], seconds: float) -> Ran:
    if task.cancelled():
        told = sentence(CallOutcome.FAILED, detail=f"{tool.name} was cancelled from inside.")
        return Ran(CallOutcome.FAILED, told, seconds, "CancelledError")
    error = task.exception()
    if error is None:
        text = result_text(task.result())
        return Ran(CallOutcome.DONE, sentence(CallOutcome.DONE) if text is None else text, seconds)
    if not isinstance(error, Exception):
        raise error
    name = type(error).__name__[:200]
    if isinstance(error, Refused):
        # A gate inside the tool said so: it has its own word here too.
        outcome = outcome_of(error)
        note = getattr(error, "note", None)
        return Ran(outcome, sentence(outcome, detail=_note(note)), seconds, name)
    told = f"Error executing {tool.name}: {str(error)[:_MAX_ERROR] or name}"
    told = told.encode("utf-8", "replace").decode()
    return Ran(CallOutcome.FAILED, told, seconds, name)


def _note(note: object) -> str | None:
    return f"The person's note: {note}" if isinstance(note, str) and note else None
