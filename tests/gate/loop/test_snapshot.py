"""Snapshots of every version that was ever written are read, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import ApprovalGate, SnapshotUnsupported, StoreCorrupt
from gate.loop import SNAPSHOT_VERSION, AgentLoop, AgentLoopSnapshot, FinishReason
from gate.testing import ScriptedModel

from .bench import Bench

CORPUS = Path(__file__).parents[2] / "corpus" / "snapshot"
FILES = sorted(CORPUS.glob("v*/*.json"))


def wire(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((CORPUS / f"v1/{name}.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_snapshot_of_the_corpus_is_read(file: Path):
    """What an older signoff saved is read whole, and comes out as it went in."""
    text = file.read_text(encoding="utf-8")
    snapshot = AgentLoopSnapshot.from_text(text)
    assert f"v{snapshot.version}" == file.parent.name
    assert json.loads(text) == snapshot.to_wire()
    assert snapshot == AgentLoopSnapshot.from_text(snapshot.to_text())


def test_the_corpus_has_the_present_version():
    """Whoever raises the version adds a folder."""
    assert f"v{SNAPSHOT_VERSION}" in {file.parent.name for file in FILES}
    assert {"new", "paused", "approved_edited", "executing", "ended"} == {
        file.stem for file in FILES if file.parent.name == "v1"
    }


async def test_a_paused_one_goes_on(bench: Bench, gate: ApprovalGate):
    """The saved question is asked of this store, under the id that it had."""
    model = ScriptedModel()
    loop = AgentLoop.restore(
        wire("paused"), model, **bench.options(approve=gate, on_pending="exit")
    )
    [pending] = loop.pending_approvals
    result = await loop.resume()
    assert ([], FinishReason.PAUSED) == (model.asked, result.finish_reason)
    assert "pending" == (await gate.get(str(pending.approval_id))).status
    assert ["done"] == [call.outcome for call in result.report.calls]


@pytest.mark.parametrize(
    ("name", "word"), [("approved_edited", None), ("executing", "unconfirmed")]
)
async def test_one_that_was_at_work_goes_on_safely(
    bench: Bench, gate: ApprovalGate, name: str, word: str | None
):
    """What it says was approved is asked of the gate; what was executing is not run again."""
    model = ScriptedModel().says("").calls(("look", {"at": "a"})).says("The end.")
    loop = AgentLoop.restore(wire(name), model, **bench.options(approve=gate, on_pending="exit"))
    result = await loop.resume()
    last = next(call for call in result.report.calls if call.tool_name == "deploy")
    assert last.outcome == (word or "approver_failed")
    assert "deploy" not in [tool for tool, _ in bench.ran]


@pytest.mark.parametrize("version", [0, 2, 10**12, -1])
def test_other_versions_are_refused_by_name(version: int):
    """A snapshot of a later signoff is not half read."""
    with pytest.raises(SnapshotUnsupported) as refused:
        AgentLoopSnapshot.from_wire(wire("paused") | {"version": version})
    assert version == refused.value.version


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"version": "1"},
        {"version": None},
        {"agentId": 7},
        {"run": {}},
        {"history": None},
    ],
    ids=str,
)
def test_what_is_no_snapshot_is_corrupt(change: dict[str, Any]):
    """Unknown fields, missing ones and other types are refused; nothing is guessed."""
    with pytest.raises(StoreCorrupt):
        AgentLoopSnapshot.from_wire(wire("paused") | change)


@given(cut=st.integers(min_value=0, max_value=6000))
def test_a_torn_snapshot_is_corrupt(cut: int):
    """Any beginning of a snapshot is an error, never another snapshot."""
    text = AgentLoopSnapshot.from_wire(wire("paused")).to_text()
    if cut < len(text):
        with pytest.raises(StoreCorrupt):
            AgentLoopSnapshot.from_text(text[:cut])


def test_a_seeds_own_checkpoint_is_not_mistaken_for_ours():
    """The seed's loop writes version 1 too, without what we need: corrupt, and not guessed at."""
    theirs = {
        "version": 1, "system": "", "context": "", "toolNames": [], "reports": [], "metadata": {},
        "createdAt": 1700000000000, "savedAt": 1700000000000,
        "history": {"id": "x", "entries": []},
    }  # fmt: skip
    with pytest.raises(StoreCorrupt):
        AgentLoopSnapshot.from_wire(theirs)
