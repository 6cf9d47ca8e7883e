"""Owns the snapshot: everything that a loop must know to go on elsewhere, versioned and strict.

A snapshot is a claim of the agent and proves nothing: what it says was approved is asked of the
gate again before it runs. JSON names are the camelCase ones of combycode's loop where they mean the
same.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, Self

from pydantic import Field, ValidationError

from ..answers import Verdict
from ..canonical import canonical_text, parse_json
from ..checkpoints import MAX_CHECKPOINT
from ..errors import StoreCorrupt
from ..run_errors import SnapshotUnsupported
from ..wire import Moment, WireModel
from .model import Message, Usage
from .words import CallOutcome, FinishReason

__all__ = [
    "SNAPSHOT_VERSION",
    "AgentLoopSnapshot",
    "AnswerRecord",
    "CallRecord",
    "History",
    "HistoryEntry",
    "PendingToolCall",
    "Phase",
    "PolicyRecord",
    "RunReport",
    "RunState",
    "Safeguards",
    "ToolCallReport",
]

SNAPSHOT_VERSION: Final = 1
MAX_DEPTH: Final = 96
"""Levels of JSON: those of a payload, and the snapshot's around it."""


class Phase(StrEnum):
    """Where a proposed call stands. Each step forward is saved before what it allows is done."""

    PROPOSED = "proposed"
    ALLOWED = "allowed"
    ASKED = "asked"
    APPROVED = "approved"
    EXECUTING = "executing"
    DONE = "done"


class PolicyRecord(WireModel, frozen=True):
    """What the policy said when the call was proposed."""

    effect: Literal["allow", "ask", "deny"]
    reason: str | None = None
    sentence: str | None = None
    """The policy's own words for why, as they stand on the card."""
    rule: str | None = None
    matched_rule: int | None = None
    policy_version: str | None = None


class AnswerRecord(WireModel, frozen=True):
    """What people answered."""

    verdict: Verdict
    note: str | None = None
    override_result: str | None = None
    approver: str | None = None
    arguments: dict[str, Any] | None = None
    """The arguments as a person changed them."""


class CallRecord(WireModel, frozen=True):
    """One proposed call and what has become of it."""

    step: int = Field(ge=0)
    index: int = Field(ge=0)
    """The call's place in the model's answer."""
    call_id: str
    tool_name: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    """As proposed, with the tool's defaults: what is shown, decided and run."""
    phase: Phase = Phase.PROPOSED
    policy: PolicyRecord | None = None
    requested_at: Moment | None = None
    approval_id: str | None = None
    namespace: str | None = None
    answer: AnswerRecord | None = None
    operation_id: str | None = None
    """Names the one run that is taken from the approval."""
    outcome: CallOutcome | None = None
    result: str = ""
    error: str | None = None
    """The class of the tool's error."""
    ran: bool = False
    reported: bool = False
    waited: float | None = None
    executed: float | None = None
    metrics: dict[str, float] = Field(default_factory=dict)

    @property
    def effective_arguments(self) -> dict[str, Any]:
        """What may run: as proposed, or as a person changed it."""
        edited = self.answer.arguments if self.answer is not None else None
        return self.arguments if edited is None else edited

    @property
    def edited(self) -> bool:
        """Whether a person changed the arguments."""
        return self.answer is not None and self.answer.arguments is not None


class ToolCallReport(WireModel, frozen=True):
    """What became of one call, for people and machines."""

    call_id: str
    tool_name: str
    arguments: dict[str, Any]
    step: int
    outcome: CallOutcome
    result_size_bytes: int
    waited_seconds: float | None = None
    """How long people took."""
    executed_seconds: float | None = None
    """How long the tool took."""
    error: str | None = None
    approval_id: str | None = None
    approver: str | None = None
    note: str | None = None
    edited: bool = False
    policy: PolicyRecord | None = None
    metrics: dict[str, float] = Field(default_factory=dict)

    @property
    def skipped(self) -> bool:
        """Whether a person left it out."""
        return self.outcome is CallOutcome.SKIPPED


class RunReport(WireModel, frozen=True):
    """What became of one run."""

    run_id: str
    finish_reason: FinishReason
    steps: int
    calls: tuple[ToolCallReport, ...] = ()
    """In the order of the proposals."""
    started_at: Moment
    ended_at: Moment
    usage: Usage = Usage()


class RunState(WireModel, frozen=True):
    """The run that is under way, or the last one."""

    id: str
    status: Literal["running", "paused", "ended"] = "running"
    reason: FinishReason | None = None
    step: int = Field(default=0, ge=0)
    """Model steps that are completed, and will not be asked for again."""
    text: str = ""
    calls: tuple[CallRecord, ...] = ()
    """The proposed calls of the last completed step, until all of them are done."""
    reports: tuple[ToolCallReport, ...] = ()
    usage: Usage = Usage()
    started_at: Moment


