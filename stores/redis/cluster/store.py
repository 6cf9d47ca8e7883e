"""Owns the store on a cluster: what is asked of the whole, made of what each bucket says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from gate import (
    Approval,
    ApprovalEvent,
    Bounds,
    Consumption,
    LimitExceeded,
    Patched,
    StoreCorrupt,
    StoreUnavailable,
    Wake,
)

from ..connected import Connected
from ..keys import bucket_of
from ..store import BucketStore
from ..subscriptions import SHARDED
from .accounts import Accounts
from .parts import ClusterParts
from .watching import ClusterWatching

__all__ = ["ClusterStore"]

T = TypeVar("T")


class ClusterStore(Connected):
    """Keeps approvals in Redis Cluster, 7 or later, or Valkey's.

    It has what a record needs (`gate.ApprovalStore`, `Watch`, `ConsumeOnce`, `Cards` and so on),
    and the listing over everything. The event log, the audit chain and the leases are its buckets'.
    Its clock is the first bucket's node, or another's while that one is away.

    Enter it (`async with`) before use; that is where the schema is checked. It belongs to the event
    loop of its first use: on another one it is unavailable.

    Args:
        url: `redis+cluster://host:port,host:port?buckets=16`, or `rediss+cluster` for TLS. The
            number of buckets is fixed by the first start; left out, it is what stands there.
        operation_timeout: Seconds for one whole operation.
        connections: Operations under way at once at one node; more of them queue in order.
        ping_interval: Seconds between looks at whether a listening connection still answers.
        wait_replicas: Replicas of a node that must have a decision or a consumption.

    Raises:
        ConfigError: The address cannot be read.
    """

    def __init__(
        self,
        url: str,
        *,
        operation_timeout: float = 2.0,
        connections: int = 64,
        ping_interval: float = 10.0,
        wait_replicas: int = 0,
    ) -> None:
        self._parts = ClusterParts(url, timeout=operation_timeout, connections=connections)
        self._wait_replicas = wait_replicas
        self._watching = ClusterWatching(self._parts.nodes, ping_interval=ping_interval)
        self.buckets: tuple[BucketStore, ...] = ()
        self._accounts = Accounts([], read=self.get_many)

    async def open(self) -> None:
        """See `Connected.open`."""
        parts = await self._parts.open()
        self._accounts = Accounts(parts, read=self.get_many)
        self.buckets = tuple(
            BucketStore(
                link, keys, self._watching, words=SHARDED, wait_replicas=self._wait_replicas
            )
            for link, keys in parts
        )

    async def aclose(self) -> None:
        """See `Connected.aclose`."""
        try:
            await self._watching.aclose()
        finally:
            await self._parts.aclose()

    def bucket_of(self, key: str) -> int:
        """See `gate.Bucketed.bucket_of`.

        Raises:
            StoreUnavailable: The store is not open.
        """
        if not self.buckets:
            raise _not_open()
        return bucket_of(key, len(self.buckets))

    async def put(self, approval: Approval, events: Sequence[ApprovalEvent] = ()) -> Approval:
        """See `gate.ApprovalStore.put` and `gate.Bounded`."""
        bucket = self._of(approval.key)
        if approval.final:
            return await bucket.put(approval, events)
        try:
            moment = await self._accounts.admit(approval)
        except LimitExceeded:
            # What stands already is answered as ever.
            standing = await bucket.get(approval.key)
            if standing is None:
                raise
            return standing
        try:
            stored = await bucket.put(approval, events)
        except (StoreUnavailable, LimitExceeded, StoreCorrupt, ValueError):
            # Nothing is written. Where that is not known, it stays counted, and is found later.
            if moment is not None:
                await self._accounts.dismiss(approval, moment=moment)
            raise
        if stored.final and moment is not None:
            await self._accounts.dismiss(approval, moment=moment)
        return stored

    async def get(self, key: str) -> Approval | None:
        """See `gate.ApprovalStore.get`."""
        return await self._of(key).get(key)

    async def patch(
        self,
        key: str,
        expected_version: int,
        approval: Approval,
        events: Sequence[ApprovalEvent] = (),
        before: datetime | None = None,
    ) -> Patched:
        """See `gate.ApprovalStore.patch`."""
        patched = await self._of(key).patch(key, expected_version, approval, events, before)
        if patched is Patched.APPLIED:
            count = self._accounts.dismiss if approval.final else self._accounts.note
            await count(approval)
        return patched

    async def confirm(self, key: str, *, seconds: float) -> bool:
        """See `gate.Confirmation.confirm`."""
        return await self._of(key).confirm(key, seconds=seconds)

    async def now(self) -> datetime:
        """See `gate.StoreClock.now`. While the first bucket's node is away, another's counts."""
        away = _not_open()
        for bucket in self.buckets:
            try:
                return await bucket.now()
            except StoreUnavailable as error:
                away = error
        raise away

    async def watch(self, key: str, wake: Wake) -> Callable[[], None]:
        """See `gate.Watch.watch`."""
        return await self._of(key).watch(key, wake)

    async def get_many(self, keys: Sequence[str]) -> list[Approval | Exception | None]:
        """See `gate.BulkRead.get_many`."""
        return await self._of_each(keys, lambda bucket, its: bucket.get_many(its))

    async def versions(self, keys: Sequence[str]) -> list[int | None]:
        """See `gate.BulkVersions.versions`. There is no telling where a node is away."""

        async def ask(bucket: BucketStore, its: list[str]) -> list[int | None]:
            try:
                return await bucket.versions(its)
            except StoreUnavailable:
                return [None] * len(its)

        return await self._of_each(keys, ask)

    async def append(self, events: Sequence[ApprovalEvent]) -> None:
        """See `gate.Journal.append`."""
        shares: dict[int, list[ApprovalEvent]] = {}
        for event in events:
            shares.setdefault(self.bucket_of(event.key), []).append(event)
        await asyncio.gather(
            *(self.buckets[number].append(share) for number, share in shares.items())
        )

    async def pending(self, *, after: str = "", limit: int = 100) -> Sequence[str]:
        """See `gate.Listing.pending`."""
        place = await self._of(after).place(after) if after else None
        behind = None if place is None else (place, after)
        return _merged(
            await self._all(lambda bucket: bucket.pending_places(behind, limit=limit)), limit
        )

    async def pending_count(self) -> int:
        """See `gate.Listing.pending_count`."""
        return sum(await self._all(lambda bucket: bucket.pending_count()))

    async def due(self, now: datetime, *, limit: int = 100) -> Sequence[str]:
        """See `gate.Listing.due`."""
        return _merged(await self._all(lambda bucket: bucket.due_places(now, limit=limit)), limit)

    async def bounds(self) -> Bounds:
        """See `gate.Bounded.bounds`."""
        return await self.buckets[0].bounds()

    async def set_bounds(self, bounds: Bounds) -> None:
        """See `gate.Bounded.set_bounds`."""
        await self._all(lambda bucket: bucket.set_bounds(bounds))

    async def place_of(self, approval: Approval) -> int:
        """See `gate.Bounded.place_of`."""
        return await self._accounts.place_of(approval)

    async def forget(self, *, limit: int = 100) -> int:
        """See `gate.Bounded.forget`."""
        gone = 0
        for bucket in self.buckets:
            if gone < limit:
                gone += await bucket.forget(limit=limit - gone)
        return gone

    async def consume_once(
        self, key: str, consumption: Consumption, events: Sequence[ApprovalEvent] = ()
    ) -> Consumption:
        """See `gate.ConsumeOnce.consume_once`."""
        return await self._of(key).consume_once(key, consumption, events)

    async def cards(self, key: str) -> dict[str, str]:
        """See `gate.Cards.cards`."""
        return await self._of(key).cards(key)

    async def keep_card(
        self, key: str, slot: str, note: str, *, only_if: str | None = None
    ) -> bool:
        """See `gate.Cards.keep_card`."""
        return await self._of(key).keep_card(key, slot, note, only_if=only_if)

    def _of(self, key: str) -> BucketStore:
        return self.buckets[self.bucket_of(key)]

    async def _all(self, ask: Callable[[BucketStore], Awaitable[T]]) -> list[T]:
        """Ask every bucket at once."""
        return await asyncio.gather(*(ask(bucket) for bucket in self.buckets))

    async def _of_each(
        self, keys: Sequence[str], ask: Callable[[BucketStore, list[str]], Awaitable[list[T]]]
    ) -> list[T]:
        """Ask each bucket for its share of *keys*, and return the answers in their order."""
        shares: dict[int, list[str]] = {}
        for key in keys:
            shares.setdefault(self.bucket_of(key), []).append(key)
        answers = await asyncio.gather(
            *(ask(self.buckets[number], share) for number, share in shares.items())
        )
        of = {number: iter(found) for number, found in zip(shares, answers, strict=True)}
        return [next(of[self.bucket_of(key)]) for key in keys]


def _not_open() -> StoreUnavailable:
    return StoreUnavailable("open", cause="the store is not open")


def _merged(listings: Iterable[Sequence[tuple[int, str]]], limit: int) -> list[str]:
    places = sorted(place for listing in listings for place in listing)
    return [name for _, name in places[:limit]]
