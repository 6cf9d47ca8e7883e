"""Owns the look at the audit chains: which there are, archived and stored; whether each holds."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from gate import (
    Approval,
    AuditAnchor,
    AuditCheck,
    AuditReport,
    BulkRead,
    ConfigError,
    StoreCorrupt,
    configured_keys,
)
from stores import Bucket, Store, key_folder

from ..archive import Segment, segments

__all__ = ["COUNTED", "PAGE", "Chain", "Checked", "chains_of", "records_of"]

PAGE: Final = 500
COUNTED: Final = 10_000
"""Events that are counted where nothing is sealed; more are *or more*."""


@dataclass(frozen=True)
class Checked:
    """What a look at one chain found."""

    number: int | None
    """Of the store's part; `None` where there is only one."""
    report: AuditReport
    unsealed: int | None = None


@dataclass(frozen=True)
class Chain:
    """One chain: the part of the store that has it, and what was archived of it."""

    number: int | None
    bucket: Bucket
    archived: Sequence[Segment]

    async def check(
        self, each: Callable[[str], Any] = lambda _: None, *, anchors: Sequence[AuditAnchor] = ()
    ) -> Checked:
        """Check it from its beginning; give *each* line, also those behind a broken one."""
        ends = [AuditAnchor.of(segment.end) for segment in self.archived]
        check = AuditCheck([*anchors, *ends])
        for segment in self.archived:
            for old in segment.lines():
                check.take(old)
                each(old.decode(errors="replace"))
        async for line in self.stored(after=self.archived[-1].end.number if self.archived else 0):
            check.take(line)
            each(line)
        try:
            unsealed = await self.bucket.unsealed_count(limit=COUNTED)
        except StoreCorrupt:
            unsealed = 0  # the head itself is broken, and the report says so
        return Checked(self.number, check.finish(), unsealed)

    async def stored(self, *, after: int = 0) -> AsyncIterator[str]:
        """Yield the lines as they lie in the store, from behind a number."""
        while page := await self.bucket.sealed(after, limit=PAGE):
            for number, line in page:
                after = number
                yield line


def chains_of(store: Store, *, only: int | None, archive: Path | None) -> list[Chain]:
    """Return the chains of *store*.

    Args:
        store: In one part or several.
        only: The number of one part.
        archive: Where the bot has put old segments: one folder for each of several parts.

    Raises:
        UsageError: There is no such part.
        ConfigError: An anchor is missing or not signed by a key of ours, or there are no keys.
    """
    count = len(store.buckets)
    if only is not None and only >= count:
        parts = "one part, number 0" if count == 1 else f"{count} parts, 0 to {count - 1}"
        raise click.UsageError(f"--bucket: the store has {parts}")
    numbers = range(count) if only is None else [only]
    return [
        Chain(
            number if count > 1 else None,
            store.buckets[number],
            _segments(archive / str(number) if archive is not None and count > 1 else archive),
        )
        for number in numbers
    ]


async def records_of(store: BulkRead, keys: Sequence[str]) -> dict[str, Approval]:
    """Return the records of *keys* that are there and can be read."""
    found: dict[str, Approval] = {}
    for start in range(0, len(keys), PAGE):
        chunk = keys[start : start + PAGE]
        records = zip(chunk, await store.get_many(chunk), strict=True)
        found |= {key: record for key, record in records if isinstance(record, Approval)}
    return found


def _segments(folder: Path | None) -> Sequence[Segment]:
    if folder is None:
        return ()
    environ = os.environ  # noqa: TID251  (a composition root)
    keys = configured_keys(environ, own=key_folder(environ, create=False) / "public_keys")
    if not keys:
        raise ConfigError("SIGNOFF_PUBLIC_KEYS", "the anchors in --archive need the bot's keys")
    try:
        # A part of which nothing was archived yet has no folder.
        return segments(folder, keys) if folder.exists() else ()
    except (ValueError, OSError) as error:
        raise ConfigError("--archive", str(error)) from None
