"""Owns receipts: the signed proof of one decision, made by the trusted side, checked before a run.

A receipt is `r1.<canonical JSON>.<signature>`, both parts base64url. The signature (Ed25519) is
over a prefix of its own and the canonical text, which the verifier builds again from the checked
fields: what has another spelling does not verify.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from .answers import Verdict
from .approval import Approval
from .canonical import canonical_text, parse_json
from .errors import (
    DigestMismatch,
    LimitExceeded,
    NotAllowed,
    PayloadNotCanonical,
    ReceiptInvalid,
)
from .keys import PublicKey, SigningKey
from .wire import Moment, WireModel, from_base64url, to_base64url

__all__ = ["Receipt", "ReceiptVote", "Verifier", "read_receipt", "sign_receipt"]

_PREFIX: Final = b"signoff/receipt/v1\n"
_LONGEST: Final = 256 * 1024
_Hash = Field(pattern=r"^[0-9a-f]{64}$")


class ReceiptVote(WireModel, frozen=True):
    """One person's answer that the decision rests on."""

    principal: str | None = None
    """`None`, which is left out of the text, is an unnamed trusted caller."""
    verdict: Verdict
    at: Moment
    surface: str


class Receipt(WireModel, frozen=True):
    """What was decided, by whom, about what, and until when it may be used."""

    v: Literal[1] = 1
    kid: str
    namespace: str
    id: str
    nonce: str
    agent: str
    name: str
    digest: str = _Hash
    """Of what may run: the action as asked, or as a person edited it."""
    verdict: Verdict
    votes: tuple[ReceiptVote, ...]
    decided_at: Moment
    use_until: Moment
    note_hash: str | None = None
    """SHA-256 of the person's note."""
    result_hash: str | None = None
    """SHA-256 of the result that a person gave in place of a run; with it nothing may run."""
    metadata_hash: str | None = None
    """SHA-256 of the canonical text of the decision's metadata, `approver` included. `None`, as in
    receipts from before there was this field, is: it names the last of `votes`, and says no more.
    """

    def text(self) -> str:
        """Return the canonical text that is signed."""
        return canonical_text(self.model_dump(mode="json", by_alias=True, exclude_none=True))


def sign_receipt(approval: Approval, key: SigningKey, *, use_within: timedelta) -> str:
    """Return the receipt of a decided approval.

    Args:
        approval: With its decision; everything in it was checked by the caller.
        key: The trusted side's.
        use_within: How long after the decision a run may be taken.

    Raises:
        ValueError: There is no decision to sign.
    """
    decision, at = approval.decision, approval.decided_at
    if decision is None or at is None:
        raise ValueError("only a decision has a receipt")
    receipt = Receipt(
        kid=key.public.id,
        namespace=approval.namespace,
        id=approval.id,
        nonce=approval.nonce,
        agent=approval.agent,
        name=approval.name,
        digest=approval.effective_digest,
        verdict=decision.verdict,
        votes=_votes(approval),
        decided_at=at,
        use_until=at + use_within,
        note_hash=_hash(decision.note),
        result_hash=_hash(decision.override_result),
        metadata_hash=_metadata_hash(approval),
    )
    text = receipt.text().encode()
    return ".".join(("r1", to_base64url(text), to_base64url(key.sign(_PREFIX + text))))


def read_receipt(text: str) -> tuple[Receipt, bytes]:
    """Return what a receipt says, unverified, and its signature.

    Raises:
        ValueError: Malformed, or in any other spelling than `sign_receipt` uses.
    """
    parts = text.split(".") if len(text) <= _LONGEST else []
    if len(parts) != 3 or parts[0] != "r1":
        raise ValueError("not a receipt of this version")
    body, signature = from_base64url(parts[1]), from_base64url(parts[2])
    try:
        receipt = Receipt.model_validate(parse_json(body))
    except (ValidationError, PayloadNotCanonical, LimitExceeded):
        raise ValueError("its fields are not those of a receipt") from None
    if receipt.text().encode() != body:
        raise ValueError("not in canonical text")
    return receipt, signature


