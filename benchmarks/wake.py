"""Rows 1 and 1b: from a person's decision to the waiting agent."""

from __future__ import annotations

import asyncio
import gc
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gate import (
    ApprovalGate,
    ApprovalResolved,
    ApprovalStatus,
    Decision,
    SigningKey,
    Verdict,
    Vote,
)
from stores import open_store
from stores.redis.codec import decode_record, encode_event, encode_state

from .raw import RawConnection, connect, pack
from .report import Row, percentile
from .stage import (
    AGENT,
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
    pace,
    until,
)
from .tape import Tape, play

__all__ = ["Taken", "agent", "enter", "paced", "rewritten", "wake"]

_STEP: Final = 2000
"""Waiters that come at once; the buffers of a larger crowd are not what waiting costs."""
_AHEAD: Final = 16
"""Waiters in place before it is their turn: a machine that stops for a moment must not let a
message pass that nobody waits for yet, since the floor reads nothing when it begins to wait."""
_MESSAGE: Final = b"m" * 600
"""What the floor signs: as long as a receipt's text."""
_CHANNEL: Final = "signoff:{0}:wake:"

Decide = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Taken:
    """One round: microseconds from the call of decide to the waiter, and of the call itself."""

    wakes: list[float]
    calls: list[float]


async def wake(stage: Stage) -> list[Row]:
    """Measure rows 1 and 1b."""
    rows = []
    for number, key in (("1", None), ("1b", SigningKey.generate())):
        async with stage.server() as server:
            rows += await _wake(stage, server, number, key)
    return rows


async def _wake(stage: Stage, server: Any, number: str, key: SigningKey | None) -> list[Row]:
    pattern = await make_pattern(server, key=key)
    public = key.public if key else None
    proof = (key.public.raw, key.sign(_MESSAGE)) if key else None
    sides = {
        "ours": Child(agent, server.url, str(public) if public else None, ()),
        "floor": Child(_floor, server.port, pattern.woken, proof),
        "records": Child(partial(_floor, records=True), server.port, pattern.woken, proof),
        "least": Child(_floor, server.port, None, proof),
    }
    found: dict[str, list[Taken]] = defaultdict(list)
    with children(*sides.values()):
        async with open_store(server.url) as store:
            desk, raw = desk_of(store, key), await connect(server.port)
            gate = ApprovalGate(store, agent=AGENT, public_keys=[])

            async def decided(name: str) -> None:
                await desk.decide(name, "approve", approver=PERSON, seen=True)

            count = stage.some(150, 20)
            whole = pattern.decide
            only_write = Tape(whole.id, (whole.last(),))
            players = {
                "ours": lambda _: decided,
                "floor": _player(raw, whole, key),
                "records": _player(raw, whole, key, records=True),
                "least": _player(raw, only_write, key),
            }
            for turn, side in stage.shuffled(list(sides)):
                ids = [name_of(turn * 1000 + at, kind=side[0]) for at in range(count)]
                if side == "ours":
                    await ask(gate, desk, ids)
                else:
                    await pattern.fill(raw, ids)
                found[side].append(await paced(stage, sides[side], ids, players[side]))
            raw.close()
    return _rows(stage, number, pattern, found, signed=key is not None)


def _player(
    raw: RawConnection, tape: Tape, key: SigningKey | None, *, records: bool = False
) -> Callable[[str], Decide]:
    def prepared(name: str) -> Decide:
        *asking, write = tape.cut_for(name)

        async def decided(_: str) -> None:
            found = await play(raw, tuple(asking))
            if key is not None:
                key.sign(_MESSAGE)
            if records:
                rewritten(name, found)
            await play(raw, (write,))

        return decided

    return prepared


def rewritten(name: str, found: list[bytes | None]) -> tuple[object, str]:
    """Read a record as the store does, and write it decided: no rules, no proofs but the digest."""
    read = decode_record(name, *found)
    assert read is not None, "it is there"
    now, said = read.created_at, Verdict.APPROVE
    written = read.model_copy(
        update={
            "status": ApprovalStatus.APPROVED,
            "votes": (Vote(principal=PERSON, verdict=said, at=now, digest=read.digest),),
            "decided_at": now,
            "decision": Decision(verdict=said),
            "decision_metadata": {"approver": PERSON},
        }
    )
    told = ApprovalResolved(id=read.id, at=now, principal=PERSON, verdict=said)
    return encode_state(written), encode_event(told)


def _rows(
    stage: Stage,
    number: str,
    pattern: Pattern,
    found: dict[str, list[Taken]],
    *,
    signed: bool,
) -> list[Row]:
    def each(side: str, share: float) -> tuple[float, ...]:
        return tuple(percentile(taken.wakes, share) for taken in found[side])

    calls = [percentile(taken.calls, 0.5) for taken in found["ours"]]
    raw_calls = [percentile(taken.calls, 0.5) for taken in found["floor"]]
    trips = f"{len(pattern.decide.trips)} to decide, {len(pattern.woken.trips)} when woken"
    level = 1 if signed else 0
    what = "decide to wake" + (", with receipts" if signed else "")
    setting = stage.setting(level)
    return [
        Row(
            number=number,
            unit="us",
            setting=setting,
            what=f"{what}, p50",
            ours=each("ours", 0.5),
            against=each("floor", 0.5),
            versus="raw socket, same trips",
            goal=1.6,
            stretch=1.3,
            more={
                "round trips": trips,
                "the call of decide alone, p50 us, ours and floor": (
                    percentile(calls, 0.5),
                    percentile(raw_calls, 0.5),
                ),
                "ratio of the floor that also reads the record, checks its digest, writes it": (
                    percentile(
                        [
                            a / b
                            for a, b in zip(each("records", 0.5), each("floor", 0.5), strict=True)
                        ],
                        0.5,
                    )
                ),
                "one trip that carries all (write, message), p50 us": percentile(
                    each("least", 0.5), 0.5
                ),
            },
        ),
        Row(
            number=number,
            unit="us",
            setting=setting,
            what=f"{what}, p99",
            ours=each("ours", 0.99),
            against=each("floor", 0.99),
            versus="raw socket, same trips",
            stretch=1.5,
        ),
    ]


