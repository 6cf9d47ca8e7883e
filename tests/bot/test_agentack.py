"""The trace for AgentAck: each end of an approval in its words, and nothing made better than it is.

That `agentack check` passes on whole runs, and fails on wrong ones, is in tests/bot/cli/test_audit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bot.agentack import Trace
from gate import (
    Approval,
    ApprovalAmended,
    ApprovalConsumed,
    ApprovalEvent,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalResolved,
    ApprovalRouted,
    ApprovalViewed,
    AuditHead,
    LimitExceeded,
    RawEvent,
    Verdict,
    canonical_text,
    seal_events,
)
from tests.support.factories import ANA, START, approved, pending

ABOUT: dict[str, Any] = {"id": "delete-42", "at": START}
ASKED = ApprovalRequested(**ABOUT, agent="billing", name="delete-user", digest=pending().digest)
ROUTED = ApprovalRouted(**ABOUT, channel="C1")
YES = ApprovalResolved(**ABOUT, principal=ANA, verdict=Verdict.APPROVE)
NO = ApprovalResolved(**ABOUT, principal=ANA, verdict=Verdict.DENY)
RAN = ApprovalConsumed(**ABOUT, operation_id="op-1")

PROPOSED, PRESENTED = "action_proposed", "approval_requested"
DECIDED, EXECUTED, BLOCKED = "approval_decision", "action_executed", "action_blocked"
END = "session_end"


def trace_of(events: Sequence[ApprovalEvent], *more: bytes) -> Trace:
    texts = [canonical_text(event.to_wire()).encode() for event in events]
    raw = [RawEvent(f"{number}-0", text) for number, text in enumerate((*texts, *more), 1)]
    trace = Trace()
    for entry in seal_events(raw, AuditHead()):
        trace.take(entry)
    return trace


def kinds(trace: Trace, **records: Approval) -> list[str]:
    return [part["type"] for part in trace.events(records)]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([ASKED, ROUTED, YES, RAN], [PROPOSED, PRESENTED, DECIDED, EXECUTED, END]),
        ([ASKED, ROUTED, NO], [PROPOSED, PRESENTED, DECIDED, BLOCKED, END]),
        ([ASKED, ROUTED, YES], [PROPOSED, PRESENTED, DECIDED, BLOCKED, END]),
        ([ASKED, YES, RAN], [PROPOSED, PRESENTED, DECIDED, EXECUTED, END]),
        ([ASKED, ROUTED], [END]),
        ([], []),
        # What should not be is told as it is, for AgentAck to find.
        ([ASKED, ROUTED, YES, RAN, RAN], [PROPOSED, PRESENTED, DECIDED, EXECUTED, EXECUTED, END]),
        ([ASKED, ROUTED, NO, RAN], [PROPOSED, PRESENTED, DECIDED, BLOCKED, EXECUTED, END]),
        ([ASKED, RAN], [PROPOSED, EXECUTED, END]),
    ],
    ids=[
        "ran",
        "denied",
        "not run",
        "no route",
        "pending",
        "empty",
        "twice",
        "in spite",
        "unasked",
    ],
)
def test_what_became_of_it(events: list[ApprovalEvent], told: list[str]):
    """In the order of the chain, with and without the record."""
    assert told == kinds(trace_of(events))
    assert told == kinds(trace_of(events), **{"delete-42": approved()})


def test_what_is_pending_is_counted():
    """It is left out, since no trace is complete with it, and never in silence."""
    trace = trace_of([ASKED, ROUTED])
    kinds(trace)
    assert 1 == trace.pending


def test_what_was_shown_is_what_is_presented():
    """A person who was shown something else than what was asked is no approver of that."""
    viewed = ApprovalViewed(**ABOUT, principal=ANA, digest="0" * 64)
    parts = {part["type"]: part for part in trace_of([ASKED, ROUTED, viewed, YES]).events({})}
    assert pending().digest == parts[PROPOSED]["action"]["parameters"]["sha256"]
    assert "0" * 64 == parts[PRESENTED]["action"]["parameters"]["sha256"]


def test_foreign_entries_are_passed_over():
    """Refusals about nothing, unknown events and garbage have no place in a trace."""
    refused = ApprovalRefused(id="no-such", at=START, principal=None, reason="not_found")
    trace = trace_of([refused, ASKED, ROUTED, NO], b'{"type":"onSomethingNew"}', b"garbage")
    assert [PROPOSED, PRESENTED, DECIDED, BLOCKED, END] == kinds(trace)
    assert ["delete-42"] == trace.keys


def _change(digest: str, *, override: bool = False) -> ApprovalAmended:
    return ApprovalAmended(**ABOUT, principal=ANA, digest=digest, override=override)


CHANGED = [DECIDED, BLOCKED, PROPOSED, PRESENTED]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([_change("1" * 64)], CHANGED),
        ([_change("1" * 64), _change("2" * 64)], [*CHANGED, *CHANGED]),
        ([_change("1" * 64), _change(ASKED.digest)], [*CHANGED, *CHANGED]),
        ([_change("1" * 64), _change("1" * 64, override=True)], CHANGED),
        ([_change(ASKED.digest, override=True)], []),
    ],
    ids=["edited", "twice", "back", "answered", "only answered"],
)
@pytest.mark.parametrize("end", [YES, NO], ids=["yes", "no"])
def test_what_a_person_changed(changes: list[ApprovalEvent], told: list[str], end: ApprovalEvent):
    """Each change of the arguments ends one action, and begins the one that is asked then."""
    parts = list(trace_of([ASKED, ROUTED, *changes, end]).events({}))
    expected = [PROPOSED, PRESENTED, *told, DECIDED, BLOCKED, END]
    assert expected == [part["type"] for part in parts]
    count = told.count(PROPOSED)
    last = "delete-42" + ("", "#edited", "#edited-2")[count]
    assert [last, last] == [part["action_id"] for part in parts[-3:-1]]
    assert count + 1 == len({part["action_id"] for part in parts[:-1]})


def test_the_record_has_the_last_word():
    """What runs is what the record has, whatever change somebody put beside it."""
    events = [ASKED, ROUTED, _change("1" * 64), YES, RAN, _change("2" * 64)]
    parts = list(trace_of(events).events({"delete-42": approved()}))
    assert [PROPOSED, PRESENTED, *CHANGED, *CHANGED, DECIDED, EXECUTED, END] == [
        part["type"] for part in parts
    ]
    assert pending().digest == parts[-2]["action"]["parameters"]["sha256"]


def test_changes_are_bounded():
    """They count as what they take in the trace."""
    trace = Trace()
    raw = [RawEvent("0-1", canonical_text(ASKED.to_wire()).encode())]
    text = canonical_text(_change("1" * 64).to_wire()).encode()
    raw += [RawEvent(f"{number}-0", text) for number in range(1, 25_001)]
    entries = seal_events(raw, AuditHead())
    with pytest.raises(LimitExceeded):
        list(map(trace.take, entries))


def test_a_trace_is_bounded():
    """More approvals than AgentAck can read are refused, before memory is full of them."""
    trace = Trace()
    asked = (
        ApprovalRequested(id=f"x-{number}", at=START, agent="a", name="n", digest="0" * 64)
        for number in range(20_000)
    )
    raw = [
        RawEvent(f"{n}-0", canonical_text(each.to_wire()).encode()) for n, each in enumerate(asked)
    ]
    entries = seal_events(raw, AuditHead())
    with pytest.raises(LimitExceeded):
        list(map(trace.take, entries))
