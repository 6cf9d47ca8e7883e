"""Receipts: they prove exactly one decision, and nothing else passes for one."""

from __future__ import annotations

import base64
import hashlib
import json
import string
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gate import (
    Approval,
    Decision,
    DigestMismatch,
    NotAllowed,
    PublicKey,
    ReceiptInvalid,
    SigningKey,
    Verdict,
    Verifier,
    Vote,
)
from gate.receipts import read_receipt, sign_receipt
from tests.support.factories import ANA, BEN, after, approved, pending, rejected, route

KEY = SigningKey.generate()
OTHER = SigningKey.generate()
VERIFIER = Verifier((OTHER.public, KEY.public))
DAY = timedelta(days=1)
CORPUS = Path(__file__).parents[1] / "corpus"
LETTERS = f"{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}-_"
"""Of base64url, in the order of their values (RFC 4648, part 5)."""


def signed(approval: Approval, *, key: SigningKey = KEY, use_within: timedelta = DAY) -> Approval:
    receipt = sign_receipt(approval, key, use_within=use_within)
    return approval.model_copy(update={"receipt": receipt})


YES = signed(approved())
OVERRIDDEN = signed(
    approved().model_copy(
        update={"decision": Decision(verdict=Verdict.APPROVE, override_result="done by hand")}
    )
)


def refused(approval: Approval, **how: Any) -> str:
    with pytest.raises(ReceiptInvalid) as caught:
        VERIFIER.verify(approval, **({"now": after(60)} | how))
    return caught.value.reason


def test_a_decision_verifies() -> None:
    """P10: who decided, what, when and until when it may be used, under the key's id."""
    receipt = VERIFIER.verify(YES, now=after(60), digest=YES.digest)
    assert (KEY.public.id, YES.digest, Verdict.APPROVE) == (
        receipt.kid, receipt.digest, receipt.verdict
    )  # fmt: skip
    assert [vote.principal for vote in YES.votes] == [vote.principal for vote in receipt.votes]
    assert YES.decided_at is not None
    assert YES.decided_at + DAY == receipt.use_until
    assert Verdict.DENY is VERIFIER.verify(signed(rejected()), now=after(60)).verdict


def test_without_a_decision_there_is_nothing_to_sign() -> None:
    """A pending record gets no receipt."""
    with pytest.raises(ValueError, match="decision"):
        sign_receipt(pending(), KEY, use_within=DAY)


@pytest.mark.parametrize(
    ("word", "changes"),
    [
        ("missing", {"receipt": None}),
        ("malformed", {"receipt": "r2.x.y"}),
        ("malformed", {"receipt": "x" * 300_000}),
        ("id", {"id": "delete-43"}),
        ("nonce", {"nonce": "another"}),
        ("namespace", {"namespace": "prod"}),
        ("agent", {"agent": "shipping"}),
        ("name", {"name": "keep-user"}),
        ("digest", {"digest": "0" * 64}),
        ("verdict", {"decision": Decision(verdict=Verdict.DENY)}),
        ("note_hash", {"decision": Decision(verdict=Verdict.APPROVE, note="sure")}),
        ("result_hash", {"decision": Decision(verdict=Verdict.APPROVE, override_result="x")}),
        ("decided_at", {"decided_at": after(3)}),
        ("votes", {"votes": ()}),
        ("votes", {"votes": (*YES.votes, YES.votes[0].model_copy(update={"principal": BEN}))}),
        ("votes", {"votes": (YES.votes[0].model_copy(update={"surface": "cli"}),)}),
        ("approver", {"decision_metadata": {"approver": BEN}}),
        ("metadata_hash", {"decision_metadata": {"approver": ANA, "ticket": 7}}),
    ],
)
def test_a_record_that_says_something_else_is_refused(word: str, changes: dict[str, Any]) -> None:
    """A receipt moved to another record, or a record changed under it, is said by its field."""
    assert word == refused(YES.model_copy(update=changes))


def test_what_is_about_to_run_must_be_what_was_decided() -> None:
    """Another digest, a denial, a result in place of a run, or a late use releases nothing."""
    with pytest.raises(DigestMismatch):
        VERIFIER.verify(YES, now=after(60), digest="0" * 64)
    denied = signed(rejected())
    assert "verdict" == refused(denied, digest=denied.digest)
    with pytest.raises(NotAllowed, match="overridden"):
        VERIFIER.verify(OVERRIDDEN, now=after(60), digest=OVERRIDDEN.digest)
    assert YES.decided_at is not None
    end = YES.decided_at + DAY
    VERIFIER.verify(YES, now=end - timedelta(microseconds=1), digest=YES.digest)
    assert "use_ended" == refused(YES, now=end, digest=YES.digest)
    VERIFIER.verify(YES, now=end + DAY)  # to read what was decided it is never too late


