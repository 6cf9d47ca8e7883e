"""Owns the tests of what serves the gate: clock, wake-ups, bulk reads, consuming once."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import ClassVar, Protocol

import pytest

from gate import (
    Approval,
    ApprovalNotFound,
    ApprovalStore,
    BulkRead,
    ConsumeOnce,
    Patched,
    StoreClock,
    Watch,
)

from .samples import consumption, decided, pending, requested, routed

__all__ = [
    "BulkReadContract",
    "ConsumeOnceContract",
    "StoreClockContract",
    "WatchContract",
]

_TASKS = 50
_SOON = 5.0
"""Seconds after which a wake-up counts as lost."""


class _WatchingStore(ApprovalStore, Watch, Protocol):
    pass


class _ConsumingStore(ApprovalStore, ConsumeOnce, Protocol):
    pass


class _BulkStore(ApprovalStore, BulkRead, Protocol):
    pass


class _ClockedStore(ApprovalStore, StoreClock, Protocol):
    pass


class _Bell:
    """A wake-up callback that can be waited for."""

    def __init__(self) -> None:
        self.rings = 0
        self._rang = asyncio.Event()

    def __call__(self, content: bytes | None) -> None:
        assert content is None or isinstance(content, bytes)
        self.rings += 1
        self._rang.set()

    async def heard(self) -> None:
        """Wait for the next ring, and forget it."""
        async with asyncio.timeout(_SOON):
            await self._rang.wait()
        self._rang.clear()


@pytest.mark.asyncio
class StoreClockContract:
    """What a store with a clock fulfils."""

    capability: ClassVar[type] = StoreClock

    async def test_now_is_aware_and_in_utc(self, store: StoreClock) -> None:
        """Return the store's time, aware, in UTC."""
        now = await store.now()
        assert timedelta(0) == now.utcoffset()
        assert now == now.astimezone(UTC)

    async def test_now_does_not_go_back(self, store: StoreClock) -> None:
        """Expiry is judged by this clock alone: what is over stays over."""
        times = [await store.now() for _ in range(20)]
        assert sorted(times) == times

    async def test_before_is_judged_by_this_clock(self, store: _ClockedStore) -> None:
        """A write is LATE when the store's clock is at or past *before*."""
        asked = pending()
        await store.put(asked)
        over = await store.now()
        assert await store.patch(asked.key, 1, decided(asked), before=over) is Patched.LATE
        open_until = await store.now() + timedelta(minutes=10)
        applied = await store.patch(asked.key, 1, decided(asked), before=open_until)
        assert applied is Patched.APPLIED


