"""Owns the contracts that the gate and the bot ask of a store, in prose.

A store's whole duty is `ApprovalStore`: three methods. Everything else is an optional capability
with a small Protocol of its own, found by `isinstance`. Without them the gate polls, uses its own
clock and consumes by compare-and-set, and says so once at start; the bot needs `StoreClock`,
`EventLog`, `AuditLog`, `Bounded`, `Listing`, `Leases` and `Cards`, and refuses to start without
them. Log, chain and leases are asked of each of a store's buckets (`Bucketed`), the rest of the
whole.

Stores know no rules. They never look into a record beyond its `key`, `agent`, `version`, `status`
and `due`, and never change one. `stores.conformance` proves a store against every sentence here.

All methods raise `StoreUnavailable` when the store cannot be reached or cannot serve and nothing
was written, `Unconfirmed` when a write was sent and its fate is not known, and `StoreCorrupt` when
what is stored cannot be read. A store repeats no write by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from .approval import Approval, Consumption
from .audit import AuditEntry, AuditHead, RawEvent
from .bounds import Bounds
from .events import ApprovalEvent

__all__ = [
    "ApprovalStore",
    "AuditLog",
    "Bounded",
    "BulkRead",
    "Cards",
    "Confirmation",
    "ConsumeOnce",
    "Event",
    "EventLog",
    "Journal",
    "Leases",
    "Listing",
    "LoggedEvent",
    "OwnKeys",
    "Patched",
    "StoreClock",
    "Wake",
    "Watch",
]

Event = ApprovalEvent

Wake = Callable[[bytes | None], None]
"""Called on the event loop with what the wake-up carried, or `None`: a reason to read, no more."""


class Patched(StrEnum):
    """What became of a `patch`."""

    APPLIED = "applied"
    STALE = "stale"
    """The stored version is not the expected one."""
    LATE = "late"
    """The store's clock is past `before`."""
    MISSING = "missing"
    """There is no record to patch."""


@runtime_checkable
class ApprovalStore(Protocol):
    """Keeps records. The one contract that every store fulfils."""

    async def put(self, approval: Approval, events: Sequence[Event] = ()) -> Approval:
        """Create the record if its key is free, and return what is stored under the key.

        If the key is taken nothing is written, no event either, and the stored record comes back
        whatever its content. Of many concurrent calls exactly one creates; all return its record.
        Record, events and index entries are written together or not at all. What is stored is a
        copy: later changes of objects inside *approval* do not reach it.
        """
        ...

    async def get(self, key: str) -> Approval | None:
        """Return the record under *key*, or `None`. The result shares nothing with the store."""
        ...

    async def patch(
        self,
        key: str,
        expected_version: int,
        approval: Approval,
        events: Sequence[Event] = (),
        before: datetime | None = None,
    ) -> Patched:
        """Replace the record, if its version is *expected_version* and it is not too late.

        The stored record gets the version `expected_version + 1`, whatever *approval* carries; the
        parts of the request (id to `not_by`) stay as `put` wrote them. With *before*, the write is
        refused as `LATE` when the store's clock is at or past it. A standing consumption is never
        taken away or replaced: a record with another one is `STALE`. Of many concurrent calls with
        one expected version at most one is `APPLIED`. Record, events, index entries and wake-up are
        written together or not at all; nothing is written unless the answer is `APPLIED`.

        A final record waits for the durability that the store was opened with; `Unconfirmed` where
        that was not reached. Then it stands all the same, and `Confirmation.confirm` asks again.
        """
        ...


@runtime_checkable
class StoreClock(Protocol):
    """A store with a clock of its own: the only clock that expiry is judged by."""

    async def now(self) -> datetime:
        """Return the store's time, aware, in UTC."""
        ...


@runtime_checkable
class Watch(Protocol):
    """A store that can tell when a record may have changed."""

    async def watch(self, key: str, wake: Wake) -> Callable[[], None]:
        """Call *wake* after every change of the record under *key*, until the result is called.

        When this returns, the subscription stands: a change written later is told, save for a cut
        connection, after whose repair every watcher is woken once. Wake-ups may be lost, doubled
        or without cause. Any number of watchers of one process share one connection; ending a
        watch is immediate and never waits.
        """
        ...


