"""The thread: one reply per event, the human copy of what happened."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.render.thread import reply
from gate import (
    ApprovalAlarm,
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
    ApprovalRouted,
    ApprovalViewed,
    ApprovalVoted,
    Verdict,
)

from ...golden import same_as_golden
from .checks import accepted, all_text
from .examples import ANA, BEN, asked, later
from .hostile import texts

AT: dict[str, Any] = {"id": "delete-42", "at": later(2)}
BY_ANA: dict[str, Any] = {**AT, "principal": ANA, "surface": "card"}
BY_BEN: dict[str, Any] = {**AT, "principal": BEN, "surface": "card"}


def _approved(surface: str) -> ApprovalResolved:
    return ApprovalResolved(**AT, principal=ANA, verdict=Verdict.APPROVE, surface=surface)


EVENTS: dict[str, ApprovalEvent] = {
    "routed": ApprovalRouted(**AT, channel="C0APPROVALS"),
    "voted": ApprovalVoted(**BY_ANA, verdict=Verdict.APPROVE),
    "approved": ApprovalResolved(**BY_ANA, verdict=Verdict.APPROVE),
    "approved_cli": ApprovalResolved(
        **AT, principal="cli:ana", verdict=Verdict.APPROVE, surface="cli"
    ),
    "approved_unnamed": ApprovalResolved(**AT, principal=None, verdict=Verdict.APPROVE),
    "rejected": ApprovalResolved(**BY_BEN, verdict=Verdict.DENY, note="Not on a Friday."),
    "skipped": ApprovalResolved(**BY_BEN, verdict=Verdict.SKIP),
    "consumed": ApprovalConsumed(**AT, operation_id="op-1", by="billing"),
    "done": ApprovalReported(**AT, status="done", seconds=3.2),
    "failed": ApprovalReported(**AT, status="failed", error="TimeoutError", seconds=61.0),
    "expired": ApprovalExpiredEvent(**AT),
    "cancelled": ApprovalCancelledEvent(**AT, by="billing", reason="The invoice was paid."),
    "undeliverable": ApprovalCancelledEvent(**AT, undeliverable="channel_not_found"),
    "approved_home": _approved("home"),
    "approved_slash": _approved("slash"),
    "approved_elsewhere": _approved("api"),
    "done_at_once": ApprovalReported(**AT, status="done", seconds=0.001),
}
UNTOLD: tuple[ApprovalEvent, ...] = (
    ApprovalRequested(**AT, agent="billing", name="delete-user", digest="0" * 64),
    ApprovalViewed(**AT, principal=ANA, digest="0" * 64, surface="review"),
    ApprovalRefused(**BY_BEN, reason="not_approver"),
    ApprovalEscalated(**AT, rung=0, action="remind"),
    ApprovalAlarm(**AT, part="votes"),
)


@pytest.mark.parametrize("name", EVENTS)
def test_golden_reply(name: str) -> None:
    """Each event has its reply, in words that stand alone."""
    message = reply(EVENTS[name], asked())
    assert message is not None
    accepted(message)
    same_as_golden(f"thread/{name}.json", {"text": message.text, "blocks": message.blocks})


@pytest.mark.parametrize("event", UNTOLD, ids=lambda event: event.type)
def test_what_the_thread_does_not_tell(event: ApprovalEvent) -> None:
    """A request has no thread yet; who looked or was refused is between them and the audit."""
    assert None is reply(event, asked())


def test_every_event_is_covered() -> None:
    """A new kind of event must get its words, or a test that says that it has none."""
    told = {type(event) for event in (*EVENTS.values(), *UNTOLD)}
    known = {*ApprovalEvent.__subclasses__(), *ApprovalAnswer.__subclasses__()} - {ApprovalAnswer}
    assert known == told


@pytest.mark.parametrize("surface", ["card", "direct", "review", "form"])
def test_the_usual_way_is_not_mentioned(surface: str) -> None:
    """Where the answer came from is told only if it was not a button of the request."""
    message = reply(_approved(surface), asked())
    assert message is not None
    assert message.text == "✅ *Approved* by <@U0ANA>"


def test_a_failure_is_told_without_its_text() -> None:
    """Of an error only the class and the duration are told."""
    message = reply(EVENTS["failed"], asked())
    assert message is not None
    assert message.text == "❌ *Run failed* after 61 s (TimeoutError)"


@settings(deadline=None)  # each example is judged by four validators
@given(texts, texts, texts.map(lambda text: (text * 300)[:3000]))
def test_no_hostile_text_breaks_a_reply(short: str, other: str, long: str) -> None:
    """Names, reasons, channels and notes of anybody have no power in the thread."""
    events: list[ApprovalEvent] = [
        ApprovalRouted(**AT, channel=short),
        ApprovalVoted(**AT, principal=short, verdict=Verdict.DENY, note=long),
        ApprovalResolved(**AT, principal=other, verdict=Verdict.DENY, note=long, surface=short),
        ApprovalReported(**AT, status="failed", error=short, seconds=1.0),
        ApprovalCancelledEvent(**AT, by=short, reason=long),
        ApprovalCancelledEvent(**AT, undeliverable=short, reason=long),
    ]
    for event in events:
        message = reply(event, asked(agent=other[:200] or "a"))
        assert message is not None
        accepted(message)


@settings(deadline=None)  # each example is judged by four validators
@given(st.floats(0, 1e9))
def test_any_duration_has_words(seconds: float) -> None:
    """However long a run took, its length is short to read."""
    message = reply(ApprovalReported(**AT, status="done", seconds=seconds), asked())
    assert message is not None
    assert len(message.text) < 40
    assert any("done in" in text for text in all_text(list(message.blocks)))
