"""The record: its wire form, what is refused when it is read back, ids and texts."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from gate import (
    Approval,
    ApprovalStatus,
    Decision,
    InvalidId,
    LimitExceeded,
    PayloadNotCanonical,
    StoreCorrupt,
    Verdict,
    check_id,
    record_key,
)
from gate.approval import check_text
from tests.support.factories import (
    START,
    after,
    approved,
    cancelled,
    everything,
    expired,
    pending,
    rejected,
    route,
)


@pytest.mark.parametrize(
    "approval",
    [
        pending(),
        pending(payload=None),
        pending(namespace="prod"),
        approved(),
        rejected(verdict=Verdict.SKIP, decision_metadata=None),
        cancelled(undeliverable="no_route"),
        expired(),
        everything(),
    ],
    ids=lambda approval: f"{approval.status.value}-{approval.namespace}",
)
def test_the_wire_form_reads_back_as_the_same_record(approval: Approval) -> None:
    """Every part and field survives JSON text, with exact numbers."""
    text = json.dumps(approval.to_wire(), ensure_ascii=False)
    again = Approval.from_wire(json.loads(text))
    assert again == approval
    assert again.to_wire() == approval.to_wire()
    assert repr(again.payload) == repr(approval.payload)


def test_an_edited_payload_may_be_nothing() -> None:
    """`null` is a payload too, and not the payload that was asked."""
    base = pending(editable=True)
    edited = approved(
        base, decision=Decision(verdict=Verdict.APPROVE, payload=None, digest=base.digest_of(None))
    )
    again = Approval.from_wire(json.loads(json.dumps(edited.to_wire())))
    assert again.effective_payload is None
    assert again.effective_digest == base.digest_of(None)


def test_the_wire_names_are_those_of_the_seed() -> None:
    """camelCase, so that an AgentsKit record stays readable; empty parts are left out."""
    assert pending().to_wire().keys() == {
        *("schemaVersion", "id", "agent", "name", "payload", "digest", "nonce"),
        *("createdAt", "expiresIn", "expiresAt", "status", "version"),
    }
    wire = everything().to_wire()
    assert {"decidedAt", "decisionMetadata", "allowOverride", "notBy"} <= wire.keys()
    assert all("_" not in name for name in _names(wire))
    assert wire["createdAt"] == "2026-01-01T12:00:00Z"
    assert wire["votes"][0]["overrideResult"] == "as if"


def _names(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(name for item in value.values() for name in _names(item))]
    return [name for item in value for name in _names(item)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"surprise": 1}, "surprise: extra_forbidden"),
        ({"created_at": "2026-01-01T12:00:00Z"}, "created_at: extra_forbidden"),
        ({"terms": {"channel": "C", "quorums": [{"of": [], "x": 1}]}}, "terms.quorums.0.x: "),
        ({"schemaVersion": 2}, "schemaVersion: "),
        ({"schemaVersion": "1"}, "schemaVersion: "),
        ({"status": "banana"}, "status: "),
        ({"status": "APPROVED"}, "status: "),
        ({"version": "7"}, "version: "),
        ({"version": True}, "version: "),
        ({"version": 0}, "version: "),
        ({"version": 1.5}, "version: "),
        ({"editable": "yes"}, "editable: "),
        ({"allowOverride": 1}, "allowOverride: "),
        ({"expiresIn": "60"}, "expiresIn: "),
        ({"expiresIn": 0}, "expiresIn: "),
        ({"expiresIn": float("inf")}, "expiresIn: "),
        ({"createdAt": 1767268800}, "createdAt: "),
        ({"createdAt": "1767268800"}, "createdAt: "),
        ({"createdAt": "2026-01-01T12:00:00"}, "createdAt: "),
        ({"notBy": "abc"}, "notBy: "),
        ({"votes": {}}, "votes: "),
        ({"id": None}, "id: "),
        ({"payload": {"user_id": 43}}, "digest"),
        ({"payload": {"user_id": 42.0}}, "digest"),
        ({"digest": "0" * 64}, "digest"),
        ({"agent": "other"}, "digest"),
        ({"namespace": "prod"}, "digest"),
        ({"name": "delete-users"}, "digest"),
        ({"payload": float("nan")}, "payload_not_canonical"),
        ({"payload": "x" * 300_000}, "limit_exceeded"),
        ({"decision": None}, "the status is not"),
        ({"decision": {"verdict": "deny"}}, "the status is not"),
        ({"decision": {"verdict": "banana"}}, "decision.verdict: "),
        ({"decision": {"verdict": "approve", "digest": "0" * 64}}, "digest"),
        ({"status": "rejected"}, "the status is not"),
        ({"status": "pending"}, "the status is not"),
        ({"status": "cancelled"}, "the status is not"),
    ],
)
def test_a_record_that_we_never_wrote_is_not_read(change: dict[str, Any], reason: str) -> None:
    """Unknown fields, schemas, words, types and digests are `StoreCorrupt`: never a yes."""
    with pytest.raises(StoreCorrupt) as caught:
        Approval.from_wire(approved().to_wire() | change, key="the-key")
    assert reason in caught.value.reason
    assert caught.value.key == "the-key"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("missing", ["id", "agent", "name", "digest", "nonce", "expiresAt"])
def test_a_record_that_lacks_a_part_is_not_read(missing: str) -> None:
    """There is no default for what a request must have."""
    wire = pending().to_wire()
    del wire[missing]
    with pytest.raises(StoreCorrupt):
        Approval.from_wire(wire)


@pytest.mark.parametrize("data", [None, 1, "text", [], [["id", "x"]]])
def test_what_is_no_object_is_not_read(data: Any) -> None:
    """Garbage is refused as a record."""
    with pytest.raises(StoreCorrupt):
        Approval.from_wire(data)


@pytest.mark.parametrize("record", [pending(), cancelled(), expired()])
def test_metadata_of_a_decision_needs_the_decision(record: Approval) -> None:
    """No receipt is asked for where nobody decided, so nothing may be read as an answer's."""
    with pytest.raises(StoreCorrupt, match="metadata"):
        Approval.from_wire(record.to_wire() | {"decisionMetadata": {"ticket": 7}})


