"""Owns the tests of the operator's bounds: how much one agent may ask, and what is kept."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import ClassVar, Protocol

import pytest

from gate import ApprovalStore, Bounded, Bounds, Journal, LimitExceeded, Patched

from .samples import START, consumption, decided, pending, requested, routed, told

__all__ = ["BoundedContract"]


class _BoundedStore(ApprovalStore, Bounded, Journal, Protocol):
    pass


@pytest.mark.asyncio
class BoundedContract:
    """What a store with bounds fulfils; it needs `Journal` too."""

    capability: ClassVar[type] = Bounded

    async def test_bounds_are_as_set(self, store: Bounded) -> None:
        """The bounds that the store goes by; those of `Bounds()` until others are set."""
        assert Bounds() == await store.bounds()
        others = Bounds(pending=7, per_minute=9, retention=5 * 86400.0)
        await store.set_bounds(others)
        assert others == await store.bounds()

    async def test_one_more_than_may_be_pending_is_refused(self, store: _BoundedStore) -> None:
        """LimitExceeded, and nothing written: no record, no event."""
        await store.set_bounds(Bounds(pending=2))
        for name in "ab":
            await store.put(pending(name))
        with pytest.raises(LimitExceeded) as caught:
            await store.put(pending("c"), [requested(pending("c"))])
        assert (caught.value.value, caught.value.limit) == (3, 2)
        assert await store.get("c") is None
        assert await told(store) == []

    async def test_what_is_over_makes_room(self, store: _BoundedStore) -> None:
        """Only what is pending counts, so that a decision makes room for a request."""
        await store.set_bounds(Bounds(pending=1))
        await store.put(pending("a"))
        assert await store.patch("a", 1, decided(pending("a"))) is Patched.APPLIED
        assert pending("b") == await store.put(pending("b"))
        with pytest.raises(LimitExceeded):
            await store.put(pending("c"))

    async def test_a_taken_key_is_answered_as_ever(self, store: _BoundedStore) -> None:
        """Asking again, under the bound or over it, finds what stands and counts for nothing."""
        await store.set_bounds(Bounds(pending=1, per_minute=2))
        for _ in range(3):
            assert pending("a") == await store.put(pending("a"))
        await store.patch("a", 1, decided(pending("a")))
        await store.put(pending("b"))

    async def test_one_more_than_may_be_asked_in_a_minute_is_refused(
        self, store: _BoundedStore
    ) -> None:
        """Also where all that came before is decided already."""
        await store.set_bounds(Bounds(per_minute=3))
        for name in "abc":
            await store.put(pending(name))
            await store.patch(name, 1, decided(pending(name)))
        with pytest.raises(LimitExceeded) as caught:
            await store.put(pending("d"))
        assert (caught.value.value, caught.value.limit) == (4, 3)
        assert await store.get("d") is None

    async def test_of_many_at_once_no_more_than_allowed_get_in(self, store: _BoundedStore) -> None:
        """Counting and writing are one step."""
        await store.set_bounds(Bounds(pending=10))
        asked = await asyncio.gather(
            *(store.put(pending(f"id-{number}")) for number in range(50)), return_exceptions=True
        )
        assert sum(not isinstance(each, Exception) for each in asked) == 10
        assert sum(isinstance(each, LimitExceeded) for each in asked) == 40

    async def test_agents_and_namespaces_are_counted_apart(self, store: _BoundedStore) -> None:
        """What one agent does takes nothing from another, nor from itself elsewhere."""
        await store.set_bounds(Bounds(pending=1))
        await store.put(pending("a"))
        await store.put(pending("a", namespace="other"))
        await store.put(pending("b", agent="mailing: 50 % {of} it"))
        for approval in (pending("c"), pending("c", namespace="other")):
            with pytest.raises(LimitExceeded):
                await store.put(approval)

    async def test_what_is_answered_is_never_refused(self, store: _BoundedStore) -> None:
        """Over the bounds everything goes on but new requests."""
        asked = pending("a")
        await store.put(asked)
        await store.put(pending("b"))
        await store.set_bounds(Bounds(pending=1, per_minute=1))
        assert await store.patch("a", 1, routed(asked)) is Patched.APPLIED
        assert await store.patch("a", 2, decided(routed(asked))) is Patched.APPLIED
        await store.append([requested(asked)])

    async def test_places_are_in_the_order_of_creation(self, store: _BoundedStore) -> None:
        """From 1, whatever is changed meanwhile; what is not known yet is behind all of them."""
        asked = [
            pending(name, created_at=START + timedelta(seconds=second))
            for second, name in enumerate("cab")
        ]
        assert await store.place_of(asked[0]) == 1
        for approval in asked:
            await store.put(approval)
        await store.patch("c", 1, routed(asked[0]))
        assert [await store.place_of(approval) for approval in asked] == [1, 2, 3]
        assert await store.place_of(pending("0")) == 4
        assert await store.place_of(pending("0", agent="mailing")) == 1

    async def test_what_ends_leaves_its_place(self, store: _BoundedStore) -> None:
        """Those behind it move up."""
        first, second = pending("a"), pending("b")
        await store.put(first)
        await store.put(second)
        await store.patch("a", 1, decided(first))
        assert await store.place_of(second) == 1
        assert await store.place_of(first) == 2

    async def test_what_is_over_is_counted_no_more_once(self, store: _BoundedStore) -> None:
        """Whoever ends it, and whatever is written of it afterwards."""
        asked = [pending(name) for name in "abc"]
        for approval in asked:
            await store.put(approval)
        ended = decided(asked[0])
        await asyncio.gather(*(store.patch("a", 1, ended) for _ in range(10)))
        await store.patch("a", 2, ended.model_copy(update={"consumption": consumption(ended)}))
        assert await store.place_of(pending("d")) == 3
        for approval in asked[1:]:
            await store.patch(approval.key, 1, decided(approval))
        assert await store.place_of(pending("d")) == 1

    async def test_nothing_is_forgotten_before_its_time(self, store: _BoundedStore) -> None:
        """Neither what is pending nor what has just ended."""
        for name in "ab":
            await store.put(pending(name))
        await store.patch("b", 1, decided(pending("b")))
        await store.put(decided(pending("c")))
        assert await store.forget() == 0
        for name in "abc":
            assert await store.get(name) is not None

    async def test_a_consumed_record_is_still_whole(self, store: _BoundedStore) -> None:
        """Counting the retention anew changes nothing else."""
        asked = pending("a")
        await store.put(asked)
        taken = decided(asked).model_copy(update={"consumption": consumption(asked)})
        await store.patch("a", 1, taken)
        assert await store.forget(limit=1) == 0
        stored = await store.get("a")
        assert stored is not None
        assert consumption(asked) == stored.consumption
