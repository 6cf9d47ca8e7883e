"""Owns where data, socket and keys lie on this machine, and that nobody else can reach them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gate import ConfigError

__all__ = ["Folders", "find_folders", "key_folder"]

_LONGEST_SOCKET: Final = 100
"""Bytes of a unix socket's path; the smallest limit of a common system is 104, with its end."""


@dataclass(frozen=True)
class Folders:
    """The places of one embedded server."""

    data: Path
    socket: Path
    """Where a server that is started here listens."""
    exist: bool

    def note_socket(self) -> None:
        """Write down where the server listens: another process may look from another place."""
        note = self.data / "socket"
        fresh = self.data / "socket.new"
        fresh.write_text(str(self.socket), encoding="utf-8")
        fresh.replace(note)

    def noted_socket(self) -> Path | None:
        """Return the socket that was written down, if it is there and ours."""
        try:
            path = Path((self.data / "socket").read_text(encoding="utf-8"))
            found = path.lstat()
        except (OSError, ValueError):
            return None
        ours = stat.S_ISSOCK(found.st_mode) and found.st_uid == os.getuid()
        return path if ours else None


def find_folders(environ: Mapping[str, str], *, create: bool) -> Folders:
    """Return the places that *environ* names.

    Args:
        environ: `SIGNOFF_HOME`, `XDG_STATE_HOME`, `XDG_RUNTIME_DIR`, `HOME`.
        create: Whether to make what is missing.

    Raises:
        ConfigError: A folder is a symlink, another user's, open to others, or cannot be made.
    """
    named = environ.get("SIGNOFF_HOME", "")
    home = _home(environ)
    data = home / "server"
    if not create and not data.exists():
        return Folders(data=data, socket=data / "redis.sock", exist=False)
    setting = "SIGNOFF_HOME" if named else "XDG_STATE_HOME"
    _private(data, setting=setting, create=create)
    if home.stat().st_mode & 0o022:
        raise ConfigError(setting, f"other users may write to {home}; run: chmod go-w {home}")
    near = data / "redis.sock"
    if named and len(os.fsencode(near)) <= _LONGEST_SOCKET:
        return Folders(data=data, socket=near, exist=True)
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(runtime).absolute() / "signoff" if runtime else _temporary()
    _private(folder, setting="XDG_RUNTIME_DIR", create=create)
    # A name of its own for every data folder: two of them may share this one.
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    socket = folder / f"{name}.sock"
    if len(os.fsencode(socket)) > _LONGEST_SOCKET:
        raise ConfigError("XDG_RUNTIME_DIR", f"{socket} is too long for a socket's path")
    return Folders(data=data, socket=socket, exist=True)


def key_folder(environ: Mapping[str, str], *, create: bool) -> Path:
    """Return the folder of the operator's keys: `SIGNOFF_KEYS`, else one beside the server's data.

    Args:
        environ: `SIGNOFF_KEYS`, or what `find_folders` reads.
        create: Whether to make it if it is missing.

    Raises:
        ConfigError: It is a symlink, another user's, open to others, or cannot be made.
    """
    named = environ.get("SIGNOFF_KEYS", "")
    folder = Path(named).expanduser().absolute() if named else _home(environ) / "keys"
    _private(folder, setting="SIGNOFF_KEYS" if named else "SIGNOFF_HOME", create=create)
    return folder


def _home(environ: Mapping[str, str]) -> Path:
    named, state = environ.get("SIGNOFF_HOME", ""), environ.get("XDG_STATE_HOME", "")
    if named:
        return Path(named).expanduser().absolute()
    if state:
        return Path(state).absolute() / "signoff"
    return Path(environ.get("HOME") or Path.home()).absolute() / ".local/state/signoff"


def _temporary() -> Path:
    return Path(f"/tmp/signoff-{os.getuid()}")  # noqa: S108  (checked before use: ours and private)


def _private(folder: Path, *, setting: str, create: bool) -> None:
    """See to it that *folder* is ours and closed to others."""
    if create:
        _make(folder, setting=setting)
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigError(setting, f"{folder} is no folder of its own (a link, or a file)")
    if found.st_uid != os.getuid():
        raise ConfigError(setting, f"{folder} belongs to another user")
    if found.st_mode & 0o077:
        raise ConfigError(setting, f"{folder} is open to other users; run: chmod 700 {folder}")


def _make(folder: Path, *, setting: str) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Not exist_ok: it would accept a link. What is there already is looked at afterwards.
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    except OSError as error:
        raise ConfigError(setting, f"{folder} cannot be made ({error.strerror})") from None