async def paced(
    stage: Stage, child: Child, ids: Sequence[str], prepare: Callable[[str], Decide]
) -> Taken:
    """Decide one after the other as people do; return how long each took to arrive."""
    decides = [prepare(name) for name in ids]
    child.tell(list(ids))
    await child.hear()
    await asyncio.sleep(0.1)
    began, ended = [], []
    for name, decided in zip(ids, decides, strict=True):
        await asyncio.sleep(pace(stage))
        began.append(now())
        await decided(name)
        ended.append(now())
    woken = await child.hear()
    return Taken(
        wakes=[(end - start) / 1000 for start, end in zip(began, woken, strict=True)],
        calls=[(end - start) / 1000 for start, end in zip(began, ended, strict=True)],
    )


def agent(
    pipe: Any, url: str, public: str | None, crowd_of: Sequence[str], beside: int = 0
) -> None:
    """Be an agent's process that waits for what it is told, with *crowd_of* others.

    *beside* is how many wait in other processes.
    """

    async def work() -> None:
        # The safety sweep has a row of its own.
        async with (
            open_store(url) as store,
            ApprovalGate(
                store, agent=AGENT, public_keys=[public] if public else [], sweep=3600
            ) as gate,
        ):
            began = now()
            others = await enter(gate, url, crowd_of, beside=beside)
            if others:
                assert not any(task.done() for task in others), "all of them wait"
                pipe.send((now() - began) / 1e9)
            gc.collect()
            while ids := await asyncio.to_thread(pipe.recv):
                pipe.send("ready")
                pipe.send(await _wait_for_all(ids, gate.wait))

    answer(pipe, work)


async def enter(
    gate: ApprovalGate, url: str, ids: Sequence[str], *, beside: int, step: int = _STEP
) -> list[asyncio.Task[Any]]:
    """Let a task wait for each id, *step* at once; *beside* channels are there already."""
    tasks: list[asyncio.Task[Any]] = []
    for start in range(0, len(ids), step):
        tasks += [asyncio.create_task(gate.wait(name)) for name in ids[start : start + step]]
        await all_wait(url, len(tasks) + beside)
    return tasks


async def all_wait(url: str, count: int) -> None:
    """Return when *count* channels are subscribed, by whomever, and nobody asks any more."""
    raw = await connect(int(url.rpartition(":")[2].partition("/")[0]))

    async def subscribed() -> bool:
        text = (await raw.call("INFO", "stats")).decode()
        return int(text.partition("pubsub_channels:")[2].partition("\r")[0]) >= count

    before = -1

    async def silent() -> bool:
        nonlocal before
        text = (await raw.call("INFO", "stats")).decode()
        now_is = int(text.partition("total_commands_processed:")[2].partition("\r")[0])
        # One command is this very question.
        quiet_since, before = now_is - before <= 2, now_is
        return quiet_since

    await until(subscribed, seconds=240, every=0.05)
    # They read after that, one after the other.
    await until(silent, seconds=240, every=0.1)
    raw.close()


async def _wait_for_all(ids: Sequence[str], wait: Callable[[str], Awaitable[object]]) -> list[int]:
    woken = [0] * len(ids)

    async def some(first: int) -> None:
        for at in range(first, len(ids), _AHEAD):
            await wait(ids[at])
            woken[at] = now()

    async with asyncio.TaskGroup() as group:
        for first in range(_AHEAD):
            group.create_task(some(first))
    return woken


def _floor(
    pipe: Any,
    port: int,
    asks: Tape | None,
    proof: tuple[bytes, bytes] | None,
    *,
    records: bool = False,
) -> None:
    """Be the least that can wait: a subscription, a future, what the product asks when woken.

    With *records* it also reads what it is answered.
    """

    async def work() -> None:
        raw, ear = await connect(port), await connect(port)
        waiting: dict[bytes, asyncio.Future[None]] = {}
        loop = asyncio.get_running_loop()
        key = Ed25519PublicKey.from_public_bytes(proof[0]) if proof else None
        ear.on_message = lambda channel, _: waiting[channel].set_result(None)

        async def wait(name: str) -> None:
            channel = (_CHANNEL + name).encode()
            trips = asks.cut_for(name) if asks is not None else ()
            future = waiting[channel] = loop.create_future()
            await ear.send(pack("SUBSCRIBE", channel))
            await future
            del waiting[channel]
            found = await play(raw, trips)
            if records:
                decode_record(name, *found)
            if key is not None and proof is not None:
                key.verify(proof[1], _MESSAGE)
            loop.call_soon(ear.send, pack("UNSUBSCRIBE", channel))

        while ids := await asyncio.to_thread(pipe.recv):
            pipe.send("ready")
            pipe.send(await _wait_for_all(ids, wait))

    answer(pipe, work)
