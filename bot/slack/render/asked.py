"""Owns the words for who may answer, and for the answers so far."""

from __future__ import annotations

from gate import Approval, Quorum, Terms, Verdict, is_among, progress

from .line import Foreign, Line, Names, Part, Words, join, person
from .status import people

__all__ = ["answers_line", "asked_line", "asked_of", "heads", "missing", "pings", "progress_line"]

MOST_QUORUMS = 3
MOST_VOTES = 3
MOST_OF_MANY = 3
"""Names for each of several groups of people."""
SHORT = 16
"""Characters of the name of a group of people, where it was named before."""

_SIGNS = {Verdict.APPROVE: "✅ ", Verdict.DENY: "⛔ ", Verdict.SKIP: "⏩ "}


def asked_of(approval: Approval) -> Terms | None:
    """Return the terms as they count now, without the people who may not decide this one."""
    terms = approval.asking()
    if terms is None:
        return None
    barred = (*terms.excluded, *approval.not_by)
    if not barred:
        return terms
    quorums = tuple(
        quorum.model_copy(update={"of": tuple(of for of in quorum.of if not is_among(of, barred))})
        for quorum in terms.quorums
    )
    return terms.model_copy(update={"quorums": quorums})


def pings(terms: Terms) -> bool:
    """Say whether the people who are asked are to be mentioned."""
    return "mention" in terms.notify


def asked_line(terms: Terms, *, names: Names | None, ping: bool) -> list[Part]:
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
    """Return the answers so far and what they come to, empty while there are none."""
    shown: list[Line] = [
        [
            Words(_SIGNS[vote.verdict]),
            person(vote.principal, names, ping=ping),
        ]
        for vote in approval.votes[:MOST_VOTES]
        if vote.principal is not None
    ]
    more = len(approval.votes) - len(shown)
    if not shown:
        return []
    tail: list[Line] = [[Words(f"{more} more")]] if more else []
    line = [Words("Answers so far: "), *join([*shown, *tail], "and")]
    return [*line, *progress_line(approval)]


def progress_line(approval: Approval) -> list[Part]:
    """Return how far it is to a decision, after a dot: `1 of 2 owners, security missing`.

    It is empty where one answer decides, and while there is none.
    """
    terms = approval.asking()
    if terms is None or not approval.votes:
        return []
    against = sum(vote.verdict is not Verdict.APPROVE for vote in approval.votes)
    counts = list(zip(terms.quorums, progress(terms, approval.votes), strict=True))
    line: list[Part] = []
    between = " · "
    if len(counts) > 1 or counts[0][0].needed > 1:
        for quorum, count in counts[:MOST_QUORUMS]:
            missing = not count and quorum.needed == 1
            # Few parts: each takes room of the whole card.
            before = between if missing else f"{between}{count} of {quorum.needed} "
            line += [Words(before), Foreign(quorum.name, SHORT)]
            between = " missing, " if missing else ", "
        more = len(counts) - MOST_QUORUMS
        if more > 0:
            line.append(Words(f"{between}{more} more groups of people"))
            between = ", "
        elif between.strip(", "):
            line.append(Words(between.removesuffix(", ")))
            between = ", "
    if terms.deny_threshold > 1 and against:
        line.append(Words(f"{between}{against} of {terms.deny_threshold} rejections"))
    return line


def missing(approval: Approval) -> int:
    """Return how many more people have to approve what is asked; 0 where it is decided."""
    terms = approval.asking()
    if approval.final or terms is None:
        return 0
    counts = zip(terms.quorums, progress(terms, approval.votes), strict=True)
    return sum(max(0, quorum.needed - count) for quorum, count in counts)


def heads(terms: Terms) -> str:
    """Return how many are asked: `3 people`, `1 group and 2 people`."""
    asked = {principal for quorum in terms.quorums for principal in quorum.of}
    groups = sum(1 for principal in asked if principal.split(":")[-1].startswith("S"))
    counts = [(groups, "group", "groups"), (len(asked) - groups, "person", "people")]
    said = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return " and ".join(said) or "nobody"


def _quorum(quorum: Quorum, *, names: Names | None, ping: bool) -> list[Part]:
    if not quorum.of:
        return [Words("nobody: the list of people is empty")]
    if quorum.needed == 1:
        return people(quorum.of, "or", names=names, ping=ping)
    return [*_needed(quorum), Words("of "), *people(quorum.of, "and", names=names, ping=ping)]


def _needed(quorum: Quorum) -> list[Part]:
    return [Words(str(quorum.needed), bold=True), Words(" ")]
