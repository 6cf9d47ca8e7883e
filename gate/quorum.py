"""Owns who may vote and when votes make a decision. Pure: terms and votes in, a verdict out."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from .answers import Verdict, Vote
from .terms import Quorum, Terms

__all__ = ["is_among", "may_vote", "person_of", "progress", "tally"]

_SLACK_PERSON: Final = re.compile(r"slack:[^:]*:([UW][A-Z0-9]+)")


def person_of(principal: str) -> str:
    """Return what tells people apart: for a person in Slack the user id, whatever the workspace.

    In an Enterprise organisation one person has one id in all of its workspaces, and a click may
    come with any of these. Two people of unrelated workspaces who had one id would be taken for
    one: that can only refuse. Source: docs.slack.dev/enterprise (user ids).
    """
    found = _SLACK_PERSON.fullmatch(principal)
    return f"slack:*:{found[1]}" if found else principal


def is_among(principal: str, people: Collection[str]) -> bool:
    """Say whether the person behind *principal* is one of *people*, in whichever workspace."""
    return bool(people) and person_of(principal) in {person_of(each) for each in people}


def may_vote(terms: Terms, *, principal: str, groups: Collection[str]) -> bool:
    """Say whether *principal*, found in *groups* just now, is among those who are asked."""
    return any(_counts(quorum, principal, groups) for quorum in terms.quorums)


def tally(terms: Terms, votes: Sequence[Vote]) -> Verdict | None:
    """Return the verdict that *votes* make under *terms*, or `None` while they make none.

    A person counts once, with the last answer, and towards one quorum: who is in two groups is not
    two people. Denials and skips end it at the deny threshold,
    before approvals are looked at; approval needs every quorum of the route. Approvals count
    together only where they are to the same thing as the last one: who said yes to the action as
    asked has not said yes to what somebody else made of it (see `gate.voting.cast`).
    """
    latest = _latest(votes)
    against = [vote for vote in latest if vote.verdict is not Verdict.APPROVE]
    if len(against) >= terms.deny_threshold:
        return against[-1].verdict
    counted = progress(terms, votes)
    enough = zip(counted, terms.quorums, strict=True)
    return Verdict.APPROVE if all(count >= quorum.needed for count, quorum in enough) else None


def progress(terms: Terms, votes: Sequence[Vote]) -> tuple[int, ...]:
    """Return how many people count towards each quorum of *terms*, in its order.

    Of all ways to let each person count towards one quorum, it is one that fills the most places.
    """
    yes = [vote for vote in _latest(votes) if vote.verdict is Verdict.APPROVE]
    # Those to what the last one said yes to.
    yes = [vote for vote in yes if vote.principal and _what(vote) == _what(yes[-1])]
    seated: list[list[Vote]] = [[] for _ in terms.quorums]

    def seat(vote: Vote, tried: set[int]) -> bool:
        """Find a place for *vote*; who sits there already may move to another one (Kuhn)."""
        for index, quorum in enumerate(terms.quorums):
            if index in tried or not _counts(quorum, vote.principal or "", vote.groups):
                continue
            tried.add(index)
            sitting = seated[index]
            if len(sitting) < quorum.needed:
                sitting.append(vote)
                return True
            for place, other in enumerate(sitting):
                if seat(other, tried):
                    sitting[place] = vote
                    return True
        return False

    for vote in yes:
        seat(vote, set())
    return tuple(len(sitting) for sitting in seated)


def _latest(votes: Sequence[Vote]) -> list[Vote]:
    """Return the last answer of each person, in the order in which they were given."""
    latest: dict[str | None, Vote] = {}
    for vote in votes:
        who = vote.principal and person_of(vote.principal)
        latest.pop(who, None)
        latest[who] = vote
    return list(latest.values())


def _what(vote: Vote) -> tuple[str, str | None]:
    return vote.digest, vote.override_result


def _counts(quorum: Quorum, principal: str, groups: Collection[str]) -> bool:
    return principal in quorum.of or any(group in quorum.of for group in groups)
