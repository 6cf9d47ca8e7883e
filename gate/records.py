"""Owns reading records and committing what the state machine makes of them, on any store.

Here is the one read, transition, commit loop. Nothing else in the house calls `patch`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from .approval import Approval
from .clock import Clock
from .commands import CastVote, Climb, Command, Consume, RecordView, Reveal, Route
from .errors import (
    AlreadyConsumed,
    ApprovalNotFound,
    NotAllowed,
    StoreCorrupt,
    StoreUnavailable,
    Tampered,
    Unconfirmed,
)
from .events import ApprovalAlarm, ApprovalEvent
from .notary import Notary
from .protocols import ApprovalStore, Confirmation, ConsumeOnce, Journal, Patched, StoreClock
from .standing import as_of
from .thrift import TimedRead
from .transitions import apply
from .voting import reveal

__all__ = ["Change", "Records"]

_CONTENTION: Final = 64
_REPEATS: Final = 3
_CLOCK_LIFE: Final = 60.0
_CONFIRM_SECONDS: Final = 0.5

T = TypeVar("T")
_BUILD_ON_IT: Final = (CastVote, RecordView, Reveal, Route, Climb)
"""Commands that need what stands in the record to be ours."""


@dataclass(frozen=True)
class Change:
    """What became of a command."""

    approval: Approval
    """The record that is now stored."""
    written: bool
    """Whether the command changed it; `False` where there was nothing left to change."""


class Records:
    """A store's records, seen through the state machine.

    Args:
        store: Any `ApprovalStore`; its other capabilities are used where it has them.
        clock: Time for stores that have none of their own, and for timers.
        notary: Vouches for what is written, on the trusted side.
    """

    def __init__(self, store: ApprovalStore, *, clock: Clock, notary: Notary | None = None) -> None:
        self.store = store
        self.clock = clock
        self.notary = notary
        # Looked for once: `isinstance` of a protocol costs more than the read that it saves.
        self._clocked = store if isinstance(store, StoreClock) else None
        self._timed = store if isinstance(store, TimedRead) else None
        self._measured: tuple[datetime, float] | None = None

    async def now(self) -> datetime:
        """Return the time that expiry is judged by: the store's, where it has a clock."""
        if self._clocked is None:
            return self.clock.now()
        now = await self._clocked.now()
        self._measured = now, self.clock.monotonic()
        return now

    async def about_now(self) -> datetime:
        """Return `now` as of a measurement in the last minute: for stamps and timers.

        It goes on by the steady timer, so that jumps of this machine's time of day change nothing.
        """
        if self._measured is not None:
            then, mark = self._measured
            passed = self.clock.monotonic() - mark
            if passed <= _CLOCK_LIFE:
                return then + timedelta(seconds=passed)
        return await self.now()

    async def get(self, key: str) -> Approval:
        """Return the record as it counts now.

        Raises:
            ApprovalNotFound: There is none.
            StoreUnavailable: The store cannot be reached.
            StoreCorrupt: The record cannot be read.
        """
        current = await self._read(key)
        if current.final or await self.about_now() < current.deadline:
            return current
        # The clock first, then the record: a decision that was in time is in what is read now.
        now = await self.now()
        return as_of(await self._read(key), now)

    async def create(self, approval: Approval, event: ApprovalEvent) -> Approval:
        """Store *approval* unless its key is taken; return what is stored.

        Raises:
            StoreUnavailable: Nothing was stored.
            StoreCorrupt: What stands there cannot be read.
            Unconfirmed: It is not known whether it was stored. Repeating the request is safe.
        """
        # `put` creates once, so a repeat cannot create two.
        stored = await _insist(
            lambda: self.store.put(approval, (event,)), what="request", approval_id=approval.id
        )
        return _own(stored, approval.key)

    async def commit(self, key: str, command: Command) -> Approval:
        """Apply *command*; see `change`. Return the record that is now stored."""
        return (await self.change(key, command)).approval

    async def change(
        self,
        key: str,
        command: Command,
        *,
        prove: Callable[[Approval, datetime], None] | None = None,
    ) -> Change:
        """Apply *command* to the record and write the result, until it stands or is refused.

        Returns:
            The record that is now stored, and whether this call wrote it.

        Raises:
            ApprovalNotFound: There is no such record.
            SignoffError: Whatever `transitions.apply` refuses with.
            StoreUnavailable: Nothing was written.
            Unconfirmed: It is not known whether it was written. Repeating is safe.
        """
        what = type(command).__name__
        doubt: _Doubt | None = None
        try:
            for _ in range(_CONTENTION):
                # The clock first: if it is past the end, a decision that was in time is in the
                # record.
                now, current = await self._timed_read(key)
                if doubt is not None and doubt.settled_by(current):
                    if not await self.confirmed(current):
                        raise Unconfirmed(what, approval_id=current.id)
                    return Change(current, written=True)
                if prove is not None:
                    prove(current, now)
                await self._check(current, command, now)
                transition = apply(current, command, now)
                if not transition.changed:
                    return Change(transition.approval, written=False)
                written = transition.approval.model_copy(update={"version": current.version + 1})
                if self.notary is not None:
                    # Signed before it is written: where the race is lost, nobody gets to see it.
                    written = self.notary.attest(current, written)
                try:
                    answer = await self.store.patch(
                        key, current.version, written, transition.events, transition.before
                    )
                except Unconfirmed as error:
                    # The version makes a repeat harmless: it can only win if the first did not.
                    if doubt is not None:
                        raise Unconfirmed(what, approval_id=current.id) from error
                    doubt = _Doubt(current, written)
                    continue
                if answer is Patched.APPLIED:
                    return Change(written, written=True)
                # Stale: somebody else was first. Late: it expired meanwhile. Missing: it is gone.
                # In each case the next read tells the truth.
            raise StoreUnavailable(what, cause="too many concurrent writers")
        except StoreUnavailable as error:
            if doubt is None:
                raise
            # This call wrote nothing, but the one before it may have.
            raise Unconfirmed(what, approval_id=doubt.written.id) from error

    async def consume(
        self, key: str, command: Consume, *, prove: Callable[[Approval, datetime], None]
    ) -> Approval:
        """Take the one run of the record; see `commit` for what is raised.

        Args:
            key: The record's.
            command: What is about to run.
            prove: Raises unless the record that it is given has its proof, at the store's time. It
                sees the very record that is consumed: a store may say another thing each time.

        Raises:
            AlreadyConsumed: Another operation has it.
            Refused: The record releases no run, or not this one.
        """
        store = self.store
        if not isinstance(store, ConsumeOnce):
            return (await self.change(key, command, prove=prove)).approval
        now, current = await self._timed_read(key)
        prove(current, now)
        transition = apply(current, command, now)
        consumption = transition.approval.consumption
        if not transition.changed or consumption is None:
            return transition.approval
        # Written once, under our operation id: asking again tells who stands there.
        standing = await _insist(
            lambda: store.consume_once(key, consumption, transition.events),
            what="Consume",
            approval_id=transition.approval.id,
        )
        taken = transition.approval.model_copy(update={"consumption": standing})
        if standing.operation_id != consumption.operation_id:
            raise AlreadyConsumed(taken, operation_id=standing.operation_id)
        return taken

    async def reveal(self, key: str, command: Reveal) -> Approval:
        """Put a reveal on record; return the record, of which the caller now shows the values.

        Raises:
            NotAllowed: This person, or anybody, may not be shown them.
            Tampered: Somebody else wrote into the record.
        """
        now = await self.now()
        current = as_of(await self._read(key), now)
        await self._check(current, command, now)
        await self.tell(*reveal(current, command, now))
        return current

    async def confirmed(self, approval: Approval) -> bool:
        """Say whether a failover of the store cannot take back how *approval* ended.

        Raises:
            StoreUnavailable: The store cannot be reached.
            Unconfirmed: It does not answer.
        """
        if not approval.final or not isinstance(self.store, Confirmation):
            return True
        return await self.store.confirm(approval.key, seconds=_CONFIRM_SECONDS)

    async def tell(self, *events: ApprovalEvent) -> None:
        """Log events that change no record, where the store keeps a log."""
        if isinstance(self.store, Journal):
            await self.store.append(events)

    async def _check(self, current: Approval, command: Command | Reveal, now: datetime) -> None:
        """Refuse to build on what somebody else wrote into the record."""
        if current.final or not isinstance(command, _BUILD_ON_IT):
            return
        if self.notary is None:
            signed = current.terms is not None and current.terms.mac is not None
            if signed and isinstance(command, (CastVote, RecordView, Reveal)):
                # What this desk writes would only be an alarm to those who hold the keys.
                raise NotAllowed(current.id, reason="no_keys", principal=command.principal)
            return
        try:
            self.notary.check(current)
        except Tampered as error:
            alarm = ApprovalAlarm(
                id=current.id, namespace=current.namespace, at=now, part=error.part
            )
            await self.tell(alarm)
            raise

    async def _timed_read(self, key: str) -> tuple[datetime, Approval]:
        """Return the time and then the record, in one round trip where the store can."""
        if self._timed is None:
            now = await self.now()
            return now, await self._read(key)
        now, found = await self._timed.timed_get(key)
        self._measured = now, self.clock.monotonic()
        if found is None:
            raise ApprovalNotFound(key)
        return now, _own(found, key)

    async def _read(self, key: str) -> Approval:
        found = await self.store.get(key)
        if found is None:
            raise ApprovalNotFound(key)
        return _own(found, key)


class _Doubt:
    """A write that got no answer, and how to see later whether it took place."""

    def __init__(self, base: Approval, written: Approval) -> None:
        self.written = written
        self._version = base.version
        self._changed = [
            field
            for field in Approval.model_fields
            if field != "version" and getattr(base, field) != getattr(written, field)
        ]

    def settled_by(self, current: Approval) -> bool:
        """Say whether *current* holds what was written, whatever else came after it."""
        return current.version > self._version and all(
            getattr(current, field) == getattr(self.written, field) for field in self._changed
        )


async def _insist(write: Callable[[], Awaitable[T]], *, what: str, approval_id: str) -> T:
    """Return the result of a write that may be repeated, repeating it while it is in doubt."""
    doubt: Unconfirmed | None = None
    for _ in range(_REPEATS):
        try:
            return await write()
        except Unconfirmed as error:
            doubt = error
        except StoreUnavailable as error:
            if doubt is None:
                raise
            # This call wrote nothing, but the one before it may have.
            raise Unconfirmed(what, approval_id=approval_id) from error
    raise Unconfirmed(what, approval_id=approval_id) from doubt


def _own(found: Approval, key: str) -> Approval:
    if found.key != key:
        raise StoreCorrupt(key, reason="it is another record")
    return found