def test_metadata_is_signed_by_the_hash_of_its_text() -> None:
    """SHA-256 of the canonical text, so that anybody can check it; none where there is no need."""
    kept = signed(approved(decision_metadata={"ticket": 7, "approver": ANA}))
    text = f'{{"approver":"{ANA}","ticket":7}}'
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert expected == VERIFIER.verify(kept, now=after(60), digest=kept.digest).metadata_hash
    assert None is VERIFIER.verify(YES, now=after(60)).metadata_hash
    assert "metadataHash" not in _parts()[0]


def test_a_decision_can_be_checked_without_our_code() -> None:
    """What the documentation says of a receipt is enough for anybody who has the public key."""
    said = {"approver": ANA, "where": "Zürich ☃", "parts": [1, 2.5, None]}
    decision = Decision(verdict=Verdict.APPROVE, note="naïve", override_result="done")
    record = signed(approved(decision=decision, decision_metadata=said)).to_wire()
    version, text, signature = record["receipt"].split(".")
    text, signature = (base64.urlsafe_b64decode(part + "===") for part in (text, signature))
    Ed25519PublicKey.from_public_bytes(KEY.public.raw).verify(
        signature, b"signoff/receipt/v1\n" + text
    )
    receipt = json.loads(text)
    assert ("r1", 1, text) == (version, receipt["v"], _spelled(receipt))
    assert hashlib.sha256(KEY.public.raw).hexdigest()[:16] == receipt["kid"]
    for field in ("id", "nonce", "agent", "name", "digest", "decidedAt"):
        assert record[field] == receipt[field]
    assert record["decision"]["verdict"] == receipt["verdict"]
    assert record["decisionMetadata"]["approver"] == receipt["votes"][-1]["principal"]
    hashed = {
        "noteHash": record["decision"]["note"].encode(),
        "resultHash": record["decision"]["overrideResult"].encode(),
        "metadataHash": _spelled(record["decisionMetadata"]),
    }
    assert {field: hashlib.sha256(of).hexdigest() for field, of in hashed.items()} == {
        field: receipt[field] for field in hashed
    }


