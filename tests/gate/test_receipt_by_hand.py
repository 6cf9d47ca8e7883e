"""A decision is proved, or not, by a program that has nothing of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from examples import verify_receipt
from gate import ApprovalGate, Desk, Notary, Quorum, SigningKey, Terms
from stores.memory import MemoryStore

KEY = SigningKey.generate()
OTHER = SigningKey.generate()
ANA = "cli:ana"
PAYLOAD = {"to": "Zoë 🎉", "amount": 12.5, "big": 2**70, "small": 1e-07, "wide": 1e16, "on": True}
Record = dict[str, Any]


async def decided(verdict: str = "approve", *, namespace: str = "prod", **how: Any) -> Record:
    """Return the record of a signed decision, as `signoff show --json` prints it."""
    store = MemoryStore()
    desk = Desk(store, notary=Notary(KEY, secret=b"s" * 32))
    gate = ApprovalGate(store, agent="billing", namespace=namespace)
    asked = await gate.request(
        id="x", name="pay", payload=PAYLOAD, editable=True, allow_override=True
    )
    await desk.route(asked.key, Terms(channel="C1", quorums=(Quorum(of=(ANA,)),)))
    await desk.decide(asked.key, verdict, approver=ANA, surface="cli", seen=True, **how)
    record: Record = (await desk.get(asked.key)).to_wire()
    return json.loads(json.dumps(record))  # type: ignore[no-any-return]  # JSON of a record


def told(
    folder: Path, record: Record, capsys: pytest.CaptureFixture[str], *, keys: str = str(KEY.public)
) -> tuple[int, str]:
    """Return the exit code and the last line."""
    file = folder / "record.json"
    file.write_text(json.dumps(record), encoding="utf-8")
    code = verify_receipt.main(file, keys)
    return code, capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("verdict", "how"),
    [
        ("approve", {}),
        ("approve", {"payload": {"to": "Zoë", "amount": 1}}),
        ("approve", {"override_result": "paid by hand"}),
        ("deny", {"note": "not today"}),
        ("skip", {}),
        ("approve", {"namespace": "default"}),
    ],
)
async def test_what_was_decided_is_proved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verdict: str, how: dict[str, Any]
):
    """Every kind of answer, with one of several keys, also with one that was retired since."""
    record = await decided(verdict, **how)
    for keys in (str(KEY.public), f"{OTHER.public},{KEY.public}@2020-01-31"):
        assert (0, "proved") == told(tmp_path, record, capsys, keys=keys)


def _set(*path: str, to: Any) -> Callable[[Record], None]:
    def change(record: Record) -> None:
        for step in path[:-1]:
            record = record[step]
        record[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set("payload", "amount", to=12.6), "digest"),
        (_set("payload", to={}), "digest"),
        (_set("decision", "payload", to={"amount": 1}), "digest"),
        (_set("agent", to="shop"), "agent, digest"),
        (_set("name", to="refund"), "name, digest"),
        (_set("namespace", to="test"), "namespace, digest"),
        (_set("id", to="y"), "id"),
        (_set("nonce", to="y"), "nonce"),
        (_set("decidedAt", to="2020-01-01T00:00:00Z"), "decidedAt"),
        (_set("decision", "verdict", to="deny"), "verdict"),
        (_set("decision", "note", to="of course"), "noteHash"),
        (_set("decision", "overrideResult", to="done"), "resultHash"),
        (_set("decisionMetadata", "approver", to="cli:ben"), "approver"),
        (_set("decisionMetadata", "ticket", to="7"), "metadataHash"),
    ],
)
async def test_what_was_changed_since_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Record], None], said: str
):
    """Whatever is written into the record afterwards, the receipt does not bear it out."""
    record = await decided()
    change(record)
    assert (2, f"NOT PROVED: the record has another {said}") == told(tmp_path, record, capsys)


async def test_what_nobody_signed_is_not_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """No receipt, another key's, one that was changed, and one that claims a key."""
    record = await decided()
    text, signature = record["receipt"].split(".")[1:]
    receipts = [None, "", "r1.x", f"r2.{text}.{signature}", f"r1.{text}.{'A' * 86}"]
    for receipt in receipts:
        forged = {**record, "receipt": receipt}
        if receipt is None:
            del forged["receipt"]
        code, line = told(tmp_path, forged, capsys)
        assert (2, True) == (code, line.startswith("NOT PROVED: ")), receipt
    assert 2 == told(tmp_path, record, capsys, keys=str(OTHER.public))[0]
