"""Rows 6 and 7: what an agent that waits costs: memory, commands, processor time."""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path
from typing import Any, Final

from gate import ApprovalGate
from stores import open_store

from .raw import RawConnection, connect
from .report import Row
from .stage import AGENT, Child, Stage, answer, children, make_pattern, name_of
from .wake import enter

__all__ = ["idle"]

_UPKEEP: Final = {"ping", "info", "client|setinfo", "hello", "select"}
"""Commands of connections, not of waiters."""
_SWEEP: Final = 60.0
_AT_ONCE: Final = 200
"""Waiters that come at once: what a crowd at the door needs is not what waiting costs."""
_CHUNK: Final = 500
"""Waiters for which a sweep asks the time once."""


async def idle(stage: Stage) -> list[Row]:
    """Measure rows 6 and 7."""
    count = stage.some(10_000, 500)
    rounds = min(stage.rounds, 3)
    ids = [name_of(at, kind="i") for at in range(count)]
    ours: list[float] = []
    bare: list[float] = []
    quiet: list[tuple[float, float]] = []
    async with stage.server() as server:
        pattern = await make_pattern(server)
        raw = await connect(server.port)
        await pattern.fill(raw, ids)
        for _ in range(rounds):
            for side in stage.random.sample(["ours", "bare"], 2):
                if side == "bare":
                    child = Child(_bare, count)
                    with children(child):
                        bare.append(await child.hear() / count)
                    continue
                child = Child(_waits, server.url, ids, 3600.0)
                with children(child):
                    ours.append(await child.hear() / count)
                    quiet.append(await _watch(raw, child, stage.some(4, 1)))
        sweeping = await _sweeping(stage, raw, server.url, ids, quiet[-1][1])
        raw.close()
    return [
        Row(
            number="6",
            what=f"memory of a waiting agent, {count:,} of them",
            unit="KiB",
            ours=tuple(each / 1024 for each in ours),
            against=tuple(each / 1024 for each in bare),
            versus="a bare task and future",
            goal=3.0,
            stretch=1.5,
            setting=stage.setting(0),
        ),
        Row(
            number="7",
            what="commands for a waiter while it waits, sweep aside",
            unit="commands",
            ours=tuple(commands / count for commands, _ in quiet),
            goal=0.0,
            setting=stage.setting(0),
        ),
        Row(
            number="7",
            what=f"processor of a process with {count:,} waiters, with the sweep",
            unit="% of a core",
            ours=(100 * (sweeping / _SWEEP + quiet[-1][1]),),
            goal=0.5,
            setting=stage.setting(0),
            more={
                "seconds of one sweep, calculated for one in 60 s": sweeping,
                "% of a core without sweeps": 100 * quiet[-1][1],
            },
        ),
    ]


async def _watch(raw: RawConnection, child: Child, seconds: float) -> tuple[float, float]:
    """Return how many commands came, and which share of a core the child took."""
    child.tell("processor")
    commands, used, began = await _commands(raw), await child.hear(), time.monotonic()
    await asyncio.sleep(seconds)
    child.tell("processor")
    after = await _commands(raw)
    share = (await child.hear() - used) / (time.monotonic() - began)
    total = sum(after.values()) - sum(commands.values())
    return total, share


async def _sweeping(
    stage: Stage, raw: RawConnection, url: str, ids: list[str], quiet: float
) -> float:
    """Return the processor seconds of one sweep over all."""
    child = Child(_waits, url, ids, stage.some(5, 1))
    with children(child):
        await child.hear()
        child.tell("processor")
        before, used, began = await _commands(raw), await child.hear(), time.monotonic()
        await asyncio.sleep(stage.some(12, 3))
        child.tell("processor")
        took: float = await child.hear() - used - quiet * (time.monotonic() - began)
        asked = (await _commands(raw)).get("time", 0) - before.get("time", 0)
    return took / max(asked / (len(ids) / _CHUNK), 1e-9)


async def _commands(raw: RawConnection) -> dict[str, int]:
    text = (await raw.call("INFO", "commandstats")).decode()
    found = {}
    for line in text.split("\r\n"):
        if line.startswith("cmdstat_"):
            name, _, rest = line.removeprefix("cmdstat_").partition(":")
            found[name] = int(rest.partition("calls=")[2].partition(",")[0])
    return {name: count for name, count in found.items() if name not in _UPKEEP}


def _private() -> int:
    """Return the bytes that only this process has."""
    text = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    return 1024 * sum(
        int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")
    )


def _bare(pipe: Any, count: int) -> None:
    """Hold tasks that wait for futures."""

    async def work() -> None:
        loop = asyncio.get_running_loop()

        async def one(future: asyncio.Future[None]) -> None:
            await future

        warm = [asyncio.create_task(one(loop.create_future())) for _ in range(200)]
        await asyncio.sleep(0)
        gc.collect()
        before = _private()
        tasks = [asyncio.create_task(one(loop.create_future())) for _ in range(count)]
        await asyncio.sleep(0)
        gc.collect()
        pipe.send(_private() - before)
        for task in [*warm, *tasks]:
            task.cancel()

    answer(pipe, work)


def _waits(pipe: Any, url: str, ids: list[str], sweep: float) -> None:
    """Hold tasks that wait for approvals."""

    async def work() -> None:
        async with (
            open_store(url) as store,
            ApprovalGate(store, agent=AGENT, public_keys=[], sweep=sweep) as gate,
        ):
            # Connections, caches, and the buffers of a first crowd are not a waiter's.
            warm = await enter(gate, url, ids[:200], beside=0)
            gc.collect()
            before = _private()
            tasks = await enter(gate, url, ids[200:], beside=len(warm), step=_AT_ONCE)
            gc.collect()
            pipe.send((_private() - before) * len(ids) / len(tasks))
            while await asyncio.to_thread(pipe.recv):
                pipe.send(time.process_time())
            del warm

    answer(pipe, work)
