"""Owns what a stream tells, in order, and what an observer of the loop may hear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .model import ToolCall
from .snapshot import PendingToolCall, RunReport, ToolCallReport
from .words import FinishReason

__all__ = [
    "ApprovalPending",
    "CallFinished",
    "CallProposed",
    "LoopEvent",
    "LoopWarning",
    "RunFinished",
    "RunResult",
    "StepStarted",
    "TextDelta",
]


@dataclass(frozen=True)
class RunResult:
    """How a run ended, or where it stands still.

    Attributes:
        text: The model's last words, or why there are none.
        finish_reason: Why it ended; with `paused` and `stopped` it can be resumed.
        run_id: Which run.
        steps: Completed model steps.
        pending: The calls that wait for a decision.
        report: The report; of a paused run, up to here.
    """

    text: str
    finish_reason: FinishReason
    run_id: str
    steps: int
    report: RunReport
    pending: tuple[PendingToolCall, ...] = ()

    @property
    def paused(self) -> bool:
        """Whether there is something to resume."""
        return self.finish_reason in (FinishReason.PAUSED, FinishReason.STOPPED)


@dataclass(frozen=True)
class StepStarted:
    """The model is asked."""

    step: int


@dataclass(frozen=True)
class TextDelta:
    """A piece of the model's text. It is not saved yet; the whole message will be."""

    text: str


@dataclass(frozen=True)
class CallProposed:
    """The model proposes a call. It is saved, and nothing has run."""

    step: int
    call: ToolCall


@dataclass(frozen=True)
class ApprovalPending:
    """A call waits for people."""

    call: PendingToolCall


@dataclass(frozen=True)
class CallFinished:
    """A call is done, in whatever way."""

    report: ToolCallReport


@dataclass(frozen=True)
class RunFinished:
    """The last event of a stream."""

    result: RunResult


LoopEvent = StepStarted | TextDelta | CallProposed | ApprovalPending | CallFinished | RunFinished


@dataclass(frozen=True)
class LoopWarning:
    """Something that a developer should know. `code` is a stable word.

    Codes: `tool_removed`, `tool_added`, `tool_not_found`, `tool_name_collision`,
    `approval_callid_not_found`, `safeguard_removed`.
    """

    code: str
    message: str
    tool_name: str | None = None
    call_id: str | None = None


class Sink(Protocol):
    """Takes the events of a run, in order."""

    async def __call__(self, event: LoopEvent) -> None:
        """Take *event*; may wait for the reader."""
        ...
