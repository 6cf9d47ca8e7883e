"""The state machine: the whole table, and the rules of each command."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from gate import (
    AlreadyConsumed,
    AlreadyDecided,
    Approval,
    ApprovalCancelled,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalSkipped,
    Decision,
    DigestMismatch,
    NotAllowed,
    Outcome,
    Quorum,
    Refused,
    Undeliverable,
    Verdict,
    as_of,
    refusal,
)
from gate.commands import (
    Cancel,
    CastVote,
    Climb,
    Command,
    Consume,
    Expire,
    RecordView,
    Report,
    Route,
)
from gate.transitions import apply
from tests.support.factories import (
    ANA,
    BEN,
    CAT,
    after,
    approved,
    cancelled,
    expired,
    pending,
    rejected,
    route,
)

SOON = after(30)
LATE = after(7200)
YES = CastVote(verdict=Verdict.APPROVE, seen=True, principal=ANA)
NO = CastVote(verdict=Verdict.DENY, principal=BEN)
TAKE = Consume(operation_id="op-1", digest=pending().digest)
DONE = Report(outcome=Outcome(status="done", seconds=1.0, at=after(70)))
COMMANDS: dict[str, Command] = {
    "route": Route(terms=route()),
    "vote": CastVote(verdict=Verdict.DENY, principal=CAT),
    "view": RecordView(principal=ANA),
    "climb": Climb(rung=0),
    "cancel": Cancel(by="billing"),
    "expire": Expire(),
    "consume": TAKE,
    "report": DONE,
}
STATES = {
    "pending": pending(),
    "approved": approved(),
    "denied": rejected(),
    "skipped": rejected(verdict=Verdict.SKIP),
    "cancelled": cancelled(),
    "undeliverable": cancelled(undeliverable="no_route"),
    "expired": expired(),
    "past its end": pending(expires_in=10.0),
}
FINAL = {
    "route": AlreadyDecided,
    "vote": AlreadyDecided,
    "view": AlreadyDecided,
    "climb": AlreadyDecided,
    "report": NotAllowed,
}
# State → command → the error, or the status after it and whether anything is written.
TABLE: dict[str, dict[str, Any]] = {
    "pending": {
        "route": ("pending", True),
        "vote": ("rejected", True),
        "view": NotAllowed,
        "climb": ("pending", False),
        "cancel": ("cancelled", True),
        "expire": NotAllowed,
        "consume": NotAllowed,
        "report": NotAllowed,
    },
    "approved": FINAL
    | {"cancel": AlreadyDecided, "expire": AlreadyDecided, "consume": ("approved", True)},
    "denied": FINAL
    | {"cancel": AlreadyDecided, "expire": AlreadyDecided, "consume": ApprovalDenied},
    "skipped": FINAL
    | {"cancel": AlreadyDecided, "expire": AlreadyDecided, "consume": ApprovalSkipped},
    "cancelled": FINAL
    | {"cancel": ("cancelled", False), "expire": AlreadyDecided, "consume": ApprovalCancelled},
    "undeliverable": FINAL
    | {"cancel": ("cancelled", False), "expire": AlreadyDecided, "consume": Undeliverable},
    "expired": FINAL
    | {"cancel": AlreadyDecided, "expire": ("expired", False), "consume": ApprovalExpired},
    "past its end": FINAL
    | {"cancel": AlreadyDecided, "expire": ("expired", True), "consume": ApprovalExpired},
}


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_in_each_state(state: str, command: str) -> None:
    """The docstring's table, cell by cell; a refusal carries the record as it counts."""
    record, expected = STATES[state], TABLE[state][command]
    if isinstance(expected, type):
        with pytest.raises(expected) as caught:
            apply(record, COMMANDS[command], SOON)
        assert type(caught.value) is expected
        if isinstance(caught.value, Refused | AlreadyDecided):
            assert caught.value.approval == as_of(record, SOON)
    else:
        result = apply(record, COMMANDS[command], SOON)
        assert (result.approval.status, result.changed) == expected
        assert result.changed or result.approval == record


@pytest.mark.parametrize(
    ("seconds", "status"), [(3599.999999, "pending"), (3600, "expired"), (9999, "expired")]
)
def test_a_pending_record_counts_as_expired_from_its_end_on(seconds: float, status: str) -> None:
    """To the microsecond, with the end as the time of the decision; only pending ones."""
    record = as_of(pending(), after(seconds))
    assert record.status == status
    assert record.decided_at == (after(3600) if status == "expired" else None)
    assert as_of(approved(), after(seconds)) == approved()


