"""Owns reading records and committing what the state machine makes of them, on any store.

Here is the one read, transition, commit loop. Nothing else in the house calls `patch`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from .approval import Approval
from .clock import Clock
from .errors import AlreadyConsumed, ApprovalNotFound, StoreUnavailable, Unconfirmed
from .events import ApprovalEvent
from .protocols import ApprovalStore, ConsumeOnce, EventLog, Patched, StoreClock
from .transitions import Command, Consume, apply, as_of

__all__ = ["Records"]

_CONTENTION: Final = 64
_REPEATS: Final = 3
_CLOCK_LIFE: Final = 60.0


class Records:
    """A store's records, seen through the state machine.

    Args:
        store: Any `ApprovalStore`; its other capabilities are used where it has them.
        clock: Time for stores that have none of their own, and for timers.
    """

    def __init__(self, store: ApprovalStore, *, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self._offset: timedelta | None = None
        self._measured = 0.0

    async def now(self) -> datetime:
        """Return the time that expiry is judged by: the store's, where it has a clock."""
        if not isinstance(self.store, StoreClock):
            return self.clock.now()
        now = await self.store.now()
        self._offset = now - self.clock.now()
        self._measured = self.clock.monotonic()
        return now

    async def about_now(self) -> datetime:
        """Return `now` as of a measurement in the last minute: for stamps and timers."""
        if self._offset is None or self.clock.monotonic() - self._measured > _CLOCK_LIFE:
            return await self.now()
        return self.clock.now() + self._offset

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
            Unconfirmed: It is not known whether it was stored. Repeating the request is safe.
        """
        for attempt in range(_REPEATS):
            try:
                return await self.store.put(approval, (event,))
            except Unconfirmed:
                # The nonce tells our record from anybody else's, so a repeat cannot create two.
                if attempt == _REPEATS - 1:
                    raise
        raise AssertionError

    async def commit(self, key: str, command: Command) -> Approval:
        """Apply *command* to the record and write the result, until it stands or is refused.

        Returns:
            The record that is now stored; unchanged where the command changes nothing.

        Raises:
            ApprovalNotFound: There is no such record.
            SignoffError: Whatever `transitions.apply` refuses with.
            StoreUnavailable: Nothing was written.
            Unconfirmed: It is not known whether it was written. Repeating is safe.
        """
        unconfirmed: Unconfirmed | None = None
        tried: Approval | None = None
        for _ in range(_CONTENTION):
            # The clock first: if it is past the end, a decision that was in time is in the record.
            now = await self.now()
            current = await self._read(key)
            if tried is not None and _landed(current, tried):
                return current
            transition = apply(current, command, now)
            if not transition.changed:
                return transition.approval
            written = transition.approval.model_copy(update={"version": current.version + 1})
            try:
                answer = await self.store.patch(
                    key, current.version, written, transition.events, transition.before
                )
            except Unconfirmed as error:
                # The version makes a repeat harmless: it can only win if the first try did not.
                if unconfirmed is not None:
                    raise Unconfirmed(type(command).__name__, approval_id=current.id) from error
                unconfirmed, tried = error, written
                continue
            if answer is Patched.APPLIED:
                return written
            # Stale: somebody else was first. Late: it expired meanwhile. Missing: it is gone. In
            # each case the next read tells the truth.
        raise StoreUnavailable(type(command).__name__, cause="too many concurrent writers")

    async def consume(self, key: str, command: Consume) -> Approval:
        """Take the one run of the record; see `commit` for what is raised.

        Raises:
            AlreadyConsumed: Another operation has it.
            Refused: The record releases no run, or not this one.
        """
        store = self.store
        if not isinstance(store, ConsumeOnce):
            return await self.commit(key, command)
        now = await self.now()
        transition = apply(await self._read(key), command, now)
        consumption = transition.approval.consumption
        if not transition.changed or consumption is None:
            return transition.approval
        for attempt in range(_REPEATS):
            try:
                standing = await store.consume_once(key, consumption, transition.events)
                break
            except Unconfirmed:
                # Written once, under our operation id: asking again tells who stands there.
                if attempt == _REPEATS - 1:
                    raise
        if standing.operation_id != consumption.operation_id:
            raise AlreadyConsumed(transition.approval, operation_id=standing.operation_id)
        return transition.approval.model_copy(update={"consumption": standing})

    async def tell(self, event: ApprovalEvent) -> None:
        """Log an event that changes no record, where the store keeps a log."""
        if isinstance(self.store, EventLog):
            await self.store.append((event,))

    async def _read(self, key: str) -> Approval:
        found = await self.store.get(key)
        if found is None:
            raise ApprovalNotFound(key)
        return found


def _landed(current: Approval, tried: Approval) -> bool:
    """Say whether the write that got no answer is what is stored."""
    return current.model_copy(update={"consumption": tried.consumption}) == tried
