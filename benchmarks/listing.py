"""Rows 15 and 16: what it costs when many are pending, and when many are kept."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from bot.deadlines import Deadlines
from gate import ApprovalGate
from stores import Store, open_store
from stores.redis.keys import Keys
from tests.support.house import running_house
from tests.support.processes import ROOT

from .raw import connect
from .report import Row, percentile
from .stage import (
    AGENT,
    OPEN,
    PAYLOAD,
    PERSON,
    Stage,
    desk_of,
    make_pattern,
    name_of,
    now,
    until,
)

__all__ = ["growth", "listing"]

_PAGE: Final = 1000


async def listing(stage: Stage) -> list[Row]:
    """Measure row 15."""
    count = stage.some(50_000, 2_000)
    short = stage.some(1_000, 100)
    seconds: dict[str, float] = {}
    async with stage.server() as server, open_store(server.url) as store:
        pattern, brief = await make_pattern(server), await make_pattern(server, expires_in=1.0)
        raw = await connect(server.port)
        await pattern.fill(raw, [name_of(at, kind="l") for at in range(count)])
        seconds[f"list {count:,}"] = await _timed(lambda: _list(store, count))
        seconds[f"signoff list ({count:,} pending)"] = await _timed(lambda: _command(server.url))
        await brief.fill(raw, [name_of(at, kind="e") for at in range(short)], routed=False)
        raw.close()
        await asyncio.sleep(1.1)
        seconds[f"expire {short:,} of {count:,}"] = await _timed(lambda: _expire(store, count))
        setting = stage.setting(0)
    with running_house(bots=0, binary=stage.binary) as house:
        seconds["bot start, nothing pending"] = _start(house)
        async with open_store(house.redis.url) as store:
            await store.set_bounds(OPEN)
        pattern = await make_pattern(house.redis)
        raw = await connect(house.redis.port)
        await pattern.fill(raw, [name_of(at, kind="l") for at in range(count)])
        raw.close()
        seconds[f"bot start, {count:,} pending"] = _start(house)
    return [
        Row(number="15", what=what, unit="s", ours=(took,), setting=setting, goal=1.0,
            versus="a goal in s")
        for what, took in seconds.items()
    ]  # fmt: skip


async def _timed(work: Callable[[], Awaitable[Any]]) -> float:
    began = time.monotonic_ns()
    await work()
    return (time.monotonic_ns() - began) / 1e9


async def _list(store: Store, count: int) -> None:
    after, found = "", 0
    while page := await store.pending(after=after, limit=_PAGE):
        found += len(page)
        after = page[-1]
    assert found == count, "all of them"


async def _command(url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.cli", "list",
        cwd=ROOT, env={"SIGNOFF_REDIS_URL": url}, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await process.wait() == 0, "it lists"


async def _expire(store: Store, left: int) -> None:
    task = asyncio.create_task(Deadlines(desk_of(store), store, interval=0.1).run())

    async def gone() -> bool:
        return await store.pending_count() <= left

    await until(gone, seconds=120, every=0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _start(house: Any) -> float:
    began = time.monotonic_ns()
    bot = house.start_bot()
    bot.await_now(lambda: bot.logged("bot.up"), "bot.up")
    took = (time.monotonic_ns() - began) / 1e9
    bot.kill()
    return took


async def growth(stage: Stage) -> list[Row]:
    """Measure row 16."""
    sizes = [500, 1_000] if stage.quick else [1_000, 10_000, 100_000]
    if stage.large:
        sizes.append(1_000_000)
    taken: dict[str, list[float]] = {}
    async with stage.server() as server:
        pattern = await make_pattern(server)
        raw = await connect(server.port)
        filled = 0
        for size in sizes:
            for start in range(filled, size, 10_000):
                ids = [name_of(at, kind="z") for at in range(start, min(size, start + 10_000))]
                await pattern.fill(raw, ids)
                last = pattern.decide.last().packed
                await raw.many([last.replace(pattern.decide.id, each.encode()) for each in ids])
            filled = size
            # An agent may not ask so often within a minute: as if it were over.
            await raw.call("DEL", Keys().agent("default", AGENT).lately)
            for verb, took in (await _verbs(server.url, size, stage.some(300, 50))).items():
                taken.setdefault(verb, []).append(took)
        raw.close()
    return [
        Row(
            number="16",
            what=f"{verb}, p50 with {sizes[-1]:,} kept",
            unit="us",
            ours=(each[-1],),
            against=(each[0],),
            versus=f"with {sizes[0]:,} kept",
            goal=1.3,
            setting=stage.setting(0),
            more={"sizes": ", ".join(f"{size:,}" for size in sizes), "us": tuple(each)},
        )
        for verb, each in taken.items()
    ]


async def _verbs(url: str, size: int, count: int) -> dict[str, float]:
    """Return microseconds of each verb."""
    ids = [name_of(at, kind="yxwu"[len(str(size)) % 4]) for at in range(count)]
    async with open_store(url) as store, ApprovalGate(store, agent=AGENT, public_keys=[]) as gate:
        desk = desk_of(store)

        async def ask(name: str) -> None:
            await gate.request(id=name, name="pay", payload=PAYLOAD)

        async def decide(name: str) -> None:
            await desk.decide(name, "approve", approver=PERSON)

        verbs = {"request": ask, "get": gate.get, "decide": decide, "wait, decided": gate.wait}
        found = {}
        for verb, call in verbs.items():
            taken = []
            for name in ids:
                began = now()
                await call(name)
                taken.append((now() - began) / 1000)
            found[verb] = percentile(taken, 0.5)
        return found
