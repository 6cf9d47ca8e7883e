"""Owns the store on Redis or Valkey: the gate's contracts, each verb one script or one read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from redis.asyncio import Redis

from gate import (
    Approval,
    ApprovalEvent,
    ConfigError,
    Consumption,
    LoggedEvent,
    Patched,
    StoreCorrupt,
    StoreUnavailable,
    Unconfirmed,
    Wake,
)

from ..undivided import Undivided
from . import scripts
from .address import wires_of_address
from .audit_stream import AuditVerbs
from .bounds import BoundsVerbs
from .codec import (
    decode_record,
    decode_use,
    encode_event,
    encode_new,
    encode_state,
    encode_use,
    micros,
)
from .event_stream import EventStream
from .health import Health, ask_health, echo
from .keys import Keys
from .link import Link
from .reading import ReadVerbs
from .schema import check_schema
from .subscriptions import Subscriptions
from .wire import wires_of_client

__all__ = ["RedisStore"]

_logger = structlog.get_logger("signoff.stores")


class RedisStore(AuditVerbs, BoundsVerbs, ReadVerbs, Undivided):
    """Keeps approvals in Redis 6.2 or later, or Valkey. Fulfils every contract of the gate.

    Enter it (`async with`) or call `open` before use; that is where the schema is checked.

    Args:
        url: `redis://`, `rediss://` or `unix://`, with credentials and database as redis-py reads
            them. Either this or *client*.
        client: A client of one's own, for TLS, Sentinel or credential providers. New connections
            are made like its own; it is not used otherwise, and not closed.
        operation_timeout: Seconds for one whole operation.
        connections: Operations under way at once; more of them queue in order.
        ping_interval: Seconds between looks at whether the listening connection still answers.
        wait_replicas: Replicas that must have a consumption before `consume_once` returns, and a
            final record before `patch` does. All of those that may be promoted, or a failover may
            release a second run, or take back a decision.
        key_file: Where the public keys of the operator lie, for a server of this machine alone.

    Raises:
        ConfigError: The address cannot be read.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        client: Redis | None = None,
        operation_timeout: float = 2.0,
        connections: int = 64,
        ping_interval: float = 10.0,
        wait_replicas: int = 0,
        key_file: Path | None = None,
    ) -> None:
        self.key_file = key_file
        if client is not None and url is None:
            make = wires_of_client(client, timeout=operation_timeout)
        elif url is not None and client is None:
            make = wires_of_address(url, timeout=operation_timeout)
        else:
            raise ConfigError("SIGNOFF_REDIS_URL", "give either an address or a client")
        self._keys = Keys()
        self._link = Link(make, timeout=operation_timeout, connections=connections)
        self._subscriptions = Subscriptions(self._link, ping_interval=ping_interval)
        self._wait_replicas = wait_replicas
        self._log = EventStream(self._link, self._keys)

    async def open(self) -> None:
        """Reach the server once and check the schema.

        Raises:
            StoreUnavailable: The server cannot be reached or refuses us.
            ConfigError: The data belongs to another schema version or bucket count.
        """
        await check_schema(self._link, self._keys)
        await self._warn_of_eviction()

    async def aclose(self) -> None:
        """Close every connection. Waiting reads end, watchers are woken, later calls refuse."""
        await self._subscriptions.aclose()
        await self._link.aclose()

    async def __aenter__(self) -> Self:
        """Open the store; it closes at the end of the block."""
        try:
            await self.open()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def put(self, approval: Approval, events: Sequence[ApprovalEvent] = ()) -> Approval:
        """See `gate.ApprovalStore.put` and `gate.Bounded`."""
        key = approval.key
        record, stored = encode_new(approval)
        standing = await scripts.put(
            self._link,
            self._keys,
            key,
            record,
            pending_score=None if approval.final else micros(approval.created_at),
            deadline_score=micros(approval.due),
            agent=self._keys.agent(approval.namespace, approval.agent),
            events=[encode_event(event) for event in events],
        )
        if standing is not None:
            found = decode_record(key, standing.request, standing.state, standing.use)
            if found is None:
                raise StoreCorrupt(key, reason="request: missing")
            stored = found
        return stored

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
        record = encode_state(approval)
        use = record.use
        # A second round only where the consumption that stands is spelled in another way.
        for _ in range(2):
            answer = await scripts.patch(
                self._link,
                self._keys,
                key,
                expected_version=expected_version,
                state=record.with_version(expected_version + 1),
                use=use,
                before=None if before is None else micros(before),
                deadline_score=None if approval.final else micros(approval.due),
                agent=self._keys.agent(approval.namespace, approval.agent),
                events=[encode_event(event) for event in events],
                replicas=self._wait_replicas if approval.final else 0,
            )
            if isinstance(answer, Patched):
                return answer
            if decode_use(key, answer) != approval.consumption:
                return Patched.STALE
            use = answer.decode()
        return Patched.STALE

    async def confirm(self, key: str, *, seconds: float) -> bool:
        """See `gate.Confirmation.confirm`.

        Raises:
            StoreUnavailable: The server cannot be reached.
        """
        if not self._wait_replicas:
            return True
        try:
            await scripts.confirm(
                self._link, self._keys, key, replicas=self._wait_replicas, patience=seconds
            )
        except Unconfirmed:
            # Nothing was changed: whatever the reason, it is as if it were not known.
            return False
        return True

    async def watch(self, key: str, wake: Wake) -> Callable[[], None]:
        """See `gate.Watch.watch`. A wake-up carries the new version, or `use`.

        Raises:
            StoreUnavailable: The server does not confirm the subscription.
        """
        return await self._subscriptions.watch(self._keys.wake(key), wake)

    async def append(self, events: Sequence[ApprovalEvent]) -> None:
        """See `gate.EventLog.append`."""
        await self._log.append(events)

    async def read(
        self, after: str, *, limit: int = 100, wait: float = 0.0
    ) -> Sequence[LoggedEvent]:
        """See `gate.EventLog.read`.

        Raises:
            ValueError: *after* is no cursor of this log.
        """
        return await self._log.read(after, limit=limit, wait=wait)

    async def position(self, reader: str) -> str:
        """See `gate.EventLog.position`."""
        return await self._log.position(reader)

    async def advance(self, reader: str, cursor: str, *, fence: int | None = None) -> bool:
        """See `gate.EventLog.advance`. A cursor behind the noted one changes nothing and is fine.

        Raises:
            ValueError: *cursor* is no cursor of this log.
        """
        return await self._log.advance(reader, cursor, fence=fence)

    async def pending(self, *, after: str = "", limit: int = 100) -> Sequence[str]:
        """See `gate.Listing.pending`. Of one moment's records, the smaller key comes first."""
        place = await self._place(after) if after else None
        low = "-inf" if place is None else str(place)
        found: list[str] = []
        offset = 0
        while len(found) < limit:
            [page] = await self._link.read(
                ["ZRANGEBYSCORE", self._keys.pending, low, "+inf", "WITHSCORES",
                 "LIMIT", offset, limit],
                operation="pending",
            )  # fmt: skip
            for name, score in zip(page[::2], page[1::2], strict=True):
                if place is None or int(score) > place or name.decode() > after:
                    found.append(name.decode())
            offset += limit
            if len(page) < 2 * limit:
                break
        return found[:limit]

    async def pending_count(self) -> int:
        """See `gate.Listing.pending_count`."""
        [count] = await self._link.read(["ZCARD", self._keys.pending], operation="pending_count")
        return int(count)

    async def due(self, now: datetime, *, limit: int = 100) -> Sequence[str]:
        """See `gate.Listing.due`."""
        [names] = await self._link.read(
            ["ZRANGEBYSCORE", self._keys.deadlines, "-inf", micros(now), "LIMIT", 0, limit],
            operation="due",
        )
        return [name.decode() for name in names]

    async def consume_once(
        self, key: str, consumption: Consumption, events: Sequence[ApprovalEvent] = ()
    ) -> Consumption:
        """See `gate.ConsumeOnce.consume_once`.

        Raises:
            ApprovalNotFound: There is no record under *key*.
        """
        use = encode_use(consumption)
        standing = await scripts.consume_once(
            self._link,
            self._keys,
            key,
            use=use,
            events=[encode_event(event) for event in events],
            replicas=self._wait_replicas,
        )
        return decode_use(key, use.encode() if standing is None else standing)

    async def hold(self, name: str, holder: str, *, seconds: float) -> int | None:
        """See `gate.Leases.hold`."""
        milliseconds = max(1, round(seconds * 1000))
        return await scripts.hold(self._link, self._keys, name, holder, milliseconds=milliseconds)

    async def release(self, name: str, holder: str) -> None:
        """See `gate.Leases.release`."""
        await scripts.release(self._link, self._keys, name, holder)

    async def cards(self, key: str) -> dict[str, str]:
        """See `gate.Cards.cards`."""
        [flat] = await self._link.read(
            ["HGETALL", self._keys.card(key)], operation="cards", key=key
        )
        try:
            texts = [text.decode() for text in flat]
        except UnicodeDecodeError:
            raise StoreCorrupt(key, reason="card: not UTF-8") from None
        return dict(zip(texts[::2], texts[1::2], strict=True))

    async def keep_card(
        self, key: str, slot: str, note: str, *, only_if: str | None = None
    ) -> bool:
        """See `gate.Cards.keep_card`."""
        return await scripts.keep_card(self._link, self._keys, key, slot, note, only_if=only_if)

    async def health(self) -> Health:
        """Return what the server says about itself.

        Raises:
            StoreUnavailable: It does not answer.
        """
        return await ask_health(self._link)

    async def echo(self, name: str) -> float:
        """Publish to a channel that is *name*'s own, hear it, and return the seconds it took.

        Raises:
            StoreUnavailable: It was not subscribed, not published, or not heard in time.
        """
        return await echo(self._link, self._subscriptions, self._keys.wake(name))

    async def _place(self, key: str) -> int | None:
        """Return the place in the listing that the record has or had."""
        score, parts = await self._link.read(
            ["ZSCORE", self._keys.pending, key],
            ["MGET", *self._keys.record(key)],
            operation="pending",
            key=key,
        )
        if score is not None:
            return int(score)
        approval = decode_record(key, *parts)
        return None if approval is None else micros(approval.created_at)

    async def _warn_of_eviction(self) -> None:
        try:
            [answer] = await self._link.read(
                ["CONFIG", "GET", "maxmemory-policy"], operation="open"
            )
        except StoreUnavailable:
            # Many hosted servers forbid CONFIG.
            return
        policy = answer[1].decode() if len(answer) == 2 else "noeviction"
        if policy != "noeviction":
            _logger.warning("store_may_evict", policy=policy, wanted="noeviction")
