"""Owns the store in Redis or Valkey: the gate's contracts, each verb one script or one read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from gate import (
    Approval,
    ApprovalEvent,
    Consumption,
    LoggedEvent,
    Patched,
    StoreCorrupt,
    Unconfirmed,
    Wake,
)

from ..undivided import Undivided
from . import scripts
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
from .listing import ListingVerbs
from .reading import ReadVerbs
from .subscriptions import PLAIN, Words
from .way import Watching, Way

__all__ = ["BucketStore"]


class BucketStore(AuditVerbs, BoundsVerbs, ListingVerbs, ReadVerbs, Undivided):
    """Keeps the approvals of one bucket. Fulfils every contract of the gate.

    Args:
        link: The way to the server that has the bucket.
        keys: Its names.
        watching: Tells of changes.
        words: How wake-ups are published.
        wait_replicas: Replicas that must have a consumption before `consume_once` returns, and a
            final record before `patch` does.
    """

    def __init__(
        self,
        link: Way,
        keys: Keys,
        watching: Watching,
        *,
        words: Words = PLAIN,
        wait_replicas: int = 0,
    ) -> None:
        self._link = link
        self._keys = keys
        self._watching = watching
        self._words = words
        self._wait_replicas = wait_replicas
        self._log = EventStream(link, keys)

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
        return await self._watching.watch(self._keys.wake(key), wake)

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

    async def follow(
        self, known: LoggedEvent, *, limit: int = 100, wait: float = 0.0
    ) -> Sequence[LoggedEvent] | None:
        """See `gate.EventLog.follow`.

        Raises:
            ValueError: *known* has no cursor of this log.
        """
        return await self._log.follow(known, limit=limit, wait=wait)

    async def position(self, reader: str) -> str:
        """See `gate.EventLog.position`."""
        return await self._log.position(reader)

    async def advance(self, reader: str, cursor: str, *, fence: int | None = None) -> bool:
        """See `gate.EventLog.advance`. A cursor behind the noted one changes nothing and is fine.

        Raises:
            ValueError: *cursor* is no cursor of this log.
        """
        return await self._log.advance(reader, cursor, fence=fence)

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
        return await echo(self._link, self._watching, self._keys.wake(name), words=self._words)
