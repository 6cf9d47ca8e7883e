"""Owns the log of steps on disk: one file for each run, one line of JSON for each row.

A row counts once its line has its end. A line without one is what a crash left of a write that
nobody was told of; it is passed over, and cut off before the next row. Any other line that cannot
be read makes the log corrupt: a lost row could call a function twice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gate import StepRow, StoreCorrupt, StoreUnavailable, Unconfirmed, check_id

from ..checkpoints.folder import (
    Folder,
    file_name,
    keep_names,
    open_file,
    read_whole,
    remove_file,
    write_all,
)

__all__ = ["FileStepLog"]

_SUFFIX: Final = ".steps"
_LONGEST_ROW: Final = 1024 * 1024
_LARGEST: Final = 1024 * 1024 * 1024
"""Bytes of one run's file."""


class FileStepLog:
    """Keeps rows as files of one machine. See `gate.StepLog`.

    Files have rights 0600 in a folder with 0700, and links are never followed. Several processes
    may share the folder, on a disk whose `flock` works (not every network disk).

    Args:
        folder: Where they are; made if it is missing. Checkpoints may lie in the same one.
        lock_timeout: Seconds that a write waits while another process writes.

    Raises:
        ConfigError: The folder is a link, another user's, or open to others.
    """

    def __init__(self, folder: Path | str, *, lock_timeout: float = 5.0) -> None:
        self._folder = Folder(Path(folder), lock_timeout=lock_timeout)

    async def append(self, run_id: str, row: StepRow, *, after: str | None) -> bool:
        """See `gate.StepLog.append`."""
        line = row.to_text().encode() + b"\n"
        check_id(run_id, field="run_id")
        return await self._folder.write(
            lambda folder: _append(folder, run_id, row.worker, line, after=after)
        )

    async def rows(self, run_id: str) -> Sequence[StepRow]:
        """See `gate.StepLog.rows`."""
        check_id(run_id, field="run_id")
        raw = await self._folder.read(lambda folder: _read(folder, run_id))
        return [StepRow.from_text(line, run_id=run_id) for line in raw.split(b"\n")[:-1]]

    async def clear(self, run_id: str) -> bool:
        """See `gate.StepLog.clear`."""
        check_id(run_id, field="run_id")

        def work(folder: int) -> bool:
            there = bool(_read(folder, run_id))
            return remove_file(folder, _name(run_id), operation="clear") and there

        return await self._folder.write(work)


def _name(run_id: str) -> str:
    return file_name(run_id, suffix=_SUFFIX)


def _read(folder: int, run_id: str) -> bytes:
    """Return the whole lines of the run's file."""
    handle = open_file(folder, _name(run_id), os.O_RDONLY, key=run_id, operation="rows")
    if handle is None:
        return b""
    try:
        raw = read_whole(handle, limit=_LARGEST, key=run_id)
    finally:
        os.close(handle)
    return raw[: raw.rfind(b"\n") + 1]


def _append(folder: int, run_id: str, worker: str, line: bytes, *, after: str | None) -> bool:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    handle = open_file(folder, _name(run_id), flags, key=run_id, operation="append")
    if handle is None:
        raise StoreUnavailable("append", cause="the folder is gone")
    try:
        end, last = _tail(handle, run_id=run_id)
        row = StepRow.from_text(last, run_id=run_id) if end else None
        if (row.worker if row else "") != worker and (row.id if row else "") != after:
            return False
        _add(handle, line, end=end)
    finally:
        os.close(handle)
    if end == 0:
        keep_names(folder, operation="append")
    return True


def _tail(handle: int, *, run_id: str) -> tuple[int, bytes]:
    """Return where the last whole line ends, and that line, empty if there is none."""
    try:
        size = os.fstat(handle).st_size
        # Room for a line that was torn, behind one that is whole.
        start = max(0, size - 2 * _LONGEST_ROW)
        raw = os.pread(handle, size - start, start)
    except OSError as error:
        raise StoreUnavailable("append", cause=_cause(error)) from None
    length = raw.rfind(b"\n") + 1
    if not length and start:
        raise StoreCorrupt(run_id, reason="a line without end")
    begin = raw.rfind(b"\n", 0, max(0, length - 1)) + 1
    return start + length, raw[begin : max(begin, length - 1)]


def _add(handle: int, line: bytes, *, end: int) -> None:
    """Write a line behind *end*, where the whole ones end.

    Raises:
        StoreUnavailable: Nothing of it stays.
        Unconfirmed: It is not known what stays.
    """
    try:
        os.ftruncate(handle, end)
        write_all(handle, line)
    except OSError as error:
        try:
            os.ftruncate(handle, end)
            os.fsync(handle)
        except OSError:
            raise Unconfirmed("append") from None
        raise StoreUnavailable("append", cause=_cause(error)) from None


def _cause(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
