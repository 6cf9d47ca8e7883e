"""Owns saving: one writer at a time, each write over the one that this worker knows, or not at all.

Every change of the loop's state is saved before what it allows is done. Changes that come while a
write is under way go together into the next one; no lock is held while the place is written to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..checkpoints import Checkpoints
from ..clock import Clock, sleep
from ..errors import StoreUnavailable, Unconfirmed
from ..run_errors import RunTaken

__all__ = ["Journal"]

_FIRST_PAUSE = 0.05
_LAST_PAUSE = 2.0


class Journal:
    """Saves one text under one key, as often as it changes.

    Args:
        place: Where to; `None` keeps nothing.
        key: Under which key.
        text: Renders the state as it is now; never the same text twice.
        run_id: For errors: which run is written.
        clock: Time, for pauses between attempts.
        patience: Seconds for which a place that is away is waited for.

    Attributes:
        version: The version of the write that this worker knows; empty while there is none.
    """

    def __init__(
        self,
        place: Checkpoints | None,
        key: str,
        *,
        text: Callable[[], str],
        run_id: Callable[[], str],
        clock: Clock,
        patience: float,
    ) -> None:
        self.version = ""
        self._place = place
        self._key = key
        self._text = text
        self._run_id = run_id
        self._clock = clock
        self._patience = patience
        self._changes = 0
        self._kept = 0
        self._tried = ""
        self._writing: asyncio.Task[None] | None = None

    @property
    def changed(self) -> bool:
        """Whether something was not saved yet."""
        return self._kept < self._changes

    def note(self) -> None:
        """Note that the state has changed."""
        self._changes += 1

    async def flush(self) -> None:
        """Return when every change up to now is saved.

        Raises:
            RunTaken: Somebody else has written since.
            StoreUnavailable: The place stayed away; nothing was written.
            Unconfirmed: It is not known whether it was written.
            LimitExceeded: The state is too large to be kept.
        """
        if self._place is None:
            return
        goal = self._changes
        while self._kept < goal:
            if self._writing is None or self._writing.done():
                self._writing = asyncio.create_task(
                    self._write(self._place), name="signoff-checkpoint"
                )
            # One caller's cancellation must not leave the others with half a write.
            await asyncio.shield(self._writing)

    def found(self, version: str) -> None:
        """Take what stands under the key, in this version, for what is saved."""
        self.version = version
        self._kept = self._changes
        self._tried = ""

    async def settle(self) -> None:
        """Return when no write is under way; what became of it was told to those who waited."""
        if self._writing is not None:
            await asyncio.wait({self._writing})
            if not self._writing.cancelled():
                self._writing.exception()

    async def _write(self, place: Checkpoints) -> None:
        goal = self._changes
        self.version = await self._swap(place, self._text())
        self._kept = goal

    async def _swap(self, place: Checkpoints, text: str) -> str:
        self._tried = text
        started = self._clock.monotonic()
        pause = _FIRST_PAUSE
        doubt = False
        while True:
            trouble: StoreUnavailable | Unconfirmed
            try:
                if doubt and (version := await self._ours(place)) is not None:
                    return version
                version = await place.swap(self._key, text, expected=self.version)
                if version is None and doubt:
                    # The write in doubt may have come in after all, just now.
                    version = await self._ours(place)
                if version is None:
                    raise RunTaken(self._run_id())
            except Unconfirmed as error:
                doubt, trouble = True, error
            except StoreUnavailable as error:
                trouble = error
            else:
                return version
            if self._clock.monotonic() - started >= self._patience:
                raise Unconfirmed("checkpoint") if doubt else trouble
            await sleep(self._clock, pause)
            pause = min(pause * 2, _LAST_PAUSE)

    async def _ours(self, place: Checkpoints) -> str | None:
        """Return the version of what stands there, if it is what this worker tried to write."""
        found = await place.load(self._key)
        return found.version if found is not None and found.text == self._tried else None

    async def catch_up(self) -> None:
        """After trouble: learn whether the last write took place, and that nobody else wrote.

        Raises:
            RunTaken: Somebody else has written since.
            StoreUnavailable: The place cannot be reached.
            StoreCorrupt: What is there cannot be read.
        """
        await self.settle()
        if self._place is None or not self._tried:
            return
        found = await self._place.load(self._key)
        standing = found.version if found is not None else ""
        if standing == self.version:
            return
        version = await self._ours(self._place)
        if version is None:
            raise RunTaken(self._run_id())
        self.version = version
