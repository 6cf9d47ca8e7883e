"""Owns the anchor of an archived part of the audit chain: from where to where it goes, signed.

An archived segment is the chain's own lines. Its anchor is one line of canonical JSON with the head
that the segment goes on from, its own head, and a signature by the trusted side's key.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any, Final

from .audit import AuditHead
from .canonical import canonical_text, parse_json
from .errors import LimitExceeded, PayloadNotCanonical
from .keys import PublicKey, SigningKey

__all__ = ["read_segment_anchor", "sign_segment"]

_PREFIX: Final = b"signoff/audit-segment/v1\n"
_LARGEST: Final = 4096
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def sign_segment(start: AuditHead, end: AuditHead, key: SigningKey) -> str:
    """Return the anchor of the entries behind *start* up to *end*.

    Raises:
        ValueError: There are none between them.
    """
    if end.number <= start.number:
        raise ValueError("no entry lies between the two heads")
    said = {"start": _wire(start), "end": _wire(end), "kid": key.public.id}
    signature = key.sign(_PREFIX + canonical_text(said).encode())
    return canonical_text(said | {"signature": base64.b64encode(signature).decode()})


def read_segment_anchor(
    text: str | bytes, keys: Sequence[PublicKey]
) -> tuple[AuditHead, AuditHead]:
    """Return what a segment goes on from, and its own head.

    A retired key counts here: a segment is older than its key's end.

    Raises:
        ValueError: Not an anchor, or not signed by one of *keys*.
    """
    try:
        said = parse_json(text, max_size=_LARGEST)
    except (PayloadNotCanonical, LimitExceeded):
        raise ValueError("not an anchor") from None
    if not isinstance(said, dict) or said.keys() != {"start", "end", "kid", "signature"}:
        raise ValueError("not an anchor")
    start, end = _head(said["start"]), _head(said["end"])
    if start.number >= end.number:
        raise ValueError("not an anchor")
    try:
        given = said.pop("signature")
        signature = base64.b64decode(given, validate=True)
        if base64.b64encode(signature).decode() != given:
            # Spare bits of the last character would make a second text of one anchor.
            raise ValueError("the signature has another spelling")
    except (binascii.Error, ValueError, TypeError):
        raise ValueError("not an anchor") from None
    message = _PREFIX + canonical_text(said).encode()
    if not any(key.id == said["kid"] and key.verifies(signature, message) for key in keys):
        raise ValueError("not signed by a known key")
    return start, end


def _wire(head: AuditHead) -> dict[str, Any]:
    return {"n": head.number, "hash": head.hash, "cursor": head.cursor}


def _head(said: object) -> AuditHead:
    if not isinstance(said, dict) or said.keys() != {"n", "hash", "cursor"}:
        raise ValueError("not an anchor")
    number, digest, cursor = said["n"], said["hash"], said["cursor"]
    if type(number) is not int or number < 0 or not isinstance(cursor, str):
        raise ValueError("not an anchor")
    if not isinstance(digest, str) or not _HASH.fullmatch(digest):
        raise ValueError("not an anchor")
    return AuditHead(number, digest, cursor)
