"""Owns the check of what waits in the store: events that nobody told, approvals nobody routed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from gate import Approval, BulkRead, EventLog, Listing, LoggedEvent, StoreClock

from ..notifier import READER
from .findings import Finding, fail, ok, warn

__all__ = ["Backed", "backlog", "count_of", "routing", "span_of"]

_LIMIT: Final = 1000
_LATE: Final = 60.0
"""Seconds. What is younger may be under way: Slack takes about one message a second."""
_UNROUTED: Final = 10.0
"""Seconds. A bot that is up routes in less than one; the gate warns its agent after as many."""

_START: Final = "start `signoff run`, or see in its log why it does not route"


class Backed(StoreClock, Listing, BulkRead, Protocol):
    """The abilities of a store that are needed here."""

    @property
    def buckets(self) -> Sequence[EventLog]:
        """Where events wait to be told."""
        ...


async def backlog(store: Backed) -> Sequence[Finding]:
    """Say how many events wait to be told, and since when."""
    check = "backlog"
    waiting: list[LoggedEvent] = []
    for log in store.buckets:
        waiting += await log.read(await log.position(READER), limit=_LIMIT)
    if not waiting:
        return [ok(check, "every event is told")]
    oldest = min(logged.event.at for logged in waiting)
    age = (await store.now() - oldest).total_seconds()
    number = len(waiting)
    count = f"{_LIMIT} events or more" if number >= _LIMIT else count_of(number, "event")
    found = f"{count} not told yet, the oldest {span_of(age)} old"
    if age <= _LATE:
        return [ok(check, found)]
    return [warn(check, found, "see whether a bot runs, and what its log says of delivery")]


async def routing(store: Backed) -> Sequence[Finding]:
    """Say whether approvals wait that nobody was ever asked about."""
    check = "routing"
    records = await store.get_many(await store.pending(limit=_LIMIT))
    now = await store.now()
    findings: list[Finding] = []
    unreadable = sum(isinstance(record, Exception) for record in records)
    if unreadable:
        found = f"{count_of(unreadable, 'pending record')} cannot be read"
        findings.append(fail(check, found, "they count as undecided; see the bot's log for ids"))
    unrouted = [
        (now - record.created_at).total_seconds()
        for record in records
        if isinstance(record, Approval) and record.terms is None and now < record.deadline
    ]
    late = [age for age in unrouted if age > _UNROUTED]
    if late:
        found = (
            f"{count_of(len(late), 'pending approval')} never routed, "
            f"the oldest waits for {span_of(max(late))}"
        )
        findings.append(fail(check, found, _START))
    return findings or [ok(check, f"{count_of(len(records), 'pending approval')}, all are routed")]


def count_of(number: int, what: str) -> str:
    """Return how many of what, in words."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def span_of(seconds: float) -> str:
    """Return a time in its largest whole unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
