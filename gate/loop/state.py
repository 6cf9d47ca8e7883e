"""Owns a loop's state in memory: the one place that changes, and its snapshot."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from .model import Message, Usage
from .snapshot import (
    AgentLoopSnapshot,
    CallRecord,
    History,
    HistoryEntry,
    PendingToolCall,
    Phase,
    RunReport,
    RunState,
    Safeguards,
    pending_of,
)
from .words import FinishReason

__all__ = ["LoopState"]

MAX_REPORTS: Final = 100
"""Reports of earlier runs that are kept."""


class LoopState:
    """What a loop knows. Only its own loop changes it; every change is noted to be saved.

    Args:
        agent_id: The agent's id.
        worker: Which object this is; no other has the same.
        now: When it began.
    """

    def __init__(self, agent_id: str, *, worker: str, now: datetime) -> None:
        self.agent_id = agent_id
        self.worker = worker
        self.revision = 0
        self.system = ""
        self.context = ""
        self.entries: list[HistoryEntry] = []
        self.run: RunState | None = None
        self.tool_names: tuple[str, ...] = ()
        self.safeguards = Safeguards()
        self.reports: list[RunReport] = []
        self.metadata: dict[str, Any] = {}
        self.created_at = now

    def adopt(self, snapshot: AgentLoopSnapshot) -> None:
        """Become what *snapshot* says, but for what the developer configures anew."""
        self.agent_id = snapshot.agent_id
        self.revision = snapshot.revision
        self.system = self.system or snapshot.system
        self.context = self.context or snapshot.context
        self.entries = list(snapshot.history.entries)
        self.run = snapshot.run
        self.reports = list(snapshot.reports)
        self.metadata = {**snapshot.metadata, **self.metadata}
        self.created_at = snapshot.created_at

    def snapshot(self, now: datetime) -> AgentLoopSnapshot:
        """Return everything as it is now."""
        return AgentLoopSnapshot(
            agent_id=self.agent_id,
            revision=self.revision,
            worker=self.worker,
            system=self.system,
            context=self.context,
            history=History(id=self.agent_id, entries=tuple(self.entries)),
            run=self.run,
            tool_names=self.tool_names,
            safeguards=self.safeguards,
            reports=tuple(self.reports),
            metadata=self.metadata,
            created_at=self.created_at,
            saved_at=now,
            pending_tool_calls=self.pending or None,
        )

    @property
    def messages(self) -> list[Message]:
        """The conversation."""
        return [entry.message for entry in self.entries]

    @property
    def unfinished(self) -> bool:
        """Whether there is a run to go on with."""
        return self.run is not None and self.run.status != "ended"

    @property
    def current(self) -> RunState:
        """The run that is under way."""
        assert self.run is not None  # noqa: S101  (the loop's own order: a run was begun)
        return self.run

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """The calls of the last step, while not all of them are done."""
        return self.run.calls if self.run is not None and self.unfinished else ()

    @property
    def pending(self) -> tuple[PendingToolCall, ...]:
        """The calls that wait for a decision."""
        return pending_of(self.run, self.calls)

    def change_run(self, **changes: Any) -> None:
        """Change the run."""
        self.run = self.current.model_copy(update=changes)

    def change_call(self, index: int, **changes: Any) -> CallRecord:
        """Change one call; return it as it is now."""
        calls = list(self.current.calls)
        calls[index] = calls[index].model_copy(update=changes)
        self.change_run(calls=tuple(calls))
        return calls[index]

    def count(self, usage: Usage | None) -> None:
        """Add the tokens of one answer."""
        if usage is not None:
            so_far = self.current.usage
            self.change_run(
                usage=Usage(
                    input_tokens=so_far.input_tokens + usage.input_tokens,
                    output_tokens=so_far.output_tokens + usage.output_tokens,
                )
            )

    def report(self, reason: FinishReason, now: datetime) -> RunReport:
        """Return the report of the run up to now."""
        run = self.current
        return RunReport(
            run_id=run.id,
            finish_reason=reason,
            steps=run.step,
            calls=run.reports,
            started_at=run.started_at,
            ended_at=now,
            usage=run.usage,
        )

    def end(self, reason: FinishReason, *, text: str, now: datetime) -> RunReport:
        """End the run for good."""
        report = self.report(reason, now)
        self.change_run(status="ended", reason=reason, text=text, calls=())
        self.reports = [*self.reports, report][-MAX_REPORTS:]
        return report

    def waits(self) -> bool:
        """Whether any call waits for a decision."""
        return any(call.phase is Phase.ASKED for call in self.calls)
