"""Owns the sealing: events in the order of the log into the audit chain, and the log kept short.

One replica seals, the holder of the lease. It needs no fence: what it adds, it adds behind the head
that it worked from, or not at all, and two who read one log make one chain. So whoever takes over
goes on at the head, and a predecessor that does not know yet that it is none changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from gate import (
    ApprovalCancelledEvent,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalReported,
    ApprovalResolved,
    AuditHead,
    AuditLog,
    LoggedEvent,
    StoreCorrupt,
    StoreUnavailable,
    Unconfirmed,
    Verdict,
    get_logger,
    seal_events,
)

from .outlasting import FIRST_DELAY, LAST_DELAY

__all__ = ["Sealer", "closes"]

_BATCH: Final = 100
_IDLE: Final = 1.0
_PATIENCE: Final = 3.0
_REMEMBERED: Final = 10_000
_KEEP: Final = 1000
_TRIM_EVERY: Final = 1000


class Sealer:
    """Seals every event, while it is the one who may.

    Args:
        store: Has the log and the chain.
        readers: Who reads the log by a noted position: nothing that they have not passed is taken
            from it.
        first_delay: Seconds before the second attempt; doubled up to 30 s.
        idle: Seconds of one wait for new events.
        keep: Events that stay in the log though nobody needs them any more.
        trim_every: Sealed events between two looks at what can go from the log.
    """

    def __init__(
        self,
        store: AuditLog,
        *,
        readers: Sequence[str],
        first_delay: float = FIRST_DELAY,
        idle: float = _IDLE,
        keep: int = _KEEP,
        trim_every: int = _TRIM_EVERY,
    ) -> None:
        self._store = store
        self._readers = tuple(readers)
        self._first_delay = first_delay
        self._idle = idle
        self._keep = keep
        self._trim_every = trim_every
        self._untrimmed = trim_every  # a look at the start: nobody knows what the last one left
        self._sealed: OrderedDict[str, AuditHead] = OrderedDict()
        """The chain's heads at events that were sealed here lately, by their cursors."""
        self._next = asyncio.Event()
        """Set, and replaced, with each batch: several wait for it, and none may miss it."""
        self._log = get_logger("signoff.bot")

    async def run(self) -> None:
        """Seal until cancelled."""
        delay = self._first_delay
        head: AuditHead | None = None
        while True:
            try:
                if head is None:
                    # After a failure, too: what was in doubt is in the head, or is done again.
                    head = await self._store.audit_head()
                head = await self._step(head)
                delay = self._first_delay
            except (StoreUnavailable, Unconfirmed, StoreCorrupt) as error:
                head = None
                if isinstance(error, StoreCorrupt):
                    # Never over it and never behind it: a person has to look.
                    self._log.error("audit.corrupt", reason=error.reason)
                else:
                    self._log.warning("audit.store_away", error=error.code)
                await asyncio.sleep(delay)
                delay = min(delay * 2, LAST_DELAY)

    async def head(self) -> AuditHead:
        """Return the head of the chain.

        Raises:
            StoreUnavailable: The store cannot be reached.
            StoreCorrupt: The last entry is none.
        """
        return await self._store.audit_head()

    async def head_for(self, cursor: str, *, patience: float = _PATIENCE) -> AuditHead | None:
        """Return a head that proves the event at *cursor*: the event's own, or a later one.

        Args:
            cursor: Of an event of the log.
            patience: Seconds to wait for it to be sealed.

        Returns:
            The head; `None` if it is not sealed in time, or the store does not answer. Whoever
            tells the event tells it without.
        """
        try:
            async with asyncio.timeout(patience):
                while True:
                    sealed_more = self._next
                    if cursor in self._sealed:
                        return self._sealed[cursor]
                    if await self._store.is_sealed(cursor):
                        # By another replica, or long ago.
                        return await self._store.audit_head()
                    await sealed_more.wait()
        except (TimeoutError, StoreUnavailable, StoreCorrupt):
            return None

    async def closing_head(self, logged: LoggedEvent) -> AuditHead | None:
        """Return the head to tell with an event that closes an approval; else `None`.

        See `head_for` for how long it may take, and when there is none.
        """
        return await self.head_for(logged.cursor) if closes(logged.event) else None

    async def _step(self, head: AuditHead) -> AuditHead | None:
        """Seal the next events; return the new head, `None` where it is not known."""
        if self._untrimmed >= self._trim_every:
            await self._store.trim(self._readers, keep=self._keep)
            self._untrimmed = 0
        events = await self._store.unsealed(head.cursor, limit=_BATCH, wait=self._idle)
        if not events:
            return None  # looked at anew: a failover may have taken back the end of the chain
        entries = seal_events(events, head)
        if not await self._store.seal(head, entries):
            return None
        for entry in entries:
            self._sealed[entry.cursor] = entry.head
            if entry.event is None:
                self._log.error("audit.unreadable", number=entry.number, cursor=entry.cursor)
        while len(self._sealed) > _REMEMBERED:
            self._sealed.popitem(last=False)
        self._untrimmed += len(entries)
        self._next.set()
        self._next = asyncio.Event()
        return entries[-1].head


def closes(event: ApprovalEvent) -> bool:
    """Say whether nothing more is told about the approval after *event*.

    An approved one goes on: it is run, and closes with the report.
    """
    match event:
        case ApprovalResolved():
            return event.verdict is not Verdict.APPROVE
        case ApprovalReported() | ApprovalExpiredEvent() | ApprovalCancelledEvent():
            return True
    return False
