"""Owns a loop's state together with where it is kept: opened once, and known to be the latest."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from ..errors import SignoffError, StoreCorrupt
from ..run_errors import RunTaken
from .configuration import CHECKPOINT_PREFIX, Configuration
from .journal import Journal
from .observing import Observers
from .snapshot import AgentLoopSnapshot, Phase
from .state import LoopState

__all__ = ["Keeping"]

T = TypeVar("T")


class Keeping:
    """Keeps one loop's state.

    Args:
        config: The loop's.
        observers: Hear the warnings.

    Attributes:
        state: The state; only changed by the loop.
        journal: Saves it.
    """

    def __init__(self, config: Configuration, observers: Observers) -> None:
        self._config = config
        self._observers = observers
        self._key = CHECKPOINT_PREFIX + config.agent_id
        self._given: AgentLoopSnapshot | None = None
        self._opened = False
        self._troubled = False
        self._untold = list(config.warnings)
        for warning in config.warnings:
            observers.warn(warning)
        self.state = self._fresh()
        self.journal = Journal(
            config.checkpoint,
            self._key,
            text=self._render,
            run_id=lambda: self.state.run.id if self.state.run is not None else config.agent_id,
            clock=config.clock,
            patience=config.patience,
        )

    def restore(self, snapshot: AgentLoopSnapshot) -> None:
        """Take *snapshot* for the state; what stands in the checkpoint must be the same."""
        self._adopt(snapshot)
        self._given = snapshot
        if self._config.checkpoint is not None:
            return
        for index, call in enumerate(self.state.calls):
            # Nothing keeps two loops of one snapshot apart: neither may repeat the other's run.
            if call.phase in (Phase.APPROVED, Phase.EXECUTING):
                self.state.change_call(index, operation_id=self._config.ids())

    async def open(self) -> None:
        """See that the state is the latest: read it, or learn what became of the last write.

        Raises:
            RunTaken: Another worker has written since.
            SnapshotUnsupported: It was written by a later version.
            StoreCorrupt: What is there cannot be read.
            StoreUnavailable: The checkpoint cannot be reached.
        """
        untold, self._untold = self._untold, []
        await self._observers.warned(*untold)
        if self._opened:
            if self._troubled:
                await self.watched(self.journal.catch_up())
                self._troubled = False
            return
        place = self._config.checkpoint
        found = await place.load(self._key) if place is not None else None
        if found is not None:
            snapshot = AgentLoopSnapshot.from_text(found.text, key=self._key)
            if snapshot.agent_id != self._config.agent_id:
                raise StoreCorrupt(self._key, reason="it is another agent's")
            given = self._given
            if given is None:
                self._adopt(snapshot)
            elif (given.revision, given.worker) != (snapshot.revision, snapshot.worker):
                raise RunTaken(given.run.id if given.run is not None else given.agent_id)
        self.journal.found(found.version if found is not None else "")
        self._opened = True

    async def watched(self, work: Awaitable[T]) -> T:
        """Await *work*, which saves; remember trouble, so that `open` looks first."""
        try:
            return await work
        except RunTaken:
            # What this object holds is history. The next one who opens reads what stands there.
            self._opened, self._given, self._troubled = False, None, False
            self.state = self._fresh()
            raise
        except SignoffError:
            self._troubled = True
            raise

    def _adopt(self, snapshot: AgentLoopSnapshot) -> None:
        self.state.adopt(snapshot)
        for warning in self._config.compare(snapshot):
            self._observers.warn(warning)
            self._untold.append(warning)

    def _fresh(self) -> LoopState:
        config = self._config
        state = LoopState(config.agent_id, worker=config.ids(), now=config.clock.now())
        state.system, state.context = config.system, config.context
        state.tool_names = tuple(sorted(config.judge.tools))
        state.safeguards = config.safeguards
        state.metadata = dict(config.metadata)
        return state

    def _render(self) -> str:
        self.state.revision += 1
        return self.state.snapshot(self._config.clock.now()).to_text()
