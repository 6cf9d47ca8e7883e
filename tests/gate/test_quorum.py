"""Who may vote, and when votes make a decision."""

from __future__ import annotations

import pytest

from gate import Quorum, Terms, Verdict, Vote
from gate.quorum import may_vote, tally
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
