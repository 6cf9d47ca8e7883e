"""Owns what every question needs: servers, gates, approvals in numbers, other processes, rounds."""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog

from gate import ApprovalGate, Bounds, Desk, Notary, Quorum, SigningKey, Terms
from stores import Store, open_store
from tests.support.servers import RedisServer, redis_server

from .raw import RawConnection, connect
from .tape import Recorder, Tape

__all__ = [
    "AGENT",
    "OPEN",
    "PAYLOAD",
    "PERSON",
    "TERMS",
    "Child",
    "Pattern",
    "Stage",
    "answer",
    "ask",
    "children",
    "desk_of",
    "make_pattern",
    "name_of",
    "now",
    "pace",
    "quiet",
    "until",
]

AGENT: Final = "billing"
PERSON: Final = "slack:T0ACME:U0ANA"
TERMS: Final = Terms(channel="C0APPROVALS", quorums=(Quorum(of=(PERSON,)),))
PAYLOAD: Final = {"account": "acct-000042", "note": "x" * (1024 - 35)}
"""1 KiB as compact JSON."""
assert len(json.dumps(PAYLOAD, separators=(",", ":"))) == 1024, "1 KiB"

_MOMENT: Final = re.compile(rb"\$16\r\n(\d{16})\r\n")
OPEN: Final = Bounds(pending=1_000_000, per_minute=1_000_000)


def name_of(number: int, *, kind: str = "a") -> str:
    """Return an id; all have one length."""
    return f"bench-{kind}-{number:08d}"


