"""Owns the keys: the one that signs decisions, and those that verify them.

Ed25519 (RFC 8032). `cryptography` is loaded with the first key, so that a gate without keys does
not pay for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from .errors import ConfigError
from .wire import to_base64url

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

__all__ = ["PublicKey", "SigningKey", "configured_keys", "read_public_keys"]

_LINE: Final = re.compile(r"ed25519:([A-Za-z0-9_-]{43})(?:@([0-9TZ:+-]{10,35}))?", re.ASCII)
_MOST: Final = 32
"""Keys in one list: rotation needs two or three."""
_LARGEST: Final = 64 * 1024
_P: Final = 2**255 - 19
_SMALL_ORDER: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        _P,
        _P + 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    }
)
"""y coordinates of all points whose order divides 8, in every spelling of 255 bits: with such a key
one signature fits many messages (RFC 8032, part 8.9; libsodium refuses the same seven)."""


@dataclass(frozen=True)
class PublicKey:
    """A key that verifies receipts.

    Written as `ed25519:<base64url>`, or with the time from which it no longer counts behind an `@`:
    `ed25519:<base64url>@2027-01-31`.
    """

    raw: bytes
    retired_at: datetime | None = None

    def __post_init__(self) -> None:
        y = int.from_bytes(self.raw, "little") & (2**255 - 1)
        if len(self.raw) != 32 or y in _SMALL_ORDER:
            raise ValueError("not a key that can prove anything")

    @property
    def id(self) -> str:
        """The key's id: the first 16 hexadecimal digits of its SHA-256."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one key.

        Raises:
            ValueError: Not a key, a key of low order, or an unreadable time.
        """
        found = _LINE.fullmatch(text.strip())
        if found is None:
            raise ValueError("not of the form ed25519:<43 characters>[@<date>]")
        retired = None
        if found[2] is not None:
            retired = datetime.fromisoformat(found[2])
            retired = retired if retired.tzinfo else retired.replace(tzinfo=UTC)
        return cls(base64.urlsafe_b64decode(found[1] + "="), retired)

    def __str__(self) -> str:
        text = "ed25519:" + to_base64url(self.raw)
        return text if self.retired_at is None else f"{text}@{self.retired_at.isoformat()}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Say whether *signature* is this key's, over exactly *message*."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._loaded().verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def _loaded(self) -> Ed25519PublicKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        return Ed25519PublicKey.from_public_bytes(self.raw)


class SigningKey:
    """The key that signs decisions. Only the bot and the operator's command line hold it."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> Self:
        """Return a new key."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read a key that `to_pem` wrote.

        Raises:
            ValueError: Not an unencrypted Ed25519 private key in PKCS #8 PEM.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("not a private key in PEM without a password") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("not an Ed25519 key")
        return cls(key)

    def to_pem(self) -> bytes:
        """Return the key as PKCS #8 PEM, without a password."""
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, message: bytes) -> bytes:
        """Return the signature over *message*, 64 bytes."""
        return self._key.sign(message)


def read_public_keys(text: str, *, setting: str) -> tuple[PublicKey, ...]:
    """Read a list of keys, separated by commas or white space; `#` begins a comment.

    Args:
        text: The list.
        setting: What the operator wrote it in, for the error.

    Raises:
        ConfigError: A part that is no key, two of one key, no key at all, or over 32.
    """
    lines = (line.partition("#")[0] for line in text.splitlines())
    keys = []
    for part in " ".join(lines).replace(",", " ").split():
        try:
            keys.append(PublicKey.parse(part))
        except (ValueError, binascii.Error) as error:
            raise ConfigError(setting, f"key {len(keys) + 1}: {error}") from None
    if not 1 <= len(keys) <= _MOST:
        raise ConfigError(setting, f"{len(keys)} keys, 1 to {_MOST} are allowed")
    if len({key.id for key in keys}) < len(keys):
        raise ConfigError(setting, "a key stands twice in it")
    return tuple(keys)


def configured_keys(environ: Mapping[str, str], *, own: Path | None = None) -> Sequence[PublicKey]:
    """Return the keys that the operator gave to gates on this machine; empty if none.

    Args:
        environ: `SIGNOFF_PUBLIC_KEYS` is a list, `SIGNOFF_PUBLIC_KEYS_FILE` a file with one.
        own: The file of the embedded server's keys, read where neither is set.

    Raises:
        ConfigError: A list or file that cannot be read, or a file that others may write.
    """
    text = environ.get("SIGNOFF_PUBLIC_KEYS", "")
    if text:
        return read_public_keys(text, setting="SIGNOFF_PUBLIC_KEYS")
    setting = "SIGNOFF_PUBLIC_KEYS_FILE"
    named = environ.get(setting, "")
    if not named and (own is None or not own.exists()):
        return ()
    path = Path(named) if named else own
    assert path is not None  # noqa: S101  (for the type checker: the line above saw to it)
    return read_public_keys(_trusted_text(path, setting=setting), setting=setting)


def _trusted_text(path: Path, *, setting: str) -> str:
    """Return a file's text, if nobody but its owner can change it."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # A pipe would let the reader hang, a folder is no list.
            raise ConfigError(setting, f"{path} is no file")
        with path.open(encoding="utf-8", errors="replace") as file:
            found = os.fstat(file.fileno())
            if found.st_uid not in (0, os.getuid()) or found.st_mode & 0o022:
                raise ConfigError(
                    setting, f"{path} could be changed by others; run: chmod go-w {path}"
                )
            return file.read(_LARGEST)
    except OSError as error:
        raise ConfigError(setting, f"{path} cannot be read ({error.strerror})") from None
