"""Owns the smallest store: three methods, wake-ups and a clock, in a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from ..approval import Approval
from ..clock import Clock, SystemClock
from ..events import ApprovalEvent
from ..protocols import Patched, Wake

__all__ = ["ScratchStore"]


class ScratchStore:
    """An `ApprovalStore` for one process and one test.

    Attributes:
        events: Every event that was written, oldest first.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self.events: list[ApprovalEvent] = []
        self._clock = clock or SystemClock()
        self._records: dict[str, Approval] = {}
        self._watchers: dict[str, list[Wake]] = {}

    async def put(self, approval: Approval, events: Sequence[ApprovalEvent] = ()) -> Approval:
        """Create the record if its key is free; see `ApprovalStore.put`."""
        if approval.key not in self._records:
            self._records[approval.key] = approval.model_copy(deep=True)
            self.events.extend(events)
        return self._records[approval.key].model_copy(deep=True)

    async def get(self, key: str) -> Approval | None:
        """Return the record; see `ApprovalStore.get`."""
        found = self._records.get(key)
        return found.model_copy(deep=True) if found else None

    async def patch(
        self,
        key: str,
        expected_version: int,
        approval: Approval,
        events: Sequence[ApprovalEvent] = (),
        before: datetime | None = None,
    ) -> Patched:
        """Replace the record; see `ApprovalStore.patch`."""
        stored = self._records.get(key)
        if stored is None:
            return Patched.MISSING
        if stored.version != expected_version:
            return Patched.STALE
        if before is not None and self._clock.now() >= before:
            return Patched.LATE
        request = {field: getattr(stored, field) for field in Approval.request_fields()}
        self._records[key] = approval.model_copy(
            update=request | {"version": expected_version + 1}, deep=True
        )
        self.events.extend(events)
        for wake in tuple(self._watchers.get(key, ())):
            wake(None)
        return Patched.APPLIED

    async def now(self) -> datetime:
        """Return the time of the store's clock."""
        return self._clock.now()

    async def watch(self, key: str, wake: Wake) -> Callable[[], None]:
        """Call *wake* after every change of the record; see `Watch.watch`."""
        watchers = self._watchers.setdefault(key, [])
        watchers.append(wake)
        return lambda: watchers.remove(wake) if wake in watchers else None