class Verifier:
    """Checks receipts against the operator's public keys.

    Args:
        keys: From an argument, the environment or a file of this machine; never from the store.
    """

    def __init__(self, keys: Sequence[PublicKey]) -> None:
        self._keys = {key.id: key for key in keys}

    def verify(
        self,
        approval: Approval,
        *,
        now: datetime,
        meant: Approval | None = None,
        digest: str | None = None,
    ) -> Receipt:
        """Return the receipt of *approval*, if it proves what the record says.

        Args:
            approval: A record with a decision, from an untrusted store.
            now: The store's time.
            meant: The approval as the caller knows it: of two with one id it is that one, it asks
                for the same action, and people answered no further than it let them.
            digest: Of what is about to run; with it the receipt must also be one for a run, and
                its end of use not have come.

        Raises:
            ReceiptInvalid: Whatever does not fit; `reason` says what.
            DigestMismatch: What is about to run is not what the record says was decided.
            NotAllowed: A person gave a result in place of the run (`overridden`).
        """
        if digest is not None and digest != approval.effective_digest:
            raise DigestMismatch(approval, actual=digest)
        if meant is not None:
            _check_meant(approval, meant)
        receipt = self._signed(approval, now)
        said: dict[str, Any] = {
            "namespace": approval.namespace,
            "id": approval.id,
            "nonce": approval.nonce,
            "agent": approval.agent,
            "name": approval.name,
            "digest": approval.effective_digest,
            "verdict": approval.verdict,
            "votes": _votes(approval),
            "note_hash": _hash(approval.decision.note if approval.decision else None),
            "result_hash": _hash(approval.decision.override_result if approval.decision else None),
            "decided_at": approval.decided_at,
        }
        for field, value in said.items():
            if getattr(receipt, field) != value:
                raise ReceiptInvalid(approval, reason=field)
        # Metadata that only names who answered last has no hash: the votes say it.
        if receipt.votes and receipt.votes[-1].principal != approval.approver:
            raise ReceiptInvalid(approval, reason="approver")
        if receipt.metadata_hash != _found_metadata_hash(approval):
            raise ReceiptInvalid(approval, reason="metadata_hash")
        if digest is not None:
            if receipt.verdict is not Verdict.APPROVE:
                raise ReceiptInvalid(approval, reason="verdict")
            if receipt.result_hash is not None:
                raise NotAllowed(approval.id, reason="overridden")
            if now >= receipt.use_until:
                raise ReceiptInvalid(approval, reason="use_ended")
        return receipt

    def _signed(self, approval: Approval, now: datetime) -> Receipt:
        """Return what a key that counts at *now* has signed."""
        if approval.receipt is None:
            raise ReceiptInvalid(approval, reason="missing")
        try:
            receipt, signature = read_receipt(approval.receipt)
        except ValueError:
            raise ReceiptInvalid(approval, reason="malformed") from None
        key = self._keys.get(receipt.kid)
        if key is None:
            raise ReceiptInvalid(approval, reason="unknown_key")
        if not key.verifies(signature, _PREFIX + receipt.text().encode()):
            raise ReceiptInvalid(approval, reason="signature")
        if key.retired_at is not None and now >= key.retired_at:
            raise ReceiptInvalid(approval, reason="retired_key")
        return receipt


def _check_meant(approval: Approval, meant: Approval) -> None:
    """Refuse another question than *meant*: the store's writers can change one that was asked.

    Whoever is shown the changed one and says yes, says yes to that, and is given a receipt for it.
    """
    if meant.nonce != approval.nonce:
        raise ReceiptInvalid(approval, reason="nonce")
    if meant.digest != approval.digest:
        raise ReceiptInvalid(approval, reason="digest")
    if approval.effective_digest != meant.digest and not meant.editable:
        raise ReceiptInvalid(approval, reason="digest")
    if approval.proposed_result is not None and not meant.allow_override:
        raise ReceiptInvalid(approval, reason="result_hash")


def _votes(approval: Approval) -> tuple[ReceiptVote, ...]:
    """Return what a receipt says of the answers on record."""
    return tuple(
        ReceiptVote(
            principal=vote.principal, verdict=vote.verdict, at=vote.at, surface=vote.surface
        )
        for vote in approval.votes
    )


def _metadata_hash(approval: Approval) -> str | None:
    """Return what signs the decision's metadata; `None` if that says nothing beside the approver.

    Raises:
        PayloadNotCanonical: It is not strict JSON.
        LimitExceeded: It is too large or too deep.
    """
    said = approval.decision_metadata
    if not said or (said.keys() == {"approver"} and approval.approver is not None):
        return None
    return _hash(canonical_text(said))


def _found_metadata_hash(approval: Approval) -> str | None:
    """Return the same of a record from an untrusted store."""
    try:
        return _metadata_hash(approval)
    except (PayloadNotCanonical, LimitExceeded):
        raise ReceiptInvalid(approval, reason="metadata_hash") from None


def _hash(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()
