"""A process may die at any moment: what it did is known, and nothing has its effect twice."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from gate import ApprovalGate, Desk
from gate.loop import AgentLoop, RunResult, ToolContext, define_tool
from gate.testing import FakeClock, ScriptedModel
from stores.checkpoints import MemoryCheckpoints

from .bench import ASK_DEPLOY
from .fuse import Fuse, FusedCheckpoints, FusedStore, Killed

MOMENTS = 24
"""More than one run has; the last ones kill nobody."""


@dataclass
class World:
    """What outlives a process."""

    idempotent: bool = False
    clock: FakeClock = field(default_factory=FakeClock)
    place: MemoryCheckpoints = field(default_factory=MemoryCheckpoints)
    effects: int = 0
    keys: set[str] = field(default_factory=set)
    answers: int = 0

    def __post_init__(self) -> None:
        self.store = FusedStore(clock=self.clock)
        self.desk = Desk(self.store, clock=self.clock)

    async def process(self, *, kill_at: int | None = None) -> RunResult | None:
        """Begin or resume the run in a new process; `None` if it was killed."""
        fuse = self.store.fuse = Fuse(kill_at)

        @define_tool(idempotent=self.idempotent)
        async def deploy(env: str, context: ToolContext) -> str:
            fuse.tick("before the effect")
            self.effects += 1
            self.keys.add(context.idempotency_key)
            fuse.tick("after the effect")
            return f"deployed {env}"

        script = ScriptedModel().calls(("deploy", {"env": "prod"})).says("The end.")

        async def model(messages, tools):
            fuse.tick("before the model")
            answer = await script(messages, tools)
            self.answers += 1
            fuse.tick("after the model")
            return answer

        gate = ApprovalGate(self.store, agent="billing", clock=self.clock)
        loop = AgentLoop(
            model, id="agent-1", tools=[deploy], policy=ASK_DEPLOY, approve=gate,
            on_pending="exit", checkpoint=FusedCheckpoints(self.place, fuse), clock=self.clock,
        )  # fmt: skip
        try:
            if await loop.unfinished():
                return await loop.resume()
            known = await self.place.keys()
            return await (loop.resume() if known else loop.complete("Deploy."))
        except BaseException:
            # A dead process raises whatever its pieces make of it; nobody reads that.
            if kill_at is None or fuse.moment < kill_at:
                raise
            return None

    async def decide(self, verdict: str) -> None:
        """Answer what is asked, if anything is."""
        self.store.fuse = Fuse()
        for key, record in self.store._records.items():
            if not record.final:
                await self.desk.decide(key, verdict, approver="cli:ana")


async def _to_the_end(world: World, *, kill_at: int, verdict: str) -> tuple[RunResult, str | None]:
    """Kill one process at a moment of its own, decide, and let new ones go on to the end."""
    killed = None
    for attempt in range(12):
        result = await world.process(kill_at=kill_at if attempt % 4 in (0, 1) else None)
        if result is None and killed is None:
            killed = world.store.fuse.what[-1]
        await world.decide(verdict)
        if result is not None and not result.paused:
            return result, killed
    raise AssertionError("the run never ended")


@pytest.mark.parametrize("kill_at", range(1, MOMENTS))
@pytest.mark.parametrize("idempotent", [False, True], ids=["once", "idempotent"])
async def test_killed_at_any_moment_the_effect_comes_at_most_once(kill_at: int, idempotent: bool):
    """Approved: one effect, or one that is said to be unknown; idempotent tools end as done."""
    world = World(idempotent=idempotent)
    result, killed = await _to_the_end(world, kill_at=kill_at, verdict="approve")
    [report] = result.report.calls
    assert "The end." == result.text
    if idempotent:
        assert "done" == report.outcome
        assert 1 == len(world.keys)
    else:
        assert world.effects <= 1
        assert report.outcome == ("done" if report.executed_seconds is not None else "unconfirmed")
        assert ("done" == report.outcome) <= (world.effects == 1)
    # Two answers of the model make this run; only one that was lost before it was saved is missed.
    lost = killed in ("after the model", "before saving")
    assert world.answers <= (4 if lost else 2)


@pytest.mark.parametrize("kill_at", range(1, MOMENTS))
@pytest.mark.parametrize("verdict", ["deny", "skip"])
async def test_killed_at_any_moment_a_no_never_runs(kill_at: int, verdict: str):
    """Whatever dies when: without a yes there is no effect, and the word is the person's."""
    world = World()
    result, _ = await _to_the_end(world, kill_at=kill_at, verdict=verdict)
    assert 0 == world.effects
    assert ["denied" if verdict == "deny" else "skipped"] == [
        call.outcome.value for call in result.report.calls
    ]


async def test_an_undisturbed_run_asks_the_model_twice_and_people_once():
    """The measure of the others: two answers of the model, one approval, one effect."""
    world = World()
    result = await world.process()
    assert result is not None
    assert result.paused
    await world.decide("approve")
    result = await world.process()
    assert result is not None
    assert ("The end.", 2, 1, 1) == (
        result.text,
        world.answers,
        world.effects,
        len(world.store._records),
    )


async def test_the_moments_are_all_there():
    """The matrix reaches every operation of a run."""
    world = World()
    await world.process()
    seen = set(world.store.fuse.what)
    await world.decide("approve")
    await world.process()
    seen |= set(world.store.fuse.what)
    assert world.store.fuse.moment < MOMENTS
    assert {
        "before saving", "after saving", "before the model", "after the model", "before asking",
        "after asking", "before patching", "after patching", "before the effect",
        "after the effect",
    } == seen  # fmt: skip
    assert issubclass(Killed, BaseException)
