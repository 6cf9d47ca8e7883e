"""An approval's audit in words: every event has its sentence, whatever version wrote it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.audit_story import receipt_key, tell
from gate import (
    Amendment,
    ApprovalAmended,
    ApprovalEscalated,
    ApprovalResolved,
    ApprovalRouted,
    ApprovalVoted,
    Decision,
    Notary,
    Rung,
    SigningKey,
    Verdict,
    event_from_wire,
    parse_json,
)
from tests.support.factories import ANA, BEN, CAT, START, after, approved, pending, route

CORPUS = sorted((Path(__file__).parents[1] / "corpus/event/v1").glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    return event_from_wire(parse_json(path.read_text())).to_wire()


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_event_has_its_sentence(path: Path):
    """In words of people, with and without the record; not as the bare type of the event."""
    wire = read(path)
    for record in (None, pending(), approved(pending(terms=route()))):
        at, words = tell(wire, record)
        assert event_from_wire(wire).at == at
        assert wire["type"] not in words
        assert "{" not in words


def test_who_changed_what():
    """An edit, a result in place of a run, the way back: by whom, where, and of which digest."""
    asked = pending()
    about: dict[str, Any] = {"id": asked.id, "at": START, "principal": ANA, "surface": "edit"}
    for digest, override, record, words in (
        ("1" * 64, False, asked, "edited the arguments"),
        ("1" * 64, True, asked, "gave a result in place of a run"),
        (asked.digest, False, asked, "went back to what the agent asked"),
        (asked.digest, False, None, "edited the arguments"),
    ):
        event = ApprovalAmended(**about, digest=digest, override=override)
        told = tell(event.to_wire(), record)[1]
        assert told.startswith(f"{ANA} {words} (edit), digest {digest}")
        assert "; earlier approvals are void" in told
    unnamed = ApprovalAmended(id=asked.id, at=START, principal=None, digest="1" * 64)
    assert "an unnamed caller edited" in tell(unnamed.to_wire(), asked)[1]


def test_what_a_decision_was_about():
    """Edited, in place of a run, or skipped: the decision's line says so."""
    event = ApprovalResolved(id="delete-42", at=START, principal=ANA, verdict=Verdict.APPROVE)
    for changes, words in (
        ({"override_result": "by hand"}, "in place of a run"),
        ({"payload": {}, "digest": "1" * 64}, "as edited"),
    ):
        decision = Decision(verdict=Verdict.APPROVE, **changes)
        record = approved().model_copy(update={"decision": decision})
        assert f", {words}" in tell(event.to_wire(), record)[1]
    skipped = event.model_copy(update={"verdict": Verdict.SKIP})
    assert "decided: skip" in tell(skipped.to_wire(), None)[1]


def test_what_the_record_does_not_hold_is_told_as_such():
    """Anybody with the store's password can write events, and the chain seals what it finds."""
    said = ApprovalResolved(id="delete-42", at=START, principal=BEN, verdict=Verdict.DENY)
    mark = "; the record does not bear this out"
    assert tell(said.to_wire(), approved())[1].endswith(mark)
    assert mark not in tell(said.to_wire(), None)[1]


def test_what_is_void_by_now_is_told_as_nothing_that_is_proved():
    """An auditor learns that the record can neither bear it out nor deny it."""
    amendment = Amendment(override_result="by hand", principal=ANA, at=after(60))
    record = pending(terms=route()).model_copy(update={"amendment": amendment})
    about: dict[str, Any] = {"id": record.id, "principal": BEN, "at": START}
    mark = "; changed or void since, so the record cannot bear this out"
    for event in (
        ApprovalVoted(**about, verdict=Verdict.APPROVE),
        ApprovalAmended(**about, digest="1" * 64),
    ):
        assert tell(event.to_wire(), record)[1].endswith(mark)
        later = event.model_copy(update={"at": after(61)})
        assert tell(later.to_wire(), record)[1].endswith("; the record does not bear this out")


def test_an_event_of_another_version_is_told_as_it_is():
    """Nothing is left out because it is not known."""
    wire = {"type": "onSomethingNew", "id": "x", "colour": "red"}
    at, words = tell(wire, None)
    assert at is None
    assert "onSomethingNew" in words
    assert '{"colour": "red"}' in words


def test_whose_receipt_it_is():
    """The key's id as the receipt says it; nothing where there is none, or garbage."""
    key = SigningKey.generate()
    record = approved()
    signed = Notary(key, secret=b"s" * 32, use_within=timedelta(hours=1)).attest(pending(), record)
    assert key.public.id == receipt_key(signed)
    unreadable = record.model_copy(update={"receipt": "r3ceipt"})
    assert [None] * 3 == [receipt_key(each) for each in (None, record, unreadable)]
    resolved = read(next(path for path in CORPUS if path.stem == "resolved"))
    assert f"receipt by key {key.public.id}" in tell(resolved, signed)[1]
    assert "it is not signed" in tell(resolved, record)[1]


def test_who_may_answer_is_told_as_the_ladder_widens_it():
    """Each step says who may answer from then on; the first line who could at first."""
    ladder = (
        Rung(after=1, action="widen", also=(CAT,)),
        Rung(after=2, action="remind"),
        Rung(after=3, action="widen", also=("slack:T1:SONCALL",)),
    )
    record = pending(terms=route(ladder=ladder)).model_copy(update={"climbed": len(ladder)})
    steps = [
        ApprovalEscalated(id=record.id, at=START, rung=at, action=rung.action, also=rung.also)
        for at, rung in enumerate(ladder)
    ]
    routed = ApprovalRouted(id=record.id, at=START, channel="C1")
    first, *later = [tell(event.to_wire(), record)[1] for event in (routed, *steps)]
    before = f"1 of approvers ({ANA}, {BEN}"
    assert first.endswith(f"; may answer: {before})")
    assert later[0].endswith(f"widen: {CAT}; may answer from then on: {before}, {CAT})")
    assert "asked again, step 2: remind" == later[1]
    assert later[2].endswith(f"; may answer from then on: {before}, {CAT}, slack:T1:SONCALL)")
    assert tell(steps[0].to_wire(), None)[1].endswith(f"widen: {CAT}")
