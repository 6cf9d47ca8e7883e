"""Owns a private folder on disk: names for any key, whole writes, one writer at a time.

Everything is done below an open folder, by name and without following links, so that a folder or a
file which is swapped for a link meanwhile leads nowhere. Writers hold the folder's lock (`flock`),
which ends with its process; readers need none, because a file is replaced whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import unquote

from gate import ConfigError, StoreCorrupt, StoreUnavailable, Unconfirmed

__all__ = [
    "Folder",
    "file_name",
    "keep_names",
    "key_of_file",
    "open_file",
    "read_whole",
    "remove_file",
    "replace_file",
    "write_all",
]

T = TypeVar("T")

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_LONGEST: Final = 200
"""Bytes of an escaped key in a file name; file systems allow 255 for the whole."""
_HASHED: Final = "%%"
_NEW: Final = ".new"
_TURN: Final = 0.005
"""Seconds between two tries for the lock."""


def file_name(key: str, *, suffix: str) -> str:
    """Return the name of the file of *key*: readable where it is short enough, else a hash.

    Capitals are escaped too: some disks take them for small letters.
    """
    escaped = "".join(chr(byte) if chr(byte) in _PLAIN else f"%{byte:02x}" for byte in key.encode())
    if len(escaped) > _LONGEST:
        escaped = _HASHED + hashlib.sha256(key.encode()).hexdigest()
    return escaped + suffix


def key_of_file(name: str, *, suffix: str) -> str | None:
    """Return the key that a file's name tells, or `None` for a hash.

    Raises:
        ValueError: It is no name of ours.
    """
    if not name.endswith(suffix):
        raise ValueError
    escaped = name.removesuffix(suffix)
    if escaped.startswith(_HASHED):
        return None
    key = unquote(escaped, errors="strict")
    if file_name(key, suffix=suffix) != name:
        raise ValueError
    return key


class Folder:
    """A folder that only this user can look into.

    Args:
        path: Where it is; made with rights 0700 if it is missing, its parents included.
        lock_timeout: Seconds that a write waits while another process writes.

    Raises:
        ConfigError: It is a link or no folder, another user's, or open to others.
    """

    def __init__(self, path: Path, *, lock_timeout: float = 5.0) -> None:
        self.path = path.absolute()
        self._lock_timeout = lock_timeout
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.opened():
                pass
        except (OSError, StoreUnavailable):
            raise ConfigError("folder", f"{self.path} is no folder of its own") from None

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Give the open folder.

        Raises:
            ConfigError: Others can reach it.
            StoreUnavailable: It is gone, or is a link now.
        """
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise StoreUnavailable("open", cause=_cause(error)) from None
        try:
            found = os.fstat(handle)
            if found.st_uid != os.getuid():
                raise ConfigError("folder", f"{self.path} belongs to another user")
            if found.st_mode & 0o077:
                raise ConfigError(
                    "folder", f"{self.path} is open to other users; run: chmod 700 {self.path}"
                )
            yield handle
        finally:
            os.close(handle)

    async def read(self, work: Callable[[int], T]) -> T:
        """Return what *work* makes of the open folder, done in a thread."""
        with self.opened() as handle:
            return await _to_its_end(work, handle)

    async def write(self, work: Callable[[int], T]) -> T:
        """Do the same with the folder's lock; a cancelled call ends when *work* has ended.

        Raises:
            StoreUnavailable: Another process kept the lock.
        """
        with self.opened() as handle:
            async with self._locked(handle):
                return await _to_its_end(work, handle)

    @asynccontextmanager
    async def _locked(self, handle: int) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._lock_timeout):
                # Tried in turns, not waited for: a thread that waits could not be cancelled.
                while True:
                    with contextlib.suppress(BlockingIOError):
                        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        break
                    await asyncio.sleep(_TURN)
        except TimeoutError:
            raise StoreUnavailable("lock", cause="another process keeps the folder") from None
        # Closing the folder gives the lock back.
        yield


async def _to_its_end(work: Callable[[int], T], handle: int) -> T:
    """Run *work* in a thread; a cancellation waits for it, so that it outlives nothing it needs."""
    task = asyncio.ensure_future(asyncio.to_thread(work, handle))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()
        raise cancelled
    return task.result()


def open_file(folder: int, name: str, flags: int, *, key: str, operation: str) -> int | None:
    """Open a plain file of ours in the open *folder*; `None` if there is none.

    Raises:
        StoreCorrupt: What has the name is a link, no plain file, or another user's.
        StoreUnavailable: It cannot be opened.
    """
    try:
        # Without O_NONBLOCK a named pipe in the file's place would hold us for ever.
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(name, flags, 0o600, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if _is_link(folder, name):
            raise StoreCorrupt(key, reason="a link") from None
        raise StoreUnavailable(operation, cause=_cause(error)) from None
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
        os.close(handle)
        raise StoreCorrupt(key, reason="no plain file of this user")
    return handle


def read_whole(handle: int, *, limit: int, key: str) -> bytes:
    """Return all bytes of an open file.

    Raises:
        StoreCorrupt: More than *limit*.
        StoreUnavailable: It cannot be read.
    """
    parts: list[bytes] = []
    size = 0
    try:
        while part := os.read(handle, 1 << 20):
            parts.append(part)
            size += len(part)
            if size > limit:
                raise StoreCorrupt(key, reason=f"more than {limit} bytes")
    except OSError as error:
        raise StoreUnavailable("read", cause=_cause(error)) from None
    return b"".join(parts)


def write_all(handle: int, content: bytes) -> None:
    """Write all of *content* and have the disk keep it. Raises `OSError`."""
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]
    os.fsync(handle)


def replace_file(folder: int, name: str, content: bytes, *, operation: str) -> None:
    """Put a file with *content* in the place of *name*; needs the folder's lock.

    Raises:
        StoreUnavailable: Nothing was replaced.
        Unconfirmed: It was, and the disk did not say that it keeps it.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        # Left behind by a writer that was killed: with the lock, nobody else is at it.
        remove_name(folder, _NEW)
        handle = os.open(_NEW, flags, 0o600, dir_fd=folder)
        try:
            write_all(handle, content)
        finally:
            os.close(handle)
        os.rename(_NEW, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            remove_name(folder, _NEW)
        raise StoreUnavailable(operation, cause=_cause(error)) from None
    keep_names(folder, operation=operation)


def remove_file(folder: int, name: str, *, operation: str) -> bool:
    """Remove the file called *name* for good; return whether it was there.

    Raises:
        StoreUnavailable: It is still there.
        Unconfirmed: The disk did not say that it keeps this.
    """
    try:
        there = remove_name(folder, name)
    except OSError as error:
        raise StoreUnavailable(operation, cause=_cause(error)) from None
    if there:
        keep_names(folder, operation=operation)
    return there


def remove_name(folder: int, name: str) -> bool:
    """Unlink *name*; return whether it was there. Raises `OSError`."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def keep_names(folder: int, *, operation: str) -> None:
    """Have the disk keep the folder's names.

    Raises:
        Unconfirmed: It did not say so.
    """
    try:
        os.fsync(folder)
    except OSError:
        raise Unconfirmed(operation) from None


def _is_link(folder: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode)
    except OSError:
        return False


def _cause(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
