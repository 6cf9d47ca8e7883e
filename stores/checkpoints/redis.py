"""Owns checkpoints in Redis or Valkey: one string for each key, an index of each bucket's keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from gate import (
    Checkpoint,
    StoreCorrupt,
    check_checkpoint,
    check_checkpoint_key,
    new_id,
)

from ..redis.place import RedisPlace
from ..redis.state_scripts import drop_checkpoint, keep_checkpoint

__all__ = ["RedisCheckpoints"]

_BEHIND_ALL: Final = b"\xff"
"""Greater than every byte of UTF-8."""


class RedisCheckpoints(RedisPlace):
    """Keeps texts in Redis 6.2 or later, or Valkey. See `gate.Checkpoints`.

    Enter it (`async with`) before use; that is where the schema is checked.

    Args:
        url: As `open_store` takes them for a server.
        operation_timeout: Seconds for one whole operation.
        connections: Operations under way at once; more of them queue in order.
        ids: Fresh ids, for versions.

    Raises:
        ConfigError: The address cannot be read.
    """

    def __init__(
        self,
        url: str,
        *,
        operation_timeout: float = 2.0,
        connections: int = 8,
        ids: Callable[[], str] = new_id,
    ) -> None:
        super().__init__(url, operation_timeout=operation_timeout, connections=connections)
        self._ids = ids

    async def load(self, key: str) -> Checkpoint | None:
        """See `gate.Checkpoints.load`."""
        link, names = self._at(check_checkpoint_key(key))
        [kept] = await link.read(["GET", names.checkpoint(key)], operation="load", key=key)
        return None if kept is None else _decoded(kept, key=key)

    async def save(self, key: str, text: str) -> str:
        """See `gate.Checkpoints.save`."""
        version = await self._keep(key, text, expected=None)
        assert version is not None, "without a condition it is written"  # noqa: S101  (for types)
        return version

    async def swap(self, key: str, text: str, *, expected: str) -> str | None:
        """See `gate.Checkpoints.swap`."""
        return await self._keep(key, text, expected=expected)

    async def delete(self, key: str, *, expected: str | None = None) -> bool:
        """See `gate.Checkpoints.delete`."""
        check_checkpoint_key(key)
        link, names = self._at(key)
        # No version is empty: what stands never has it.
        return expected != "" and await drop_checkpoint(link, names, key, expected=expected)

    async def keys(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Sequence[str]:
        """See `gate.Checkpoints.keys`."""
        # What is no text is the beginning of no key.
        first, last = (part.encode("utf-8", "surrogatepass") for part in (prefix, after))
        start = b"(" + last if last >= first and last else b"[" + first
        end = b"(" + first + _BEHIND_ALL if first else b"+"
        pages = await asyncio.gather(
            *(
                link.read(
                    ["ZRANGEBYLEX", names.checkpoints, start, end, "LIMIT", 0, limit],
                    operation="keys",
                )
                for link, names in self._parts
            )
        )
        found = sorted(key for [page] in pages for key in page)
        try:
            return [key.decode() for key in found[:limit]]
        except UnicodeDecodeError:
            raise StoreCorrupt("checkpoints", reason="a key that is no text") from None

    async def _keep(self, key: str, text: str, *, expected: str | None) -> str | None:
        check_checkpoint_key(key)
        check_checkpoint(text)
        version = self._ids()
        link, names = self._at(key)
        written = await keep_checkpoint(
            link, names, key, version=version, text=text, expected=expected
        )
        return version if written else None


def _decoded(kept: bytes, *, key: str) -> Checkpoint:
    version, gap, text = kept.partition(b" ")
    try:
        if not (version and gap):
            raise ValueError
        return Checkpoint(text.decode(), version.decode())
    except ValueError:
        raise StoreCorrupt(key, reason="no version in front, or no text") from None