@runtime_checkable
class BulkRead(Protocol):
    """A store that reads many records in one go."""

    async def get_many(self, keys: Sequence[str]) -> list[Approval | Exception | None]:
        """Return the records of *keys* in order; `None` where absent, an error where unreadable."""
        ...


@dataclass(frozen=True)
class LoggedEvent:
    """An event with its place in the log; only the log can order cursors, `""` is before all."""

    cursor: str
    event: Event


@runtime_checkable
class Journal(Protocol):
    """A store that takes events which change no record, such as a refused click."""

    async def append(self, events: Sequence[Event]) -> None:
        """Add *events*, each to the log in which the events of its record are."""
        ...


@runtime_checkable
class EventLog(Journal, Protocol):
    """A store that keeps the events in the order in which they were written: the outbox."""

    async def read(
        self, after: str, *, limit: int = 100, wait: float = 0.0
    ) -> Sequence[LoggedEvent]:
        """Return up to *limit* events after the cursor, oldest first.

        If there are none yet, wait up to *wait* seconds for one. An entry that cannot be read is
        passed over and logged; it never stops the ones behind it.
        """
        ...

    async def follow(
        self, known: LoggedEvent, *, limit: int = 100, wait: float = 0.0
    ) -> Sequence[LoggedEvent] | None:
        """Return what `read` returns after *known*; `None` where the log does not have it there.

        A failover may lose what was read last, and later events then have places before it.
        """
        ...

    async def position(self, reader: str) -> str:
        """Return the cursor that *reader* has noted last, `""` at first."""
        ...

    async def advance(self, reader: str, cursor: str, *, fence: int | None = None) -> bool:
        """Note *cursor* for *reader*; `False` and no change if *fence* is not the lease's newest.

        *fence* is what `Leases.hold` returned for the lease of the reader's name. A cursor never
        moves backwards: an earlier one changes nothing and is `True`, and so does one at which
        the log has no event (any more). What is no cursor of this log is a `ValueError`.
        """
        ...


@runtime_checkable
class AuditLog(Protocol):
    """A store that keeps the chain of sealed events beside its log.

    It knows nothing of hashes: `gate.audit` makes entries and checks them. There is one chain for
    one log; its head is the last entry.
    """

    async def audit_head(self) -> AuditHead:
        """Return the head of the chain; number 0 and cursor `""` while nothing is sealed.

        Raises `StoreCorrupt` where the last entry is none.
        """
        ...

    async def unsealed(
        self, after: str, *, limit: int = 100, wait: float = 0.0
    ) -> Sequence[RawEvent]:
        """Return up to *limit* events of the log after the cursor, oldest first, as written.

        Unlike `EventLog.read` it passes nothing over, whether or not it can be read. If there are
        none yet, wait up to *wait* seconds for one.
        """
        ...

    async def unsealed_count(self, *, limit: int = 10_000) -> int:
        """Return how many events of the log are not sealed yet, *limit* at most."""
        ...

    async def seal(self, expected: AuditHead, entries: Sequence[AuditEntry]) -> bool:
        """Add *entries* behind the head, if the head is *expected*; say whether they were added.

        All are added in one write, or none. Of many concurrent calls with one expected head, one
        adds its entries. Nothing is ever replaced.
        """
        ...

    async def sealed(self, after: int = 0, *, limit: int = 100) -> Sequence[tuple[int, str]]:
        """Return up to *limit* entries with numbers over *after*, in order: number and line.

        They come as they lie there: whoever reads them checks them.
        """
        ...

    async def drop_sealed(self, through: int) -> int:
        """Take away the entries with numbers up to *through*; return how many.

        The last entry stays, whatever *through* is: the chain goes on from it. Whoever calls this
        has a copy.
        """
        ...

    async def is_sealed(self, cursor: str) -> bool:
        """Say whether the event at *cursor* is sealed; what is no cursor is a `ValueError`."""
        ...

    async def trim(self, readers: Sequence[str], *, keep: int = 1000) -> int:
        """Take away what nobody needs from the log's beginning; return how many events.

        An event goes only if it is sealed, if every one of *readers* has noted a cursor at or
        behind it, and if at least *keep* (1 or more) such events come after it. A reader that has
        noted nothing yet has read nothing.
        """
        ...


