"""Owns the inbox of one person: what waits for them, what they wait for, what was decided.

Only approvals that the person may answer are in it: what was asked in a channel that somebody is
not in is none of their business.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

from gate import (
    Approval,
    ApprovalCancelledEvent,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalResolved,
    BulkRead,
    EventLog,
    Listing,
    LoggedEvent,
    StoreClock,
)

from .answering import principals_of
from .deciding import Voter, group_ids, why_not
from .directory import CachedDirectory, LookupFailed, Names
from .outbox_place import behind

__all__ = ["MOST", "Inbox", "InboxStore", "Inboxes", "Open"]

MOST: Final = 10
"""Approvals in each part of an inbox."""
_LOOKED_AT: Final = 300
"""Pending approvals that are looked at, the oldest first."""
_KEPT: Final = 200
"""Ended approvals that are remembered, the newest."""
_BATCH: Final = 100
_BATCHES: Final = 10
_LOOKUP_SECONDS: Final = 0.7


@dataclass(frozen=True)
class Inbox:
    """What one person sees; each part is bounded by `MOST`."""

    needs_you: tuple[Approval, ...] = ()
    """Waits for this person's answer, the oldest first."""
    waiting: tuple[Approval, ...] = ()
    """Answered by this person, and waits for others."""
    decided: tuple[Approval, ...] = ()
    """Ended lately, the newest first; as far as this replica knows."""
    more: int = 0
    """How many more wait for this person's answer."""


@dataclass(frozen=True)
class Open:
    """The pending approvals at one moment."""

    approvals: tuple[Approval, ...]
    total: int
    """How many there are; more than `approvals` where the listing is cut."""
    now: datetime
    """By the store's clock."""


@runtime_checkable
class InboxStore(Listing, BulkRead, StoreClock, Protocol):
    """What an inbox is made from."""

    @property
    def buckets(self) -> Sequence[EventLog]:
        """Where what ended is logged."""
        ...


class Inboxes:
    """Makes inboxes.

    Args:
        store: Lists what is pending, and logs what ended.
        directory: Who is in which group.
        reader: The outbox's reader, whose place in the log is near its end.
        flaw: Says what of a record cannot be vouched for; see `Desk.flaw`.
    """

    def __init__(
        self,
        store: InboxStore,
        directory: CachedDirectory,
        *,
        reader: str,
        flaw: Callable[[Approval], str | None] = lambda _: None,
    ) -> None:
        self._flaw = flaw
        self._store = store
        self._directory = directory
        self._reader = reader
        self._places: list[str | LoggedEvent] = [""] * len(store.buckets)
        """Up to where each log is read."""
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._catching_up = False

    async def pending(self) -> Open:
        """Return what is pending, the oldest first.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        keys = await self._store.pending(limit=_LOOKED_AT)
        now = await self._store.now()
        found = await self._read(keys)
        alive = tuple(each for each in found if not each.final and now < each.deadline)
        total = len(alive)
        if len(keys) == _LOOKED_AT:
            total = max(total, await self._store.pending_count())
        return Open(alive, total, now)

    def names(self, approvals: Iterable[Approval]) -> Names:
        """Return principal → display name for those in *approvals* who are known by name."""
        return self._directory.names({who for each in approvals for who in principals_of(each)})

    async def mine(self, voter: Voter, approvals: Iterable[Approval]) -> list[Approval]:
        """Return those of *approvals* that *voter* may answer, or might have; order is kept.

        A group that cannot be looked up counts as one that the person is not in, and what cannot
        be vouched for is left out.

        Raises:
            LookupFailed: The person cannot be looked up.
        """
        if voter.team is None or voter.user is None:
            return []
        person = await self._directory.person(voter.team, voter.user)
        asked = [
            each
            for each in approvals
            if each.terms is not None and person.may_answer_in(each.terms.teams)
        ]
        groups = await self._groups(voter, asked)
        may = [each for each in asked if why_not(each, voter.principal, groups) is None]
        return [each for each in may if self._flaw(each) is None]

    async def of(self, voter: Voter, pending: Open) -> Inbox:
        """Return the inbox of *voter*; it is empty for those whose answers cannot count.

        Args:
            voter: Whose.
            pending: What is pending.

        Raises:
            StoreUnavailable: The store cannot be reached.
            LookupFailed: The person cannot be looked up.
        """
        mine = await self.mine(voter, pending.approvals)
        needs = [each for each in mine if not _answered(each, voter)]
        waiting = [each for each in mine if _answered(each, voter)]
        decided = await self.mine(voter, await self._recent())
        return Inbox(
            needs_you=tuple(needs[:MOST]),
            waiting=tuple(waiting[:MOST]),
            decided=tuple(decided[:MOST]),
            more=max(0, len(needs) - MOST),
        )

    async def _recent(self) -> list[Approval]:
        """Return what ended lately, the newest first."""
        if not self._catching_up:
            self._catching_up = True
            try:
                await self._catch_up()
            finally:
                self._catching_up = False
        found = await self._read(list(reversed(self._ended)))
        return [each for each in found if each.final]

    async def _catch_up(self) -> None:
        """Read what was logged since the last time; of too much, only the end."""
        pages = [await self._new_in(number) for number in range(len(self._places))]
        ended = [
            event
            for page in pages
            for event in page
            if isinstance(event, ApprovalResolved | ApprovalExpiredEvent | ApprovalCancelledEvent)
        ]
        for event in sorted(ended, key=lambda each: each.at):
            self._ended.pop(event.key, None)
            self._ended[event.key] = None
        while len(self._ended) > _KEPT:
            self._ended.popitem(last=False)

    async def _new_in(self, number: int) -> list[ApprovalEvent]:
        """Return what one log has behind the place up to which it is read."""
        log = self._store.buckets[number]
        found: list[ApprovalEvent] = []
        for _ in range(_BATCHES):
            events = await behind(log, self._places[number], limit=_BATCH)
            if events is None:
                # A failover took it back; what comes next may stand before it.
                self._places[number] = await log.position(self._reader)
                continue
            found += [logged.event for logged in events]
            if events:
                self._places[number] = events[-1]
            if len(events) < _BATCH:
                return found
        # A long log would keep everybody waiting for what nobody looks at.
        self._places[number] = await log.position(self._reader) or self._places[number]
        return found

    async def _read(self, keys: Sequence[str]) -> list[Approval]:
        if not keys:
            return []
        found = await self._store.get_many(keys)
        return [each for each in found if isinstance(each, Approval)]

    async def _groups(self, voter: Voter, approvals: Sequence[Approval]) -> list[str]:
        if voter.team is None or voter.user is None:
            return []
        wanted = {
            name: principal
            for each in approvals
            for name, principal in group_ids(each, voter).items()
        }
        found: list[str] = []
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                for group in sorted(wanted):
                    try:
                        members = await self._directory.members(group)
                    except LookupFailed:
                        continue
                    if voter.user in members:
                        found.append(wanted[group])
        except TimeoutError:
            pass
        return found


def _answered(approval: Approval, voter: Voter) -> bool:
    return any(vote.principal == voter.principal for vote in approval.votes)