@dataclass
class Stage:
    """How the questions are asked.

    Attributes:
        binary: The server, one of `tests.support.servers.BINARIES`.
        fsync: `no`, or `always`: every write is on disk before it is answered.
        quick: Whether a few seconds must do; the figures are then only a sign of life.
        rounds: Shuffled rounds.
        large: Whether a million approvals are worth the minutes that they take.
        random: Shuffles, and spreads what people do.
    """

    binary: str = "redis"
    fsync: str = "no"
    quick: bool = False
    rounds: int = 5
    large: bool = False
    random: random.Random = field(default_factory=lambda: random.Random(6))
    told: str = "server not started"

    @asynccontextmanager
    async def server(self, *options: str) -> AsyncIterator[RedisServer]:
        """Run a server of one's own, without bounds that would end the measurement."""
        durable = self.fsync == "always"
        async with redis_server(self.binary, appendonly=durable, options=options) as server:
            await self.learn(server.port)
            async with open_store(server.url) as store:
                await store.set_bounds(OPEN)
            yield server

    async def learn(self, port: int) -> None:
        """Note what kind of server figures are taken on from here."""
        raw = await connect(port)
        info = (await raw.call("INFO")).decode()
        facts = dict(line.split(":", 1) for line in info.split("\r\n") if ":" in line)
        kind = "valkey" if "valkey_version" in facts else "redis"
        version = facts.get("valkey_version", facts["redis_version"])
        self.told = f"{kind} {version}, {facts['mem_allocator']}, fsync {self.fsync}"
        raw.close()

    def setting(self, level: int | None = None) -> str:
        """Return what a figure belongs to."""
        loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
        signed = {None: "", 0: ", no keys", 1: ", signed"}[level]
        return f"[{loop}{signed}; {self.told}]"

    def shuffled(self, names: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Return round and name, each round in an order of its own."""
        for turn in range(self.rounds):
            for name in self.random.sample(list(names), len(names)):
                yield turn, name

    def some(self, full: int, quick: int) -> int:
        """Return how many."""
        return quick if self.quick else full


class Child:
    """Another process of this machine, which does one thing after the other as it is told.

    Args:
        work: A function at the top of a module; it gets the other end of the pipe.
        arguments: Whatever can be pickled.
    """

    def __init__(self, work: Callable[..., None], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=work, args=(other, *arguments), daemon=True)
        self._process.start()
        other.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def tell(self, word: Any) -> None:
        """Send it something."""
        self._pipe.send(word)

    async def hear(self, seconds: float = 240.0) -> Any:
        """Return what it says next.

        Raises:
            TimeoutError: Nothing.
            EOFError: It has ended.
        """

        def wait() -> Any:
            if not self._pipe.poll(seconds):
                raise TimeoutError(f"{self._process.name} says nothing")
            return self._pipe.recv()

        return await asyncio.to_thread(wait)

    def end(self) -> None:
        """End it and see it gone."""
        self._process.terminate()
        self._process.join(10)
        self._pipe.close()


@contextmanager
def children(*given: Child) -> Iterator[None]:
    """See processes gone at the end of the block."""
    try:
        yield
    finally:
        for child in given:
            child.end()


@dataclass(frozen=True)
class Pattern:
    """What the product says to the server for one approval, to be played for any number."""

    request: Tape
    route: Tape
    decide: Tape
    woken: Tape
    """What a waiter asks when it is woken by the decision."""

    async def fill(self, raw: RawConnection, ids: Sequence[str], *, routed: bool = True) -> None:
        """Put approvals there, as fast as the server takes them."""
        tapes = [self.request, self.route] if routed else [self.request]
        for tape in tapes:
            packed = tape.last().packed
            await raw.many(
                [_later(packed, at).replace(tape.id, name.encode()) for at, name in enumerate(ids)]
            )


def _later(packed: bytes, at: int) -> bytes:
    """Move each moment in a command, in microseconds: no two are asked in the same one."""
    return _MOMENT.sub(lambda found: b"$16\r\n%d\r\n" % (int(found[1]) + at), packed)


async def make_pattern(
    server: RedisServer, *, key: SigningKey | None = None, expires_in: float = 86400.0
) -> Pattern:
    """Record one approval from its request to the waiter's last question."""
    numbers = (99_999_998, 99_999_999) if expires_in > 1 else (99_999_996, 99_999_997)
    public = [key.public] if key else []
    async with (
        Recorder(server.port) as ours,
        Recorder(server.port) as others,
        open_store(ours.url) as store,
        open_store(others.url) as office,
    ):
        desk = desk_of(office, key)
        async with ApprovalGate(store, agent=AGENT, public_keys=public) as gate:
            # Once for the caches of both sides, once for the tape.
            for number in numbers:
                name = name_of(number, kind="t")
                with ours.recording() as request:
                    await gate.request(id=name, name="pay", payload=PAYLOAD, expires_in=expires_in)
                with others.recording() as route:
                    await desk.route(name, TERMS)
                waiter = asyncio.create_task(gate.wait(name))
                await asyncio.sleep(0.05)
                with ours.recording() as woken, others.recording() as decide:
                    await desk.decide(name, "approve", approver=PERSON, seen=True)
                    await waiter
    made = [Tape(name.encode(), tuple(trips)) for trips in (request, route, decide, woken)]
    return Pattern(*made)


def desk_of(store: Store, key: SigningKey | None = None) -> Desk:
    """Return a desk that signs, or one that does not."""
    notary = None if key is None else Notary(key, secret=b"s" * 32, use_within=timedelta(hours=24))
    return Desk(store, notary=notary)


async def ask(gate: ApprovalGate, desk: Desk, ids: Sequence[str]) -> None:
    """Put approvals there through the product: requested and routed."""
    for each in ids:
        await gate.request(id=each, name="pay", payload=PAYLOAD)
        await desk.route(each, TERMS)


def pace(stage: Stage) -> float:
    """Return seconds until the next person acts: 8 to 12 ms, so that nothing queues."""
    return 0.008 + 0.004 * stage.random.random()


async def until(
    found: Callable[[], Awaitable[bool]], *, seconds: float, every: float = 0.2
) -> None:
    """Return when something is so, looking for it now and then.

    Raises:
        TimeoutError: It is not.
    """
    async with asyncio.timeout(seconds):
        while not await found():  # noqa: ASYNC110  (it is another process's doing)
            await asyncio.sleep(every)


def now() -> int:
    """Return nanoseconds of the clock that all processes of a host share."""
    return time.monotonic_ns()


def quiet() -> None:
    """Let logs speak of errors only."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def answer(pipe: Any, work: Callable[[], Any]) -> None:
    """Run a coroutine as all that a child does; the end of its parent is its own."""
    quiet()
    with suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        asyncio.run(work())
    pipe.close()
