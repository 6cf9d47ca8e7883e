"""A failover to a server whose clock is behind skips nothing that was written after it (P16, P20).

Places in the log are times of the server that wrote it. The survivor does not have what the dead
server wrote last, and gives the next events places before it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from bot.answer_reader import READER as ANSWERS
from bot.answer_reader import AnswerReader
from bot.answering import PrivateAnswers
from bot.audit import Sealer
from bot.deciding import Voter
from bot.directory import CachedDirectory
from bot.inbox import Inboxes
from bot.notifier import READER
from gate import ApprovalGate, ApprovalRefused, Desk, EventLog, LoggedEvent
from stores import Store, open_store
from stores.redis.event_stream import order
from tests.bot.chat import Chat, People, notifier_of, story_of
from tests.support.factories import ANA, START, route
from tests.support.proxy import Proxy, proxy_to
from tests.support.servers import RedisServer, redis_server
from tests.support.waiting import wait_until

EVENTS = "signoff:{0}:events"
AHEAD = 600_000
"""Milliseconds by which the clock of the server that dies is ahead."""


class Failover:
    """A primary on whose way everybody is, and a replica that will survive it."""

    def __init__(self, store: Store, primary: RedisServer, replica: RedisServer, way: Proxy):
        self.store = store
        self.primary = primary
        self.replica = replica
        self.way = way

    async def ask(self, approval_id: str) -> LoggedEvent:
        """Ask, and return the event of it."""
        gate = ApprovalGate(self.store, agent="billing")
        await gate.request(id=approval_id, name=f"act-{approval_id}", payload=None)
        return await self.last()

    async def refuse(self, name: str) -> LoggedEvent:
        """Log an answer that is owed to Ana, and return the event of it."""
        event = ApprovalRefused(
            id="x", at=START, principal=ANA, reason="late", surface="card", place="C1", attempt=name
        )
        await self.store.append([event])
        return await self.last()

    async def last(self) -> LoggedEvent:
        return (await self.store.read("", limit=1000))[-1]

    async def part(self) -> None:
        """Let the replica have all so far, and nothing from now on; the clock is ahead from now."""
        await wait_until(
            lambda: _offset(self.primary) == _offset(self.replica) != b"", "the replica is level"
        )
        assert self.replica.ask("REPLICAOF", "NO", "ONE").startswith(b"+OK")
        time, _ = order((await self.last()).cursor)
        assert self.primary.ask("XSETID", EVENTS, f"{time + AHEAD}-0").startswith(b"+OK")

    async def fail_over(self) -> None:
        await self.primary.kill()
        await self.way.redirect(self.replica.port)


def _offset(server: RedisServer) -> bytes:
    found = re.search(rb"master_repl_offset:(\d+)", server.ask("INFO", "replication"))
    return found[1] if found else b""


@pytest.fixture
async def failover() -> AsyncIterator[Failover]:
    async with redis_server() as primary:
        assert primary.ask("CONFIG", "SET", "repl-diskless-sync-delay", "0").startswith(b"+OK")
        options = ("--replicaof", f"127.0.0.1 {primary.port}")
        async with (
            redis_server(options=options) as replica,
            proxy_to(primary.port) as way,
        ):
            await wait_until(
                lambda: b"state=online" in primary.ask("INFO", "replication"), "a replica follows"
            )
            async with open_store(way.url) as store:
                yield Failover(store, primary, replica, way)


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


def at(log: EventLog, reader: str, logged: LoggedEvent) -> Callable[[], Awaitable[bool]]:
    """Return whether the place of *reader* is that of *logged*."""

    async def reached() -> bool:
        return await log.position(reader) == logged.cursor

    return reached


@pytest.fixture
async def notifying(failover: Failover) -> AsyncIterator[Chat]:
    """A chat that is told of all that is asked, by a reader that outlives the primary."""
    chat = Chat()
    fence = await failover.store.hold(READER, "a", seconds=60)
    assert fence is not None
    story = story_of(failover.store, chat)
    async with running(notifier_of(failover.store, story).run(fence)):
        yield chat


def asked_in(chat: Chat, approval_id: str) -> int:
    """Return how many cards ask about an approval."""
    return sum(f"act-{approval_id}" in text for text in chat.cards().values())


async def test_what_is_asked_after_a_failover_is_told(failover: Failover, notifying: Chat):
    """Its place is before what the reader has read; it is told, and what was told is not again."""
    await failover.ask("first")
    await wait_until(lambda: asked_in(notifying, "first"), "the first is asked")
    await wait_until(at(failover.store, READER, await failover.last()), "it is noted")
    await failover.part()
    await failover.ask("lost")
    await wait_until(lambda: asked_in(notifying, "lost"), "the last of the old server is asked")
    lost = await failover.last()
    await wait_until(at(failover.store, READER, lost), "it is noted, where nobody will know it")
    with capture_logs() as logs:
        await failover.fail_over()
        after = await failover.ask("after")
        assert order(after.cursor) < order(lost.cursor)
        await wait_until(lambda: asked_in(notifying, "after"), "what came after it is asked")
    assert [READER] == [line["reader"] for line in logs if line["event"] == "outbox.rewound"]
    last = await failover.last()
    await wait_until(at(failover.store, READER, last), "all of the survivor's log is told")
    assert [1, 1, 1] == [asked_in(notifying, name) for name in ("first", "lost", "after")]


async def test_a_reader_that_had_read_nothing_goes_on_at_the_survivors_place(
    failover: Failover,
):
    """It began behind what is lost: with the place that the survivor knows it begins anew."""
    first = await failover.refuse("first")
    await failover.store.advance(ANSWERS, first.cursor)
    await failover.part()
    lost = await failover.refuse("lost")
    await failover.store.advance(ANSWERS, lost.cursor)
    told, reader = _answering(failover)
    async with running(reader.run()):
        await wait_until(lambda: _waits(failover.primary), "the reader waits for news")
        await failover.fail_over()
        await failover.refuse("after")
        await wait_until(lambda: told, "what came after it is told")
    assert ["after"] == told


async def test_answers_after_a_failover_are_told(failover: Failover):
    """The reader of private answers has a place of its own."""
    told, reader = _answering(failover)
    async with running(reader.run()):
        await failover.refuse("first")
        await wait_until(at(failover.store, ANSWERS, await failover.last()), "the first is told")
        await failover.part()
        await failover.refuse("lost")
        await wait_until(at(failover.store, ANSWERS, await failover.last()), "the lost is told")
        await failover.fail_over()
        await failover.refuse("after")
        await wait_until(lambda: "after" in told, "what came after it is told")
    assert ["first", "lost", "after"] == told


async def test_what_comes_after_a_failover_is_sealed(failover: Failover):
    """The chain goes on at the survivor's head, without waiting for the places to catch up."""
    sealer = Sealer(failover.store, readers=(), first_delay=0.01, idle=0.01)

    async def whole() -> bool:
        return await failover.store.unsealed_count() == 0

    async with running(sealer.run()):
        await failover.refuse("first")
        await wait_until(whole, "the first is sealed")
        await failover.part()
        await failover.refuse("lost")
        await wait_until(whole, "the lost is sealed")
        await failover.fail_over()
        await failover.refuse("after")
        await wait_until(whole, "what came after it is sealed")
    assert 2 == (await failover.store.audit_head()).number