@runtime_checkable
class Listing(Protocol):
    """A store that can list what is pending."""

    async def pending(self, *, after: str = "", limit: int = 100) -> Sequence[str]:
        """Return keys of pending records, oldest first, from behind the key *after*.

        Among equal times the order is by key. An *after* that is no longer pending still works: the
        listing goes on at its place; an unknown one starts at the beginning.
        """
        ...

    async def pending_count(self) -> int:
        """Return how many records are pending."""
        ...

    async def due(self, now: datetime, *, limit: int = 100) -> Sequence[str]:
        """Return keys of pending records that are due at or before *now*, earliest first."""
        ...


@runtime_checkable
class Bounded(Protocol):
    """A store that holds every agent to the operator's bounds, whatever the agent's process says.

    Its `put` raises `LimitExceeded`, and writes nothing, where a new pending record would be one
    more than its agent may have pending, or one more than it may ask for within a minute of the
    store's clock. An agent is counted in each namespace by itself. A key that is taken is answered
    as ever, and counts for nothing.

    It keeps a final record at least until the retention has passed since the last write of it or
    its consumption. Nothing is ever gone by itself.
    """

    async def bounds(self) -> Bounds:
        """Return the bounds that the store goes by; those of `Bounds()` until others are set."""
        ...

    async def set_bounds(self, bounds: Bounds) -> None:
        """Go by *bounds* from now on."""
        ...

    async def place_of(self, approval: Approval) -> int:
        """Return the place of *approval* among its agent's pending ones, the first created first.

        From 1; behind all of them where it is not known yet. A record is known from its first write
        by a method of this store until it is final, also one that somebody else put there. Older
        ones of other agents may count as well, up to the place behind all of the agent's own.
        """
        ...

    async def forget(self, *, limit: int = 100) -> int:
        """Take away up to *limit* final records whose retention has passed; return how many.

        Each goes as a whole, with its consumption and the notes of its cards. Its events stay.
        """
        ...


@runtime_checkable
class ConsumeOnce(Protocol):
    """A store that keeps the consumption apart from the state, so that writing it races nobody."""

    async def consume_once(
        self, key: str, consumption: Consumption, events: Sequence[Event] = ()
    ) -> Consumption:
        """Write the consumption if there is none, with its events; return the one that stands.

        The version stays as it is. Raises `ApprovalNotFound`, and writes nothing, without a record.
        Waits for the durability that the store was opened with before it returns; `Unconfirmed`
        where that was not reached. From then on `get` returns the record with this consumption.
        """
        ...


@runtime_checkable
class Confirmation(Protocol):
    """A store whose last writes a failover could lose, and which can say whether it could."""

    async def confirm(self, key: str, *, seconds: float) -> bool:
        """Say whether the state under *key* has the durability that the store was opened with.

        Waits up to *seconds* for it. Changes nothing; `True` where nothing is to be waited for,
        and where there is no such record.
        """
        ...


@runtime_checkable
class Leases(Protocol):
    """A store that lets one of several processes act at a time."""

    async def hold(self, name: str, holder: str, *, seconds: float) -> int | None:
        """Take or renew the lease *name* for *seconds*; return its fence, `None` if another has it.

        The fence grows with every change of holder and stays the same while one holder renews.
        """
        ...

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if *holder* has it."""
        ...


@runtime_checkable
class OwnKeys(Protocol):
    """A store that serves this machine alone, and whose operator keeps the public keys beside it.

    The keys come from a file of this machine, never out of the store.
    """

    @property
    def key_file(self) -> Path | None:
        """Where the public keys lie, or `None`."""
        ...


@runtime_checkable
class Cards(Protocol):
    """A store that remembers where an approval's messages are. The texts are the bot's own."""

    async def cards(self, key: str) -> dict[str, str]:
        """Return slot → note for the record's messages, empty if there are none."""
        ...

    async def keep_card(
        self, key: str, slot: str, note: str, *, only_if: str | None = None
    ) -> bool:
        """Write *note* into *slot*; with *only_if*, only if the slot holds exactly that text.

        `only_if=""` means: only if the slot is empty. Returns whether it was written.
        """
        ...
