"""The thread: one reply per event, the human copy of what happened."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.messenger import Message
from bot.proof import Proof
from bot.slack.render import gone, moved, pointer
from bot.slack.render.thread import reply
from gate import (
    Approval,
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
    Quorum,
    Rung,
    Verdict,
    Vote,
)

from ...golden import same_as_golden
from .checks import accepted, all_text, buttons
from .examples import ANA, BEN, CHO, OWNERS, TERMS, asked, decided, later
from .hostile import texts

AT: dict[str, Any] = {"id": "delete-42", "at": later(2)}
BY_ANA: dict[str, Any] = {**AT, "principal": ANA, "surface": "card"}
BY_BEN: dict[str, Any] = {**AT, "principal": BEN, "surface": "card"}


def _approved(surface: str) -> ApprovalResolved:
    return ApprovalResolved(**AT, principal=ANA, verdict=Verdict.APPROVE, surface=surface)


LADDER = (
    Rung(after=60, action="remind"),
    Rung(after=120, action="widen", also=(CHO, "slack:T0SANDBOX:S0SECURITY")),
    Rung(after=180, action="move", channel="C0SECOND"),
)


def _climbed(number: int, **changes: Any) -> Approval:
    """A request of two owners and one of security, Ana has said yes, so many rungs were taken."""
    quorums = (
        Quorum(name="owners", of=(ANA, BEN), needed=2),
        Quorum(name="security", of=(OWNERS,)),
    )
    terms = TERMS.model_copy(update={"quorums": quorums, "ladder": LADDER})
    approval = asked(terms=terms, climbed=number)
    vote = Vote(principal=ANA, verdict=Verdict.APPROVE, at=later(1), digest=approval.digest)
    return approval.model_copy(update={"votes": (vote,), **changes})


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
CHANGE = ApprovalAmended(**AT, principal=ANA, digest="0" * 64, surface="edit")
UNTOLD: tuple[ApprovalEvent, ...] = (
    ApprovalRequested(**AT, agent="billing", name="delete-user", digest="0" * 64),
    ApprovalRevealed(**AT, principal=ANA, path="/token", digest="0" * 64, surface="review"),
    ApprovalViewed(**AT, principal=ANA, digest="0" * 64, surface="review"),
    ApprovalRefused(**BY_BEN, reason="not_approver"),
)
ALARMS = ("amendment", "receipt", "terms", "views", "votes", "something else")
ESCALATED: dict[str, tuple[ApprovalEscalated, Approval]] = {
    "reminded": (ApprovalEscalated(**AT, rung=0, action="remind"), _climbed(1)),
    "widened": (
        ApprovalEscalated(**AT, rung=1, action="widen", also=LADDER[1].also), _climbed(2),
    ),
    "moved": (ApprovalEscalated(**AT, rung=2, action="move", channel="C0SECOND"), _climbed(3)),
    "reminded_too_late": (
        ApprovalEscalated(**AT, rung=0, action="remind"), decided(Verdict.DENY, by=BEN),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EVENTS)
def test_golden_reply(name: str) -> None:
    """Each event has its reply, in words that stand alone."""
    message = reply(EVENTS[name], asked())
    assert message is not None
    accepted(message)
    same_as_golden(f"thread/{name}.json", {"text": message.text, "blocks": message.blocks})


def _agreed(*, last: str = "card", status: str = "approved") -> Message:
    """The reply to the answer of the second of two people, whose decision it is."""
    verdict = Verdict.APPROVE if status == "approved" else Verdict.DENY
    approval = decided(verdict, by=ANA)
    votes = (*approval.votes, approval.votes[0].model_copy(update={"principal": CHO}))
    event = ApprovalResolved(**AT, principal=CHO, verdict=verdict, surface=last)
    message = reply(event, approval.model_copy(update={"votes": votes}))
    assert message is not None
    accepted(message)
    return message


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("approved_by_two", {}),
        ("approved_by_two_slash", {"last": "slash"}),
        ("rejected_by_two", {"status": "rejected"}),
    ],
)
def test_a_decision_of_several_names_them_all(name: str, how: dict[str, str]) -> None:
    """P11: the last line of a quorum's thread rests on everybody's answer, as the card says."""
    message = _agreed(**how)
    assert "by <@U0ANA> and <@U0CHO>" in message.text
    same_as_golden(f"thread/{name}.json", {"text": message.text, "blocks": message.blocks})


def test_a_decision_is_not_put_on_those_of_another_one() -> None:
    """Where the record does not hold the event's answer, only who gave that one is named."""
    event = ApprovalResolved(**AT, principal=CHO, verdict=Verdict.APPROVE, surface="card")
    others = decided(Verdict.APPROVE, by=ANA)
    votes = (*others.votes, others.votes[0].model_copy(update={"principal": BEN}))
    others = others.model_copy(update={"votes": votes})
    for record in (others, decided(Verdict.DENY, by=CHO), asked()):
        message = reply(event, record)
        assert message is not None
        assert "✅ *Approved* by <@U0CHO>" == message.text


