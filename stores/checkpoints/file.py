"""Owns checkpoints on disk: one file for each key, replaced whole.

A file is one line of JSON (`key`, `version`, `sha256` of the text) and the text behind it. The hash
tells a broken file from a whole one; the key, a file that was copied to another one's name.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from gate import (
    MAX_CHECKPOINT,
    Checkpoint,
    StoreCorrupt,
    StoreUnavailable,
    check_checkpoint,
    check_checkpoint_key,
    new_id,
    parse_json,
)

from .folder import (
    Folder,
    file_name,
    key_of_file,
    open_file,
    read_whole,
    remove_file,
    replace_file,
)

__all__ = ["FileCheckpoints"]

_SUFFIX: Final = ".checkpoint"
_HEAD: Final = 16 * 1024
"""Bytes that the first line may have."""


class FileCheckpoints:
    """Keeps texts as files of one machine. See `gate.Checkpoints`.

    Files have rights 0600 in a folder with 0700, and links are never followed. Several processes
    may share the folder, on a disk whose `flock` works (not every network disk).

    Args:
        folder: Where they are; made if it is missing.
        lock_timeout: Seconds that a write waits while another process writes.
        ids: Fresh ids, for versions.

    Raises:
        ConfigError: The folder is a link, another user's, or open to others.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        lock_timeout: float = 5.0,
        ids: Callable[[], str] = new_id,
    ) -> None:
        self._folder = Folder(Path(folder), lock_timeout=lock_timeout)
        self._ids = ids

    async def load(self, key: str) -> Checkpoint | None:
        """See `gate.Checkpoints.load`."""
        check_checkpoint_key(key)
        return await self._folder.read(lambda folder: _load(folder, key))

    async def save(self, key: str, text: str) -> str:
        """See `gate.Checkpoints.save`."""
        version, content = self._file(key, text)
        await self._folder.write(
            lambda folder: replace_file(folder, _name(key), content, operation="save")
        )
        return version

    async def swap(self, key: str, text: str, *, expected: str) -> str | None:
        """See `gate.Checkpoints.swap`."""
        version, content = self._file(key, text)

        def work(folder: int) -> str | None:
            standing = _load(folder, key)
            if expected != (standing.version if standing else ""):
                return None
            replace_file(folder, _name(key), content, operation="swap")
            return version

        return await self._folder.write(work)

    async def delete(self, key: str, *, expected: str | None = None) -> bool:
        """See `gate.Checkpoints.delete`."""
        check_checkpoint_key(key)

        def work(folder: int) -> bool:
            if expected is not None:
                standing = _load(folder, key)
                if standing is None or standing.version != expected:
                    return False
            return remove_file(folder, _name(key), operation="delete")

        return await self._folder.write(work)

    async def keys(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Sequence[str]:
        """See `gate.Checkpoints.keys`."""
        found = await self._folder.read(_keys)
        return [key for key in found if key.startswith(prefix) and key > after][:limit]

    def _file(self, key: str, text: str) -> tuple[str, bytes]:
        """Return a fresh version, and what the file has to hold."""
        raw = check_checkpoint(text)
        version = self._ids()
        head = {
            "key": check_checkpoint_key(key),
            "version": version,
            "sha256": hashlib.sha256(raw).hexdigest(),
        }
        return version, json.dumps(head).encode() + b"\n" + raw


def _name(key: str) -> str:
    return file_name(key, suffix=_SUFFIX)


def _load(folder: int, key: str) -> Checkpoint | None:
    handle = open_file(folder, _name(key), os.O_RDONLY, key=key, operation="load")
    if handle is None:
        return None
    try:
        raw = read_whole(handle, limit=MAX_CHECKPOINT + _HEAD, key=key)
    finally:
        os.close(handle)
    line, end, text = raw.partition(b"\n")
    head = _head(line if end else b"", key=key)
    if head["key"] != key:
        raise StoreCorrupt(key, reason="it is the file of another key")
    if head["sha256"] != hashlib.sha256(text).hexdigest():
        raise StoreCorrupt(key, reason="the text is not the one that was written")
    return Checkpoint(text.decode(), head["version"])


def _head(line: bytes, *, key: str) -> dict[str, Any]:
    try:
        head = parse_json(line)
    except ValueError:
        head = None
    if (
        not isinstance(head, dict)
        or set(head) != {"key", "version", "sha256"}
        or not all(isinstance(value, str) and value for value in head.values())
    ):
        raise StoreCorrupt(key, reason="no first line of ours")
    return head


def _keys(folder: int) -> list[str]:
    found = []
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise StoreUnavailable("keys", cause=type(error).__name__) from None
    for name in names:
        try:
            key = key_of_file(name, suffix=_SUFFIX)
        except ValueError:
            continue
        if key is None:
            key = _key_inside(folder, name)
        if key is not None:
            found.append(key)
    return sorted(found)


def _key_inside(folder: int, name: str) -> str | None:
    """Return the key that stands in a file whose name is only a hash; `None` if it went away.

    Raises:
        StoreCorrupt: No key stands there.
    """
    handle = open_file(folder, name, os.O_RDONLY, key=name, operation="keys")
    if handle is None:
        return None
    try:
        line, end, _ = os.read(handle, _HEAD).partition(b"\n")
    finally:
        os.close(handle)
    key = str(_head(line if end else b"", key=name)["key"])
    if _name(key) != name:
        raise StoreCorrupt(name, reason="it is the file of another key")
    return key
