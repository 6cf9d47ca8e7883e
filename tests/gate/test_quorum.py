"""Who may vote, and when votes make a decision."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate import Quorum, Terms, Verdict, Vote
from gate.quorum import is_among, may_vote, person_of, progress, tally
from tests.support.factories import ANA, BEN, CAT, START, route

FIN = "slack:T1:SFIN"
SEC = "slack:T1:SSEC"
YES, NO, SKIP = Verdict.APPROVE, Verdict.DENY, Verdict.SKIP


def vote(
    who: str,
    verdict: Verdict = YES,
    *groups: str,
    digest: str = "asked",
    override: str | None = None,
) -> Vote:
    return Vote(
        principal=who,
        verdict=verdict,
        groups=groups,
        digest=digest,
        override_result=override,
        at=START,
    )


ONE = route(Quorum(of=(ANA, BEN)))
TWO = route(Quorum(of=(ANA, BEN, CAT), needed=2))
GROUP = route(Quorum(of=(FIN,), needed=2))
BOTH = route(Quorum(name="money", of=(FIN,)), Quorum(name="safety", of=(SEC,)))
PATIENT = route(Quorum(of=(ANA, BEN, CAT), needed=2), deny_threshold=2)


@pytest.mark.parametrize(
    ("terms", "votes", "verdict"),
    [
        (ONE, [], None),
        (ONE, [vote(ANA)], YES),
        (ONE, [vote(ANA, NO)], NO),
        (ONE, [vote(ANA, SKIP)], SKIP),
        (TWO, [vote(ANA)], None),
        (TWO, [vote(ANA), vote(ANA)], None),
        (TWO, [vote(ANA), vote(BEN)], YES),
        (TWO, [vote(ANA), vote(BEN, NO)], NO),
        (GROUP, [vote(ANA, YES, FIN)], None),
        (GROUP, [vote(ANA, YES, FIN), vote(BEN, YES, FIN)], YES),
        (GROUP, [vote(ANA, YES, FIN), vote(BEN, YES, SEC)], None),
        (GROUP, [vote(ANA, YES, FIN), vote(FIN, YES)], YES),
        (BOTH, [vote(ANA, YES, FIN)], None),
        (BOTH, [vote(ANA, YES, FIN), vote(BEN, YES, FIN)], None),
        (BOTH, [vote(ANA, YES, FIN), vote(BEN, YES, SEC)], YES),
        (PATIENT, [vote(ANA, NO)], None),
        (PATIENT, [vote(ANA, NO), vote(ANA, NO)], None),
        (PATIENT, [vote(ANA, NO), vote(BEN, SKIP)], SKIP),
        (PATIENT, [vote(ANA, NO), vote(BEN), vote(CAT)], YES),
        (PATIENT, [vote(ANA, NO), vote(ANA), vote(BEN)], YES),
        (PATIENT, [vote(ANA), vote(ANA, NO), vote(BEN)], None),
    ],
)
def test_a_decision_needs_distinct_people(
    terms: Terms, votes: list[Vote], verdict: Verdict | None
) -> None:
    """Each person counts once, with the last answer; a no ends it, or as many as the route set."""
    assert tally(terms, votes) == verdict


def test_one_person_of_two_workspaces_is_one_person() -> None:
    """In an Enterprise organisation an id is one person's in all workspaces: it counts once."""
    elsewhere = ANA.replace("T1", "T2")
    terms = route(Quorum(of=(ANA, elsewhere, BEN), needed=2))
    assert tally(terms, [vote(ANA), vote(elsewhere)]) is None
    assert tally(terms, [vote(ANA), vote(elsewhere), vote(BEN)]) is YES
    patient = route(Quorum(of=(ANA, elsewhere)), deny_threshold=2)
    assert tally(patient, [vote(ANA, NO), vote(elsewhere, NO)]) is None


@pytest.mark.parametrize(
    ("who", "people", "among"),
    [
        (ANA, (ANA,), True),
        ("slack:T2:UANA", (BEN, ANA), True),
        ("slack:E9:W1", ("slack:T1:W1",), True),
        ("slack:T1:UANA2", (ANA,), False),
        (BEN, (ANA,), False),
        ("slack:T2:SFIN", (FIN,), False),
        ("cli:UANA", (ANA,), False),
        ("other:T1:UANA", (ANA,), False),
        ("slack:UANA", (ANA,), False),
        (ANA, (), False),
    ],
)
def test_a_person_is_known_by_the_user_id(who: str, people: tuple[str, ...], among: bool) -> None:
    """People in Slack in whichever workspace; groups and everybody else by the whole principal."""
    assert is_among(who, people) is among
    assert (person_of(who) in {person_of(each) for each in people}) is among


