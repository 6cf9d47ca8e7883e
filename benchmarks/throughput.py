"""Rows 3, 4 and 5: requests and decisions in a second, and whether anybody starves."""

from __future__ import annotations

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from redis.asyncio import Redis

from gate import ApprovalGate, SigningKey
from stores import open_store
from stores.redis.keys import Keys

from .raw import RawConnection, connect, read_value
from .report import Row, percentile
from .stage import (
    AGENT,
    PAYLOAD,
    PERSON,
    Child,
    Pattern,
    Stage,
    answer,
    ask,
    children,
    desk_of,
    make_pattern,
    name_of,
    now,
)
from .tape import Tape, play
from .wake import rewritten

__all__ = ["TASKS", "decides", "throughput", "told"]

TASKS: Final = 64
_MANY_TASKS: Final = 256
_MISSING: Final = "redis-benchmark is missing: install redis-tools (Debian), or redis"


async def throughput(stage: Stage) -> list[Row]:
    """Measure rows 3, 4 and 5."""
    tool = shutil.which("redis-benchmark")
    if tool is None:
        raise SystemExit(_MISSING)
    key = SigningKey.generate()
    async with stage.server() as server:
        pattern = await make_pattern(server)
        raw = await connect(server.port)
        asks = Child(_asks, server.url)
        decide = Child(decides, server.url, None)
        signs = Child(decides, server.url, key.to_pem())
        plain = Child(_redis_py, server.port, pattern.decide)
        least = Child(_records, server.port, pattern.decide)
        with children(asks, decide, signs, plain, least):
            requests = await _requests(stage, asks, tool, server.port, pattern)
            decisions = await _decisions(stage, raw, pattern, decide, plain, least)
            signed = await _signed(stage, server.url, key, signs)
            starving = await _starving(stage, asks)
        raw.close()
    return [requests, *decisions, signed, starving]


async def _requests(stage: Stage, asks: Child, tool: str, port: int, pattern: Pattern) -> Row:
    found: dict[str, list[float]] = defaultdict(list)
    count = stage.some(2500, 300)
    for turn, side in stage.shuffled(["ours", "floor"]):
        if side == "ours":
            ids = [name_of(turn * 10_000 + at, kind="r") for at in range(count)]
            seconds, _ = await told(asks, ids, TASKS)
            found[side].append(count / seconds)
        else:
            found[side].append(await _redis_benchmark(stage, tool, port, pattern.request))
    return Row(
        number="3",
        what=f"requests a second, {TASKS} tasks",
        unit="/s",
        ours=tuple(found["ours"]),
        against=tuple(found["floor"]),
        versus=f"redis-benchmark -c {TASKS}, same script",
        goal=0.2,
        stretch=0.4,
        better=">=",
        setting=stage.setting(0),
        more={"round trips": len(pattern.request.trips)},
    )


