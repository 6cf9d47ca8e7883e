"""Owns the words for who may answer, and for the answers so far."""

from __future__ import annotations

from gate import Approval, Quorum, Terms, Verdict

from .line import Foreign, Line, Names, Part, Person, Words, join
from .status import people

__all__ = ["answers_line", "asked_line", "heads", "pings"]

MOST_QUORUMS = 3
MOST_OF_MANY = 3
"""Names for each of several groups of people."""

_SIGNS = {Verdict.APPROVE: "✅ ", Verdict.DENY: "⛔ ", Verdict.SKIP: "⏩ "}


def pings(terms: Terms) -> bool:
    """Say whether the people who are asked are to be mentioned."""
    return "mention" in terms.notify


def asked_line(terms: Terms, *, names: Names, ping: bool) -> list[Part]:
    """Return who may answer, and how many are needed: `@ana, @ben or @cho`."""
    if len(terms.quorums) == 1:
        return _quorum(terms.quorums[0], names=names, ping=ping)
    shown: list[Line] = [
        [
            *_needed(quorum),
            Words("of "),
            Foreign(quorum.name, 40),
            Words(" ("),
            *people(quorum.of, "or", names=names, ping=ping, most=MOST_OF_MANY),
            Words(")"),
        ]
        for quorum in terms.quorums[:MOST_QUORUMS]
    ]
    more = len(terms.quorums) - len(shown)
    tail: list[Line] = [[Words(f"{more} more groups of people")]] if more else []
    return join([*shown, *tail], "and")


def answers_line(
    approval: Approval, *, names: Names | None = None, ping: bool = True
) -> list[Part]:
    """Return the answers so far, empty while there are none."""
    shown: list[Line] = [
        [
            Words(_SIGNS[vote.verdict]),
            Person(vote.principal, (names or {}).get(vote.principal), ping),
        ]
        for vote in approval.votes[:MOST_QUORUMS]
        if vote.principal is not None
    ]
    more = len(approval.votes) - len(shown)
    if not shown:
        return []
    tail: list[Line] = [[Words(f"{more} more")]] if more else []
    return [Words("Answers so far: "), *join([*shown, *tail], "and")]


def heads(terms: Terms) -> str:
    """Return how many are asked: `3 people`, `1 group and 2 people`."""
    asked = {principal for quorum in terms.quorums for principal in quorum.of}
    groups = sum(1 for principal in asked if principal.split(":")[-1].startswith("S"))
    counts = [(groups, "group", "groups"), (len(asked) - groups, "person", "people")]
    said = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return " and ".join(said) or "nobody"


def _quorum(quorum: Quorum, *, names: Names, ping: bool) -> list[Part]:
    if not quorum.of:
        return [Words("nobody: the list of people is empty")]
    if quorum.needed == 1:
        return people(quorum.of, "or", names=names, ping=ping)
    return [*_needed(quorum), Words("of "), *people(quorum.of, "and", names=names, ping=ping)]


def _needed(quorum: Quorum) -> list[Part]:
    return [Words(str(quorum.needed), bold=True), Words(" ")]
