"""Checks a decision with nothing of signoff's: an auditor's tool of its own, to be read whole.

It needs a record, the operator's public keys, and `pip install cryptography`::

    signoff show ID --json --reveal > record.json
    python examples/verify_receipt.py record.json "ed25519:…,ed25519:…@2027-01-31"

What a receipt covers is in docs/security.md. Whether the record is the one that ran, and when, the
audit chain says: docs/audit.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SAME = ("id", "nonce", "agent", "name", "decidedAt")
"""What record and receipt both say, in the same words."""


def canonical(value: Any) -> str:
    """Return the one spelling of a JSON value that digests are made over."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(text: str | None) -> str | None:
    """Return SHA-256 of a text; nothing of nothing."""
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def signed_text(receipt: str, keys: str) -> dict[str, Any]:
    """Return what *receipt* says, if one of *keys* has signed it.

    Raises:
        ValueError: None of them has.
    """
    version, *parts = receipt.split(".")
    if version != "r1" or len(parts) != 2:
        raise ValueError("it is not of the form r1.<text>.<signature>")
    text, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
    said: dict[str, Any] = json.loads(text)
    for key in keys.split(","):
        # A retired key ends with the day until which it may be used; it still proves what was.
        name = key.strip().removeprefix("ed25519:").partition("@")[0]
        raw = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4))
        if hashlib.sha256(raw).hexdigest()[:16] != said["kid"]:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(raw).verify(
                signature, b"signoff/receipt/v1\n" + text
            )
        except InvalidSignature:
            raise ValueError("the signature is not that of the key that it names") from None
        return said
    raise ValueError(f"it is signed with {said['kid']}, which is none of these keys")


def differences(record: dict[str, Any], said: dict[str, Any]) -> list[str]:
    """Return what the record says, and the receipt does not bear out."""
    decision, metadata = record["decision"], record.get("decisionMetadata") or {}
    runs = decision.get("payload", record["payload"])
    head = canonical([record.get("namespace", "default"), record["agent"], record["name"]])
    names_only = metadata.keys() <= {"approver"}
    expected = {
        **{field: record[field] for field in SAME},
        "namespace": record.get("namespace", "default"),
        "verdict": decision["verdict"],
        "digest": digest_of(f"signoff/action/v1\n{head}\n{canonical(runs)}"),
        "noteHash": digest_of(decision.get("note")),
        "resultHash": digest_of(decision.get("overrideResult")),
        "metadataHash": None if names_only else digest_of(canonical(metadata)),
    }
    found = [field for field, value in expected.items() if said.get(field) != value]
    last = said["votes"][-1]["principal"] if said["votes"] else None
    return found if last == metadata.get("approver") else [*found, "approver"]


def main(record_file: Path, keys: str) -> int:
    """Say what was decided, by whom, and what does not fit; return the exit code."""
    record = json.loads(record_file.read_text(encoding="utf-8"))
    if "receipt" not in record:
        print("NOT PROVED: there is no receipt in this record")
        return 2
    try:
        said = signed_text(record["receipt"], keys)
    except ValueError as error:
        print(f"NOT PROVED: {error}")
        return 2
    for vote in said["votes"]:
        print(f"{vote['verdict']} by {vote.get('principal')} ({vote['surface']}) at {vote['at']}")
    print(f"decided: {said['verdict']} {said['agent']} {said['name']}, digest {said['digest']}")
    wrong = differences(record, said)
    print(f"NOT PROVED: the record has another {', '.join(wrong)}" if wrong else "proved")
    return 2 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
