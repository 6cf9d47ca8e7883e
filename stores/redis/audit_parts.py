"""Owns how the line of a sealed entry lies in its stream: as its parts, without what lines share.

A stream keeps the names of fields once for many entries, the number is the entry's id, and a hash
takes 43 characters (base64url) in place of 64 digits. A line that has other parts (`unreadable`) is
kept whole; in layout 1 all of them were.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

from .event_stream import text_of

__all__ = ["line_of", "parts_of", "short"]

_LINE: Final = re.compile(
    r'\{"entry":\{"cursor":"([0-9]+-[0-9]+)","event":(\{.*\}),"n":([1-9][0-9]*),'
    r'"prev":"([0-9a-f]{64})"\},"hash":"([0-9a-f]{64})"\}',
    re.DOTALL,
)


def parts_of(number: int, line: str) -> list[str]:
    """Return the fields of entry *number*, names and values in turn, as `line_of` reads them.

    The scripts that seal and trim look for the cursor in front and for the hash at the end.
    """
    found = _LINE.fullmatch(line)
    if found is None or found[3] != str(number):
        return ["e", line]
    prev, own = short(found[4]), short(found[5])
    return ["cursor", found[1], "event", found[2], "prev", prev, "hash", own]


def line_of(number: int, fields: Sequence[bytes] | None) -> bytes:
    """Return the line of the entry with the id *number*; whether it is one, is for the chain."""
    parts = list(fields or ())
    if tuple(parts[::2]) != (b"cursor", b"event", b"prev", b"hash"):
        return text_of(parts)
    try:
        prev, own = _digits(parts[5]), _digits(parts[7])
    except ValueError:
        return text_of(parts)
    return b'{"entry":{"cursor":"%b","event":%b,"n":%d,"prev":"%b"},"hash":"%b"}' % (
        parts[1], parts[3], number, prev, own,
    )  # fmt: skip


def short(digits: str) -> str:
    """Return a hash of hexadecimal digits as base64url (RFC 4648) without padding."""
    return urlsafe_b64encode(bytes.fromhex(digits)).decode().rstrip("=")


def _digits(text: bytes) -> bytes:
    try:
        digits = b64decode(text + b"=", altchars=b"-_", validate=True).hex()
    except binascii.Error:
        raise ValueError("not a hash") from None
    # One spelling only: whoever seals compares the text.
    if len(digits) != 64 or short(digits) != text.decode():
        raise ValueError("not a hash")
    return digits.encode()
