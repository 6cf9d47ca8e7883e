"""Whatever fails and whenever the process ends: a side effect happens at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from gate import (
    DurableRunner,
    RunTaken,
    SignoffError,
    StepInDoubt,
    StepKind,
    StepUnrecorded,
    StoreUnavailable,
    Unconfirmed,
)

from .logs import Crash, Fault, FaultyLog

STEPS = ("one", "two", "three")
FAULTS = st.lists(st.sampled_from(Fault), max_size=14)
CRASHES = st.lists(st.sampled_from(["no", "before", "after"]), max_size=6)
FINDS = (StoreUnavailable, Unconfirmed, StepUnrecorded)


class World:
    """A run that is carried on by one process after the other until it ends."""

    def __init__(self, faults: list[Fault], crashes: list[str], *, idempotent: bool) -> None:
        self.log = FaultyLog(faults)
        self.crashes = list(crashes)
        self.idempotent = idempotent
        self.effects: list[str] = []
        self.processes = 0
        self.gave_up = False

    def act(self, what: str) -> Callable[[], str]:
        def effect() -> str:
            crash = self.crashes.pop(0) if self.crashes else "no"
            if crash == "before":
                raise Crash
            self.effects.append(what)
            if crash == "after":
                raise Crash
            return f"did {what}"

        return effect

    async def carry_on(self, *, same_process: bool) -> None:
        """Work until all steps have ended, or one is in doubt."""
        while not self.gave_up:
            self.processes += 1
            assert self.processes < 60, "it does not get on"
            runner = DurableRunner(self.log, "job-7")
            try:
                while not await self._work(runner, same_process=same_process):
                    pass
                return
            except Crash:
                continue
            except FINDS:
                continue
            except StepInDoubt:
                self.gave_up = True

    async def _work(self, runner: DurableRunner, *, same_process: bool) -> bool:
        for what in STEPS:
            try:
                result = await runner.step(
                    what, self.act(what), name=what, idempotent=self.idempotent
                )
            except FINDS:
                if not same_process:
                    raise
                return False
            assert f"did {what}" == result
        return True


@settings(max_examples=300, deadline=None)
@given(faults=FAULTS, crashes=CRASHES, same_process=st.booleans())
def test_at_most_once(faults: list[Fault], crashes: list[str], same_process: bool) -> None:
    """A step that is not idempotent acts at most once; without its end it is in doubt for ever."""
    world = World(faults, crashes, idempotent=False)
    asyncio.run(world.carry_on(same_process=same_process))
    assert sorted(set(world.effects)) == sorted(world.effects)
    if not world.gave_up:
        assert list(STEPS) == world.effects


@settings(max_examples=300, deadline=None)
@given(faults=FAULTS, crashes=CRASHES, same_process=st.booleans())
def test_idempotent_steps_come_to_their_end(
    faults: list[Fault], crashes: list[str], same_process: bool
) -> None:
    """A run of idempotent steps always ends: each effect is there, in order, each end once."""
    world = World(faults, crashes, idempotent=True)
    asyncio.run(world.carry_on(same_process=same_process))
    assert not world.gave_up
    assert list(STEPS) == list(dict.fromkeys(world.effects))
    rows = asyncio.run(world.log.kept.rows("job-7"))
    ends = [row.step_id for row in {row.id: row for row in rows}.values() if row.kind == "done"]
    assert list(STEPS) == ends


@settings(max_examples=100, deadline=None)
@given(faults=FAULTS)
def test_trouble_with_the_store_alone_calls_nothing_twice(faults: list[Fault]) -> None:
    """In one process that lives, even idempotent steps are called once, whatever the log does."""
    alive = [fault for fault in faults if not fault.startswith("crash")]
    world = World(alive, [], idempotent=True)
    asyncio.run(world.carry_on(same_process=True))
    assert list(STEPS) == world.effects
    assert world.processes == 1


@settings(max_examples=200, deadline=None)
@given(order=st.lists(st.booleans(), max_size=40), idempotent=st.booleans())
def test_two_workers_on_one_run(order: list[bool], idempotent: bool) -> None:
    """However two workers interleave, each effect happens at most once or the step allows two."""
    asyncio.run(_race(order, idempotent=idempotent))


async def _race(order: list[bool], *, idempotent: bool) -> None:
    log = FaultyLog()
    effects: list[str] = []
    turns = [asyncio.Semaphore(0), asyncio.Semaphore(0)]

    async def worker(number: int) -> str:
        runner = DurableRunner(log, "job-7")

        def act(what: str) -> Callable[[], object]:
            async def effect() -> None:
                await turns[number].acquire()
                effects.append(what)
                await turns[number].acquire()

            return effect

        try:
            for what in STEPS:
                await turns[number].acquire()
                await runner.step(what, act(what), name=what, idempotent=idempotent)
        except SignoffError as error:
            assert isinstance(error, RunTaken | StepInDoubt | StepUnrecorded)  # noqa: PT017
            return error.code
        return "finished"

    workers = [asyncio.create_task(worker(number)) for number in range(2)]
    for second in order:
        turns[second].release()
        for _ in range(10):
            await asyncio.sleep(0)
    for turn in turns:
        for _ in range(20):
            turn.release()
    ends = await asyncio.gather(*workers)
    if not idempotent:
        assert sorted(set(effects)) == sorted(effects)
    rows = await log.rows("job-7")
    done = [row.step_id for row in rows if row.kind is StepKind.DONE]
    assert list(STEPS[: len(done)]) == done, "each step ends once"
    assert "finished" in ends or not idempotent
