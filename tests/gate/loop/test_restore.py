"""Going on from a snapshot: the same configuration, known versions, nothing half read."""

from __future__ import annotations

import pytest

from gate import (
    ApprovalGate,
    Checkpoint,
    Desk,
    RunNotFound,
    RunTaken,
    SnapshotUnsupported,
    StoreCorrupt,
)
from gate.loop import AgentLoop, define_tool
from gate.testing import ScriptedModel
from stores.checkpoints import MemoryCheckpoints

from .bench import Bench

KEY = "agent-loop:agent-1"
DEPLOY = ("deploy", {"env": "prod"})


async def test_restore_takes_the_configuration_of_construction(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, desk: Desk
):
    """A dump, as JSON, goes on elsewhere without any checkpoint; guardrails and limits count."""
    model.calls(DEPLOY).says("Done.")
    loop = bench.loop(approve=gate, on_pending="exit", metadata={"ticket": 7}, system="Be brief.")
    paused = await loop.complete("Deploy.")
    await desk.decide(str(paused.pending[0].approval_id), "approve")
    text = loop.dump().to_text()
    restored = AgentLoop.restore(text, model, **bench.options(approve=gate, max_steps=2))
    assert ("agent-1", {"ticket": 7}, ()) == (restored.id, restored.metadata, restored.warnings)
    assert paused.pending == restored.pending_approvals
    assert "Done." == (await restored.resume()).text
    assert "system" == model.asked[-1][0].role
    # A second restore of the same dump cannot run it again: the approval is consumed.
    again = AgentLoop.restore(
        text, ScriptedModel().calls(DEPLOY).says("Hm."), **bench.options(approve=gate)
    )
    assert ["unconfirmed"] == [call.outcome for call in (await again.resume()).report.calls]
    assert 1 == len(bench.ran)


async def test_restore_warns_about_what_is_missing(bench: Bench, model: ScriptedModel):
    """Removed and added tools, and every safeguard that the saved loop had."""
    model.says("Hello.")
    loop = bench.loop(guardrails=[lambda text: None], tool_guardrails=[lambda name, args: None])
    await loop.complete("Hi.")

    @define_tool
    async def paint(colour: str) -> str:
        return colour

    restored = AgentLoop.restore(loop.dump(), model, tools=[paint])
    assert [
        ("tool_removed", "deploy"), ("tool_removed", "look"), ("tool_removed", "wipe"),
        ("tool_added", "paint"), ("safeguard_removed", None), ("safeguard_removed", None),
        ("safeguard_removed", None),
    ] == [(warning.code, warning.tool_name) for warning in restored.warnings]  # fmt: skip


async def test_restore_over_a_checkpoint_that_has_moved_on(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, desk: Desk, place: MemoryCheckpoints
):
    """An old dump does not overwrite what has happened since."""
    model.calls(DEPLOY).says("Done.")
    options = bench.options(approve=gate, checkpoint=place, on_pending="exit")
    loop = AgentLoop(model, **options)
    paused = await loop.complete("Deploy.")
    old = loop.dump()
    await desk.decide(str(paused.pending[0].approval_id), "approve")
    await loop.resume()
    with pytest.raises(RunTaken):
        await AgentLoop.restore(old, model, **options).resume()
    assert 1 == len(bench.ran)


@pytest.mark.parametrize("version", [0, 2, 99])
async def test_unknown_versions_are_refused(
    bench: Bench, model: ScriptedModel, place: MemoryCheckpoints, version: int
):
    """A snapshot of another version is not read, neither given nor found."""
    model.says("Hello.")
    loop = bench.loop(checkpoint=place)
    await loop.complete("Hi.")
    text = loop.dump().to_text().replace('"version":1', f'"version":{version}')
    with pytest.raises(SnapshotUnsupported):
        AgentLoop.restore(text, model)
    await place.save(KEY, text)
    with pytest.raises(SnapshotUnsupported):
        await bench.loop(checkpoint=place).resume()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 1}', '{"version": true}'])
async def test_broken_is_never_missing(
    bench: Bench, model: ScriptedModel, place: MemoryCheckpoints, text: str
):
    """A checkpoint that cannot be read stops everything; nothing is begun over it."""
    await place.save(KEY, text)
    loop = bench.loop(checkpoint=place)
    with pytest.raises(StoreCorrupt):
        await loop.complete("Hi.")
    found = await place.load(KEY)
    assert isinstance(found, Checkpoint)
    assert text == found.text


async def test_a_checkpoint_that_was_deleted_is_begun_anew(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, place: MemoryCheckpoints
):
    """Whoever deletes the checkpoint ends the run: its worker stops, and a new run may begin."""
    model.calls(DEPLOY)
    loop = bench.loop(approve=gate, checkpoint=place, on_pending="exit")
    await loop.complete("Deploy.")
    await place.delete(KEY)
    with pytest.raises(RunTaken):
        await loop.resume()
    with pytest.raises(RunNotFound):
        await loop.resume()
    fresh = ScriptedModel().says("Hello.")
    assert "Hello." == (await bench.loop(model=fresh, checkpoint=place).complete("Hi.")).text
