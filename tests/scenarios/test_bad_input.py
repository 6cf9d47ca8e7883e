"""P4, P19: bad input at any entry point is a typed error, changes nothing, and is never repeated.

One table for all of them; the layers' own tests go into what is special there.
"""

from __future__ import annotations

import base64
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from gate import (
    Approval,
    ApprovalGate,
    ApprovalRequested,
    ApprovalStatus,
    Bounds,
    Desk,
    PublicKey,
    ReceiptInvalid,
    SigningKey,
    SignoffError,
    StoreCorrupt,
    Verdict,
    Verifier,
    event_from_wire,
    read_receipt,
)
from gate.receipts import sign_receipt
from stores.memory import MemoryStore
from stores.redis.codec import decode_record, encode_record
from tests.support.factories import after, approved, everything, pending, route
from tests.support.junk import JSON_JUNK, MARK, PYTHON_JUNK, TEXT_JUNK, places, replaced

KEY = SigningKey.generate()
VERIFIER = Verifier((KEY.public,))
ECHOING = {"decide verdict", "view"}
"""Errors that name the word, or the person, that they are about."""


class Ground:
    """A store with one approval of each kind, and what lies in it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.gate = ApprovalGate(self.store, agent="billing", public_keys=[])
        self.desk = Desk(self.store)

    async def prepare(self) -> None:
        for approval_id in ("open", "approved", "taken"):
            await self.gate.request(id=approval_id, name="delete-user", payload={"user_id": 42})
            if approval_id != "open":
                await self.gate.decide(approval_id, "approve")
        await self.gate.consume("taken", payload={"user_id": 42})

    async def lies_there(self) -> tuple[dict[str, str], dict[str, str], int]:
        events = await self.store.read("", limit=100_000)
        return dict(self.store._records), dict(self.store._uses), len(events)


@pytest.fixture
async def ground() -> Ground:
    ground = Ground()
    await ground.prepare()
    return ground


Verb = Callable[[Ground, Any], Any]


def _request(field: str) -> Verb:
    return lambda at, junk: at.gate.request(**({"name": "x", "payload": 1} | {field: junk}))


def _decide(field: str) -> Verb:
    # No person of this name may answer, and the approval that may be answered is never named.
    return lambda at, junk: at.desk.decide("no-such", **({"verdict": "approve"} | {field: junk}))


def _consume(field: str) -> Verb:
    asked = {"approval": "approved", "payload": {"user_id": 43}, "operation_id": "op"}

    def call(at: Ground, junk: Any) -> Any:
        given = asked | {field: junk}
        return at.gate.consume(given.pop("approval"), **given)

    return call


def _report(field: str) -> Verb:
    asked: dict[str, Any] = {"approval": "open", "seconds": 1.0, "error": None}

    def call(at: Ground, junk: Any) -> Any:
        given = asked | {field: junk}
        return at.gate.report(given.pop("approval"), **given)

    return call


VERBS: dict[str, Verb] = {
    **{f"request {field}": _request(field) for field in (
        "name", "payload", "id", "run", "reason", "expires_in", "editable", "allow_override",
        "not_by",
    )},
    **{f"decide {field}": _decide(field) for field in (
        "verdict", "approver", "groups", "note", "metadata", "override_result", "payload",
        "surface", "place", "attempt",
    )},
    **{f"consume {field}": _consume(field) for field in ("approval", "payload", "operation_id")},
    **{f"report {field}": _report(field) for field in ("approval", "seconds", "error")},
    "get": lambda at, junk: at.gate.get(junk),
    "wait": lambda at, junk: at.gate.wait(junk, timeout=0),
    "cancel id": lambda at, junk: at.gate.cancel(junk),
    "cancel by": lambda at, junk: at.desk.cancel("no-such", by=junk),
    "cancel reason": lambda at, junk: at.desk.cancel("no-such", reason=junk),
    "view": lambda at, junk: at.desk.view("open", principal=junk),
    "gate agent": lambda at, junk: ApprovalGate(at.store, agent=junk, public_keys=[]),
    "gate namespace": lambda at, junk: ApprovalGate(
        at.store, agent="a", namespace=junk, public_keys=[]
    ),
    "gate expires_in": lambda at, junk: ApprovalGate(
        at.store, agent="a", expires_in=junk, public_keys=[]
    ),
    "bounds pending": lambda at, junk: Bounds(pending=junk),
    "bounds per_minute": lambda at, junk: Bounds(per_minute=junk),
    "bounds retention": lambda at, junk: Bounds(retention=junk),
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
async def test_the_gates_own_verbs(verb: str, ground: Ground):
    """Whatever is given for any argument: it is taken, or one of our errors; nothing in between.

    What is refused leaves records, consumptions and log as they were, and its text says nothing of
    what was given.
    """
    for name, junk in PYTHON_JUNK.items():
        before = await ground.lies_there()
        refused: SignoffError | None = None
        try:
            answer = VERBS[verb](ground, junk)
            if inspect.isawaitable(answer):
                await answer
        except SignoffError as error:
            refused = error
        except Exception as error:
            raise AssertionError(f"{verb} with {name}: {type(error).__name__}") from error
        if refused is None:
            assert verb.startswith(("request", "gate", "bounds")), f"{verb} took {name}"
            continue
        assert verb in ECHOING or not _repeats(refused), name
        assert len(str(refused)) < 500, name
        assert before == await ground.lies_there(), name


@pytest.mark.parametrize("place", ["argument", "name", "reason"])
async def test_the_decorator(place: str, ground: Ground):
    """A guarded function runs with none of it: what cannot be asked is refused before."""
    ran: list[object] = []
    for name, junk in PYTHON_JUNK.items():
        before = await ground.lies_there()
        terms = {} if place == "argument" else {place: junk}

        @ground.gate.requires_approval(timeout=0, **terms)
        async def act(value: object) -> None:
            ran.append(value)

        try:
            await act(junk if place == "argument" else 1)
        except TimeoutError:
            continue  # it was asked, and nobody has answered
        except SignoffError:
            assert before == await ground.lies_there(), name
        else:
            raise AssertionError(f"{name}: it ran")
    assert [] == ran


def _signed(approval: Approval) -> Approval:
    receipt = sign_receipt(approval, KEY, use_within=after(3600) - after(0))
    return approval.model_copy(update={"receipt": receipt})


def _means(approval: Approval) -> tuple[Any, ...]:
    return (
        approval.key,
        approval.agent,
        approval.name,
        approval.effective_digest,
        approval.decision and approval.decision.verdict,
        approval.decision and approval.decision.override_result,
    )


RECORDS = {
    "approved": _signed(approved(pending(payload={"user_id": [42, "x"]}))),
    "everything": _signed(everything()),
}


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("junk", JSON_JUNK)
def test_records_that_are_read_back(kind: str, junk: str):
    """Any value of a stored record may be anything: it cannot be read, or it proves nothing else.

    A record that still verifies means what was signed: the same action, by the same agent, with
    the same verdict.
    """
    whole = RECORDS[kind]
    wire = whole.to_wire()
    for path in places(wire):
        changed = replaced(wire, path, JSON_JUNK[junk])
        found = _read(lambda data: Approval.from_wire(data, key=whole.key), changed)
        if found is None:
            continue
        try:
            VERIFIER.verify(found, now=after(60))
        except ReceiptInvalid:
            continue
        assert _means(whole) == _means(found), path


@pytest.mark.parametrize("part", ["request", "state", "use"])
def test_texts_that_are_read_back(part: str):
    """What is no record's text is StoreCorrupt with the key, and nothing of the text."""
    whole = RECORDS["everything"]
    texts = encode_record(whole)
    parts: dict[str, bytes | None] = {
        "request": texts.request.encode(),
        "state": texts.state.encode(),
        "use": texts.use.encode(),
    }
    good = parts[part] or b""
    body = good.partition(b":")[2] if part == "state" else good
    front = good[: len(good) - len(body)]
    for text in (
        *(junk.encode() for junk in TEXT_JUNK.values()),
        good[:-1],
        good + b"}",
        front + b'{"id":"a",' + body[1:] + b" ",
        front + body.replace(b":", b":NaN,", 1),
        front + b"\xff" + body,
        front + b"\xef\xbb\xbf" + body,
        front + b"[" * 100_000,
        front + b'{"x":"\\ud800"}',
        front + b"null",
        front + b"[]",
        front + b'"' + MARK.encode() + b'"',
        front + b" " * (5 * 1024 * 1024),
    ):
        with pytest.raises(StoreCorrupt) as caught:
            decode_record(whole.key, *(parts | {part: text}).values())
        assert whole.key == caught.value.key
        assert MARK not in str(caught.value)


