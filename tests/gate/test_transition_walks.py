"""The state machine under any sequence of commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gate import Approval, ApprovalStatus, Outcome, Quorum, SignoffError, Verdict, as_of
from gate.commands import Cancel, CastVote, Command, Consume, Expire, RecordView, Report, Route
from gate.transitions import apply
from tests.support.factories import ANA, BEN, CAT, START, pending, route

PEOPLE = (ANA, BEN, CAT)
TERMS = (
    route(),
    route(Quorum(of=PEOPLE, needed=2)),
    route(Quorum(of=PEOPLE, needed=2), deny_threshold=2),
    route(Quorum(of=(ANA,)), Quorum(of=(BEN, CAT)), expires_at=START + timedelta(seconds=40)),
)
ASKED = (
    pending(expires_in=60.0),
    pending(expires_in=60.0, editable=True, allow_override=True),
    pending(expires_in=60.0, not_by=(ANA,)),
    *(pending(expires_in=60.0, terms=terms) for terms in TERMS),
)
EDITED = [[1], None]


def votes() -> st.SearchStrategy[CastVote]:
    def vote(
        who: str | None, verdict: Verdict, edit: int | None, override: bool, seen: bool
    ) -> CastVote:
        extra: dict[str, Any] = {}
        if edit is not None:
            extra = {"edited": EDITED[edit], "edited_digest": pending().digest_of(EDITED[edit])}
        return CastVote(
            verdict=verdict,
            principal=who,
            override_result="x" if override else None,
            seen=seen,
            **extra,
        )

    return st.builds(
        vote,
        st.sampled_from([None, *PEOPLE]),
        st.sampled_from(Verdict),
        st.sampled_from([None, None, None, 0, 1]),
        st.sampled_from([False, False, True]),
        st.sampled_from([False, True, True]),
    )


COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(Route, terms=st.sampled_from(TERMS)),
    votes(),
    votes(),
    st.builds(RecordView, principal=st.sampled_from(PEOPLE)),
    st.builds(Cancel, by=st.sampled_from([None, "billing"])),
    st.just(Expire()),
    st.builds(
        Consume,
        operation_id=st.sampled_from(["op-1", "op-2"]),
        digest=st.sampled_from(
            [pending().digest, *(pending().digest_of(payload) for payload in EDITED)]
        ),
    ),
    st.builds(
        Report,
        outcome=st.builds(
            Outcome,
            status=st.sampled_from(["done", "failed"]),
            seconds=st.just(1.0),
            at=st.just(START),
        ),
    ),
)
WALKS = st.lists(st.tuples(COMMANDS, st.integers(0, 12)), max_size=14)


@dataclass(frozen=True)
class Step:
    before: Approval
    command: Command
    after: Approval
    told: tuple[str, ...]
    error: SignoffError | None


def walk(record: Approval, commands: list[tuple[Command, int]]) -> list[Step]:
    """Apply the commands one after the other, as a store would keep the results."""
    now = START
    steps = []
    for command, seconds in commands:
        now += timedelta(seconds=seconds)
        counted = as_of(record, now)
        try:
            result = apply(record, command, now)
        except SignoffError as error:
            steps.append(Step(counted, command, counted, (), error))
            continue
        new = result.approval
        assert result.changed is bool(result.events)
        assert result.changed is (new != record)
        assert result.before is None or now < result.before
        if result.changed:
            new = new.model_copy(update={"version": record.version + 1})
        steps.append(
            Step(counted, command, new, tuple(event.type for event in result.events), None)
        )
        record = new
    return steps


relaxed = settings(deadline=None, max_examples=250)


@relaxed
@given(st.sampled_from(ASKED), WALKS)
def test_what_is_final_stays_as_it_is(asked: Approval, commands: list[tuple[Command, int]]) -> None:
    """P1, P2: the first end wins; nothing changes status, decision or votes from then on."""
    for step in walk(asked, commands):
        if step.before.final:
            frozen = ("status", "decision", "votes", "terms", "decided_at", "decision_metadata")
            for field in (*frozen, "cancellation", "views"):
                assert getattr(step.before, field) == getattr(step.after, field)
        assert {field: getattr(step.after, field) for field in Approval.request_fields()} == {
            field: getattr(asked, field) for field in Approval.request_fields()
        }


@relaxed
@given(st.sampled_from(ASKED), WALKS)
def test_each_end_is_told_once(asked: Approval, commands: list[tuple[Command, int]]) -> None:
    """One event per change, and one event for the end, whatever is tried."""
    told = [event for step in walk(asked, commands) for event in step.told]
    ends = ("onApprovalResolved", "onApprovalCancelled", "onApprovalExpired")
    assert sum(told.count(end) for end in ends) <= 1
    assert told.count("onApprovalRouted") <= 1
    assert told.count("onApprovalConsumed") <= 1
    assert told.count("onApprovalReported") <= 1


@relaxed
@given(st.sampled_from(ASKED), WALKS)
def test_nobody_approves_a_routed_approval_unseen(
    asked: Approval, commands: list[tuple[Command, int]]
) -> None:
    """P13: each yes that counts was given beside all of it, or after a view by that person."""
    for step in walk(asked, commands):
        command = step.command
        if isinstance(command, CastVote) and command.verdict is Verdict.APPROVE and step.told:
            routed = step.before.terms is not None
            assert command.seen or step.before.seen_by(command.principal) or not routed


@relaxed
@given(st.sampled_from(ASKED), WALKS)
def test_a_run_needs_an_approval_of_exactly_that(
    asked: Approval, commands: list[tuple[Command, int]]
) -> None:
    """P4, P5, P6: consumed once, approved before, with the decided digest, and never overridden."""
    for step in walk(asked, commands):
        taken = step.after.consumption
        if taken is not None:
            decision = step.after.decision
            assert step.after.status is ApprovalStatus.APPROVED
            assert decision is not None
            assert decision.verdict is Verdict.APPROVE
            assert decision.override_result is None
            assert taken.digest == step.after.effective_digest
            assert step.before.consumption in (None, taken)
        assert step.after.outcome is None or taken is not None


@relaxed
@given(st.sampled_from(ASKED), WALKS)
def test_approved_means_that_enough_people_said_yes_to_it(
    asked: Approval, commands: list[tuple[Command, int]]
) -> None:
    """P9, P11: counted again from the votes, apart from the code that counts."""
    for step in walk(asked, commands):
        record = step.after
        names = [vote.principal for vote in record.votes]
        assert len(names) == len(set(names))
        assert not set(record.not_by) & set(names)
        if record.status is not ApprovalStatus.APPROVED or record.terms is None:
            continue
        yes = {
            vote.principal
            for vote in record.votes
            if vote.verdict is Verdict.APPROVE and vote.digest == record.effective_digest
        }
        no = [vote for vote in record.votes if vote.verdict is not Verdict.APPROVE]
        assert len(no) < record.terms.deny_threshold
        for quorum in record.terms.quorums:
            assert len(yes & set(quorum.of)) >= quorum.needed


@relaxed
@given(st.sampled_from(ASKED), WALKS)
def test_nothing_is_decided_after_the_end(
    asked: Approval, commands: list[tuple[Command, int]]
) -> None:
    """P7: by the time that is passed in, and by no other."""
    for step in walk(asked, commands):
        if step.after.decided_at is not None and step.after.status is not ApprovalStatus.EXPIRED:
            assert step.after.decided_at < step.after.deadline