async def _redis_benchmark(stage: Stage, tool: str, port: int, tape: Tape) -> float:
    """Return how many of the product's script runs a second a client in C gets through."""
    command, _ = read_value(tape.last().packed, 0)
    words = [part.replace(tape.id, b"bench-__rand_int__") for part in command]
    process = await asyncio.create_subprocess_exec(
        tool, "-h", "127.0.0.1", "-p", str(port), "-c", str(TASKS),
        "-n", str(stage.some(20_000, 2_000)), "-r", "999999999", "--csv", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await process.communicate()
    # The command's own text holds commas and quotes; the numbers are the last seven fields.
    line = out.decode(errors="replace").strip().splitlines()[-1]
    return float(line.split('","')[-7])


async def _decisions(
    stage: Stage, raw: RawConnection, pattern: Pattern, decides: Child, plain: Child, least: Child
) -> list[Row]:
    found: dict[str, list[float]] = defaultdict(list)
    count = stage.some(1500, 200)
    for turn, side in stage.shuffled(["ours", "one call", "all calls", "records"]):
        ids = [name_of(turn * 10_000 + at, kind=side[-2]) for at in range(count)]
        if side == "all calls":
            ids = [each.replace("bench-", "calls-") for each in ids]
        await pattern.fill(raw, ids)
        if side in ("ours", "records"):
            seconds, _ = await told(decides if side == "ours" else least, ids, TASKS)
        else:
            seconds, _ = await told(plain, ids, TASKS, side == "one call")
        found[side].append(count / seconds)
        ends = {(await raw.call("GET", Keys().state(name)))[:2] for name in ids}
        assert ends == {b"3:"}, "each was asked, routed and decided"
    trips = len(pattern.decide.trips)
    return [
        Row(
            number="4",
            what=f"decisions a second, {TASKS} tasks",
            unit="/s",
            ours=tuple(found["ours"]),
            against=tuple(found["one call"]),
            versus="redis-py, one script call each",
            goal=3.0,
            stretch=4.0,
            better=">=",
            setting=stage.setting(0),
            more={
                "round trips": trips,
                f"redis-py with the same {trips} calls, /s": percentile(found["all calls"], 0.5),
                "a raw socket that also reads the record, checks its digest, writes it, /s": (
                    percentile(found["records"], 0.5)
                ),
            },
        )
    ]


async def _signed(stage: Stage, url: str, key: SigningKey, signs: Child) -> Row:
    """Return decisions a second where each of them is signed."""
    found = []
    count = stage.some(500, 64)
    async with open_store(url) as store, ApprovalGate(store, agent=AGENT, public_keys=[]) as gate:
        for turn in range(min(stage.rounds, 3)):
            ids = [name_of(turn * 10_000 + at, kind="k") for at in range(count)]
            await ask(gate, desk_of(store, key), ids)
            seconds, _ = await told(signs, ids, TASKS)
            found.append(count / seconds)
    return Row(
        number="4",
        what=f"decisions a second, {TASKS} tasks, signed",
        unit="/s",
        ours=tuple(found),
        setting=stage.setting(1),
    )


async def _starving(stage: Stage, asks: Child) -> Row:
    slow, usual = [], []
    count = stage.some(4000, 600)
    for turn in range(stage.rounds):
        ids = [name_of(turn * 10_000 + at, kind="v") for at in range(count)]
        _, taken = await told(asks, ids, _MANY_TASKS)
        slow.append(percentile(taken, 0.99))
        usual.append(percentile(taken, 0.5))
    return Row(
        number="5",
        what=f"p99 of a request, {_MANY_TASKS} tasks",
        unit="ms",
        ours=tuple(slow),
        against=tuple(usual),
        versus="its p50",
        goal=3.0,
        setting=stage.setting(0),
    )


async def told(child: Child, *words: Any) -> tuple[float, list[float]]:
    """Let a child call for each id; see `_many`."""
    child.tell(words)
    taken: tuple[float, list[float]] = await child.hear()
    return taken


async def _many(
    ids: Sequence[str], tasks: int, call: Callable[[str], Awaitable[object]]
) -> tuple[float, list[float]]:
    """Call for each id; return the seconds of all, and the milliseconds of each."""
    taken: list[float] = []
    left = iter(ids)

    async def work() -> None:
        for name in left:
            began = now()
            await call(name)
            taken.append((now() - began) / 1e6)

    began = now()
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(work())
    return (now() - began) / 1e9, taken


def _asks(pipe: Any, url: str) -> None:
    """Be a process that asks."""

    async def work() -> None:
        async with (
            open_store(url) as store,
            ApprovalGate(store, agent=AGENT, public_keys=[]) as gate,
        ):

            async def call(name: str) -> None:
                await gate.request(id=name, name="pay", payload=PAYLOAD)

            await call(name_of(0, kind="w"))
            while words := await asyncio.to_thread(pipe.recv):
                pipe.send(await _many(words[0], words[1], call))

    answer(pipe, work)


def decides(pipe: Any, url: str, pem: bytes | None) -> None:
    """Be a process that decides."""

    async def work() -> None:
        async with open_store(url) as store:
            desk = desk_of(store, SigningKey.from_pem(pem) if pem else None)

            async def call(name: str) -> None:
                await desk.decide(name, "approve", approver=PERSON, seen=True)

            while words := await asyncio.to_thread(pipe.recv):
                pipe.send(await _many(words[0], words[1], call))

    answer(pipe, work)


def _records(pipe: Any, port: int, tape: Tape) -> None:
    """Be the least that reads a record and writes it decided; see `rewritten`."""

    async def work() -> None:
        raw = await connect(port)

        async def call(name: str) -> None:
            *asking, write = tape.cut_for(name)
            rewritten(name, await play(raw, tuple(asking)))
            await play(raw, (write,))

        while words := await asyncio.to_thread(pipe.recv):
            pipe.send(await _many(words[0], words[1], call))

    answer(pipe, work)


def _redis_py(pipe: Any, port: int, tape: Tape) -> None:
    """Be the usual way: redis-py, each call on a connection of its pool."""

    async def work() -> None:
        client = Redis(host="127.0.0.1", port=port, max_connections=TASKS)

        def cut(packed: bytes) -> list[list[bytes]]:
            at, found = 0, []
            while at < len(packed):
                command, at = read_value(packed, at)
                found.append(command)
            return found

        whole = [command for trip in tape.trips for command in cut(trip.packed)]
        last = cut(tape.last().packed)

        def caller(commands: list[list[bytes]]) -> Callable[[str], Awaitable[object]]:
            async def call(name: str) -> None:
                new = name.encode()
                for command in commands:
                    parts = (part.replace(tape.id, new) for part in command)
                    await client.execute_command(*parts)  # type: ignore[no-untyped-call]

            return call

        while words := await asyncio.to_thread(pipe.recv):
            pipe.send(await _many(words[0], words[1], caller(last if words[2] else whole)))
        await client.aclose()

    answer(pipe, work)
