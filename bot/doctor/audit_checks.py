"""Owns the checks of what is on record: alarms, and events that are not sealed yet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Final, Protocol

from gate import (
    ApprovalAlarm,
    ApprovalEvent,
    AuditLog,
    EventLog,
    StoreClock,
    StoreCorrupt,
    event_from_wire,
    read_audit_entry,
)

from .backlog import count_of, span_of
from .findings import Finding, fail, ok, warn

__all__ = ["Sealed", "alarms", "audit"]

_LIMIT: Final = 10_000
_PAGE: Final = 500
_LATE: Final = 60.0
"""Seconds. The bot that holds the lease seals within a few."""
_NEWS: Final = timedelta(days=7)
"""An alarm stays on record; what is older was looked at, or nobody will."""
_MARK: Final = '"onApprovalAlarm"'

_VERIFY: Final = "see what `signoff audit verify` says"


class Sealed(StoreClock, EventLog, AuditLog, Protocol):
    """The abilities of a store that are needed here."""


async def audit(store: Sealed) -> Sequence[Finding]:
    """Say how many events are not in the audit chain yet, and since when."""
    check = "audit"
    try:
        head = await store.audit_head()
    except StoreCorrupt:
        return [fail(check, "the last entry of the audit chain is none of ours", _VERIFY)]
    if not await store.unsealed(head.cursor, limit=1):
        return [ok(check, f"every event is sealed, {head.number} in all")]
    number = await store.unsealed_count(limit=_LIMIT)
    count = f"{_LIMIT} events or more" if number >= _LIMIT else count_of(number, "event")
    # What cannot be read is sealed too, and says nothing of its age.
    oldest = await store.read(head.cursor, limit=1)
    age = (await store.now() - oldest[0].event.at).total_seconds() if oldest else 0.0
    found = f"{count} not sealed yet, the oldest {span_of(age)} old"
    if age <= _LATE:
        return [ok(check, found)]
    return [warn(check, found, "see whether a bot runs, and whether its log says `audit.`")]


async def alarms(store: Sealed) -> Sequence[Finding]:
    """Say how often somebody else's writing was found in records, and where last."""
    check = "alarms"
    number = 0
    newest: ApprovalAlarm | None = None
    async for event in _newest_events(store):
        if isinstance(event, ApprovalAlarm):
            number += 1
            newest = event
    if newest is None:
        return [ok(check, f"none among the last {_LIMIT} events")]
    age = await store.now() - newest.at
    found = (
        f"{count_of(number, 'alarm')} on record, the newest {span_of(age.total_seconds())} old, "
        f"on approval {newest.key}: {newest.part}"
    )
    if age > _NEWS:
        return [ok(check, found)]
    advice = f"`signoff audit show {newest.id}` tells the story; docs/operating.md says what to do"
    return [warn(check, found, advice)]


async def _newest_events(store: Sealed) -> AsyncIterator[ApprovalEvent]:
    """Give the alarms among the newest events, sealed ones first, in order.

    Lines without the word are not even read: there may be many, and one check has seconds.
    """
    try:
        head = await store.audit_head()
    except StoreCorrupt:
        return  # said by `audit`
    last = max(0, head.number - _LIMIT)
    while page := await store.sealed(last, limit=_PAGE):
        for _, line in page:
            if _MARK in line and (event := _event(line)) is not None:
                yield event
        last = page[-1][0]
    cursor = head.cursor
    for _ in range(_LIMIT // _PAGE):
        waiting = await store.read(cursor, limit=_PAGE)
        for logged in waiting:
            cursor = logged.cursor
            yield logged.event
        if len(waiting) < _PAGE:
            return


def _event(line: str) -> ApprovalEvent | None:
    try:
        wire = read_audit_entry(line).event
        return None if wire is None else event_from_wire(wire)
    except (ValueError, StoreCorrupt):
        return None  # `signoff audit verify` names it
