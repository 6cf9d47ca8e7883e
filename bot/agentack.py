"""Owns the trace that `agentack check` reads, made from sealed events and their records.

AgentAck looks at actions that are proposed, presented, decided and executed or blocked. Here an
action is its digest, never its payload: what leaves the house is no secret. The mapping:

- requested → proposed; routed → presented; decided, expired, cancelled → decision;
- consumed → executed; whatever released no run → blocked, with the reason;
- an edit by a person blocks the action as it was, and proposes and presents the edited one.

An approval that is still pending is left out: no trace can be complete with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from gate import (
    Approval,
    ApprovalAmended,
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalRequested,
    ApprovalResolved,
    ApprovalRouted,
    ApprovalViewed,
    AuditEntry,
    AuditHead,
    LimitExceeded,
    StoreCorrupt,
    Verdict,
    event_from_wire,
    read_receipt,
)

__all__ = ["Trace"]

MAX_EVENTS: Final = 100_000
"""AgentAck reads no more in one trace."""
_PER_APPROVAL: Final = 8
_PER_EDIT: Final = 4
_SCHEMA: Final = 2
_LAST: Final = 2**62

_Placed = tuple[int, dict[str, Any]]
"""The number of the entry that a part of the trace belongs to, and the part."""


@dataclass
class _Story:
    """What the chain says about one approval; numbers are those of entries."""

    asked: ApprovalRequested
    number: int
    routed: tuple[int, datetime] | None = None
    viewed: str | None = None
    """The digest that a person was shown."""
    amended: list[tuple[int, ApprovalAmended]] = field(default_factory=list)
    """The changes of what is asked, before it ended."""
    ended: tuple[int, ApprovalResolved | ApprovalExpiredEvent | ApprovalCancelledEvent] | None = (
        None
    )
    runs: list[tuple[int, ApprovalConsumed]] = field(default_factory=list)

    @property
    def pending(self) -> bool:
        return self.ended is None and not self.runs


class Trace:
    """Collects the entries of a chain, and gives the trace's events.

    Attributes:
        pending: After `events`: how many approvals were left out because nobody has decided.
    """

    def __init__(self) -> None:
        self._stories: dict[str, _Story] = {}
        self._head = AuditHead()
        self._at: datetime | None = None
        self._edits = 0
        self.pending = 0

    @property
    def keys(self) -> list[str]:
        """The keys of the records that the chain speaks of."""
        return list(self._stories)

    def take(self, entry: AuditEntry) -> None:
        """Take the next entry of the chain.

        Raises:
            LimitExceeded: More than AgentAck reads in one trace.
        """
        self._head = entry.head
        try:
            event = event_from_wire(entry.event)
        except StoreCorrupt:
            return  # sealed as it was found, and nothing that AgentAck has a word for
        self._at = event.at
        story = self._stories.get(event.key)
        if story is None:
            if isinstance(event, ApprovalRequested):
                self._stories[event.key] = _Story(event, entry.number)
                self._check_size()
            return
        if isinstance(event, ApprovalAmended):
            self._edits += 1
            self._check_size()
        _tell(story, entry.number, event)

    def _check_size(self) -> None:
        events = len(self._stories) * _PER_APPROVAL + self._edits * _PER_EDIT
        if events >= MAX_EVENTS:
            raise LimitExceeded(field="events in one trace", value=events, limit=MAX_EVENTS)

    def events(self, records: Mapping[str, Approval]) -> Iterator[dict[str, Any]]:
        """Return the trace's events in the chain's order; nothing where nothing is sealed.

        Args:
            records: By key, as far as they are still there: what a receipt allows, what was edited,
                what was consumed.
        """
        placed: list[_Placed] = []
        self.pending = 0
        for key, story in self._stories.items():
            if story.pending:
                self.pending += 1
            else:
                placed += _parts(key, story, records.get(key), at=self._at or story.asked.at)
        if self._at is None:
            return
        session = f"signoff-{self._head.number}-{self._head.hash[:16]}"
        placed.sort(key=lambda part: part[0])  # stable: parts of one entry keep their order
        placed.append((_LAST, {"type": "session_end", "timestamp": _time(self._at)}))
        for _, part in placed:
            yield {"schema_version": _SCHEMA, "session_id": session} | part


def _tell(story: _Story, number: int, event: ApprovalEvent) -> None:
    match event:
        case ApprovalRouted() if story.routed is None:
            story.routed = (number, event.at)
        case ApprovalViewed() if story.viewed is None:
            story.viewed = event.digest
        case ApprovalAmended() if story.ended is None:
            story.amended.append((number, event))
        case ApprovalResolved() | ApprovalExpiredEvent() | ApprovalCancelledEvent():
            if story.ended is None:
                story.ended = (number, event)
        case ApprovalConsumed():
            story.runs.append((number, event))


@dataclass(frozen=True)
class _Action:
    """One action of the trace."""

    story: _Story
    id: str
    digest: str
    edits: int = 0

    def edited(self, digest: str) -> _Action:
        """Return the action that a person made of this one."""
        edits = self.edits + 1
        own = self.id.partition("#")[0] + "#edited"
        return _Action(self.story, own if edits == 1 else f"{own}-{edits}", digest, edits)

    def part(self, kind: str, at: datetime, **more: Any) -> dict[str, Any]:
        """Return an event about this action."""
        return {
            "type": kind,
            "timestamp": _time(at),
            "action_id": self.id,
            "intent_id": self.story.asked.digest,
            **more,
        }

    def decided(self, at: datetime, decision: str, **more: Any) -> dict[str, Any]:
        """Return the decision about this action."""
        return self.part("approval_decision", at, approval_id=self.id, decision=decision, **more)

    def blocked(self, at: datetime, reason: str) -> dict[str, Any]:
        """Return that this action does not run."""
        return self.part("action_blocked", at, approval_id=self.id, reason=reason)

    def what(self, digest: str | None = None) -> dict[str, Any]:
        """Return the action itself, with the digest that was asked, shown or run."""
        asked = self.story.asked
        return {
            "tool": asked.name.strip() or "unnamed",
            "operation": "run",
            "resource": f"{asked.namespace}/{asked.agent}",
            "parameters": {"sha256": digest or self.digest},
        }


def _parts(key: str, story: _Story, record: Approval | None, *, at: datetime) -> Iterator[_Placed]:
    asked = _Action(story, key, story.asked.digest)
    yield story.number, asked.part("action_proposed", story.asked.at, action=asked.what())
    action = asked
    # Without a route, a trusted caller decided on what was asked, in that moment.
    shown_at = story.routed or (story.ended and (story.ended[0], story.ended[1].at))
    if shown_at is not None:
        shown = asked.what(story.viewed)
        number, moment = shown_at
        yield number, asked.part("approval_requested", moment, approval_id=key, action=shown)
    edits = [(number, change.digest, change.at) for number, change in story.amended]
    if story.ended is not None and record is not None and record.decision is not None:
        number, event = story.ended
        # Whatever the chain says of changes: what runs is what the record has.
        edits.append((number, record.effective_digest, event.at))
    for number, digest, moment in edits:
        if digest != action.digest:
            edited = action.edited(digest)
            for part in _edited(action, edited, moment):
                yield number, part
            action = edited
    if story.ended is not None:
        number, event = story.ended
        if isinstance(event, ApprovalResolved) and event.verdict is Verdict.APPROVE:
            yield number, action.decided(event.at, "allow", **_expiry(record))
            if not story.runs:
                yield _LAST, action.blocked(at, _not_run(record))
        else:
            yield number, action.decided(event.at, "deny")
            yield number, action.blocked(event.at, _reason(event))
    for number, run in story.runs:
        taken = record.consumption if record is not None else None
        ran = action.what(taken.digest if taken is not None else None)
        yield number, action.part("action_executed", run.at, approval_id=action.id, action=ran)


def _edited(before: _Action, edited: _Action, at: datetime) -> Iterator[dict[str, Any]]:
    """Return how the action as it was ends, and how the one begins that a person made of it."""
    yield before.decided(at, "deny")
    yield before.blocked(at, "edited by a person who answered")
    yield edited.part("action_proposed", at, action=edited.what())
    yield edited.part("approval_requested", at, approval_id=edited.id, action=edited.what())


def _expiry(record: Approval | None) -> dict[str, str]:
    if record is None or record.receipt is None:
        return {}
    try:
        receipt, _ = read_receipt(record.receipt)
    except ValueError:
        return {}
    return {"expires_at": _time(receipt.use_until)}


def _not_run(record: Approval | None) -> str:
    overridden = (
        record is not None
        and record.decision is not None
        and record.decision.override_result is not None
    )
    return "a person gave the result instead" if overridden else "not run when this was exported"


def _reason(event: ApprovalEvent) -> str:
    match event:
        case ApprovalResolved():
            return "skipped" if event.verdict is Verdict.SKIP else "denied"
        case ApprovalExpiredEvent():
            return "expired"
        case ApprovalCancelledEvent():
            return "undeliverable" if event.undeliverable is not None else "cancelled"
    return "ended"


def _time(moment: datetime) -> str:
    return moment.isoformat()
