"""Owns the archive: sealed events that are older than the retention, as files beside the store.

A segment is a file of the chain's own lines, and a signed anchor beside it. Both are on disk,
whole, and read again before anything is taken from the store.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from gate import (
    AuditAnchor,
    AuditCheck,
    AuditEntry,
    AuditHead,
    AuditLog,
    PublicKey,
    SignoffError,
    get_logger,
    read_audit_entry,
    read_segment_anchor,
    sign_segment,
)

from .keyring import Keyring

__all__ = ["Archive", "Segment", "segments"]

_INTERVAL: Final = 600.0
_PAGE: Final = 500
_LARGEST: Final = 50_000
"""Entries of one segment."""
_BYTES: Final = 64 * 1024 * 1024
"""About so much of one segment is held in memory."""
_NAME: Final = re.compile(r"audit-([0-9]{12})-([0-9]{12})\.jsonl")
_ANCHOR: Final = ".anchor"
_ANCHOR_BYTES: Final = 4096
_LINE: Final = 1024 * 1024


@dataclass(frozen=True)
class Segment:
    """One archived part of the chain."""

    path: Path
    start: AuditHead
    """What it goes on from."""
    end: AuditHead
    """Its last entry, by the signed anchor."""

    def lines(self) -> Iterator[bytes]:
        """Return its lines in order, without their ends; a cut or overlong one as it is."""
        with self.path.open("rb") as file:
            while line := file.readline(_LINE):
                yield line.removesuffix(b"\n")


def segments(folder: Path, keys: Sequence[PublicKey]) -> list[Segment]:
    """Return the segments in *folder*, in order.

    Args:
        folder: Where they lie.
        keys: Of the bot that archived them.

    Raises:
        ValueError: The anchor of one is missing, is none, or is not signed by one of *keys*.
        OSError: They cannot be read.
    """
    found = []
    for path in sorted(folder.iterdir()):
        named = _NAME.fullmatch(path.name)
        if named is None:
            continue
        try:
            with path.with_name(path.name + _ANCHOR).open("rb") as file:
                start, end = read_segment_anchor(file.read(_ANCHOR_BYTES), keys)
        except FileNotFoundError:
            raise ValueError(f"{path.name} has no anchor") from None
        except ValueError as error:
            raise ValueError(f"the anchor of {path.name}: {error}") from None
        if (start.number + 1, end.number) != (int(named[1]), int(named[2])):
            raise ValueError(f"the anchor of {path.name} is another segment's")
        found.append(Segment(path, start, end))
    return found


class Archive:
    """Moves what is old enough from the store to files, while it is the one who may.

    Args:
        store: Has the chain.
        folder: Where the segments go; made if need be, closed to others. A replica that takes over
            goes on in its own folder, unless they share one. `None`: nothing is archived.
        keyring: Signs the anchors.
        retention: Seconds for which sealed events stay in the store.
        now: The store's time.
        interval: Seconds between two looks.
        largest: Entries of one segment.
    """

    def __init__(
        self,
        store: AuditLog,
        folder: Path | None,
        *,
        keyring: Keyring,
        retention: float,
        now: Callable[[], Awaitable[datetime]],
        interval: float = _INTERVAL,
        largest: int = _LARGEST,
    ) -> None:
        self._store = store
        self._folder = folder
        self._key = keyring.key
        self._keys = (keyring.key.public, *keyring.listed)
        self._retention = timedelta(seconds=retention)
        self._now = now
        self._interval = interval
        self._largest = largest
        self._log = get_logger("signoff.bot")

    async def run(self) -> None:
        """Look and archive until cancelled. What fails is said, and tried at the next look."""
        while self._folder is not None:
            try:
                while await self.sweep(self._folder):
                    pass
            except (SignoffError, OSError, ValueError) as error:
                self._log.error("archive.failed", error=type(error).__name__)
            await asyncio.sleep(self._interval)

    async def sweep(self, folder: Path) -> int:
        """Archive one segment into *folder*; return how many entries left the store.

        Raises:
            StoreUnavailable: The store cannot be reached; nothing is lost.
            ValueError: The chain, or what is in the folder, is not as it was written; nothing is
                taken away.
            OSError: The files cannot be written.
        """
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        entries, last = await self._old_ones()
        if last is None:
            return 0
        written = await asyncio.to_thread(self._written, folder, entries[0].number)
        if written is not None:
            return await self._drop(written, entries)
        start = AuditHead(entries[0].number - 1, entries[0].prev, "")
        path = folder / f"audit-{entries[0].number:012}-{last.number:012}.jsonl"
        lines = "".join(f"{entry.text}\n" for entry in entries)
        await asyncio.to_thread(_write, path, lines.encode())
        anchor = sign_segment(start, last, self._key)
        anchor_path = path.with_name(path.name + _ANCHOR)
        await asyncio.to_thread(_write, anchor_path, f"{anchor}\n".encode())
        await asyncio.to_thread(_check, Segment(path, start, last))
        return await self._drop(Segment(path, start, last), entries)

    def _written(self, folder: Path, first: int) -> Segment | None:
        """Return the segment from *first* on that a stop left behind; take away half a one."""
        for path in sorted(folder.glob(f"audit-{first:012}-*.jsonl")):
            if not path.with_name(path.name + _ANCHOR).exists():
                # The anchor comes before anything leaves the store: all of it is still there.
                path.unlink()
                continue
            found = next(each for each in segments(folder, self._keys) if each.path == path)
            _check(found)
            return found
        return None

    async def _drop(self, segment: Segment, entries: Sequence[AuditEntry]) -> int:
        """Take from the store what is in *segment*, of which *entries* are the beginning or all."""
        first, last = segment.start.number + 1, segment.end.number
        there = {entry.number: entry.hash for entry in entries}
        if there.get(last) != segment.end.hash:
            raise ValueError("the segment is of another chain")
        gone = await self._store.drop_sealed(last)
        self._log.info("archive.written", first=first, last=last, gone=gone)
        return gone

    async def _old_ones(self) -> tuple[list[AuditEntry], AuditHead | None]:
        """Return entries that are old enough, whole and in order, and the head of the last one."""
        head = await self._store.audit_head()
        now = await self._now()
        found: list[AuditEntry] = []
        after, more, room = 0, True, _BYTES
        while more and len(found) < self._largest:
            page = await self._store.sealed(after, limit=min(_PAGE, self._largest - len(found)))
            more = bool(page)
            for number, line in page:
                after = number
                # The last one stays in the store: the chain goes on from it.
                if number >= head.number or self._is_young(entry := read_audit_entry(line), now):
                    more = False
                    break
                if found and (entry.number, entry.prev) != (found[-1].number + 1, found[-1].hash):
                    raise ValueError("the chain is broken")
                found.append(entry)
                room -= len(line)
            more = more and room > 0
        return found, found[-1].head if found else None

    def _is_young(self, entry: AuditEntry, now: datetime) -> bool:
        """Say whether *entry* was written within the retention.

        What has no time, or one that has not come, does not hold up what lies behind it.
        """
        try:
            at = datetime.fromisoformat(str((entry.event or {})["at"]))
            return now - self._retention < at <= now
        except (KeyError, ValueError, TypeError):
            return False


def _write(path: Path, content: bytes) -> None:
    """Write *path* whole, on disk, for this user alone; one that is there already is replaced."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _check(segment: Segment) -> None:
    """Read back what was written.

    Raises:
        ValueError: It is not the chain.
    """
    check = AuditCheck((AuditAnchor.of(segment.end),), start=segment.start)
    for line in segment.lines():
        check.take(line)
    if not check.finish().whole:
        raise ValueError("the segment is not what was written")