def test_an_edited_payload_needs_its_own_digest() -> None:
    """What a person made of the payload is bound as firmly as what was asked."""
    base = pending(editable=True)
    wire = approved(
        base,
        decision=Decision(verdict=Verdict.APPROVE, payload=[1], digest=base.digest_of([1])),
    ).to_wire()
    assert Approval.from_wire(wire).effective_payload == [1]
    wire["decision"]["payload"] = [2]
    with pytest.raises(StoreCorrupt):
        Approval.from_wire(wire)


def test_a_record_is_frozen() -> None:
    """Nobody changes a field of a record by assignment."""
    with pytest.raises(ValidationError):
        pending().status = ApprovalStatus.APPROVED  # type: ignore[misc]  # that is the point


def test_times_are_aware_and_compare_across_zones() -> None:
    """A naive time is refused, another zone is the same moment."""
    with pytest.raises(ValidationError):
        pending(created_at=START.replace(tzinfo=None))
    tokyo = START.astimezone(timezone(timedelta(hours=9)))
    assert Approval.from_wire(pending(created_at=tokyo).to_wire()).created_at == START


def test_the_route_can_only_shorten_the_end() -> None:
    """The deadline is the earlier of what was asked for and what the route allows."""
    assert pending().deadline == after(3600)
    assert pending(terms=route(expires_at=after(60))).deadline == after(60)
    assert pending(terms=route(expires_at=after(7200))).deadline == after(3600)


def test_the_request_fields_are_those_that_nobody_changes() -> None:
    """From the schema version to that of the arguments; the rest is state and consumption."""
    fields = Approval.request_fields()
    assert (fields[0], fields[-1]) == ("schema_version", "arguments_schema")
    assert "version" not in fields
    assert "payload" in fields


@pytest.mark.parametrize(
    ("metadata", "approver"), [(None, None), ({}, None), ({"approver": 7}, None)]
)
def test_the_approver_is_text_or_nobody(metadata: dict[str, Any] | None, approver: None) -> None:
    """A caller's metadata may hold anything."""
    assert approved(decision_metadata=metadata).approver is approver


@pytest.mark.parametrize(
    "value", ["a", "7", "delete-42", "run:job.7_x", "A" * 128, "constructor", "__proto__"[2:]]
)
def test_ids_are_kept_as_they_are(value: str) -> None:
    """1 to 128 letters, digits and a few marks."""
    assert check_id(value, field="id") is value


@pytest.mark.parametrize(
    "value",
    [
        *("", "A" * 129, " a", "a ", "a\n", "a\x00", "a/b", "../a", ".a", "-a", ":a", "_a"),
        *(
            "a{b}",
            "a*b",
            "a?b",
            "[a]",
            "a\\b",
            "a%2fb",
            "a#b",
            "a b",
            "é",
            "\u0661",
            "\u200ba",
            "\ud800",
        ),
        *(None, 1, b"a", True),
    ],
)
def test_what_is_no_id_is_refused(value: Any) -> None:
    """Paths, globs, braces, control and non-ASCII characters never reach a key."""
    with pytest.raises(InvalidId) as caught:
        check_id(value, field="id")
    assert caught.value.field == "id"


def test_no_two_records_share_a_key() -> None:
    """Ids and namespaces hold no slash, and the default namespace is left out."""
    pairs = [("a", "default"), ("a", "b"), ("b", "a"), ("default", "a"), ("a:b", "default")]
    assert len({record_key(*pair) for pair in pairs}) == len(pairs)
    assert pending("a", namespace="b").key == "b/a"
    assert pending("a").key == "a"
    assert len(record_key("i" * 128, "n" * 128)) == 257


def test_texts_have_limits_and_no_lone_surrogates() -> None:
    """Each fault is an error of its own."""
    assert check_text("", field="note", limit=3, least=0) == ""
    assert check_text("☃☃☃", field="note", limit=3) == "☃☃☃"
    with pytest.raises(LimitExceeded):
        check_text("1234", field="note", limit=3)
    with pytest.raises(InvalidId):
        check_text("", field="note", limit=3)
    with pytest.raises(PayloadNotCanonical):
        check_text("\ud800", field="note", limit=3)
    with pytest.raises(InvalidId):
        check_text(b"abc", field="note", limit=3)  # type: ignore[arg-type]  # that is the point
