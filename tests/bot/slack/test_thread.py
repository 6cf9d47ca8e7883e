"""The thread: one reply per event, the human copy of what happened."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.render.thread import reply
from gate import (
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalRefused,
    ApprovalReported,
    ApprovalRequested,
    ApprovalResolved,
    ApprovalRouted,
    ApprovalVoted,
    Verdict,
)

from ...golden import same_as_golden
from .checks import accepted, all_text
from .examples import ANA, BEN, asked, later
from .hostile import texts

AT: dict[str, Any] = {"id": "delete-42", "at": later(2)}
BY_ANA: dict[str, Any] = {**AT, "principal": ANA, "surface": "slack"}
BY_BEN: dict[str, Any] = {**AT, "principal": BEN, "surface": "slack"}

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
    "refused": ApprovalRefused(**BY_BEN, reason="not_approver"),
    "refused_unknown": ApprovalRefused(**BY_BEN, reason="some_new_word"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_golden_reply(name: str) -> None:
    """Each event has its reply, in words that stand alone."""
    message = reply(EVENTS[name], asked())
    assert message is not None
    accepted(message)
    same_as_golden(f"thread/{name}.json", {"text": message.text, "blocks": message.blocks})


def test_the_request_itself_has_no_reply() -> None:
    """Until somebody is asked there is no thread."""
    event = ApprovalRequested(**AT, agent="billing", name="delete-user", digest="0" * 64)
    assert None is reply(event, asked())


def test_every_event_is_covered() -> None:
    """A new kind of event must get its words, or a test that says that it has none."""
    told = {type(event) for event in EVENTS.values()} | {ApprovalRequested}
    assert set(ApprovalEvent.__subclasses__()) == told


def test_a_failure_is_told_without_its_text() -> None:
    """Of an error only the class and the duration are told."""
    message = reply(EVENTS["failed"], asked())
    assert message is not None
    assert message.text == "❌ *Run failed* after 61 s (TimeoutError)"


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
        ApprovalRefused(**AT, principal=short, reason=other),
    ]
    for event in events:
        message = reply(event, asked(agent=other[:200] or "a"))
        assert message is not None
        accepted(message)


@given(st.floats(0, 1e9))
def test_any_duration_has_words(seconds: float) -> None:
    """However long a run took, its length is short to read."""
    message = reply(ApprovalReported(**AT, status="done", seconds=seconds), asked())
    assert message is not None
    assert len(message.text) < 40
    assert any("done in" in text for text in all_text(list(message.blocks)))