def _spelled(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


EARLIER = json.loads((CORPUS / "receipt/v1/before-metadata-hash.json").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(set(EARLIER["approvals"]) - {"with-a-ticket"}))
def test_a_receipt_from_before_metadata_was_signed_verifies(name: str) -> None:
    """It has no hash, which says that there is nothing beside the approver."""
    verifier = Verifier((PublicKey.parse(EARLIER["publicKey"]),))
    earlier = Approval.from_wire(EARLIER["approvals"][name])
    assert None is verifier.verify(earlier, now=after(120)).metadata_hash
    added = (earlier.decision_metadata or {}) | {"ticket": 7}
    with pytest.raises(ReceiptInvalid, match="metadata_hash"):
        verifier.verify(earlier.model_copy(update={"decision_metadata": added}), now=after(120))


def test_metadata_from_before_it_was_signed_is_not_believed() -> None:
    """Nobody can tell what the trusted side kept there from what somebody wrote there since."""
    verifier = Verifier((PublicKey.parse(EARLIER["publicKey"]),))
    with pytest.raises(ReceiptInvalid, match="metadata_hash"):
        verifier.verify(Approval.from_wire(EARLIER["approvals"]["with-a-ticket"]), now=after(120))


def test_keys_that_do_not_count() -> None:
    """Unknown and retired keys prove nothing; retirement is judged by the time of the check."""
    stranger = signed(approved(), key=SigningKey.generate())
    assert "unknown_key" == refused(stranger)
    retiring = Verifier((PublicKey(KEY.public.raw, retired_at=after(100)),))
    retiring.verify(YES, now=after(99))
    with pytest.raises(ReceiptInvalid, match="retired_key"):
        retiring.verify(YES, now=after(100))


def _parts(approval: Approval = YES) -> tuple[dict[str, Any], str]:
    assert approval.receipt is not None
    _, body, signature = approval.receipt.split(".")
    return json.loads(base64.urlsafe_b64decode(body + "==")), signature


def _forged(change: Callable[[dict[str, Any]], Any], *, spaces: bool = False) -> Approval:
    body, signature = _parts()
    change(body)
    return _encoded(body, signature, spaces=spaces)


def _encoded(body: dict[str, Any], signature: str, *, spaces: bool = False) -> Approval:
    separators = None if spaces else (",", ":")
    text = json.dumps(body, sort_keys=not spaces, separators=separators).encode()
    encoded = base64.urlsafe_b64encode(text).decode().rstrip("=")
    return YES.model_copy(update={"receipt": f"r1.{encoded}.{signature}"})


def _without_metadata_hash() -> Approval:
    kept = signed(approved(decision_metadata={"approver": ANA, "ticket": 7}))
    body, signature = _parts(kept)
    body.pop("metadataHash")
    return _encoded(body, signature).model_copy(
        update={"decision_metadata": {"approver": ANA, "ticket": 8}}
    )


@pytest.mark.parametrize(
    ("word", "forged"),
    [
        ("malformed", _forged(lambda body: body.update(extra=1))),
        ("malformed", _forged(lambda body: body.update(v=2))),
        ("malformed", _forged(lambda body: body.pop("nonce"))),
        ("malformed", _forged(lambda body: body.update(digest="x"))),
        ("malformed", _forged(lambda body: body.update(decidedAt=1767268800))),
        ("malformed", _forged(lambda body: None, spaces=True)),
        ("signature", _forged(lambda body: body.update(name="keep-user"))),
        ("signature", _forged(lambda body: body.update(useUntil="2027-01-01T00:00:00Z"))),
        ("signature", _forged(lambda body: body.update(kid=OTHER.public.id))),
        ("signature", _forged(lambda body: body["votes"].clear())),
        ("signature", _forged(lambda body: body.update(metadataHash="0" * 64))),
        ("signature", _without_metadata_hash()),
    ],
)
def test_an_edited_receipt_is_refused(word: str, forged: Approval) -> None:
    """One field, one space, one key id: every edit is seen."""
    assert word == refused(forged)


def test_a_signature_for_something_else_is_none() -> None:
    """Only text behind the receipts' own prefix counts, so that no other signed text passes."""
    body, _ = _parts()
    text = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    for prefix in (b"", b"signoff/receipt/v2\n", b"signoff/audit/v1\n"):
        signature = base64.urlsafe_b64encode(KEY.sign(prefix + text)).decode().rstrip("=")
        encoded = base64.urlsafe_b64encode(text).decode().rstrip("=")
        forged = YES.model_copy(update={"receipt": f"r1.{encoded}.{signature}"})
        assert "signature" == refused(forged)


def test_a_receipt_has_one_spelling() -> None:
    """The spare bits of the last character make no second text of it: 64 bytes leave four."""
    assert YES.receipt is not None
    start, last = YES.receipt[:-1], YES.receipt[-1]
    place = LETTERS.index(last)
    others = [LETTERS[place ^ spare] for spare in range(1, 16)]
    signature = start.rpartition(".")[2]
    assert {base64.urlsafe_b64decode(f"{signature}{last}==")} == {
        base64.urlsafe_b64decode(f"{signature}{other}==") for other in others
    }
    for other in others:
        assert "malformed" == refused(YES.model_copy(update={"receipt": start + other}))


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_changed_character_passes(data: st.DataObject) -> None:
    """Every single character of a receipt counts, its spare bits included."""
    assert YES.receipt is not None
    at = data.draw(st.integers(0, len(YES.receipt) - 1))
    other = data.draw(st.sampled_from(f"{LETTERS}.= "))
    text = YES.receipt[:at] + other + YES.receipt[at + 1 :]
    changed = YES.model_copy(update={"receipt": text})
    if text != YES.receipt:
        assert refused(changed) in ("malformed", "unknown_key", "signature")


@settings(deadline=None, max_examples=100)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=50)),
)
def test_any_text_of_people_is_covered(name: str, note: str | None) -> None:
    """Whatever a name or a note holds, the receipt reads back and verifies."""
    decided = approved().model_copy(
        update={
            "name": name,
            "decision": Decision(verdict=Verdict.APPROVE, note=note),
            "terms": route(),
            "votes": (Vote(principal=ANA, verdict=Verdict.APPROVE, at=after(5), digest="0" * 64),),
        }
    )
    whole = signed(decided)
    assert whole.receipt is not None
    assert name == read_receipt(whole.receipt)[0].name
    VERIFIER.verify(whole, now=after(60))