@pytest.mark.asyncio
class WatchContract:
    """What a store with wake-ups fulfils."""

    capability: ClassVar[type] = Watch

    async def test_a_patch_wakes(self, store: _WatchingStore) -> None:
        """Call *wake* after every change of the record; the change can be read then."""
        asked = pending()
        await store.put(asked)
        bell = _Bell()
        stop = await store.watch(asked.key, bell)
        await store.patch(asked.key, 1, routed(asked))
        await bell.heard()
        await store.patch(asked.key, 2, decided(routed(asked)))
        await bell.heard()
        stored = await store.get(asked.key)
        assert stored is not None
        assert stored.version == 3
        stop()

    async def test_a_change_right_after_watch_is_told(self, store: _WatchingStore) -> None:
        """When watch returns the subscription stands: nothing later is missed."""
        for number in range(_TASKS):
            asked = pending(f"id-{number}")
            await store.put(asked)
            bell = _Bell()
            stop = await store.watch(asked.key, bell)
            await store.patch(asked.key, 1, decided(asked))
            await bell.heard()
            stop()

    async def test_all_watchers_of_one_record_wake(self, store: _WatchingStore) -> None:
        """Any number of watchers of one process share what is needed, and all are told."""
        asked = pending()
        await store.put(asked)
        bells = [_Bell() for _ in range(_TASKS)]
        stops = await asyncio.gather(*(store.watch(asked.key, bell) for bell in bells))
        await store.patch(asked.key, 1, decided(asked))
        await asyncio.gather(*(bell.heard() for bell in bells))
        for stop in stops:
            stop()

    async def test_ending_one_watch_leaves_the_others(self, store: _WatchingStore) -> None:
        """Ending a watch is immediate and never waits; it ends this one only."""
        asked = pending()
        await store.put(asked)
        gone, left = _Bell(), _Bell()
        stop_gone = await store.watch(asked.key, gone)
        stop_left = await store.watch(asked.key, left)
        stop_gone()
        await store.patch(asked.key, 1, decided(asked))
        await left.heard()
        assert gone.rings == 0
        stop_left()

    async def test_ending_a_watch_twice_is_fine(self, store: _WatchingStore) -> None:
        """The result of watch may be called again, also after others came."""
        asked = pending()
        await store.put(asked)
        stop = await store.watch(asked.key, _Bell())
        stop()
        bell = _Bell()
        stop_again = await store.watch(asked.key, bell)
        stop()
        await store.patch(asked.key, 1, decided(asked))
        await bell.heard()
        stop_again()

    async def test_watching_again_and_again(self, store: _WatchingStore) -> None:
        """A record may be left and watched anew in quick turns without a missed change."""
        asked = pending()
        await store.put(asked)
        for version in range(1, _TASKS):
            stop = await store.watch(asked.key, _Bell())
            stop()
            bell = _Bell()
            stop = await store.watch(asked.key, bell)
            assert await store.patch(asked.key, version, routed(asked)) is Patched.APPLIED
            await bell.heard()
            stop()

    async def test_a_cancelled_watch_leaves_nothing(self, store: _WatchingStore) -> None:
        """A task that is cancelled while it subscribes takes nobody else's wake-ups."""
        asked = pending()
        await store.put(asked)
        task = asyncio.create_task(_watch(store, asked.key, _Bell()))
        await asyncio.sleep(0)
        task.cancel()
        bell = _Bell()
        stop = await store.watch(asked.key, bell)
        await asyncio.gather(task, return_exceptions=True)
        await store.patch(asked.key, 1, decided(asked))
        await bell.heard()
        stop()

    async def test_other_records_do_not_wake(self, store: _WatchingStore) -> None:
        """A watcher hears of its own record."""
        mine, other = pending("mine"), pending("other")
        await store.put(mine)
        await store.put(other)
        bell, other_bell = _Bell(), _Bell()
        stop = await store.watch(mine.key, bell)
        stop_other = await store.watch(other.key, other_bell)
        await store.patch(other.key, 1, decided(other))
        await other_bell.heard()
        assert bell.rings == 0
        stop()
        stop_other()


async def _watch(store: Watch, key: str, bell: _Bell) -> Callable[[], None]:
    return await store.watch(key, bell)


@pytest.mark.asyncio
class BulkReadContract:
    """What a store with bulk reads fulfils."""

    capability: ClassVar[type] = BulkRead

    async def test_many_come_in_order(self, store: _BulkStore) -> None:
        """Return the records of *keys* in order; None where absent; a key may come twice."""
        asked = [pending(f"id-{number}", payload=number) for number in range(_TASKS)]
        for approval in asked:
            await store.put(approval)
        await store.patch("id-1", 1, decided(asked[1]))
        keys = ["id-3", "absent", "id-1", "id-3"]
        wanted = [
            asked[3],
            None,
            decided(asked[1]).model_copy(update={"version": 2}),
            asked[3],
        ]
        assert wanted == await store.get_many(keys)
        everything = await store.get_many([approval.key for approval in reversed(asked)])
        assert [one.id for one in reversed(asked)] == [
            one.id for one in everything if isinstance(one, Approval)
        ]

    async def test_none_of_none(self, store: _BulkStore) -> None:
        """No keys, no records, no error."""
        assert await store.get_many([]) == []


