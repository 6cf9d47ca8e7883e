"""Owns the tests of the chain of sealed events, and of what may be taken from the log."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
import json
from typing import ClassVar, Protocol

import pytest

from gate import (
    ApprovalStore,
    AuditHead,
    AuditLog,
    EventLog,
    Leases,
    RawEvent,
    seal_events,
    verify_audit,
)

from .samples import decided, pending, requested, resolved

__all__ = ["AuditLogContract"]

_SEALERS = 20
_LONG = 30.0


class _AuditedStore(ApprovalStore, EventLog, AuditLog, Leases, Protocol):
    pass


@pytest.mark.asyncio
class AuditLogContract:
    """What a store with an audit log fulfils; it needs an event log too."""

    capability: ClassVar[type] = AuditLog

    async def test_a_new_chain_has_no_entries(self, store: _AuditedStore) -> None:
        """Return number 0 and cursor "" while nothing is sealed."""
        assert AuditHead() == await store.audit_head()
        assert list(await store.sealed()) == []
        assert await store.unsealed_count() == 0

    async def test_unsealed_events_come_as_written(self, store: _AuditedStore) -> None:
        """Return up to *limit* events after the cursor, oldest first, at the log's own cursors."""
        await _write(store, 5)
        logged = await store.read("")
        raw = [*await store.unsealed("", limit=3)]
        raw += await store.unsealed(raw[-1].cursor, limit=3)
        assert [one.cursor for one in logged] == [one.cursor for one in raw]
        assert [one.event.to_wire() for one in logged] == [json.loads(one.text) for one in raw]
        assert list(await store.unsealed(raw[-1].cursor)) == []

    async def test_waiting_ends_with_an_event(self, store: _AuditedStore) -> None:
        """If there are none yet, wait for one, up to *wait* seconds."""
        assert list(await store.unsealed("", wait=0.01)) == []
        reading = asyncio.create_task(_unsealed(store, wait=_LONG))
        await asyncio.sleep(0)
        await _write(store, 1)
        async with asyncio.timeout(_LONG / 2):
            assert len(await reading) == 1

    async def test_what_was_copied_can_be_dropped(self, store: _AuditedStore) -> None:
        """Take away the entries up to a number; what is left goes on, and the last one stays."""
        await _write(store, 6)
        entries = seal_events(await store.unsealed("", limit=5), AuditHead())
        assert await store.drop_sealed(3) == 0
        assert await store.seal(AuditHead(), entries)
        assert await store.drop_sealed(0) == 0
        assert await store.drop_sealed(2) == 2
        assert [entry.text for entry in entries[2:]] == await _lines(store)
        assert [number for number, _ in await store.sealed(1, limit=2)] == [3, 4]
        assert [number for number, _ in await store.sealed(4)] == [5]
        assert await store.drop_sealed(99) == 2
        assert entries[-1].head == await store.audit_head()
        more = seal_events(await store.unsealed(entries[-1].cursor), entries[-1].head)
        assert await store.seal(entries[-1].head, more)
        assert [entry.text for entry in (entries[-1], *more)] == await _lines(store)
        assert await store.unsealed_count() == 0

    async def test_sealed_events_are_a_chain(self, store: _AuditedStore) -> None:
        """Add entries behind the head; they come back in order, and verify."""
        asked = pending()
        await store.put(asked, [requested(asked)])
        await store.patch(asked.key, 1, decided(asked), [resolved(asked), requested(asked)])
        first = seal_events(await store.unsealed("", limit=2), AuditHead())
        assert await store.seal(AuditHead(), first)
        assert first[-1].head == await store.audit_head()
        rest = seal_events(await store.unsealed(first[-1].cursor), first[-1].head)
        assert await store.seal(first[-1].head, rest)
        lines = await _lines(store)
        assert [entry.text for entry in (*first, *rest)] == lines
        assert verify_audit(lines, await store.audit_head()).whole

    async def test_entries_are_read_from_a_number(self, store: _AuditedStore) -> None:
        """Return up to *limit* entries with numbers over *after*: number and line."""
        await _write(store, 12)
        lines = await _seal_all(store)
        numbered = list(enumerate(lines, 1))
        assert numbered[9:12] == list(await store.sealed(9))
        assert numbered[3:5] == list(await store.sealed(3, limit=2))
        assert list(await store.sealed(12)) == []

    async def test_another_head_seals_nothing(self, store: _AuditedStore) -> None:
        """Say whether they were added: not behind an older head, a longer one, or a foreign one."""
        await _write(store, 3)
        events = await store.unsealed("")
        entries = seal_events(events, AuditHead())
        assert await store.seal(AuditHead(), entries[:2])
        foreign = AuditHead(2, "f" * 64, events[1].cursor)
        for head in (AuditHead(), entries[0].head, entries[2].head, foreign):
            assert not await store.seal(head, seal_events(events[2:], head))
        assert [entry.text for entry in entries[:2]] == await _lines(store)
        assert entries[1].head == await store.audit_head()

    async def test_of_many_sealers_one_wins(self, store: _AuditedStore) -> None:
        """Of many concurrent calls with one expected head, one adds its entries."""
        await _write(store, 2)
        events = await store.unsealed("")
        chains = [
            seal_events([*events, RawEvent(events[-1].cursor, b"%d" % number)], AuditHead())
            for number in range(_SEALERS)
        ]
        added = await asyncio.gather(*(store.seal(AuditHead(), chain) for chain in chains))
        assert added.count(True) == 1
        won = chains[added.index(True)]
        assert [entry.text for entry in won] == await _lines(store)
        assert won[-1].head == await store.audit_head()

    async def test_a_takeover_neither_forks_nor_skips(self, store: _AuditedStore) -> None:
        """Sealers that work at the same time, each from what it read, make one whole chain."""
        writing = asyncio.gather(*(_write(store, 5, name=f"w{n}") for n in range(10)))
        await asyncio.gather(writing, *(_sealer(store, until=50) for _ in range(4)))
        lines = await _lines(store)
        assert verify_audit(lines, await store.audit_head()).entries == 50
        told = [one.cursor for one in await store.read("", limit=1000)]
        assert told == [json.loads(line)["entry"]["cursor"] for line in lines]
        assert await store.unsealed_count() == 0

    async def test_what_is_not_sealed_is_counted(self, store: _AuditedStore) -> None:
        """Return how many events of the log are not sealed yet, *limit* at most."""
        await _write(store, 7)
        assert await store.unsealed_count() == 7
        assert await store.unsealed_count(limit=3) == 3
        entries = seal_events(await store.unsealed("", limit=5), AuditHead())
        await store.seal(AuditHead(), entries)
        assert await store.unsealed_count() == 2

    async def test_a_cursor_is_sealed_or_not(self, store: _AuditedStore) -> None:
        """Say whether the event at *cursor* is sealed, in the log's own order."""
        await _write(store, 12)
        events = await store.unsealed("")
        assert not await store.is_sealed(events[0].cursor)
        await store.seal(AuditHead(), seal_events(events[:10], AuditHead()))
        sealed = [await store.is_sealed(raw.cursor) for raw in events]
        assert sealed == [True] * 10 + [False] * 2
        with pytest.raises(ValueError, match=r"."):
            await store.is_sealed("no cursor")

    async def test_nothing_unsealed_is_trimmed(self, store: _AuditedStore) -> None:
        """An event goes only if it is sealed, however far the readers are."""
        await _write(store, 12)
        cursors = [raw.cursor for raw in await store.unsealed("")]
        await store.advance("cards", cursors[-1])
        assert await store.trim(["cards"], keep=1) == 0
        await store.seal(AuditHead(), seal_events(await store.unsealed("", limit=4), AuditHead()))
        assert await store.trim(["cards"], keep=1) == 3
        assert cursors[3:] == [logged.cursor for logged in await store.read("")]
        assert await store.unsealed_count() == 8

    async def test_nothing_unread_is_trimmed(self, store: _AuditedStore) -> None:
        """Every reader must have passed it; one that has noted nothing has read nothing."""
        await _write(store, 12)
        cursors = [raw.cursor for raw in await store.unsealed("")]
        await _seal_all(store)
        await store.advance("cards", cursors[10])
        assert await store.trim(["cards", "hooks"], keep=1) == 0
        await store.advance("hooks", cursors[1])
        assert await store.trim(["cards", "hooks"], keep=1) == 1
        await store.advance("hooks", cursors[11])
        assert await store.trim(["cards", "hooks"], keep=1) == 9
        assert cursors[10:] == [logged.cursor for logged in await store.read("")]

    async def test_some_events_stay(self, store: _AuditedStore) -> None:
        """At least *keep* of the events that nobody needs any more stay; twice takes no more."""
        await _write(store, 12)
        await _seal_all(store)
        cursors = [raw.cursor for raw in await store.unsealed("")]
        await store.advance("cards", cursors[9])
        assert await store.trim(["cards"]) == 0
        assert await store.trim(["cards"], keep=4) == 6
        assert await store.trim(["cards"], keep=4) == 0
        assert cursors[6:] == [logged.cursor for logged in await store.read("")]

    async def test_a_trimmed_log_goes_on(self, store: _AuditedStore) -> None:
        """Readers, sealer and positions go on where they were."""
        await _write(store, 12)
        lines = await _seal_all(store)
        head = await store.audit_head()
        await store.advance("cards", head.cursor)
        await store.trim(["cards"], keep=2)
        await _write(store, 1, name="later")
        assert [one.event.id for one in await store.read(head.cursor)] == ["later-0"]
        assert head.cursor == await store.position("cards")
        assert await store.unsealed_count() == 1
        assert verify_audit(await _seal_all(store), await store.audit_head()).entries == 13
        assert lines == (await _lines(store))[:12]


async def _write(store: EventLog, count: int, *, name: str = "id") -> None:
    """Write enough events that their places have different numbers of digits."""
    for number in range(count):
        await store.append([requested(pending(f"{name}-{number}"))])


async def _unsealed(store: AuditLog, *, wait: float) -> list[RawEvent]:
    return list(await store.unsealed("", wait=wait))


async def _seal_all(store: AuditLog) -> list[str]:
    head = await store.audit_head()
    assert await store.seal(head, seal_events(await store.unsealed(head.cursor), head))
    return await _lines(store)


async def _lines(store: AuditLog) -> list[str]:
    return [line for _, line in await store.sealed(limit=1000)]


async def _sealer(store: AuditLog, *, until: int) -> None:
    """Seal what is there, a few at a time, as if nobody else did."""
    async with asyncio.timeout(_LONG):
        while (head := await store.audit_head()).number < until:
            events = await store.unsealed(head.cursor, limit=3, wait=0.01)
            if events:
                await store.seal(head, seal_events(events, head))
