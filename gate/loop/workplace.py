"""Owns what a turn works with, and what an answer of people makes of a call."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..answers import Verdict
from ..canonical import canonical_text
from ..clock import Clock
from .approving import Asking
from .execution import Runner
from .journal import Journal
from .judging import Judge, finished
from .keeping import Keeping
from .observing import Observers
from .snapshot import AnswerRecord, CallRecord, Phase
from .state import LoopState
from .tools import Tool
from .words import CallOutcome

__all__ = ["Halt", "Workplace", "answered", "numbers", "with_notice"]

_MAX_METRICS = 100


class Halt:
    """Tells a turn to start nothing more and to stop waiting."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def called(self) -> bool:
        """Whether it was called."""
        return self._event.is_set()

    def call(self) -> None:
        """Call a halt."""
        self._event.set()

    async def wait(self) -> None:
        """Return when it was called."""
        await self._event.wait()


@dataclass
class Workplace:
    """What a turn works with."""

    keeping: Keeping
    judge: Judge
    asking: Asking | None
    runner: Runner
    observers: Observers
    clock: Clock
    ids: Callable[[], str]
    tool_timeout: float
    parallel: bool
    exit_after: float | None
    """Seconds after which nobody waits for a decision any longer; `None`: as long as it takes."""
    halt: Halt = field(default_factory=Halt)
    fed: dict[int, asyncio.Event] = field(default_factory=dict)
    """Rung when an answer was brought from outside, by the call's place."""

    @property
    def state(self) -> LoopState:
        """The loop's state."""
        return self.keeping.state

    @property
    def journal(self) -> Journal:
        """What saves it."""
        return self.keeping.journal

    def bell(self, index: int) -> asyncio.Event:
        """Return what rings when the answer to a call is brought from outside."""
        return self.fed.setdefault(index, asyncio.Event())

    @property
    def tools(self) -> Mapping[str, Tool]:
        """The tools, by name."""
        return self.judge.tools


def answered(answer: AnswerRecord, *, operation_id: str) -> dict[str, Any]:
    """Return the changes that a person's answer makes to an asked call."""
    note = f"The person's note: {answer.note}" if answer.note else None
    changes: dict[str, Any] = {"answer": answer}
    if answer.verdict is Verdict.DENY:
        return changes | finished(CallOutcome.DENIED, detail=note)
    given = answer.override_result
    if answer.verdict is Verdict.SKIP:
        told = [f"The person gives this result instead: {given}"] if given is not None else []
        told = [*([note] if note else []), *told]
        return changes | finished(CallOutcome.SKIPPED, detail=" ".join(told) or None)
    if given is not None:
        return changes | finished(CallOutcome.OVERRIDDEN, detail=f"\n{given}")
    return changes | {"phase": Phase.APPROVED, "operation_id": operation_id}


def with_notice(call: CallRecord, text: str) -> str:
    """Return a result behind what a person did to the call: the model believes its own words."""
    answer = call.answer
    if answer is None:
        return text
    notices = []
    if call.edited:
        ran_with = canonical_text(call.effective_arguments)
        notices.append(f"A person changed the arguments before it ran. It ran with: {ran_with}")
    if answer.note:
        notices.append(f"The person's note: {answer.note}")
    return "\n".join([*(f"[{notice}]" for notice in notices), text])


def numbers(metrics: Mapping[Any, Any]) -> dict[str, float]:
    """Return those of a tool's metrics that are finite numbers, at most a hundred."""
    found: dict[str, float] = {}
    for name, value in list(metrics.items())[:_MAX_METRICS]:
        if isinstance(value, int | float) and math.isfinite(value):
            found[str(name).encode("utf-8", "replace").decode()[:100]] = float(value)
    return found
