"""The events: their wire form and their names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

import gate
from gate import (
    ApprovalAlarm,
    ApprovalAmended,
    ApprovalAnswer,
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEscalated,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalRefused,
    ApprovalReported,
    ApprovalRequested,
    ApprovalResolved,
    ApprovalRevealed,
    ApprovalRouted,
    ApprovalViewed,
    ApprovalVoted,
    StoreCorrupt,
    Verdict,
    event_from_wire,
)
from tests.support.factories import ANA, START

ABOUT: dict[str, Any] = {"id": "delete-42", "namespace": "prod", "at": START}
EVENTS: list[ApprovalEvent] = [
    ApprovalRequested(**ABOUT, agent="billing", name="delete-user", digest="d"),
    ApprovalRouted(**ABOUT, channel="C1"),
    ApprovalViewed(**ABOUT, principal=ANA, digest="d", surface="modal"),
    ApprovalRevealed(**ABOUT, principal=ANA, path="/env/0/value", digest="d", surface="review"),
    ApprovalVoted(**ABOUT, principal=ANA, verdict=Verdict.APPROVE, note="n", surface="card"),
    ApprovalResolved(**ABOUT, principal=None, verdict=Verdict.SKIP, place="C1", attempt="x"),
    ApprovalExpiredEvent(**ABOUT),
    ApprovalCancelledEvent(**ABOUT, by=ANA, reason="r", undeliverable="no_route"),
    ApprovalConsumed(**ABOUT, operation_id="op", by="billing"),
    ApprovalReported(**ABOUT, status="failed", error="OSError", seconds=0.0),
    ApprovalEscalated(**ABOUT, rung=1, action="widen", also=(ANA,)),
    ApprovalAlarm(**ABOUT, part="votes"),
    ApprovalAmended(**ABOUT, principal=ANA, digest="d", override=True, surface="form"),
    ApprovalRefused(**ABOUT, principal=None, reason="not_approver", surface="modal"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_the_wire_form_reads_back_as_the_same_event(event: ApprovalEvent) -> None:
    """Every field survives, under camelCase names, the type in front."""
    wire = json.loads(json.dumps(event.to_wire()))
    assert event_from_wire(wire) == event
    assert next(iter(wire)) == "type"
    assert wire["type"].startswith("onApproval")
    assert not any("_" in name for name in wire)
    assert event.key == "prod/delete-42"


def test_every_event_is_covered_here_and_public() -> None:
    """An event that is added is added to the reader, the package's names and this table."""
    kinds = {*ApprovalEvent.__subclasses__(), *ApprovalAnswer.__subclasses__()} - {ApprovalAnswer}
    assert kinds == {type(event) for event in EVENTS}
    assert all(type(event).__name__ in gate.__all__ for event in EVENTS)
    assert len({event.type for event in EVENTS}) == len(EVENTS)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "onApprovalBanana"},
        {"type": None},
        {"extra": 1},
        {"at": "2026-01-01T12:00:00"},
        {"at": 0},
        {"id": 7},
        {"channel": None},
    ],
)
def test_an_event_that_we_never_wrote_is_not_read(change: dict[str, Any]) -> None:
    """Unknown types and fields and wrong types are `StoreCorrupt`."""
    with pytest.raises(StoreCorrupt):
        event_from_wire(EVENTS[1].to_wire() | change)


@pytest.mark.parametrize("data", [None, [], "x", {}])
def test_what_is_no_event_is_not_read(data: Any) -> None:
    """Garbage is refused as an event."""
    with pytest.raises(StoreCorrupt):
        event_from_wire(data)


def test_an_event_is_frozen() -> None:
    """A fact does not change."""
    with pytest.raises(ValidationError):
        EVENTS[1].id = "other"  # type: ignore[misc]  # that is the point
