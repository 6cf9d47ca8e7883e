"""Owns the lease: of several replicas one acts at a time, and stops when it has lost the lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from gate import Leases, StoreUnavailable, Unconfirmed, get_logger

__all__ = ["Leadership"]

LEASE_SECONDS: Final = 10.0


class Leadership:
    """One replica's part in the lease *name*.

    Args:
        leases: The store.
        name: The lease's name.
        holder: This replica's name, unlike every other's.
        seconds: Life of the lease without renewal: how long the others wait after a crash.
        bucket: Which part of the store it is for, where there are several.

    Attributes:
        leading: Whether this replica acts now.
    """

    def __init__(
        self,
        leases: Leases,
        *,
        name: str,
        holder: str,
        seconds: float = LEASE_SECONDS,
        bucket: int | None = None,
    ) -> None:
        self._leases = leases
        self._name = name
        self._holder = holder
        self._seconds = seconds
        self._log = get_logger("signoff.bot")
        self._told = {"lease": name} if bucket is None else {"lease": name, "bucket": bucket}
        self.leading = False

    async def lead(self, work: Callable[[int], Awaitable[None]]) -> None:
        """Do *work* with the lease's fence whenever the lease is ours, until cancelled."""
        try:
            while True:
                # Counted from before the question: the store's answer may be slow.
                asked = asyncio.get_running_loop().time()
                fence = await self._hold()
                if fence is None:
                    await asyncio.sleep(self._seconds / 3)
                    continue
                await self._work(work, fence, valid_until=asked + self._seconds)
        finally:
            self.leading = False
            with suppress(StoreUnavailable, Unconfirmed):
                # A clean stop hands over at once; after a crash the lease runs out.
                await self._leases.release(self._name, self._holder)

    async def _work(
        self, work: Callable[[int], Awaitable[None]], fence: int, *, valid_until: float
    ) -> None:
        self.leading = True
        self._log.info("lease.taken", fence=fence, **self._told)
        task = asyncio.ensure_future(work(fence))
        loop = asyncio.get_running_loop()
        failed: BaseException | None = None
        try:
            while (rest := valid_until - loop.time()) > 0:
                await asyncio.wait({task}, timeout=min(rest, self._seconds / 3))
                if task.done():
                    break
                asked = loop.time()
                try:
                    # A store that never answers must not keep us at work past our time.
                    async with asyncio.timeout_at(valid_until):
                        held = await self._take()
                except (StoreUnavailable, Unconfirmed, TimeoutError):
                    continue  # still ours until its time has run out
                if held != fence:
                    break
                valid_until = asked + self._seconds
        finally:
            self.leading = False
            task.cancel()
            # Not awaited itself: its cancellation and ours would look the same.
            await asyncio.wait({task})
            failed = None if task.cancelled() else task.exception()
        if failed is not None:
            raise failed
        self._log.warning("lease.lost", fence=fence, **self._told)

    async def _hold(self) -> int | None:
        try:
            return await self._take()
        except (StoreUnavailable, Unconfirmed):
            return None

    async def _take(self) -> int | None:
        return await self._leases.hold(self._name, self._holder, seconds=self._seconds)