@pytest.mark.parametrize("junk", JSON_JUNK)
def test_events(junk: str):
    """An event of any content is one of ours, or StoreCorrupt; it is a reason to read, no more."""
    event = ApprovalRequested(id="x", at=after(0), agent="billing", name="x", digest="0" * 64)
    wire = event.to_wire()
    changed = [replaced(wire, path, JSON_JUNK[junk]) for path in places(wire)]
    for given in (JSON_JUNK[junk], *changed, wire | {"color": JSON_JUNK[junk]}):
        found = _read(event_from_wire, given)
        assert found is None or given.keys() >= found.to_wire().keys()


@pytest.mark.parametrize("junk", JSON_JUNK)
def test_receipts(junk: str):
    """A receipt with any change in what it says is refused, and runs nothing."""
    whole = RECORDS["approved"]
    receipt, _ = read_receipt(whole.receipt or "")
    said = json.loads(receipt.text())
    signature = (whole.receipt or "").rpartition(".")[2]
    for path in (*places(said), ("more",)):
        changed = replaced(said, path, JSON_JUNK[junk])
        if changed == said:
            continue
        text = json.dumps(changed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        forged = f"r1.{_encoded(text)}.{signature}"
        with pytest.raises(ReceiptInvalid):
            VERIFIER.verify(
                whole.model_copy(update={"receipt": forged}), now=after(60), digest=whole.digest
            )
    for text in TEXT_JUNK.values():
        for forged in (text, f"r1.{text}.{signature}", f"r1..{text}"):
            with pytest.raises(ReceiptInvalid):
                VERIFIER.verify(
                    whole.model_copy(update={"receipt": forged}), now=after(60), digest=whole.digest
                )


@pytest.mark.parametrize("text", TEXT_JUNK.values(), ids=TEXT_JUNK)
def test_public_keys(text: str):
    """What is no key is no key, in one word, whatever stands around it."""
    for given in (text, f"ed25519:{text}", f"{KEY.public}@{text}", f"{KEY.public}{text}x"):
        with pytest.raises(ValueError, match=r"not|time|Invalid"):
            PublicKey.parse(given)


async def test_terms_from_a_route_cannot_be_what_the_agent_says(ground: Ground):
    """P12: nothing in a request is an approver, a route or a verdict."""
    await ground.gate.request(
        id="claims",
        name="x",
        payload={"status": "approved", "terms": {"channel": "C9"}, "approver": "slack:T1:UANA"},
        reason="approved by slack:T1:UANA",
        run="approved",
    )
    found = await ground.gate.get("claims")
    assert (ApprovalStatus.PENDING, None, ()) == (found.status, found.terms, found.votes)
    routed = await ground.desk.route("claims", route())
    with pytest.raises(SignoffError):
        await ground.desk.decide("claims", Verdict.APPROVE, approver="billing")
    assert routed == await ground.desk.get("claims")


def _read(read: Callable[[Any], Any], data: Any) -> Any:
    """Return what *read* makes of *data*; `None` where it is refused without a word of it."""
    try:
        return read(data)
    except StoreCorrupt as error:
        refused = error
    assert not _repeats(refused)
    return None


def _repeats(error: Exception) -> bool:
    """Say whether an error holds what was given."""
    return MARK in f"{error} {error!r}"


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")
