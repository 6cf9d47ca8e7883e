"""Owns checkpoints in memory: the shortest reading of the contract, for one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gate import Checkpoint, check_checkpoint, check_checkpoint_key, new_id

__all__ = ["MemoryCheckpoints"]


class MemoryCheckpoints:
    """Keeps texts as long as the process lives. See `gate.Checkpoints`.

    No method awaits between looking and writing, so each is one step for all tasks of the loop.

    Args:
        ids: Fresh ids, for versions.
    """

    def __init__(self, *, ids: Callable[[], str] = new_id) -> None:
        self._ids = ids
        self._kept: dict[str, Checkpoint] = {}

    async def load(self, key: str) -> Checkpoint | None:
        """See `gate.Checkpoints.load`."""
        return self._kept.get(check_checkpoint_key(key))

    async def save(self, key: str, text: str) -> str:
        """See `gate.Checkpoints.save`."""
        check_checkpoint(text)
        self._kept[check_checkpoint_key(key)] = kept = Checkpoint(text, self._ids())
        return kept.version

    async def swap(self, key: str, text: str, *, expected: str) -> str | None:
        """See `gate.Checkpoints.swap`."""
        check_checkpoint(text)
        return await self.save(key, text) if expected == self._version(key) else None

    async def delete(self, key: str, *, expected: str | None = None) -> bool:
        """See `gate.Checkpoints.delete`."""
        standing = self._version(key)
        if not standing or expected not in (None, standing):
            return False
        del self._kept[key]
        return True

    async def keys(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Sequence[str]:
        """See `gate.Checkpoints.keys`."""
        # Code points and their UTF-8 bytes have one order.
        found = sorted(key for key in self._kept if key.startswith(prefix) and key > after)
        return found[:limit]

    def _version(self, key: str) -> str:
        kept = self._kept.get(check_checkpoint_key(key))
        return kept.version if kept else ""
