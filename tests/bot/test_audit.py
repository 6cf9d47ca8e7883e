"""The sealer: every event once, in order, in one chain, whoever seals and whatever fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from bot.audit import Sealer
from bot.leadership import Leadership
from gate import (
    ApprovalAlarm,
    ApprovalRefused,
    AuditEntry,
    AuditHead,
    AuditLog,
    EventLog,
    StoreCorrupt,
    StoreUnavailable,
    Unconfirmed,
    seal_events,
    verify_audit,
)
from stores.conformance.samples import pending, requested
from stores.memory import MemoryStore
from stores.redis import RedisStore
from tests.support.factories import START
from tests.support.servers import redis_server
from tests.support.waiting import wait_until

Fault = Callable[[str], Awaitable[None]]


class Faulty(MemoryStore):
    """A store whose verbs of the audit log fail before or after they took effect."""

    before: Fault | None = None
    after: Fault | None = None

    async def _call(self, verb: str, work: Awaitable[Any]) -> Any:
        try:
            if self.before is not None:
                await self.before(verb)
        except BaseException:
            asyncio.ensure_future(work).cancel()
            raise
        result = await work
        if self.after is not None:
            await self.after(verb)
        return result

    async def audit_head(self) -> AuditHead:
        return await self._call("audit_head", super().audit_head())

    async def unsealed(self, *args: Any, **options: Any) -> Any:
        return await self._call("unsealed", super().unsealed(*args, **options))

    async def seal(self, expected: AuditHead, entries: Sequence[AuditEntry]) -> bool:
        return await self._call("seal", super().seal(expected, entries))

    async def trim(self, *args: Any, **options: Any) -> int:
        return await self._call("trim", super().trim(*args, **options))


def sealer(store: AuditLog, *, readers: Sequence[str] = ("notifier",), **options: Any) -> Sealer:
    return Sealer(store, readers=readers, **({"first_delay": 0.005, "idle": 0.05} | options))


@asynccontextmanager
async def running(*sealers: Sealer) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.run()) for each in sealers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            assert task.cancelled(), task.exception()


async def write(store: EventLog, count: int, name: str = "id") -> None:
    for number in range(count):
        await store.append([requested(pending(f"{name}-{number}"))])


async def sealed(store: AuditLog, count: int) -> None:
    async def is_there() -> bool:
        return len(await store.sealed(limit=count + 1)) >= count

    await wait_until(is_there, f"{count} events are sealed")


async def check(store: AuditLog, *, count: int) -> None:
    """The chain is whole, and has each event of the log once, in the log's order."""
    lines = [line for _, line in await store.sealed(limit=count + 1)]
    report = verify_audit(lines, await store.audit_head())
    assert (None, count) == (report.fault, report.entries)
    cursors = [raw.cursor for raw in await store.unsealed("", limit=count + 1)]
    assert cursors == [json.loads(line)["entry"]["cursor"] for line in lines]


class Rewinding(MemoryStore):
    """A store that a failover can take back, without a connection that breaks."""

    def rewind(self, count: int) -> None:
        """Lose the last *count* events, and their entries in the chain."""
        del self._events[-count:], self._entries[-count:]


async def test_a_chain_that_a_failover_took_back_goes_on():
    """Also where nothing failed, and what comes next has places before the last head's."""
    store = Rewinding()
    await write(store, 5)
    async with running(sealer(store, idle=0.005)):
        await sealed(store, 5)
        store.rewind(3)
        await write(store, 2, name="after")
        await sealed(store, 4)
    await check(store, count=4)


async def test_what_was_there_and_what_comes_is_sealed():
    """From the first event that was ever written, in the order of the log."""
    store = MemoryStore()
    await write(store, 250, "before")
    async with running(sealer(store)):
        await write(store, 50, "after")
        await sealed(store, 300)
    await check(store, count=300)


async def test_events_about_nothing_are_sealed():
    """A refusal or an alarm about a record that is not there is on record all the same."""
    store = MemoryStore()
    refused = ApprovalRefused(id="no-such", at=START, principal=None, reason="not_found")
    alarm = ApprovalAlarm(id="no-such", namespace="other", at=START, part="votes")
    await store.append([refused, alarm])
    async with running(sealer(store)):
        await sealed(store, 2)
    events = [json.loads(line)["entry"]["event"] for _, line in await store.sealed()]
    assert [refused.to_wire(), alarm.to_wire()] == events


