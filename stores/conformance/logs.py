"""Owns the tests of the event log and of the lists of what is pending."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import ClassVar, Protocol

import pytest

from gate import ApprovalStore, EventLog, Leases, Listing, LoggedEvent, Patched

from .samples import (
    FAR_FUTURE,
    LONG_AGO,
    START,
    consumption,
    decided,
    pending,
    requested,
    resolved,
    routed,
)

__all__ = ["EventLogContract", "ListingContract"]

_TASKS = 50
_LONG = 30.0


class _LoggingStore(ApprovalStore, EventLog, Leases, Protocol):
    pass


class _ListingStore(ApprovalStore, Listing, Protocol):
    pass


@pytest.mark.asyncio
class EventLogContract:
    """What a store with an event log fulfils; it needs leases too."""

    capability: ClassVar[type] = EventLog

    async def test_an_empty_log_is_empty(self, store: EventLog) -> None:
        """Without events and without waiting there is nothing."""
        assert list(await store.read("")) == []

    async def test_events_come_with_their_change(self, store: _LoggingStore) -> None:
        """Record and events are written together, in order."""
        asked = pending()
        await store.put(asked, [requested(asked)])
        await store.patch(asked.key, 1, decided(asked), [resolved(asked), requested(asked)])
        told = [logged.event for logged in await store.read("")]
        assert [requested(asked), resolved(asked), requested(asked)] == told

    async def test_a_change_that_is_refused_tells_nothing(self, store: _LoggingStore) -> None:
        """If the key is taken, the version stale, the time over or no record there: no event."""
        asked = pending()
        await store.put(asked)
        await store.put(asked, [requested(asked)])
        stale = await store.patch(asked.key, 2, decided(asked), [resolved(asked)])
        late = await store.patch(asked.key, 1, decided(asked), [resolved(asked)], LONG_AGO)
        missing = await store.patch("nobody", 1, decided(asked), [resolved(asked)])
        assert [stale, late, missing] == [Patched.STALE, Patched.LATE, Patched.MISSING]
        assert list(await store.read("")) == []

    async def test_of_many_patches_one_tells(self, store: _LoggingStore) -> None:
        """However many try to decide, the log has one decision: the one that stands."""
        asked = pending()
        await store.put(asked)
        names = [f"cli:{number}" for number in range(_TASKS)]
        became = await asyncio.gather(
            *(
                store.patch(asked.key, 1, decided(asked, by=n), [resolved(asked, by=n)])
                for n in names
            )
        )
        winner = names[became.index(Patched.APPLIED)]
        assert [resolved(asked, by=winner)] == [one.event for one in await store.read("")]

    async def test_reading_goes_on_behind_a_cursor(self, store: EventLog) -> None:
        """Return up to *limit* events after the cursor, oldest first."""
        asked = [pending(f"id-{number}") for number in range(7)]
        await store.append([requested(approval) for approval in asked])
        seen: list[str] = []
        cursor = ""
        while page := await store.read(cursor, limit=3):
            assert len(page) <= 3
            seen += [logged.event.id for logged in page]
            cursor = page[-1].cursor
        assert [approval.id for approval in asked] == seen
        assert list(await store.read(cursor)) == []

    async def test_a_cursor_may_be_read_again(self, store: EventLog) -> None:
        """Reading takes nothing away."""
        await store.append([requested(pending())])
        assert list(await store.read("")) == list(await store.read(""))

    async def test_append_needs_no_record(self, store: EventLog) -> None:
        """Add events that change no record; none is fine."""
        await store.append([])
        await store.append([requested(pending())])
        assert [requested(pending())] == [logged.event for logged in await store.read("")]

    async def test_waiting_ends_with_an_event(self, store: EventLog) -> None:
        """If there are none yet, wait for one."""
        reading = asyncio.create_task(_read(store, "", wait=_LONG))
        await asyncio.sleep(0)
        await store.append([requested(pending())])
        async with asyncio.timeout(_LONG / 2):
            assert [requested(pending())] == await reading

    async def test_waiting_ends_without_an_event(self, store: EventLog) -> None:
        """Wait up to *wait* seconds, then return nothing."""
        async with asyncio.timeout(_LONG / 2):
            assert await _read(store, "", wait=0.01) == []

    async def test_waiting_does_not_hold_up_what_is_there(self, store: EventLog) -> None:
        """With events behind the cursor there is nothing to wait for."""
        await store.append([requested(pending())])
        async with asyncio.timeout(_LONG / 2):
            assert [requested(pending())] == await _read(store, "", wait=_LONG)

    async def test_waiting_can_be_cancelled(self, store: EventLog) -> None:
        """A reader leaves at once, and the store works on."""
        reading = asyncio.create_task(_read(store, "", wait=_LONG))
        await asyncio.sleep(0.01)
        reading.cancel()
        async with asyncio.timeout(_LONG / 2):
            await asyncio.gather(reading, return_exceptions=True)
        assert reading.cancelled()
        await store.append([requested(pending())])
        assert len(await store.read("")) == 1

    async def test_a_reader_starts_before_all(self, store: EventLog) -> None:
        """Return the cursor that *reader* has noted last, "" at first."""
        assert await store.position("audit") == ""

    async def test_positions_are_kept_by_reader(self, store: EventLog) -> None:
        """Each reader has its own place."""
        cursors = await _cursors(store)
        assert await store.advance("audit", cursors[2])
        assert await store.advance("cards", cursors[0])
        assert cursors[2] == await store.position("audit")
        assert cursors[0] == await store.position("cards")

    async def test_a_position_never_moves_backwards(self, store: EventLog) -> None:
        """A cursor never moves backwards, in the log's own order, whatever the texts look like."""
        cursors = await _cursors(store)
        for cursor in cursors:
            await store.advance("audit", cursor)
            assert cursor == await store.position("audit")
            await store.advance("audit", cursors[0])
            assert cursor == await store.position("audit")

    async def test_a_place_without_an_event_is_not_noted(self, store: EventLog) -> None:
        """One at which the log has no event (any more) changes nothing and is true."""
        cursors = await _cursors(store)
        assert await store.advance("audit", cursors[0])
        elsewhere = cursors[-1].replace(cursors[-1][0], "9", 1) + "9"
        assert await store.advance("audit", elsewhere)
        assert cursors[0] == await store.position("audit")

    async def test_what_follows_an_event_comes_as_it_is_read(self, store: EventLog) -> None:
        """Return what `read` returns after it: in order, limited, waiting if need be."""
        await _cursors(store)
        logged = list(await store.read(""))
        assert logged[4:7] == list(await store.follow(logged[3], limit=3) or ())
        assert list(await store.follow(logged[-1], wait=0.01) or ()) == []
        following = asyncio.create_task(_follow(store, logged[-1], wait=_LONG))
        await asyncio.sleep(0)
        await store.append([requested(pending("late"))])
        async with asyncio.timeout(_LONG / 2):
            assert [requested(pending("late"))] == await following

    @pytest.mark.parametrize("wait", [0.0, 0.01])
    async def test_nothing_follows_an_event_that_is_not_there(
        self, store: EventLog, wait: float
    ) -> None:
        """It is known by its place and by what it says: a failover may lose it, or put another."""
        await _cursors(store)
        logged = list(await store.read(""))
        other = LoggedEvent(cursor=logged[0].cursor, event=logged[1].event)
        elsewhere = logged[-1].cursor.replace(logged[-1].cursor[0], "9", 1) + "9"
        gone = LoggedEvent(cursor=elsewhere, event=logged[-1].event)
        assert [await store.follow(each, wait=wait) for each in (other, gone)] == [None, None]

    async def test_only_the_newest_fence_moves(self, store: _LoggingStore) -> None:
        """False and no change if *fence* is not the lease's newest."""
        cursors = await _cursors(store)
        old = await store.hold("audit", "a", seconds=60)
        assert await store.advance("audit", cursors[0], fence=old)
        await store.release("audit", "a")
        new = await store.hold("audit", "b", seconds=60)
        assert not await store.advance("audit", cursors[2], fence=old)
        assert cursors[0] == await store.position("audit")
        assert await store.advance("audit", cursors[1], fence=new)
        assert cursors[1] == await store.position("audit")

    async def test_a_fence_without_a_lease_does_not_move(self, store: EventLog) -> None:
        """A fence that was never given out is not the newest."""
        cursors = await _cursors(store)
        assert not await store.advance("audit", cursors[0], fence=1)
        assert await store.position("audit") == ""

    async def test_concurrent_writers_lose_nothing(self, store: EventLog) -> None:
        """Every event is in the log once, whoever wrote at the same time."""
        asked = [pending(f"id-{number}") for number in range(_TASKS)]
        await asyncio.gather(*(store.append([requested(approval)]) for approval in asked))
        told = [logged.event.id for logged in await store.read("", limit=1000)]
        assert sorted(approval.id for approval in asked) == sorted(told)


