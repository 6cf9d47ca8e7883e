"""Owns who may vote and when votes make a decision. Pure: terms and votes in, a verdict out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .approval import Quorum, Terms, Verdict, Vote

__all__ = ["may_vote", "tally"]


def may_vote(terms: Terms, *, principal: str, groups: Collection[str]) -> bool:
    """Say whether *principal*, found in *groups* just now, is among those who are asked."""
    return any(_counts(quorum, principal, groups) for quorum in terms.quorums)


def tally(terms: Terms, votes: Sequence[Vote]) -> Verdict | None:
    """Return the verdict that *votes* make under *terms*, or `None` while they make none.

    A person counts once, with the last answer. Denials and skips end it at the deny threshold,
    before approvals are looked at; approval needs every quorum of the route. Approvals count
    together only where they are to the same thing as the last one: who said yes to the action as
    asked has not said yes to what somebody else made of it.
    """
    latest: dict[str | None, Vote] = {}
    for vote in votes:
        latest.pop(vote.principal, None)
        latest[vote.principal] = vote
    against = [vote for vote in latest.values() if vote.verdict is not Verdict.APPROVE]
    if len(against) >= terms.deny_threshold:
        return against[-1].verdict
    yes = [vote for vote in latest.values() if vote.verdict is Verdict.APPROVE]
    yes = [vote for vote in yes if _what(vote) == _what(yes[-1])]
    if all(_reached(quorum, yes) for quorum in terms.quorums):
        return Verdict.APPROVE
    return None


def _reached(quorum: Quorum, yes: Sequence[Vote]) -> bool:
    counted = [
        vote for vote in yes if vote.principal and _counts(quorum, vote.principal, vote.groups)
    ]
    return len(counted) >= quorum.needed


def _what(vote: Vote) -> tuple[str, str | None]:
    return vote.digest, vote.override_result


def _counts(quorum: Quorum, principal: str, groups: Collection[str]) -> bool:
    return principal in quorum.of or any(group in quorum.of for group in groups)
