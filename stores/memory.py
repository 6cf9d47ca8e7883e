"""Owns the store in memory: the shortest reading of every contract, for one process."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gate import (
    Approval,
    ApprovalEvent,
    ApprovalNotFound,
    AuditEntry,
    AuditHead,
    Bounds,
    Clock,
    Consumption,
    LimitExceeded,
    LoggedEvent,
    Patched,
    RawEvent,
    SystemClock,
    Wake,
    event_from_wire,
)

from .undivided import Undivided

__all__ = ["MemoryStore"]

_MINUTE = timedelta(minutes=1)


@dataclass
class _Lease:
    holder: str
    until: datetime


class MemoryStore(Undivided):
    """Keeps approvals as long as the process lives. Fulfils every contract of the gate.

    No method awaits between looking and writing, so each is one step for all tasks of the loop.

    Args:
        clock: The store's clock.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock: Clock = clock or SystemClock()
        # Text, not objects: what is read back shares nothing with what was given.
        self._records: dict[str, str] = {}
        self._uses: dict[str, str] = {}
        self._events: list[str] = []
        self._trimmed = 0
        """How many events stood before the first of `_events`."""
        self._entries: list[AuditEntry] = []
        self._news: set[asyncio.Future[None]] = set()
        self._positions: dict[str, str] = {}
        self._wakes: dict[str, dict[object, Wake]] = {}
        self._leases: dict[str, _Lease] = {}
        self._fences: dict[str, int] = {}
        self._cards: dict[str, dict[str, str]] = {}
        self._bounds = Bounds()
        self._asking: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """Agent → keys of what it has pending, in order."""
        self._lately: dict[str, deque[datetime]] = {}
        self._ended: dict[str, datetime] = {}
        """What is final, and since when; the latest last."""

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""

    async def put(self, approval: Approval, events: Sequence[ApprovalEvent] = ()) -> Approval:
        """See `gate.ApprovalStore.put` and `gate.Bounded`."""
        key = approval.key
        if key not in self._records:
            if not approval.final:
                self._admit(_owner(approval))
            self._write(key, approval, events)
            if not approval.final:
                self._lately[_owner(approval)].append(self._clock.now())
        return self._read(key)

    async def get(self, key: str) -> Approval | None:
        """See `gate.ApprovalStore.get`."""
        return self._read(key) if key in self._records else None

    async def patch(
        self,
        key: str,
        expected_version: int,
        approval: Approval,
        events: Sequence[ApprovalEvent] = (),
        before: datetime | None = None,
    ) -> Patched:
        """See `gate.ApprovalStore.patch`.

        A consumption in *approval* must be the one that stands, if one does; else it is `STALE`.
        """
        if key not in self._records:
            return Patched.MISSING
        stored = self._read(key)
        if stored.version != expected_version:
            return Patched.STALE
        if before is not None and self._clock.now() >= before:
            return Patched.LATE
        if None not in (stored.consumption, approval.consumption) and (
            stored.consumption != approval.consumption
        ):
            return Patched.STALE
        asked = {name: getattr(stored, name) for name in Approval.request_fields()}
        written = approval.model_copy(update=asked | {"version": expected_version + 1})
        self._write(key, written, events)
        return Patched.APPLIED

    async def now(self) -> datetime:
        """See `gate.StoreClock.now`."""
        return self._clock.now()

    async def watch(self, key: str, wake: Wake) -> Callable[[], None]:
        """See `gate.Watch.watch`."""
        token = object()
        self._wakes.setdefault(key, {})[token] = wake

        def stop() -> None:
            watchers = self._wakes.get(key, {})
            watchers.pop(token, None)
            if not watchers:
                self._wakes.pop(key, None)

        return stop

    async def get_many(self, keys: Sequence[str]) -> list[Approval | Exception | None]:
        """See `gate.BulkRead.get_many`."""
        return [await self.get(key) for key in keys]

    async def append(self, events: Sequence[ApprovalEvent]) -> None:
        """See `gate.EventLog.append`."""
        self._log([_dump(event.to_wire()) for event in events])

    async def read(
        self, after: str, *, limit: int = 100, wait: float = 0.0
    ) -> Sequence[LoggedEvent]:
        """See `gate.EventLog.read`. A cursor is the number of an event, from 1."""
        return [
            LoggedEvent(cursor=raw.cursor, event=event_from_wire(json.loads(raw.text)))
            for raw in await self.unsealed(after, limit=limit, wait=wait)
        ]

    async def follow(
        self, known: LoggedEvent, *, limit: int = 100, wait: float = 0.0
    ) -> Sequence[LoggedEvent] | None:
        """See `gate.EventLog.follow`."""
        found = await self.read(known.cursor, limit=limit, wait=wait)
        place = int(known.cursor) - self._trimmed - 1
        there = self._events[place : place + 1] if place >= 0 else []
        held = [event_from_wire(json.loads(text)) for text in there] == [known.event]
        return found if held else None

    async def position(self, reader: str) -> str:
        """See `gate.EventLog.position`."""
        return self._positions.get(reader, "")

    async def advance(self, reader: str, cursor: str, *, fence: int | None = None) -> bool:
        """See `gate.EventLog.advance`. A cursor behind the noted one changes nothing."""
        if fence is not None and fence != self._fences.get(reader):
            return False
        noted = int(self._positions.get(reader) or 0)
        if noted < int(cursor) <= self._trimmed + len(self._events):
            self._positions[reader] = str(int(cursor))
        return True

    async def audit_head(self) -> AuditHead:
        """See `gate.AuditLog.audit_head`."""
        return self._entries[-1].head if self._entries else AuditHead()

    async def unsealed(
        self, after: str, *, limit: int = 100, wait: float = 0.0
    ) -> Sequence[RawEvent]:
        """See `gate.AuditLog.unsealed`."""
        start = max(int(after or 0), self._trimmed)
        if wait > 0 and start >= self._trimmed + len(self._events):
            news = asyncio.get_running_loop().create_future()
            self._news.add(news)
            try:
                await asyncio.wait([news], timeout=wait)
            finally:
                self._news.discard(news)
            start = max(start, self._trimmed)
        first = start - self._trimmed
        return [
            RawEvent(cursor=str(number), text=text.encode())
            for number, text in enumerate(self._events[first : first + limit], start + 1)
        ]

    async def unsealed_count(self, *, limit: int = 10_000) -> int:
        """See `gate.AuditLog.unsealed_count`."""
        head = await self.audit_head()
        return len(await self.unsealed(head.cursor, limit=limit))

    async def seal(self, expected: AuditHead, entries: Sequence[AuditEntry]) -> bool:
        """See `gate.AuditLog.seal`."""
        if await self.audit_head() != expected:
            return False
        self._entries.extend(entries)
        return True

    async def sealed(self, after: int = 0, *, limit: int = 100) -> Sequence[tuple[int, str]]:
        """See `gate.AuditLog.sealed`."""
        gone = self._entries[0].number - 1 if self._entries else 0
        first = max(0, after - gone)
        return [(entry.number, entry.text) for entry in self._entries[first : first + limit]]

    async def drop_sealed(self, through: int) -> int:
        """See `gate.AuditLog.drop_sealed`."""
        kept = [entry for entry in self._entries[:-1] if entry.number > through]
        gone = max(0, len(self._entries) - 1 - len(kept))
        self._entries[:-1] = kept
        return gone

    async def is_sealed(self, cursor: str) -> bool:
        """See `gate.AuditLog.is_sealed`."""
        return int(cursor) <= int((await self.audit_head()).cursor or 0)

    async def trim(self, readers: Sequence[str], *, keep: int = 1000) -> int:
        """See `gate.AuditLog.trim`."""
        cursors = [self._positions.get(reader, "") for reader in readers]
        cursors.append((await self.audit_head()).cursor)
        last = min(int(cursor or 0) for cursor in cursors) - keep
        gone = max(0, last - self._trimmed)
        del self._events[:gone]
        self._trimmed += gone
        return gone

    async def pending(self, *, after: str = "", limit: int = 100) -> Sequence[str]:
        """See `gate.Listing.pending`. Of one moment's records, the smaller key comes first."""
        found = sorted((record.created_at, record.key) for record in self._pending())
        if after in self._records:
            place = (self._read(after).created_at, after)
            found = [entry for entry in found if entry > place]
        return [key for _, key in found[:limit]]

    async def pending_count(self) -> int:
        """See `gate.Listing.pending_count`."""
        return len(self._pending())

    async def bounds(self) -> Bounds:
        """See `gate.Bounded.bounds`."""
        return self._bounds

    async def set_bounds(self, bounds: Bounds) -> None:
        """See `gate.Bounded.set_bounds`."""
        self._bounds = bounds

    async def place_of(self, approval: Approval) -> int:
        """See `gate.Bounded.place_of`."""
        asking = [*self._asking[_owner(approval)], approval.key]
        return asking.index(approval.key) + 1

    async def forget(self, *, limit: int = 100) -> int:
        """See `gate.Bounded.forget`."""
        kept = timedelta(seconds=self._bounds.retention)
        now = self._clock.now()
        gone = [key for key, ended in self._ended.items() if now - ended >= kept][:limit]
        for key in gone:
            del self._ended[key], self._records[key]
            self._uses.pop(key, None)
            self._cards.pop(key, None)
        return len(gone)

    async def due(self, now: datetime, *, limit: int = 100) -> Sequence[str]:
        """See `gate.Listing.due`."""
        found = sorted((record.due, record.key) for record in self._pending())
        return [key for due, key in found if due <= now][:limit]

    async def consume_once(
        self, key: str, consumption: Consumption, events: Sequence[ApprovalEvent] = ()
    ) -> Consumption:
        """See `gate.ConsumeOnce.consume_once`.

        Raises:
            ApprovalNotFound: There is no record under *key*.
        """
        if key not in self._records:
            raise ApprovalNotFound(key)
        if key not in self._uses:
            texts = [_dump(event.to_wire()) for event in events]
            self._uses[key] = consumption.model_dump_json(by_alias=True)
            if key in self._ended:
                self._end(key)
            self._log(texts)
            self._wake(key)
        return Consumption.model_validate_json(self._uses[key])

    async def hold(self, name: str, holder: str, *, seconds: float) -> int | None:
        """See `gate.Leases.hold`."""
        now = self._clock.now()
        lease = self._leases.get(name)
        live = lease is not None and now < lease.until
        if lease is not None and live and lease.holder != holder:
            return None
        if not live:
            self._fences[name] = self._fences.get(name, 0) + 1
        self._leases[name] = _Lease(holder, now + timedelta(seconds=seconds))
        return self._fences[name]

    async def release(self, name: str, holder: str) -> None:
        """See `gate.Leases.release`."""
        lease = self._leases.get(name)
        if lease is not None and lease.holder == holder:
            del self._leases[name]

    async def cards(self, key: str) -> dict[str, str]:
        """See `gate.Cards.cards`."""
        return dict(self._cards.get(key, {}))

    async def keep_card(
        self, key: str, slot: str, note: str, *, only_if: str | None = None
    ) -> bool:
        """See `gate.Cards.keep_card`."""
        notes = self._cards.setdefault(key, {})
        if only_if is not None and notes.get(slot, "") != only_if:
            return False
        notes[slot] = note
        return True

    def _read(self, key: str) -> Approval:
        wire = json.loads(self._records[key])
        if key in self._uses:
            wire["consumption"] = json.loads(self._uses[key])
        return Approval.from_wire(wire, key=key)

    def _write(self, key: str, approval: Approval, events: Sequence[ApprovalEvent]) -> None:
        # Everything that can fail comes first: all is written, or nothing.
        record = _dump(approval.model_copy(update={"consumption": None}).to_wire())
        use = approval.consumption and approval.consumption.model_dump_json(by_alias=True)
        texts = [_dump(event.to_wire()) for event in events]
        self._records[key] = record
        if use:
            self._uses.setdefault(key, use)
        if approval.final:
            self._asking[_owner(approval)].pop(key, None)
            self._end(key)
        else:
            self._asking[_owner(approval)].setdefault(key)
        self._log(texts)
        self._wake(key)

    def _admit(self, owner: str) -> None:
        """Refuse one request more than the bounds allow."""
        bounds, now = self._bounds, self._clock.now()
        count = len(self._asking[owner])
        if count >= bounds.pending:
            raise LimitExceeded(field="pending approvals", value=count + 1, limit=bounds.pending)
        times = self._lately.setdefault(owner, deque())
        while times and now - times[0] >= _MINUTE:
            times.popleft()
        if len(times) >= bounds.per_minute:
            value, limit = len(times) + 1, bounds.per_minute
            raise LimitExceeded(field="requests within a minute", value=value, limit=limit)

    def _end(self, key: str) -> None:
        """Let the retention of a final record begin now."""
        self._ended.pop(key, None)
        self._ended[key] = self._clock.now()

    def _log(self, texts: Sequence[str]) -> None:
        self._events.extend(texts)
        for news in self._news if texts else ():
            if not news.done():
                news.set_result(None)

    def _wake(self, key: str) -> None:
        loop = asyncio.get_running_loop()
        for token in self._wakes.get(key, {}):
            loop.call_soon(self._call, key, token)

    def _call(self, key: str, token: object) -> None:
        wake = self._wakes.get(key, {}).get(token)
        if wake is not None:
            wake(None)

    def _pending(self) -> list[Approval]:
        records = (self._read(key) for key in self._records)
        return [record for record in records if not record.final]


def _owner(approval: Approval) -> str:
    return f"{approval.namespace}/{approval.agent}"


def _dump(wire: dict[str, Any]) -> str:
    return json.dumps(wire, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
