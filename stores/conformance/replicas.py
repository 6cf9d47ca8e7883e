"""Owns the tests of what serves several bots, or several servers: leases, cards, confirmation."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from gate import Cards, Confirmation, EventLog, Leases

from .samples import decided, pending, requested, resolved

__all__ = ["CardsContract", "ConfirmationContract", "LeasesContract"]

_TASKS = 50
_SOON = 5.0
"""Seconds after which a lease counts as held for ever."""


@pytest.mark.asyncio
class LeasesContract:
    """What a store with leases fulfils."""

    capability: ClassVar[type] = Leases

    async def test_one_holds_and_the_others_do_not(self, store: Leases) -> None:
        """Take the lease and return its fence; None if another has it."""
        assert isinstance(await store.hold("reader", "a", seconds=60), int)
        assert await store.hold("reader", "b", seconds=60) is None
        assert isinstance(await store.hold("another", "b", seconds=60), int)

    async def test_renewing_keeps_the_fence(self, store: Leases) -> None:
        """The fence stays the same while one holder renews."""
        fence = await store.hold("reader", "a", seconds=60)
        assert [fence] * 3 == [await store.hold("reader", "a", seconds=60) for _ in range(3)]

    async def test_a_new_holder_has_a_greater_fence(self, store: Leases) -> None:
        """The fence grows with every change of holder."""
        first = await store.hold("reader", "a", seconds=60)
        await store.release("reader", "a")
        second = await store.hold("reader", "b", seconds=60)
        assert first is not None
        assert second is not None
        assert first < second

    async def test_only_the_holder_gives_back(self, store: Leases) -> None:
        """Give the lease back, if *holder* has it."""
        await store.hold("reader", "a", seconds=60)
        await store.release("reader", "b")
        await store.release("never-held", "b")
        assert await store.hold("reader", "b", seconds=60) is None

    async def test_a_lease_ends(self, store: Leases) -> None:
        """Hold for *seconds*, not longer."""
        first = await store.hold("reader", "a", seconds=0.001)
        second = None
        async with asyncio.timeout(_SOON):
            while second is None:
                second = await store.hold("reader", "b", seconds=60)
                await asyncio.sleep(0)
        assert first is not None
        assert first < second

    async def test_of_many_one_holds(self, store: Leases) -> None:
        """Of many concurrent calls by different holders one takes the lease."""
        fences = await asyncio.gather(
            *(store.hold("reader", f"holder-{number}", seconds=60) for number in range(_TASKS))
        )
        assert len([fence for fence in fences if fence is not None]) == 1


@pytest.mark.asyncio
class CardsContract:
    """What a store that remembers messages fulfils."""

    capability: ClassVar[type] = Cards

    async def test_there_are_none_at_first(self, store: Cards) -> None:
        """Return slot and note for the record's messages, empty if there are none."""
        assert await store.cards("delete-42") == {}

    async def test_notes_come_back(self, store: Cards) -> None:
        """Write *note* into *slot*, any text, over what was there."""
        assert await store.keep_card("delete-42", "C1", '{"ts": "1.2"}')
        assert await store.keep_card("delete-42", "dm:U1", "Ünï ☃")
        assert await store.keep_card("delete-42", "C1", "")
        assert await store.cards("delete-42") == {"C1": "", "dm:U1": "Ünï ☃"}
        assert await store.cards("delete-43") == {}

    async def test_only_if_it_holds_exactly_that(self, store: Cards) -> None:
        """With *only_if*, only if the slot holds exactly that text."""
        assert not await store.keep_card("delete-42", "C1", "new", only_if="old")
        await store.keep_card("delete-42", "C1", "old")
        assert await store.keep_card("delete-42", "C1", "new", only_if="old")
        assert not await store.keep_card("delete-42", "C1", "newer", only_if="old")
        assert await store.cards("delete-42") == {"C1": "new"}

    async def test_only_if_it_is_empty(self, store: Cards) -> None:
        """`only_if=""` means: only if the slot is empty."""
        assert await store.keep_card("delete-42", "C1", "first", only_if="")
        assert not await store.keep_card("delete-42", "C1", "second", only_if="")
        assert await store.cards("delete-42") == {"C1": "first"}

    async def test_of_many_one_keeps(self, store: Cards) -> None:
        """Of many concurrent calls with one condition one writes."""
        kept: list[Any] = await asyncio.gather(
            *(store.keep_card("delete-42", "C1", f"n-{n}", only_if="") for n in range(_TASKS))
        )
        assert kept.count(True) == 1
        assert {"C1": f"n-{kept.index(True)}"} == await store.cards("delete-42")


@pytest.mark.asyncio
class ConfirmationContract:
    """What a store fulfils that can say whether a failover could take a write back.

    Without replicas to wait for; what it says with some that are away is the store's own test.
    """

    capability: ClassVar[type] = Confirmation

    async def test_nothing_to_wait_for_is_confirmed(self, store: Any) -> None:
        """True where nothing is to be waited for, at once."""
        asked = pending()
        await store.put(asked)
        assert await store.patch(asked.key, 1, decided(asked), [resolved(asked)]) == "applied"
        assert await store.confirm(asked.key, seconds=0.0) is True

    async def test_it_changes_nothing(self, store: Any) -> None:
        """Changes nothing: neither the record nor the log."""
        asked = pending()
        await store.put(asked, [requested(asked)])
        before = await store.get(asked.key)
        assert await store.confirm(asked.key, seconds=1.0)
        assert before == await store.get(asked.key)
        if isinstance(store, EventLog):
            assert len(await store.read("")) == 1

    async def test_where_there_is_no_record(self, store: Any) -> None:
        """True where there is no such record, and none comes to be."""
        assert await store.confirm("nowhere", seconds=1.0)
        assert await store.get("nowhere") is None
