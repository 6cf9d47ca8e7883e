"""Places that die at a chosen moment: every operation is two moments, before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gate import Approval, ApprovalEvent, Checkpoint, Patched
from gate.testing import FakeClock, ScratchStore
from stores.checkpoints import MemoryCheckpoints


class Killed(BaseException):
    """The process is gone; nothing in it goes on."""


class Fuse:
    """Counts moments, and kills at one of them.

    Attributes:
        moment: How many moments have passed.
        what: What happened at each.
    """

    def __init__(self, kill_at: int | None = None) -> None:
        self.kill_at = kill_at
        self.moment = 0
        self.what: list[str] = []

    def tick(self, what: str) -> None:
        """Let one moment pass.

        Raises:
            Killed: This is the moment, or it has passed: a dead process does nothing more.
        """
        self.moment += 1
        self.what.append(what)
        if self.kill_at is not None and self.moment >= self.kill_at:
            raise Killed(what)


class FusedCheckpoints:
    """Checkpoints of a process with a fuse."""

    def __init__(self, inner: MemoryCheckpoints, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    async def load(self, key: str) -> Checkpoint | None:
        return await self._inner.load(key)

    async def save(self, key: str, text: str) -> str:
        return await self._inner.save(key, text)

    async def swap(self, key: str, text: str, *, expected: str) -> str | None:
        self._fuse.tick("before saving")
        version = await self._inner.swap(key, text, expected=expected)
        self._fuse.tick("after saving")
        return version

    async def delete(self, key: str, *, expected: str | None = None) -> bool:
        return await self._inner.delete(key, expected=expected)

    async def keys(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Sequence[str]:
        return await self._inner.keys(prefix, after=after, limit=limit)


class FusedStore(ScratchStore):
    """An approval store that outlives its processes; only the living one's writes tick."""

    def __init__(self, *, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.fuse = Fuse()

    async def put(self, approval: Approval, events: Sequence[ApprovalEvent] = ()) -> Approval:
        self.fuse.tick("before asking")
        stored = await super().put(approval, events)
        self.fuse.tick("after asking")
        return stored

    async def patch(
        self,
        key: str,
        expected_version: int,
        approval: Approval,
        events: Sequence[ApprovalEvent] = (),
        before: datetime | None = None,
    ) -> Patched:
        self.fuse.tick("before patching")
        answer = await super().patch(key, expected_version, approval, events, before)
        self.fuse.tick("after patching")
        return answer