async def test_what_ends_after_a_failover_is_in_the_inbox(failover: Failover):
    """What a person sees of what was decided lately goes on, too."""
    store, desk = failover.store, Desk(failover.store)
    directory = CachedDirectory(People(), now=lambda: 0.0)
    inboxes = Inboxes(store, directory, reader=READER)

    async def ended(approval_id: str) -> list[str]:
        await failover.ask(approval_id)
        await desk.route(approval_id, route())
        await desk.cancel(approval_id)
        found = await inboxes.of(Voter(ANA, team="T1", user="UANA"), await inboxes.pending())
        return [approval.id for approval in found.decided]

    assert ["first"] == await ended("first")
    await failover.part()
    assert ["lost", "first"] == await ended("lost")
    await failover.fail_over()
    assert ["after", "first"] == await ended("after")


def _answering(failover: Failover) -> tuple[list[str | None], AnswerReader]:
    """Return a reader of answers, and the attempts that it tells."""
    told: list[str | None] = []

    class Answers:
        async def tell(self, logged: LoggedEvent) -> None:
            assert isinstance(logged.event, ApprovalRefused)
            told.append(logged.event.attempt)

    answers: PrivateAnswers = Answers()  # type: ignore[assignment]  # one verb of it
    reader = AnswerReader(
        failover.store.buckets[0], answers, now=lambda: 0.0, first_delay=0.01, idle=0.01
    )
    return told, reader


def _waits(server: RedisServer) -> bool:
    """Say whether somebody waits for events at *server*."""
    return b"blocked_clients:0" not in server.ask("INFO", "clients")