@pytest.mark.parametrize("name", ESCALATED)
def test_golden_escalation(name: str) -> None:
    """Each rung has its reply."""
    message = reply(*ESCALATED[name])
    assert message is not None
    accepted(message)
    same_as_golden(f"thread/{name}.json", {"text": message.text, "blocks": message.blocks})


def test_a_reminder_calls_those_who_have_not_answered() -> None:
    """Ana has said yes and is left in peace; Ben and the group are called, where that notifies."""
    message = reply(*ESCALATED["reminded"])
    assert message is not None
    [block] = message.blocks
    assert ("section", "mrkdwn") == (block["type"], block["text"]["type"])
    assert "<@U0ANA>" not in message.text
    assert "<@U0BEN>" in message.text
    assert "<!subteam^S0OWNERS>" in message.text
    assert message.text.endswith("1 of 2 owners, security missing")


@pytest.mark.parametrize("name", ["reminded", "widened", "moved"])
def test_after_the_end_nobody_is_called(name: str) -> None:
    """An escalation that is told late, when all is decided, rings nobody's bell."""
    event, approval = ESCALATED[name]
    over = decided(Verdict.DENY, by=BEN, terms=approval.terms)
    message = reply(event, over)
    assert message is not None
    assert "<@" not in message.text
    assert "<!subteam" not in message.text


def test_the_thread_that_is_left_says_where_it_goes_on() -> None:
    """A pointer with the new channel and, where Slack gives one, the new card's address."""
    event, approval = ESCALATED["moved"]
    link = "https://acme.slack.com/archives/C0SECOND/p1795318458864560"
    for name, message in (
        ("pointer", pointer(event, link)),
        ("pointer_without_link", pointer(event, None)),
        ("card_left_behind", moved(approval)),
    ):
        accepted(message)
        assert "<#C0SECOND>" in message.text
        same_as_golden(f"thread/{name}.json", {"text": message.text, "blocks": message.blocks})
    assert not buttons(moved(approval))


@pytest.mark.parametrize("event", [EVENTS["voted"], CHANGE], ids=lambda event: event.type)
def test_golden_gone(event: ApprovalEvent) -> None:
    """What nobody can vouch for is told without a name, and without a word of what it says."""
    message = gone(event)
    accepted(message)
    assert [] == [word for word in ("U0ANA", "pprove", "dited") if word in repr(message)]
    golden = {"text": message.text, "blocks": message.blocks}
    same_as_golden(f"thread/gone_{event.type.removeprefix('onApproval').lower()}.json", golden)


def test_golden_alarms() -> None:
    """What somebody else wrote is said, part by part, in words of ours only."""
    told = {}
    for part in ALARMS:
        message = reply(ApprovalAlarm(**AT, part=part), asked())
        assert message is not None
        accepted(message)
        told[part] = message.text
    same_as_golden("thread_alarms.json", told)


def test_a_decision_that_may_not_stay_is_told_so() -> None:
    """P3: the thread says that it is not confirmed yet."""
    message = reply(EVENTS["approved"], asked(), Proof(confirmed=False))
    assert message is not None
    assert "not confirmed yet" in message.text


@pytest.mark.parametrize("event", UNTOLD, ids=lambda event: event.type)
def test_what_the_thread_does_not_tell(event: ApprovalEvent) -> None:
    """A request has no thread yet; who looked or was refused is between them and the audit."""
    assert None is reply(event, asked())


def test_every_event_is_covered() -> None:
    """A new kind of event must get its words, or a test that says that it has none."""
    told = {type(event) for event in (*EVENTS.values(), *UNTOLD)}
    told |= {ApprovalEscalated, ApprovalAlarm, ApprovalAmended}
    known = {*ApprovalEvent.__subclasses__(), *ApprovalAnswer.__subclasses__()} - {ApprovalAnswer}
    assert known == told


@pytest.mark.parametrize("surface", ["card", "direct", "review", "form", "edit", "answer"])
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
        ApprovalEscalated(**AT, rung=0, action="widen", also=(short, other)),
        ApprovalEscalated(**AT, rung=0, action="move", channel=short),
        ApprovalAlarm(**AT, part=short),
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