@pytest.mark.parametrize("command", [Route(terms=route()), YES, Cancel()])
def test_whatever_ends_the_waiting_may_only_be_written_before_the_end(command: Command) -> None:
    """The store's clock has the last word, after our own look at it."""
    record = pending(terms=route(expires_at=after(90))) if command is YES else pending()
    assert apply(record, command, SOON).before == record.deadline
    assert apply(approved(), TAKE, SOON).before is None


def test_a_route_is_fixed_once_and_may_shorten_the_end() -> None:
    """The second router finds the first one's terms, and changes nothing."""
    first = apply(pending(), Route(terms=route(expires_at=after(60))), SOON)
    assert first.approval.deadline == after(60)
    assert first.events[0].to_wire()["channel"] == "C1"
    second = apply(first.approval, Route(terms=route(Quorum(of=(CAT,)))), SOON)
    assert not second.changed
    assert second.approval.terms == first.approval.terms


def voted(record: Approval, *votes: CastVote, at: datetime = SOON) -> Approval:
    for vote in votes:
        record = apply(record, vote, at).approval
    return record


def refused(record: Approval, command: Command) -> str:
    with pytest.raises(NotAllowed) as caught:
        apply(record, command, SOON)
    return caught.value.reason


def test_only_people_of_the_route_decide() -> None:
    """Nobody else, nobody unnamed, and no surface for people before there is a route."""
    routed = pending(terms=route())
    stranger = CastVote(verdict=Verdict.APPROVE, seen=True, principal=CAT)
    unnamed = CastVote(verdict=Verdict.APPROVE)
    assert refused(routed, stranger) == "not_approver"
    assert refused(routed, unnamed) == "not_approver"
    early = CastVote(verdict=Verdict.APPROVE, seen=True, principal=ANA, require_route=True)
    assert refused(pending(), early) == "not_routed"
    assert apply(pending(), unnamed, SOON).approval.status == "approved"


def test_the_agent_may_forbid_people_but_never_add_any() -> None:
    """`not_by` refuses its people, in a route too, and whoever is not named at all."""
    wary = pending(not_by=(ANA,))
    assert refused(wary, YES) == "not_by"
    assert refused(wary, CastVote(verdict=Verdict.APPROVE)) == "not_by"
    posing = CastVote(verdict=Verdict.APPROVE, metadata={"approver": BEN})
    assert refused(wary, posing) == "not_by"
    assert refused(pending(not_by=(ANA,), terms=route()), YES) == "not_by"
    assert apply(wary, NO, SOON).approval.status == "rejected"


def test_who_is_kept_out_is_kept_out_in_every_workspace() -> None:
    """One id is one person all over an Enterprise organisation, whichever way the click came."""
    elsewhere = ANA.replace("T1", "T2")
    both = Quorum(of=(ANA, elsewhere))
    come = CastVote(verdict=Verdict.APPROVE, seen=True, principal=elsewhere)
    assert apply(pending(terms=route(both)), come, SOON).approval.status == "approved"
    assert refused(pending(terms=route(both), not_by=(ANA,)), come) == "not_by"
    assert refused(pending(terms=route(both, excluded=(ANA,))), come) == "self_approval"


def test_edits_and_overrides_need_the_requests_leave() -> None:
    """Without `editable` and `allow_override` they are refused, whoever votes."""
    edit = CastVote(
        verdict=Verdict.APPROVE, principal=ANA, edited=[1], edited_digest=pending().digest_of([1])
    )
    override = CastVote(
        verdict=Verdict.APPROVE, seen=True, principal=ANA, override_result="by hand"
    )
    assert refused(pending(), edit) == "edit_not_allowed"
    assert refused(pending(), override) == "override_not_allowed"
    assert refused(pending(allow_override=True), edit) == "edit_not_allowed"
    assert voted(pending(editable=True), edit).effective_payload == [1]
    overridden = voted(pending(allow_override=True), override)
    assert overridden.decision is not None
    assert overridden.decision.override_result == "by hand"
    assert refused(overridden, TAKE) == "overridden"


