"""Owns the trusted side's keys on disk: made once, private, read at the start.

The folder holds `private.pem` (signs decisions), `secret` (for the MACs on records and buttons) and
`public_keys` (for the gates; the only one that may leave it).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from gate import ConfigError, Notary, PublicKey, SigningKey, read_public_keys

__all__ = ["Keyring", "open_keyring", "rotate", "rotation"]

_SETTING: Final = "SIGNOFF_KEYS"
_PRIVATE, _SECRET, _PUBLIC = "private.pem", "secret", "public_keys"
_SECRET_BYTES: Final = 32


@dataclass(frozen=True)
class Keyring:
    """The keys of one folder."""

    key: SigningKey
    secret: bytes
    public_keys: Path
    listed: tuple[PublicKey, ...] = ()
    """All that the gates are to trust, those of before included."""

    def notary(self, secret: bytes | None = None) -> Notary:
        """Return what vouches for records.

        Args:
            secret: In place of the folder's.
        """
        return Notary(self.key, secret=secret or self.secret, trusted=self.listed)


def open_keyring(folder: Path, *, create: bool) -> Keyring:
    """Return the keys in *folder*.

    Args:
        folder: Private to this user; see `stores.key_folder`.
        create: Whether to make what is missing. Of several processes that start at once all get
            the same keys.

    Raises:
        ConfigError: There are none, they cannot be read or written, or others can read them.
    """
    if create:
        _make(folder / _SECRET, base64.b64encode(secrets.token_bytes(_SECRET_BYTES)) + b"\n", 0o600)
        if not (folder / _PRIVATE).exists():
            _make(folder / _PRIVATE, SigningKey.generate().to_pem(), 0o600)
    pem = _private(folder / _PRIVATE)
    try:
        key = SigningKey.from_pem(pem)
    except ValueError as error:
        raise ConfigError(_SETTING, f"{folder / _PRIVATE}: {error}") from None
    try:
        secret = base64.b64decode(_private(folder / _SECRET).strip(), validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) < _SECRET_BYTES:
        raise ConfigError(_SETTING, f"{folder / _SECRET} is no secret of {_SECRET_BYTES} bytes")
    public = folder / _PUBLIC
    if create:
        _make(public, f"{key.public}\n".encode(), 0o644)
    listed = read_public_keys(_text(public), setting=f"{_SETTING} ({public})")
    if key.public.id not in {each.id for each in listed}:
        raise ConfigError(_SETTING, f"{public} does not list the key of {folder / _PRIVATE}")
    return Keyring(key=key, secret=secret, public_keys=public, listed=listed)


def rotate(folder: Path, *, now: datetime, grace: timedelta) -> Keyring:
    """Make a new signing key; the old one verifies until *grace* is over.

    Args:
        folder: With keys in it.
        now: The time.
        grace: As long as receipts of the old key may still be used.

    Raises:
        ConfigError: There are no keys to rotate, or they cannot be read.
    """
    for _ in rotation(folder, now=now, grace=grace):
        pass
    return open_keyring(folder, create=False)


def rotation(folder: Path, *, now: datetime, grace: timedelta) -> Iterator[Path]:
    """Do what `rotate` does, and yield each file once it is written.

    Whoever stops in between leaves keys that work: at each moment the key in use is listed and has
    no end. The next rotation ends what an unfinished one has left.

    Raises:
        ConfigError: As `rotate`.
    """
    old = open_keyring(folder, create=False)
    used = old.key.public
    others = [
        each
        for each in old.listed
        if each.id != used.id and (each.retired_at is None or each.retired_at > now)
    ]
    end = (now + grace).replace(microsecond=0)
    fresh = SigningKey.generate()
    # The list first: from the first receipt of the new key on, gates here know it.
    yield _list(old.public_keys, [fresh.public, PublicKey(used.raw), *others])
    yield _replace(folder / _PRIVATE, fresh.to_pem(), 0o600)
    retiring = [
        each if each.retired_at is not None else PublicKey(each.raw, retired_at=end)
        for each in (PublicKey(used.raw), *others)
    ]
    yield _list(old.public_keys, [fresh.public, *retiring])


def _make(path: Path, content: bytes, mode: int) -> None:
    """Write *path* if it is not there: whole or not at all, also beside others who do the same."""
    if path.exists():
        return
    fresh = _fresh(path, content, mode)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()


def _list(path: Path, keys: Iterable[PublicKey]) -> Path:
    return _replace(path, "".join(f"{each}\n" for each in keys).encode(), 0o644)


def _replace(path: Path, content: bytes, mode: int) -> Path:
    return _fresh(path, content, mode).replace(path)


def _fresh(path: Path, content: bytes, mode: int) -> Path:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(_SETTING, f"{path} cannot be written ({error.strerror})") from None
    return fresh


def _private(path: Path) -> bytes:
    """Return a file's content, if nobody else can read it."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
                raise ConfigError(_SETTING, f"{path} is no file of this user")
            if found.st_mode & 0o077:
                raise ConfigError(_SETTING, f"{path} is open to others; run: chmod 600 {path}")
            return file.read(65536)
    except FileNotFoundError:
        raise ConfigError(
            _SETTING, f"there is no {path}; run `signoff keygen`, or name the folder"
        ) from None
    except OSError as error:
        raise ConfigError(_SETTING, f"{path} cannot be read ({error.strerror})") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(_SETTING, f"{path} cannot be read ({type(error).__name__})") from None
