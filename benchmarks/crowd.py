"""Row 2: from a person's decision to the waiting agent, in a crowd of others that wait."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from gate import ApprovalGate
from stores import open_store

from .raw import connect
from .report import Row, percentile
from .stage import AGENT, PERSON, Child, Stage, ask, desk_of, make_pattern, name_of
from .wake import Taken, agent, paced

__all__ = ["crowd"]


async def crowd(stage: Stage) -> list[Row]:
    """Measure row 2."""
    sizes = [500] if stage.quick else [10_000, 100_000]
    async with stage.server() as server:
        pattern = await make_pattern(server)
        raw = await connect(server.port)
        waiters: dict[str, Child] = {"alone": Child(agent, server.url, None, ())}
        entered: dict[str, float] = {}
        try:
            total = 0
            for size in sizes:
                ids = [name_of(at, kind=chr(ord("p") + sizes.index(size))) for at in range(size)]
                await pattern.fill(raw, ids, routed=False)
                waiters[str(size)] = Child(agent, server.url, None, ids, total)
                total += size
                entered[str(size)] = await waiters[str(size)].hear()
            found = await _crowd_rounds(stage, server, waiters)
        finally:
            for child in waiters.values():
                child.end()
            raw.close()
    alone = tuple(percentile(taken.wakes, 0.5) for taken in found["alone"])
    return [
        Row(
            number="2",
            what=f"decide to wake, p50, with {size:,} waiting in the process",
            unit="us",
            ours=tuple(percentile(taken.wakes, 0.5) for taken in found[str(size)]),
            against=alone,
            versus="with 1 waiting",
            goal=1.15,
            setting=stage.setting(0),
            more={"waiting": size, "seconds until all of them waited": entered[str(size)]},
        )
        for size in sizes
    ]


async def _crowd_rounds(
    stage: Stage, server: Any, waiters: dict[str, Child]
) -> dict[str, list[Taken]]:
    found: dict[str, list[Taken]] = defaultdict(list)
    async with open_store(server.url) as store:
        desk = desk_of(store)
        gate = ApprovalGate(store, agent=AGENT, public_keys=[])

        async def decided(name: str) -> None:
            await desk.decide(name, "approve", approver=PERSON, seen=True)

        for turn, side in stage.shuffled(list(waiters)):
            place = list(waiters).index(side)
            count = stage.some(100, 20)
            ids = [name_of(turn * 1000 + at, kind=chr(ord("a") + place)) for at in range(count)]
            await ask(gate, desk, ids)
            found[side].append(await paced(stage, waiters[side], ids, lambda _: decided))
    return found