def test_a_quorum_gathers_votes_of_distinct_people() -> None:
    """The first of two is kept and told, the second decides; nobody counts twice."""
    two = pending(terms=route(Quorum(of=(ANA, BEN), needed=2)))
    first = apply(two, YES, SOON)
    assert [event.type for event in first.events] == ["onApprovalVoted"]
    assert first.approval.status == "pending"
    noted = CastVote(verdict=Verdict.APPROVE, seen=True, principal=ANA, note="really")
    again = apply(first.approval, noted, after(40))
    assert [vote.note for vote in again.approval.votes] == ["really"]
    assert again.approval.status == "pending"
    second = apply(
        again.approval, CastVote(verdict=Verdict.APPROVE, seen=True, principal=BEN), after(50)
    )
    assert [event.type for event in second.events] == ["onApprovalResolved"]
    assert (second.approval.status, second.approval.decided_at) == ("approved", after(50))


def test_nobody_is_made_to_approve_what_another_person_edited() -> None:
    """Two of two means two who approved the same payload."""
    two = pending(editable=True, terms=route(Quorum(of=(ANA, BEN), needed=2)))
    digest = two.digest_of([1])
    edit: dict[str, Any] = {"verdict": Verdict.APPROVE, "edited": [1], "edited_digest": digest}
    mixed = voted(two, YES, CastVote(principal=BEN, seen=True, **edit))
    assert mixed.status == "pending"
    agreed = voted(mixed, CastVote(principal=ANA, seen=True, **edit))
    assert (agreed.status, agreed.effective_payload) == ("approved", [1])


def test_an_answer_repeated_is_no_news() -> None:
    """The same person's same answer changes nothing, open or final; any other answer is late."""
    two = pending(terms=route(Quorum(of=(ANA, BEN), needed=2)))
    assert not apply(voted(two, YES), YES, after(40)).changed
    done = voted(pending(terms=route()), YES)
    repeat = apply(done, YES, LATE)
    assert (repeat.approval, repeat.changed) == (done, False)
    for other in (
        CastVote(verdict=Verdict.APPROVE, seen=True, principal=BEN),
        CastVote(verdict=Verdict.DENY, principal=ANA),
        CastVote(verdict=Verdict.APPROVE, seen=True, principal=ANA, note="and more"),
        CastVote(verdict=Verdict.APPROVE, seen=True, principal=ANA, override_result="x"),
        CastVote(verdict=Verdict.APPROVE),
    ):
        with pytest.raises(AlreadyDecided):
            apply(done, other, SOON)


def test_a_repeat_with_other_groups_counts_anew() -> None:
    """Who has joined the group since may complete the quorum."""
    terms = route(Quorum(of=(ANA, BEN)), Quorum(of=("slack:T1:SFIN",)))
    once = voted(pending(terms=terms), YES, replace(YES, principal=BEN))
    assert once.status == "pending"
    joined = CastVote(verdict=Verdict.APPROVE, seen=True, principal=ANA, groups=("slack:T1:SFIN",))
    assert voted(once, joined).status == "approved"


def test_who_answered_otherwise_than_it_ended_learns_the_winner() -> None:
    """A repeat is no news only where it went that person's way."""
    two = pending(terms=route(Quorum(of=(ANA, BEN), needed=2)))
    denied = voted(two, YES, NO)
    ended = apply(voted(two, YES), Cancel(), SOON).approval
    for record in (denied, ended, voted(two, YES)):
        with pytest.raises(AlreadyDecided) as caught:
            apply(record, YES, LATE)
        assert caught.value.approval.status in ("rejected", "cancelled", "expired")


def test_the_approver_is_who_the_transport_proved() -> None:
    """A name in the caller's metadata counts only where nobody else is named."""
    posing = CastVote(
        verdict=Verdict.APPROVE, seen=True, principal=ANA, metadata={"approver": BEN, "t": 1}
    )
    assert voted(pending(), posing).decision_metadata == {"approver": ANA, "t": 1}
    seeds = CastVote(verdict=Verdict.APPROVE, metadata={"approver": "ana"})
    assert voted(pending(), seeds).approver == "ana"
    assert voted(pending(), CastVote(verdict=Verdict.DENY)).decision_metadata is None


