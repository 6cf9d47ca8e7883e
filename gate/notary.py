"""Owns the trusted side's proofs: MACs on what it will read back, and a receipt on each decision.

A store may be written by anybody who has its password. So the trusted side believes nothing that it
reads there unless it wrote it itself: the terms (with the request that they were fixed for), the
votes and the views carry a MAC, checked before anything is signed. A mismatch is an alarm.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from .answers import Amendment, View, Vote
from .approval import Approval
from .canonical import canonical_text
from .errors import DigestMismatch, ReceiptInvalid, Tampered
from .keys import PublicKey, SigningKey
from .receipts import Verifier, sign_receipt
from .wire import to_base64url

__all__ = ["USE_WITHIN", "Notary"]

_Part = Vote | View | Amendment

_INFO: Final = b"signoff record v1"
USE_WITHIN: Final = timedelta(hours=24)
"""How long after a decision its run may be taken, where nothing else is said."""


class Notary:
    """Vouches for records.

    Args:
        key: Signs decisions.
        secret: For the MACs, at least 32 bytes; all replicas and the command line share it. It is
            not the signing key, and nothing is verified with it elsewhere.
        use_within: How long after a decision its run may be taken.
        trusted: This side's keys from before; what they signed is still ours.

    Raises:
        ValueError: *secret* is too short.
    """

    def __init__(
        self,
        key: SigningKey,
        *,
        secret: bytes,
        use_within: timedelta = USE_WITHIN,
        trusted: Sequence[PublicKey] = (),
    ) -> None:
        if len(secret) < 32:
            raise ValueError("a secret of at least 32 bytes is needed")
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        self._key = key
        self._use_within = use_within
        self._mac_key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(secret)
        self._verifier = Verifier((*trusted, key.public))

    def check(self, approval: Approval) -> None:
        """Return if this side wrote the terms, the votes and the views of *approval*.

        Raises:
            Tampered: Something was written by somebody else, changed, or moved from another record.
        """
        terms = approval.terms
        if terms is None:
            # Before the route there is nothing of ours in the record.
            if approval.votes or approval.views or approval.amendment:
                raise Tampered(approval.key, part="votes")
            return
        if not self._same(terms.mac, self._terms_mac(approval)):
            raise Tampered(approval.key, part="terms")
        for vote in approval.votes:
            if not self._same(vote.mac, self._part_mac(approval, "vote", vote)):
                raise Tampered(approval.key, part="votes")
        for view in approval.views:
            if not self._same(view.mac, self._part_mac(approval, "view", view)):
                raise Tampered(approval.key, part="views")
        if not self._amended(approval):
            raise Tampered(approval.key, part="amendment")

    def verify(self, approval: Approval, *, now: datetime) -> None:
        """Return if the decision of *approval* carries this side's receipt.

        Raises:
            ReceiptInvalid: It does not.
        """
        self._verifier.verify(approval, now=now)

    def flaw(self, approval: Approval) -> str | None:
        """Return what of *approval* does not bear this side's proof; `None` if all of it does.

        Of a decision that is its receipt (`receipt`), the answers beside it (`votes`), and what
        somebody made of the question (`amendment`). Without one it is what `check` looks at: that
        it was withdrawn, or that its time is over, needs no proof. A key that has retired since the
        decision still proves it: whether it may be used is the gate's question.
        """
        if approval.decision is None:
            try:
                self.check(approval)
            except Tampered as error:
                return error.part
            return None
        if approval.decided_at is None:
            return "receipt"
        try:
            self._verifier.verify(approval, now=approval.decided_at)
        except DigestMismatch:
            return "receipt"
        except ReceiptInvalid as error:
            return "votes" if error.reason == "votes" else "receipt"
        return None if self._amended(approval) else "amendment"

    def attest(self, before: Approval, after: Approval) -> Approval:
        """Return *after* with MACs on what is new since *before*, and a receipt if it is decided.

        Args:
            before: What was read and, where anything of ours is in it, checked.
            after: What the state machine made of it.
        """
        if after.terms is not None and before.terms is None:
            mac = self._terms_mac(after)
            after = _with(after, terms=after.terms.model_copy(update={"mac": mac}))
        if after.terms is not None:
            after = _with(
                after,
                votes=tuple(
                    self._marked(after, "vote", each, before.votes) for each in after.votes
                ),
                views=tuple(
                    self._marked(after, "view", each, before.views) for each in after.views
                ),
            )
        if after.terms is not None and after.amendment is not None:
            marked = self._marked(after, "amendment", after.amendment, (before.amendment,))
            after = _with(after, amendment=marked)
        if after.decision is not None and before.decision is None:
            receipt = sign_receipt(after, self._key, use_within=self._use_within)
            after = _with(after, receipt=receipt)
        return after

    def _amended(self, approval: Approval) -> bool:
        """Say whether what is asked is what the agent asked, or what somebody let this side write.

        An approved record has none: its receipt covers what came of it.
        """
        amendment = approval.amendment
        return amendment is None or self._same(
            amendment.mac, self._part_mac(approval, "amendment", amendment)
        )

    def _marked(self, approval: Approval, kind: str, part: _Part, found: Sequence[object]) -> Any:
        # What was read is ours only if it says so; a mark is for what is new.
        if part.mac is not None or part in found:
            return part
        return part.model_copy(update={"mac": self._part_mac(approval, kind, part)})

    def _terms_mac(self, approval: Approval) -> str:
        """Return the MAC over the terms and all of the request that they were fixed for."""
        # Without defaults: a field that is added later leaves the marks of older records valid.
        wire = approval.model_dump(
            mode="json",
            by_alias=True,
            include={*Approval.request_fields(), "terms"},
            exclude_defaults=True,
        )
        wire["terms"].pop("mac", None)
        return self._mac("terms", wire)

    def _part_mac(self, approval: Approval, kind: str, part: _Part) -> str:
        said = part.model_dump(mode="json", by_alias=True, exclude={"mac"}, exclude_defaults=True)
        # The terms' MAC stands for the request: namespace, id, nonce, digest and who may answer.
        terms = approval.terms.mac if approval.terms is not None else None
        return self._mac(kind, {"part": said, "terms": terms})

    def _mac(self, kind: str, value: Any) -> str:
        text = hashlib.sha256(canonical_text(value, max_size=_ROOM).encode()).digest()
        mac = hmac.new(self._mac_key, kind.encode() + b"\n" + text, hashlib.sha256).digest()
        return to_base64url(mac[:16])

    @staticmethod
    def _same(found: str | None, expected: str) -> bool:
        return found is not None and hmac.compare_digest(found.encode(), expected.encode())


_ROOM: Final = 4 * 1024 * 1024
"""Bytes of one record's canonical text; its parts have limits of their own."""


def _with(approval: Approval, **changes: Any) -> Approval:
    return approval.model_copy(update=changes)