@pytest.mark.asyncio
class ConsumeOnceContract:
    """What a store that keeps consumptions apart fulfils."""

    capability: ClassVar[type] = ConsumeOnce

    async def test_the_first_one_stands(self, store: _ConsumingStore) -> None:
        """Write the consumption if there is none; return the one that stands."""
        asked = await _approved(store)
        first, second = consumption(asked), consumption(asked, operation="op-2")
        assert first == await store.consume_once(asked.key, first)
        assert first == await store.consume_once(asked.key, second)
        assert first == await store.consume_once(asked.key, first)

    async def test_get_shows_it(self, store: _ConsumingStore) -> None:
        """From then on get returns the record with this consumption, its version unchanged."""
        asked = await _approved(store)
        await store.consume_once(asked.key, consumption(asked))
        stored = await store.get(asked.key)
        assert asked.model_copy(update={"consumption": consumption(asked)}) == stored

    async def test_of_many_one_stands(self, store: _ConsumingStore) -> None:
        """Of many concurrent calls one writes; all learn which."""
        asked = await _approved(store)
        taken = await asyncio.gather(
            *(
                store.consume_once(asked.key, consumption(asked, operation=f"op-{number}"))
                for number in range(_TASKS)
            )
        )
        assert len({one.operation_id for one in taken}) == 1

    async def test_it_races_no_patch(self, store: _ConsumingStore) -> None:
        """A patch made from a record without it does not take it away."""
        asked = await _approved(store)
        await store.consume_once(asked.key, consumption(asked))
        changed = asked.model_copy(update={"receipt": "another"})
        assert await store.patch(asked.key, asked.version, changed) is Patched.APPLIED
        stored = await store.get(asked.key)
        assert stored is not None
        assert consumption(asked) == stored.consumption

    async def test_a_patch_may_carry_the_standing_one(self, store: _ConsumingStore) -> None:
        """A report is a patch of the record as it was read, its consumption included."""
        asked = await _approved(store)
        await store.consume_once(asked.key, consumption(asked))
        seen = await store.get(asked.key)
        assert seen is not None
        assert await store.patch(asked.key, seen.version, seen) is Patched.APPLIED
        stored = await store.get(asked.key)
        assert stored is not None
        assert consumption(asked) == stored.consumption

    async def test_a_patch_never_puts_another_in_its_place(self, store: _ConsumingStore) -> None:
        """One approval releases one run, whichever way the second one comes."""
        asked = await _approved(store)
        await store.consume_once(asked.key, consumption(asked))
        other = asked.model_copy(update={"consumption": consumption(asked, operation="op-2")})
        assert await store.patch(asked.key, asked.version, other) is Patched.STALE
        stored = await store.get(asked.key)
        assert stored is not None
        assert consumption(asked) == stored.consumption

    async def test_one_written_by_patch_stands(self, store: _ConsumingStore) -> None:
        """A consumption that came by compare-and-set counts as well."""
        asked = await _approved(store)
        taken = asked.model_copy(update={"consumption": consumption(asked)})
        assert await store.patch(asked.key, asked.version, taken) is Patched.APPLIED
        second = consumption(asked, operation="op-2")
        assert consumption(asked) == await store.consume_once(asked.key, second)

    async def test_without_a_record_it_refuses(self, store: _ConsumingStore) -> None:
        """A missing record is never a yes: ApprovalNotFound, and nothing is written."""
        asked = pending()
        with pytest.raises(ApprovalNotFound):
            await store.consume_once(asked.key, consumption(asked))
        await store.put(asked)
        stored = await store.get(asked.key)
        assert stored is not None
        assert stored.consumption is None


async def _approved(store: ApprovalStore) -> Approval:
    asked = pending(payload={"user_id": 42})
    await store.put(asked, [requested(asked)])
    await store.patch(asked.key, 1, decided(asked))
    stored = await store.get(asked.key)
    assert stored is not None
    return stored
