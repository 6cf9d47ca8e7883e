"""Row 14: an agent comes back, and its approvals were decided while it was away."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from typing import Final

from .raw import connect
from .report import Row
from .stage import AGENT, Stage, make_pattern, name_of, now

__all__ = ["restart"]

_AGENT: Final = """
import asyncio, sys, time
from gate import ApprovalGate
from stores import open_store

async def main(url, agent, head, count):
    async with open_store(url) as store, ApprovalGate(store, agent=agent, public_keys=[]) as gate:
        await asyncio.gather(*(gate.wait(f"{head}{at:08d}") for at in range(count)))
        print(time.monotonic_ns())

asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
"""


async def restart(stage: Stage) -> list[Row]:
    """Measure row 14."""
    count = stage.some(1000, 100)
    found: dict[int, list[float]] = defaultdict(list)
    async with stage.server() as server:
        pattern = await make_pattern(server)
        raw = await connect(server.port)
        ids = [name_of(at, kind="d") for at in range(count)]
        await pattern.fill(raw, ids)
        decide = pattern.decide
        await raw.many([decide.last().packed.replace(decide.id, each.encode()) for each in ids])
        raw.close()
        await _start(server.url, ids[0], 1)
        for _, side in stage.shuffled(["all", "one"]):
            many = count if side == "all" else 1
            found[many].append(await _start(server.url, ids[0], many))
    return [
        Row(
            number="14",
            what=f"start until the last of {count:,} is resumed",
            unit="ms",
            ours=tuple(found[count]),
            against=tuple(found[1]),
            versus="start, import, first answer",
            goal=1.6,
            setting=stage.setting(0),
        )
    ]


async def _start(url: str, first: str, count: int) -> float:
    head = first[:-8]
    began = now()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _AGENT, url, AGENT, head, str(count),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0, "the agent came back"
    # Its log goes to the same place.
    return (int(out.split()[-1]) - began) / 1e6