async def _read(store: EventLog, after: str, *, wait: float) -> list[object]:
    return [logged.event for logged in await store.read(after, wait=wait)]


async def _follow(store: EventLog, known: LoggedEvent, *, wait: float) -> list[object]:
    return [logged.event for logged in await store.follow(known, wait=wait) or ()]


async def _cursors(store: EventLog) -> list[str]:
    """Write enough events that their places have different numbers of digits."""
    await store.append([requested(pending(f"id-{number}")) for number in range(12)])
    return [logged.cursor for logged in await store.read("")]


@pytest.mark.asyncio
class ListingContract:
    """What a store that lists the pending records fulfils."""

    capability: ClassVar[type] = Listing

    async def test_pending_is_oldest_first(self, store: _ListingStore) -> None:
        """Return keys of pending records, oldest first, whatever the order of writing."""
        for age in (2, 5, 1, 4, 3):
            await store.put(pending(f"age-{age}", created_at=START - timedelta(seconds=age)))
        assert list(await store.pending()) == ["age-5", "age-4", "age-3", "age-2", "age-1"]
        assert await store.pending_count() == 5

    async def test_pages_cover_everything_once(self, store: _ListingStore) -> None:
        """From behind the key *after*, also among records of one moment."""
        for number in range(23):
            moment = START + timedelta(microseconds=number // 5)
            await store.put(pending(f"id-{number:02}", created_at=moment))
        seen: list[str] = []
        while page := await store.pending(after=seen[-1] if seen else "", limit=4):
            assert len(page) <= 4
            seen += page
        assert 23 == len(set(seen)) == len(seen)
        assert [number // 5 for number in range(23)] == [int(key[3:]) // 5 for key in seen]

    async def test_what_is_final_is_not_pending(self, store: _ListingStore) -> None:
        """A final record leaves the lists in the operation that made it final."""
        asked = [pending(f"id-{number}", expires_at=START) for number in range(3)]
        for approval in asked:
            await store.put(approval)
        await store.patch("id-1", 1, decided(asked[1], approve=False))
        assert {"id-0", "id-2"} == set(await store.pending())
        assert {"id-0", "id-2"} == set(await store.due(FAR_FUTURE))
        assert await store.pending_count() == 2

    async def test_a_routed_record_is_pending(self, store: _ListingStore) -> None:
        """Routing makes nothing final."""
        asked = pending()
        await store.put(asked)
        await store.patch(asked.key, 1, routed(asked))
        assert [asked.key] == list(await store.pending())

    async def test_an_after_that_is_final_still_works(self, store: _ListingStore) -> None:
        """The listing goes on at the place of an *after* that is no longer pending."""
        asked = [
            pending(f"id-{number}", created_at=START + timedelta(seconds=number))
            for number in range(5)
        ]
        for approval in asked:
            await store.put(approval)
        await store.patch("id-2", 1, decided(asked[2]))
        assert list(await store.pending(after="id-2")) == ["id-3", "id-4"]

    async def test_due_is_earliest_first(self, store: _ListingStore) -> None:
        """Return keys of pending records whose deadline is at or before *now*."""
        for number in (3, 1, 2):
            await store.put(pending(f"id-{number}", expires_at=START + timedelta(seconds=number)))
        assert list(await store.due(START)) == []
        assert list(await store.due(START + timedelta(seconds=1))) == ["id-1"]
        assert list(await store.due(FAR_FUTURE)) == ["id-1", "id-2", "id-3"]
        assert list(await store.due(FAR_FUTURE, limit=2)) == ["id-1", "id-2"]

    async def test_due_is_exact_to_the_microsecond(self, store: _ListingStore) -> None:
        """One microsecond before its deadline a record is not due."""
        end = START + timedelta(microseconds=1)
        await store.put(pending(expires_at=end))
        assert list(await store.due(START)) == []
        assert list(await store.due(end)) == ["delete-42"]

    async def test_a_route_may_bring_the_end_nearer(self, store: _ListingStore) -> None:
        """The deadline is what the route shortened it to."""
        asked = pending(expires_at=FAR_FUTURE)
        await store.put(asked)
        await store.patch(asked.key, 1, routed(asked, expires_at=START))
        assert [asked.key] == list(await store.due(START))

    async def test_the_next_rung_of_a_ladder_is_due_before_the_end(
        self, store: _ListingStore
    ) -> None:
        """A record is due when something is to be done about it; a rung taken is done."""
        asked = pending(expires_at=START + timedelta(seconds=100))
        await store.put(asked)
        climbing = routed(asked, again=(10.0, 20.0))
        await store.patch(asked.key, 1, climbing)
        assert list(await store.due(START + timedelta(seconds=9))) == []
        assert [asked.key] == list(await store.due(START + timedelta(seconds=10)))
        await store.patch(asked.key, 2, climbing.model_copy(update={"climbed": 1}))
        assert list(await store.due(START + timedelta(seconds=19))) == []
        assert [asked.key] == list(await store.due(START + timedelta(seconds=20)))
        await store.patch(asked.key, 3, climbing.model_copy(update={"climbed": 2}))
        assert list(await store.due(START + timedelta(seconds=99))) == []
        assert [asked.key] == list(await store.due(START + timedelta(seconds=100)))

    async def test_other_namespaces_are_listed_by_their_keys(self, store: _ListingStore) -> None:
        """Lists hold keys, which are what get takes."""
        await store.put(pending("job", namespace="other"))
        assert list(await store.pending()) == ["other/job"]
        assert list(await store.due(FAR_FUTURE)) == ["other/job"]

    async def test_a_refused_patch_moves_nothing(self, store: _ListingStore) -> None:
        """Nothing is written unless the answer is APPLIED, the lists included."""
        asked = pending(expires_at=FAR_FUTURE)
        await store.put(asked)
        await store.patch(asked.key, 2, decided(asked))
        await store.patch(asked.key, 1, decided(asked), before=LONG_AGO)
        assert [asked.key] == list(await store.pending())
        assert await store.pending_count() == 1

    async def test_put_of_a_final_record_lists_nothing(self, store: _ListingStore) -> None:
        """A record that is put when it is final already, such as a copy, is not pending."""
        asked = decided(pending()).model_copy(
            update={"version": 3, "consumption": consumption(pending())}
        )
        assert asked == await store.put(asked)
        assert asked == await store.get(asked.key)
        assert list(await store.pending()) == []
