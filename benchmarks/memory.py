"""Row 8: what one pending approval takes in Redis, part by part."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stores.redis.keys import Keys
from stores.redis.scripts import script

from .house import Lodge, lodge
from .raw import RawConnection, connect, pack
from .report import Row
from .stage import AGENT, PAYLOAD, Stage, name_of

__all__ = ["memory"]

_SEALED: Final = 60.0
"""Seconds for the bot to route, post and seal."""
_STAY: Final = 2_000
"""Events that stay at most: the bot keeps 1,000, and looks again after another 1,000."""
_EVENTS: Final = "events"
_TRIM: Final = "trim"
_READERS: Final = ("notifier", "answers")


_Entry = tuple[bytes, list[bytes]]
"""The id of an entry of a stream, and its fields."""


@dataclass(frozen=True)
class _Specimen:
    """Everything that one approval left in the store of a running bot."""

    name: bytes
    request: bytes
    state: bytes
    card: list[bytes]
    events: list[_Entry]
    audit: list[_Entry]


async def memory(stage: Stage) -> list[Row]:
    """Measure row 8."""
    async with lodge(stage, transport="socket") as there:
        found = await _specimen(there)
    count = stage.some(100_000, 3_000)
    names = [name_of(at, kind="m").encode() for at in range(count)]
    plain, _ = await _fill(stage, _plain(names))
    ours, parts = await _fill(stage, _parts(found, names))
    before = parts.pop(_EVENTS)
    trimmed = parts.pop(_TRIM)
    parts[f"events, the last {_STAY:,} of {count * len(found.events):,}"] = before + trimmed
    return [
        Row(
            number="8",
            what=f"bytes of a pending approval, {count:,} of them",
            unit="B",
            ours=(ours / count,),
            against=(plain / count,),
            versus="SET of the payload",
            goal=2.1,
            stretch=1.7,
            setting=stage.setting(1),
            more={
                **{name: f"{size / count:,.0f} B" for name, size in parts.items()},
                "events, had none been trimmed": f"{before / count:,.0f} B",
                "ratio, had none been trimmed": (ours - trimmed) / plain,
                "entries": f"{len(found.events)} events, {len(found.audit)} sealed",
            },
        )
    ]


async def _specimen(there: Lodge) -> _Specimen:
    """Ask once, and return what stands there when the bot has done everything."""
    name = name_of(7, kind="m")
    keys = Keys()
    await there.gate.request(id=name, name="pay", payload=PAYLOAD)
    raw = await connect(there.house.redis.port)
    async with asyncio.timeout(_SEALED):
        while True:
            events = await _entries(raw, keys.events, name)
            audit = await _entries(raw, keys.audit, name)
            card = await raw.call("HGETALL", keys.card(name))
            if card and len(events) >= 2 and len(audit) >= len(events):
                break
            await asyncio.sleep(0.2)
    await asyncio.sleep(1)
    found = _Specimen(
        name=name.encode(),
        request=await raw.call("GET", keys.request(name)),
        state=await raw.call("GET", keys.state(name)),
        card=await raw.call("HGETALL", keys.card(name)),
        events=await _entries(raw, keys.events, name),
        audit=await _entries(raw, keys.audit, name),
    )
    raw.close()
    return found


async def _entries(raw: RawConnection, stream: str, name: str) -> list[_Entry]:
    entries = await raw.call("XRANGE", stream, "-", "+")
    return [(place, fields) for place, fields in entries if name.encode() in b" ".join(fields)]


_Parts = Iterator[tuple[str, Iterator[bytes]]]


def _plain(names: Sequence[bytes]) -> _Parts:
    keys = Keys()
    payload = json.dumps(PAYLOAD, separators=(",", ":"))
    yield "payload", (pack("SET", keys.request(name.decode()), payload) for name in names)


def _parts(found: _Specimen, names: Sequence[bytes]) -> _Parts:
    """Return the commands that make each part, for all names."""
    keys = Keys()
    agent = keys.agent("default", AGENT)

    def each(make: Callable[[int, bytes], list[bytes]]) -> Iterator[bytes]:
        for at, name in enumerate(names):
            yield from make(at, name)

    def text(part: bytes, name: bytes) -> bytes:
        return part.replace(found.name, name)

    def index(at: int, name: bytes) -> list[bytes]:
        score = 1_790_000_000_000_000 + at * 1_000
        return [
            pack("ZADD", keys.pending, score, name),
            pack("ZADD", keys.deadlines, score, name),
            pack("INCR", agent.asking),
        ]

    def cursor(at: int, place: int) -> bytes:
        return b"%d-0" % (1_790_000_000_000 + (at * len(found.events) + place) * 20)

    def events(at: int, name: bytes) -> list[bytes]:
        return [
            pack("XADD", keys.events, cursor(at, place), *(text(part, name) for part in fields))
            for place, (_, fields) in enumerate(found.events)
        ]

    def sealed(at: int, name: bytes) -> list[bytes]:
        # As the bot writes them: numbered, each with the cursor of its event.
        commands = []
        for place, (number, fields) in enumerate(found.audit):
            now = b"%d-0" % (1 + at * len(found.audit) + place)
            known = {
                found.events[place][0]: cursor(at, place),
                b'"n":' + number[:-2]: b'"n":' + now[:-2],
            }
            parts = [text(part, name) for part in fields]
            for old, new in known.items():
                parts = [part.replace(old, new) for part in parts]
            commands.append(pack("XADD", keys.audit, now, *parts))
        return commands

    yield (
        "request",
        each(lambda _, n: [pack("SET", keys.request(n.decode()), text(found.request, n))]),
    )
    yield "state", each(lambda _, n: [pack("SET", keys.state(n.decode()), text(found.state, n))])
    yield (
        "card",
        each(
            lambda _, n: [
                pack("HSET", keys.card(n.decode()), *(text(part, n) for part in found.card))
            ]
        ),
    )
    yield "two indexes and the count", each(index)
    yield "sealed entries", each(sealed)
    yield _EVENTS, each(events)
    yield _TRIM, _trimming(keys, cursor(len(names) - 1, len(found.events) - 1))


def _trimming(keys: Keys, last: bytes) -> Iterator[bytes]:
    """Return what a bot does that has told and sealed everything, with the script that it runs."""
    readers = [keys.reader(name) for name in _READERS]
    yield from (pack("SET", reader, last) for reader in readers)
    streams = (keys.events, keys.audit)
    yield pack("EVAL", script("trim").text, 2 + len(readers), *streams, *readers, _STAY)


async def _fill(stage: Stage, parts: _Parts) -> tuple[int, dict[str, int]]:
    """Return the bytes that all parts take on an empty server, and those of each."""
    async with stage.server() as server:
        raw = await connect(server.port)
        start = used = await _used(raw)
        found: dict[str, int] = {}
        for name, commands in parts:
            batch: list[bytes] = []
            for command in commands:
                batch.append(command)
                if len(batch) == 1000:
                    await raw.many(batch)
                    batch.clear()
            await raw.many(batch)
            found[name] = await _used(raw) - used
            used += found[name]
        raw.close()
        return used - start, found


async def _used(raw: RawConnection) -> int:
    info: Any = await raw.call("INFO", "memory")
    return int(info.partition(b"used_memory:")[2].partition(b"\r\n")[0])