@pytest.mark.parametrize("verb", ["audit_head", "unsealed", "seal", "trim"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", [StoreUnavailable, Unconfirmed])
async def test_a_store_that_fails_costs_nothing(verb: str, when: str, kind: type):
    """Whether or not a failed write took place: nothing is sealed twice, nothing left out."""
    store, failed = Faulty(), []

    async def fault(called: str) -> None:
        if called == verb and len(failed) < 3:
            failed.append(called)
            raise StoreUnavailable(verb, cause="gone") if kind is StoreUnavailable else kind(verb)

    setattr(store, when, fault)
    await write(store, 250)
    async with running(sealer(store, trim_every=100)):
        await sealed(store, 250)
        await wait_until(lambda: len(failed) == 3, "all of it failed three times")
        await write(store, 50, "more")
        await sealed(store, 300)
    await check(store, count=300)


async def test_two_who_both_believe_to_lead_make_one_chain():
    """A replica that has lost the lease and does not know it yet neither forks nor skips."""
    store = MemoryStore()
    async with running(*(sealer(store) for _ in range(3))):
        await asyncio.gather(*(write(store, 40, f"w{number}") for number in range(5)))
        await sealed(store, 200)
    await check(store, count=200)


async def test_a_stop_at_any_moment_and_another_goes_on():
    """Wherever one is broken off, the next begins where the chain ends."""
    store = Faulty()
    await write(store, 30)
    calls, stop_at = 0, 0

    async def count(_: str) -> None:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            task.cancel()
            await asyncio.sleep(0)

    store.before = store.after = count
    for stop_at in range(1, 14):
        calls = 0
        await write(store, 1, f"later-{stop_at}")
        task = asyncio.create_task(sealer(store, trim_every=10).run())
        await asyncio.wait({task}, timeout=5)
        assert task.cancelled()
    store.before = store.after = None
    async with running(sealer(store)):
        await sealed(store, 43)
    await check(store, count=43)


async def test_a_broken_chain_is_never_continued():
    """Where the last entry is none, nothing is sealed, and it is said; nothing is trimmed."""
    store, faults = Faulty(), []

    async def corrupt(verb: str) -> None:
        if verb == "audit_head":
            faults.append(verb)
            raise StoreCorrupt("audit", reason="the last entry: edited")

    store.before = corrupt
    await write(store, 5)
    with structlog.testing.capture_logs() as logs:
        async with running(sealer(store, trim_every=1, keep=1)):
            await wait_until(lambda: len(faults) > 3, "it was tried several times")
    store.before = None
    assert [] == list(await store.sealed())
    assert "audit.corrupt" in {entry["event"] for entry in logs}


async def test_the_log_is_kept_short():
    """What is sealed and told goes, but for a margin; what is not told stays, however old."""
    store = MemoryStore()
    async with running(sealer(store, readers=("notifier",), keep=10, trim_every=20)):
        await write(store, 100)
        await sealed(store, 100)
        assert 100 == len(await store.unsealed("", limit=1000))
        head = await store.audit_head()
        await store.advance("notifier", head.cursor)
        await write(store, 100, "more")
        await sealed(store, 200)

        async def short() -> bool:
            await write(store, 1, "again")
            return len(await store.unsealed("", limit=1000)) < 150

        await wait_until(short, "the told ones are gone")
    left = await store.unsealed("", limit=1000)
    assert str(int(head.cursor) - 9) == left[0].cursor
    assert verify_audit([line for _, line in await store.sealed(limit=1000)]).whole


async def test_the_head_for_an_event_proves_it():
    """Whoever tells an event gets the head at it; one that was sealed before gets a later head."""
    store = MemoryStore()
    await write(store, 3, "before")
    first = seal_events(await store.unsealed(""), AuditHead())
    await store.seal(AuditHead(), first)
    one = sealer(store)
    async with running(one):
        await write(store, 5)
        cursors = [raw.cursor for raw in await store.unsealed("")]
        heads = await asyncio.gather(*(one.head_for(cursor) for cursor in cursors))
    lines = [line for _, line in await store.sealed()]
    for number, head in enumerate(heads, 1):
        assert head is not None
        assert number <= head.number
        assert number == head.number or number <= 3
        assert verify_audit(lines, head).whole
    assert heads[-1] == await one.head()


async def test_no_head_is_better_than_no_reply():
    """While nobody seals or the store is away there is none, in time; nothing is raised."""
    store = Faulty()
    await write(store, 1)
    one = sealer(store)
    assert await one.head_for("1", patience=0.01) is None

    async def away(verb: str) -> None:
        raise StoreUnavailable(verb, cause="gone")

    store.before = away
    assert await one.head_for("1", patience=5) is None


async def test_a_failover_on_real_servers_neither_forks_nor_skips():
    """Replicas come and go by the lease, the server is killed meanwhile: one whole chain."""
    async with (
        redis_server(appendonly=True) as server,
        RedisStore(server.url) as one,
        RedisStore(server.url) as two,
    ):
        written = asyncio.create_task(_persistently(one, 150))
        for turn in range(4):
            task, fences = _lead(one if turn % 2 else two, f"replica-{turn}")
            before = len(await _lines(two))
            await wait_until(lambda fences=fences: fences, "it leads")

            async def more(before: int = before) -> bool:
                return written.done() or len(await _lines(two)) > before + 10

            await wait_until(more, "it seals")
            if turn == 1:
                await server.restart()
            task.cancel()
            await asyncio.wait({task})
        await written
        async with running(sealer(two), sealer(one)):

            async def all_sealed() -> bool:
                return await two.unsealed_count() == 0

            await wait_until(all_sealed, "everything is sealed")
        lines = await _lines(two)
        assert verify_audit(lines, await one.audit_head()).whole
        cursors = [raw.cursor for raw in await two.unsealed("", limit=10_000)]
        assert cursors == [json.loads(line)["entry"]["cursor"] for line in lines]
        ids = [json.loads(line)["entry"]["event"]["id"] for line in lines]
        assert {f"id-{number}" for number in range(150)} == set(ids)


def _lead(store: RedisStore, holder: str) -> tuple[asyncio.Task[None], list[int]]:
    leadership = Leadership(store, name="notifier", holder=holder, seconds=0.5)
    fences: list[int] = []

    async def work(fence: int) -> None:
        fences.append(fence)
        await sealer(store).run()

    return asyncio.create_task(leadership.lead(work)), fences


async def _persistently(store: RedisStore, count: int) -> None:
    """Write events though the server goes away; one in doubt is written again."""
    for number in range(count):
        while True:
            try:
                await store.append([requested(pending(f"id-{number}"))])
                break
            except (StoreUnavailable, Unconfirmed):
                await asyncio.sleep(0.01)


async def _lines(store: RedisStore) -> list[str]:
    try:
        return [line for _, line in await store.sealed(limit=10_000)]
    except StoreUnavailable:
        return []
