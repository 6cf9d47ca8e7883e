"""Row 9: decisions a second while a thousand processes listen, each to its own approvals."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, Final

from .raw import RawConnection, connect, pack
from .report import Row
from .stage import Child, Stage, answer, children, make_pattern, name_of
from .throughput import TASKS, decides, told

__all__ = ["fanout"]

_CHANNEL: Final = "signoff:{0}:wake:"


async def fanout(stage: Stage) -> list[Row]:
    """Measure row 9."""
    many = stage.some(1000, 50)
    count = stage.some(1500, 200)
    found: dict[int, list[float]] = defaultdict(list)
    async with stage.server("--maxclients", "4000") as server:
        pattern = await make_pattern(server)
        raw = await connect(server.port)
        ears = {each: Child(_ears, server.port, each) for each in (1, many)}
        desk = Child(decides, server.url, None)
        with children(desk, *ears.values()):
            for turn in range(-1, stage.rounds):
                for listeners in stage.random.sample([1, many], 2):
                    kind = "f" if listeners == many else "g"
                    names = [name_of(10_000 * (turn + 1) + at, kind=kind) for at in range(count)]
                    await pattern.fill(raw, names)
                    ears[listeners].tell(names)
                    await ears[listeners].hear()
                    seconds, _ = await told(desk, names, TASKS)
                    heard = await ears[listeners].hear()
                    assert heard == count, "each decision is heard once"
                    if turn >= 0:
                        found[listeners].append(count / seconds)
        raw.close()
    return [
        Row(
            number="9",
            what=f"decisions a second, {many:,} connections listen",
            unit="/s",
            ours=tuple(found[many]),
            against=tuple(found[1]),
            versus="1 listens",
            goal=0.8,
            better=">=",
            setting=stage.setting(0),
            more={"the others": "connections of one process, each subscribed to its share"},
        )
    ]


def _ears(pipe: Any, port: int, connections: int) -> None:
    """Listen on many connections, as so many processes would."""

    async def work() -> None:
        ears: list[RawConnection] = [await connect(port) for _ in range(connections)]
        heard = 0
        all_of_them = asyncio.Event()
        wanted = 0

        def message(_channel: bytes, _content: bytes) -> None:
            nonlocal heard
            heard += 1
            if heard == wanted:
                all_of_them.set()

        for ear in ears:
            ear.on_message = message
        while ids := await asyncio.to_thread(pipe.recv):
            heard, wanted = 0, len(ids)
            all_of_them.clear()
            for at, name in enumerate(ids):
                await ears[at % connections].send(pack("SUBSCRIBE", _CHANNEL + name))
            pipe.send("ready")
            async with asyncio.timeout(60):
                await all_of_them.wait()
            pipe.send(heard)

    answer(pipe, work)
