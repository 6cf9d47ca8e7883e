"""The ladder: nobody has decided, so it is asked again, wider or elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gate import (
    AlreadyDecided,
    Approval,
    ApprovalGate,
    Desk,
    NotAllowed,
    Notary,
    Quorum,
    Rung,
    SigningKey,
    Verdict,
)
from gate.commands import CastVote, Climb
from gate.testing import FakeClock
from gate.transitions import apply
from stores.memory import MemoryStore
from tests.support.factories import ANA, BEN, CAT, after, pending, route

LEADS = "slack:T1:SLEADS"
LADDER = (
    Rung(after=10, action="remind"),
    Rung(after=20, action="widen", also=(LEADS, CAT)),
    Rung(after=30, action="move", channel="C2"),
)


def asked(**terms: Any) -> Approval:
    return pending(terms=route(Quorum(of=(ANA,)), ladder=LADDER, **terms))


def climbed(approval: Approval, seconds: float) -> Approval:
    return apply(approval, Climb(rung=approval.climbed), after(seconds)).approval


def test_each_rung_is_taken_once_and_in_its_time() -> None:
    """Too early is refused, late is not; a second taker of the same rung changes nothing."""
    record = asked()
    with pytest.raises(NotAllowed, match="not_due"):
        climbed(record, 9)
    assert after(10) == record.due
    step = apply(record, Climb(rung=0), after(10))
    assert [("onApprovalEscalated", "remind", 0)] == [
        (event.type, event.action, event.rung)  # type: ignore[attr-defined]  # of this kind
        for event in step.events
    ]
    assert not apply(step.approval, Climb(rung=0), after(11)).changed
    last = climbed(climbed(step.approval, 25), 31)
    assert (3, None, last.deadline) == (last.climbed, last.rung, last.due)
    assert not apply(last, Climb(rung=3), after(40)).changed


def test_a_wider_circle_may_answer_from_then_on() -> None:
    """Also by a group, for every quorum; not before, whatever the record says was taken."""
    yes = CastVote(verdict=Verdict.APPROVE, seen=True, principal=CAT)
    record = asked()
    early = record.model_copy(update={"climbed": 3})
    for not_yet in (record, climbed(record, 12), early):
        with pytest.raises(NotAllowed, match="not_approver"):
            apply(not_yet, yes, after(19))
    wide = climbed(climbed(record, 12), 20)
    assert "approved" == apply(wide, yes, after(21)).approval.status
    lead = CastVote(verdict=Verdict.APPROVE, seen=True, principal=BEN, groups=(LEADS,))
    assert "approved" == apply(wide, lead, after(21)).approval.status


def test_where_it_is_asked_follows_the_ladder() -> None:
    """The terms as they count name the channel it was moved to."""
    record = asked()
    channels = []
    for seconds in (10, 20, 30):
        record = climbed(record, seconds)
        terms = record.asking()
        assert terms is not None
        channels.append(terms.channel)
    assert ["C1", "C1", "C2"] == channels
    assert record.terms is not None
    assert "C1" == record.terms.channel
    assert pending().asking() is None


def test_who_owns_it_does_not_decide_it() -> None:
    """The operator's word, also against a group; the wider circle is no way round it."""
    record = asked(excluded=(ANA, CAT))
    for who, when in ((ANA, 5), (CAT, 35)):
        taken = record if when == 5 else climbed(climbed(record, 35), 35)
        with pytest.raises(NotAllowed, match="self_approval"):
            apply(taken, CastVote(verdict=Verdict.DENY, principal=who), after(when))


@pytest.mark.parametrize(
    "rung",
    [
        {"after": 0, "action": "remind"},
        {"after": float("inf"), "action": "remind"},
        {"after": 1, "action": "expire"},
        {"after": 1, "action": "widen"},
        {"after": 1, "action": "move"},
        {"after": 1, "action": "remind", "also": (ANA,)},
        {"after": 1, "action": "widen", "also": (ANA,), "channel": "C2"},
    ],
)
def test_a_rung_says_exactly_what_it_does(rung: dict[str, Any]) -> None:
    """Half a rung, or one with too much, is none."""
    with pytest.raises(ValidationError):
        Rung(**rung)


def test_a_ladder_is_in_order() -> None:
    """What would come late in it is refused, not sorted."""
    with pytest.raises(ValidationError):
        route(ladder=(LADDER[1], LADDER[0]))


async def test_the_desk_climbs(clock: FakeClock) -> None:
    """By the store's clock, signed terms stay whole, and a decision ends it."""
    store = MemoryStore(clock=clock)
    notary = Notary(SigningKey.generate(), secret=b"s" * 32)
    desk = Desk(store, clock=clock, notary=notary)
    await ApprovalGate(store, agent="billing", clock=clock).request(id="x", name="n")
    await desk.route("x", route(Quorum(of=(ANA,)), ladder=LADDER))
    with pytest.raises(NotAllowed, match="not_due"):
        await desk.climb("x")
    await clock.advance(25)
    assert 1 == (await desk.climb("x")).climbed
    assert 2 == (await desk.climb("x")).climbed
    decided = await desk.decide("x", "approve", approver=CAT, seen=True)
    assert decided.receipt is not None
    with pytest.raises(AlreadyDecided):
        await desk.climb("x")