class HistoryEntry(WireModel, frozen=True):
    """One message of the conversation."""

    message: Message
    timestamp: Moment


class History(WireModel, frozen=True):
    """The conversation."""

    id: str
    entries: tuple[HistoryEntry, ...] = ()


class PendingToolCall(WireModel, frozen=True):
    """A call that waits for a decision."""

    call_id: str
    tool_name: str
    arguments: dict[str, Any]
    step: int
    requested_at: Moment
    run_id: str
    approval_id: str | None = None
    namespace: str | None = None


class Safeguards(WireModel, frozen=True):
    """What guarded the loop; a restored one that lacks a part says so."""

    policy: bool = False
    approver: bool = False
    guardrails: int = 0
    tool_guardrails: int = 0


class AgentLoopSnapshot(WireModel, frozen=True):
    """A loop, whole. `AgentLoop.dump` makes it, `AgentLoop.restore` takes it."""

    version: Literal[1] = SNAPSHOT_VERSION
    agent_id: str
    revision: int = Field(default=0, ge=0)
    """Counts the writes of a run's state."""
    worker: str
    """Which object wrote it."""
    system: str = ""
    context: str = ""
    history: History
    run: RunState | None = None
    tool_names: tuple[str, ...] = ()
    safeguards: Safeguards = Safeguards()
    reports: tuple[RunReport, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: Moment
    saved_at: Moment
    pending_tool_calls: tuple[PendingToolCall, ...] | None = None
    """For readers; the loop itself goes by `run`."""

    def to_wire(self) -> dict[str, Any]:
        """Return the snapshot as plain JSON values."""
        wire = self.model_dump(mode="json", by_alias=True)
        if not self.pending_tool_calls:
            del wire["pendingToolCalls"]
        return wire

    def to_text(self) -> str:
        """Return the snapshot as canonical JSON.

        Raises:
            LimitExceeded: More than 8 MiB.
            PayloadNotCanonical: Something that is not strict JSON got in, metadata for example.
        """
        return canonical_text(self.to_wire(), max_depth=MAX_DEPTH, max_size=MAX_CHECKPOINT)

    @classmethod
    def from_wire(cls, data: Any, *, key: str = "snapshot") -> Self:
        """Read what `to_wire` wrote.

        Raises:
            SnapshotUnsupported: Another version.
            StoreCorrupt: Unknown or missing fields, or wrong types.
        """
        version = data.get("version") if isinstance(data, dict) else None
        if type(version) is int and version != SNAPSHOT_VERSION:
            raise SnapshotUnsupported(version)
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"])[:80] or "snapshot"
            raise StoreCorrupt(key, reason=f"{place}: {error.errors()[0]['type']}") from None

    @classmethod
    def from_text(cls, text: str, *, key: str = "snapshot") -> Self:
        """Read what `to_text` wrote.

        Raises:
            SnapshotUnsupported: Another version.
            StoreCorrupt: Not a snapshot.
        """
        try:
            data = parse_json(text, max_depth=MAX_DEPTH, max_size=MAX_CHECKPOINT)
        except ValueError as error:
            raise StoreCorrupt(key, reason=type(error).__name__) from None
        return cls.from_wire(data, key=key)

    @property
    def unfinished(self) -> bool:
        """Whether there is a run to go on with."""
        return self.run is not None and self.run.status != "ended"


def pending_of(run: RunState | None, calls: tuple[CallRecord, ...]) -> tuple[PendingToolCall, ...]:
    """Return those of *calls* that wait for a decision."""
    if run is None:
        return ()
    return tuple(
        PendingToolCall(
            call_id=call.call_id,
            tool_name=call.tool_name,
            arguments=deepcopy(call.arguments),
            step=call.step,
            requested_at=call.requested_at or run.started_at,
            run_id=run.id,
            approval_id=call.approval_id,
            namespace=call.namespace,
        )
        for call in calls
        if call.phase is Phase.ASKED
    )


def report_of(call: CallRecord) -> ToolCallReport:
    """Return the report of a call that is done."""
    answer = call.answer
    return ToolCallReport(
        call_id=call.call_id,
        tool_name=call.tool_name,
        arguments=deepcopy(call.effective_arguments),
        step=call.step,
        outcome=call.outcome or CallOutcome.UNCONFIRMED,
        result_size_bytes=len(call.result.encode()),
        waited_seconds=call.waited,
        executed_seconds=call.executed,
        error=call.error,
        approval_id=call.approval_id,
        approver=answer.approver if answer else None,
        note=answer.note if answer else None,
        edited=call.edited,
        policy=call.policy,
        metrics=call.metrics,
    )


def entry(message: Message, at: datetime) -> HistoryEntry:
    """Return *message* as it stands in the history."""
    return HistoryEntry(message=message, timestamp=at)