def test_people_count_together_only_for_the_same_thing() -> None:
    """Who approved the action as asked has not approved what somebody else made of it."""
    assert tally(TWO, [vote(ANA), vote(BEN, digest="edited")]) is None
    assert tally(TWO, [vote(ANA, digest="edited"), vote(BEN)]) is None
    assert tally(TWO, [vote(ANA, digest="edited"), vote(BEN, digest="edited")]) is YES
    assert tally(TWO, [vote(ANA), vote(BEN, override="done by hand")]) is None
    assert tally(TWO, [vote(ANA), vote(BEN, digest="edited"), vote(CAT)]) is YES


def test_an_empty_list_of_people_lets_nobody_decide() -> None:
    """No approvers is not everybody."""
    nobody = route(Quorum(of=()))
    assert not may_vote(nobody, principal=ANA, groups=(FIN,))
    assert tally(nobody, [vote(ANA, YES, FIN)]) is None


def test_only_the_people_and_groups_of_the_route_may_vote() -> None:
    """By name exactly, or by a group in which the caller has just found them."""
    assert may_vote(ONE, principal=ANA, groups=())
    assert not may_vote(ONE, principal=ANA.lower(), groups=())
    assert not may_vote(ONE, principal=CAT, groups=(FIN,))
    assert may_vote(BOTH, principal=CAT, groups=("slack:T1:SX", SEC))
    assert not may_vote(BOTH, principal=CAT, groups=())


def test_terms_without_a_quorum_do_not_exist() -> None:
    """A route that asks nobody cannot be written."""
    with pytest.raises(ValueError, match="quorums"):
        Terms(channel="C1", quorums=())


@pytest.mark.parametrize(
    ("counted", "votes"),
    [
        ((0, 0), []),
        ((1, 0), [vote(ANA, YES, FIN, SEC)]),
        ((1, 1), [vote(ANA, YES, FIN, SEC), vote(BEN, YES, FIN)]),
        ((1, 1), [vote(ANA, YES, FIN, SEC), vote(BEN, YES, SEC)]),
        ((1, 0), [vote(ANA, YES, FIN), vote(BEN, YES, FIN)]),
        ((1, 0), [vote(ANA, YES, FIN, SEC), vote(BEN, NO, SEC)]),
        ((0, 1), [vote(ANA, YES, SEC, digest="edited")]),
    ],
)
def test_who_is_in_two_groups_is_one_person(counted: tuple[int, int], votes: list[Vote]) -> None:
    """P11: each person takes one place, and gives it up for another where that helps."""
    assert counted == progress(BOTH, votes)
    decided = tally(route(*BOTH.quorums, deny_threshold=9), votes)
    assert decided is (YES if counted == (1, 1) else None)


QUORUMS = st.lists(
    st.builds(
        Quorum,
        of=st.lists(st.sampled_from("abcdef"), max_size=4, unique=True).map(tuple),
        needed=st.integers(1, 3),
    ),
    min_size=1,
    max_size=3,
)


@settings(deadline=None, max_examples=300)
@given(QUORUMS, st.lists(st.sampled_from("abcdef"), unique=True))
def test_the_quorums_are_met_exactly_when_people_can_be_shared_out(
    quorums: list[Quorum], people: list[str]
) -> None:
    """Compared with trying every way to let each person count for one quorum or none."""
    choices = [
        [None, *(index for index, quorum in enumerate(quorums) if who in quorum.of)]
        for who in people
    ]
    possible = any(
        all(way.count(index) >= quorum.needed for index, quorum in enumerate(quorums))
        for way in itertools.product(*choices)
    )
    terms = route(*quorums)
    votes = [vote(who) for who in people]
    assert possible is (tally(terms, votes) is YES)
    assert all(
        count <= quorum.needed
        for count, quorum in zip(progress(terms, votes), quorums, strict=True)
    )