def test_a_run_is_taken_once_for_exactly_what_was_decided() -> None:
    """The same operation may ask again; another one, or another digest, is refused."""
    taken = apply(approved(), TAKE, SOON).approval
    assert taken.consumption is not None
    assert taken.consumption.at == SOON
    assert not apply(taken, TAKE, LATE).changed
    with pytest.raises(AlreadyConsumed) as caught:
        apply(taken, Consume(operation_id="op-2", digest=TAKE.digest), SOON)
    assert caught.value.operation_id == "op-1"
    for record in (approved(), taken):
        with pytest.raises(DigestMismatch):
            apply(record, Consume(operation_id="op-1", digest="0" * 64), SOON)


def test_an_edit_replaces_what_may_run() -> None:
    """After an edit the payload as asked is refused, and the edited one runs."""
    base = pending(editable=True)
    decision = Decision(verdict=Verdict.APPROVE, payload=None, digest=base.digest_of(None))
    edited = approved(base, decision=decision)
    with pytest.raises(DigestMismatch):
        apply(edited, TAKE, SOON)
    assert apply(edited, Consume(operation_id="op", digest=base.digest_of(None)), SOON).changed


def test_an_approval_without_a_decision_releases_nothing() -> None:
    """A status that somebody wrote by hand is not enough."""
    assert refused(approved(decision=None), TAKE) == "not_approved"


def test_the_end_of_a_run_is_told_once() -> None:
    """The same end again is no news, another end is refused."""
    taken = apply(approved(), TAKE, SOON).approval
    ended = apply(taken, DONE, SOON).approval
    assert ended.outcome == DONE.outcome
    later = Report(outcome=DONE.outcome.model_copy(update={"at": LATE}))
    assert not apply(ended, later, SOON).changed
    failed = Report(outcome=Outcome(status="failed", error="OSError", seconds=1.0, at=LATE))
    assert refused(ended, failed) == "already_reported"
    assert refused(approved(), DONE) == "not_consumed"


def test_each_refusal_is_a_class_of_its_own() -> None:
    """Outcomes that a model must treat differently are different words."""
    kinds = {name: type(refusal(record)) for name, record in STATES.items()}
    assert kinds == {
        "pending": type(None),
        "past its end": type(None),
        "approved": type(None),
        "denied": ApprovalDenied,
        "skipped": ApprovalSkipped,
        "cancelled": ApprovalCancelled,
        "undeliverable": Undeliverable,
        "expired": ApprovalExpired,
    }


def test_what_was_not_shown_whole_is_not_approved() -> None:
    """P13: with a route, yes needs all of it beside the button or a view on record; no needs none.

    The view is that of the same person and of the same digest.
    """
    routed = pending(terms=route(Quorum(of=(ANA, BEN))))
    blind = CastVote(verdict=Verdict.APPROVE, principal=ANA)
    assert refused(routed, blind) == "incomplete_view"
    viewed = apply(routed, RecordView(principal=ANA, surface="modal"), SOON)
    assert [event.type for event in viewed.events] == ["onApprovalViewed"]
    assert [(ANA, routed.digest, SOON, "modal")] == [
        (view.principal, view.digest, view.at, view.surface) for view in viewed.approval.views
    ]
    assert voted(viewed.approval, blind).status == "approved"
    assert refused(viewed.approval, replace(blind, principal=BEN)) == "incomplete_view"
    other = viewed.approval.views[0].model_copy(update={"digest": "0" * 64})
    assert refused(routed.model_copy(update={"views": (other,)}), blind) == "incomplete_view"
    for verdict in (Verdict.DENY, Verdict.SKIP):
        said = voted(routed, CastVote(verdict=verdict, principal=ANA))
        assert said.status == "rejected"


def test_only_views_of_people_who_may_answer_are_kept_and_once() -> None:
    """A stranger's look is no news, a second look neither, and the list has an end."""
    routed = pending(terms=route(Quorum(of=(ANA, "slack:T1:SFIN"))))
    assert refused(pending(), RecordView(principal=ANA)) == "not_routed"
    assert refused(routed, RecordView(principal=CAT)) == "not_approver"
    first = apply(routed, RecordView(principal=ANA), SOON).approval
    assert not apply(first, RecordView(principal=ANA), after(50)).changed
    record = first
    for number in range(250):
        look = RecordView(principal=f"slack:T1:U{number}", groups=("slack:T1:SFIN",))
        record = apply(record, look, SOON).approval
    assert len(record.views) == 200
    assert record.seen_by("slack:T1:U249")
