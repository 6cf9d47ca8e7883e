"""What the store says when Redis is cut, silent, full, read-only, killed, or answers nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gate import Desk, Patched, StoreCorrupt, StoreUnavailable, Unconfirmed
from stores.conformance.samples import consumption, decided, pending, requested, resolved
from stores.redis import RedisStore
from tests.support.proxy import Proxy, proxy_to
from tests.support.servers import RedisServer, redis_server
from tests.support.waiting import wait_until

_FAST = 0.3
"""Seconds for one operation where a test waits for the end of it."""


@pytest.fixture
async def proxy(shared_server: RedisServer) -> AsyncIterator[Proxy]:
    async with proxy_to(shared_server.port) as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: Proxy) -> AsyncIterator[RedisStore]:
    """A store that reaches the shared server through the proxy, its scripts known there."""
    async with RedisStore(proxy.url, operation_timeout=_FAST) as store:
        scratch = pending("scratch")
        await store.put(scratch)
        await store.patch(scratch.key, 1, decided(scratch))
        await store.consume_once(scratch.key, consumption(scratch))
        yield store


@pytest.mark.parametrize("binary", ["redis", "valkey"])
async def test_what_was_acknowledged_survives_a_kill(binary: str) -> None:
    """With the append-only file every acknowledged write is there after SIGKILL."""
    async with (
        redis_server(binary, appendonly=True) as server,
        RedisStore(server.url) as store,
    ):
        asked, other = pending(payload={"user_id": 42}), pending("other")
        await store.put(asked, [requested(asked)])
        await store.put(other)
        await store.patch(asked.key, 1, decided(asked), [resolved(asked)])
        await store.consume_once(asked.key, consumption(asked))
        fence = await store.hold("audit", "a", seconds=60)
        await store.keep_card(asked.key, "C1", "note")
        await server.kill()
        with pytest.raises(StoreUnavailable):
            await store.get(asked.key)
        await server.restart()
        stored = decided(asked).model_copy(update={"version": 2, "consumption": consumption(asked)})
        assert stored == await store.get(asked.key)
        told = [logged.event for logged in await store.read("")]
        assert [requested(asked), resolved(asked)] == told
        assert list(await store.pending()) == ["other"]
        assert fence == await store.hold("audit", "a", seconds=60)
        assert await store.cards(asked.key) == {"C1": "note"}


async def test_nobody_there_is_unavailable_at_once(store: RedisStore, proxy: Proxy) -> None:
    """A refused connection is StoreUnavailable for every verb: nothing was written."""
    asked = pending()
    await proxy.stop()
    for verb in (
        store.put(asked),
        store.get(asked.key),
        store.patch(asked.key, 1, decided(asked)),
        store.now(),
        store.watch(asked.key, lambda _: None),
        store.get_many([asked.key]),
        store.append([requested(asked)]),
        store.read(""),
        store.read("", wait=5),
        store.position("audit"),
        store.pending(),
        store.consume_once(asked.key, consumption(asked)),
        store.hold("audit", "a", seconds=1),
        store.cards(asked.key),
        store.keep_card(asked.key, "C1", "note"),
    ):
        with pytest.raises(StoreUnavailable, match="Connection refused"):
            await verb
    await proxy.start()
    assert await store.get(asked.key) is None


async def test_silence_ends_within_the_operation_timeout(store: RedisStore, proxy: Proxy) -> None:
    """A server that accepts and never answers: reads are unavailable, writes unconfirmed."""
    asked = pending()
    proxy.swallow = True
    async with asyncio.timeout(5 * _FAST):
        with pytest.raises(StoreUnavailable):
            await store.get(asked.key)
        with pytest.raises(StoreUnavailable):
            await store.watch(asked.key, lambda _: None)
        with pytest.raises(StoreUnavailable):
            await store.read("", wait=0.01)
    proxy.swallow = False
    await store.now()
    proxy.swallow = True
    async with asyncio.timeout(5 * _FAST):
        with pytest.raises(Unconfirmed) as caught:
            await store.put(asked)
    assert (caught.value.operation, caught.value.approval_id) == ("put", "delete-42")
    proxy.swallow = False
    assert asked == await store.get(asked.key)


async def test_the_wait_for_a_turn_counts_too(proxy: Proxy) -> None:
    """Behind a silent server nobody queues longer than one operation may take."""
    async with RedisStore(proxy.url, operation_timeout=_FAST, connections=2) as store:
        proxy.swallow = True
        async with asyncio.timeout(5 * _FAST):
            ends = await asyncio.gather(
                *(store.get("delete-42") for _ in range(20)), return_exceptions=True
            )
        assert {StoreUnavailable} == {type(end) for end in ends}


async def test_a_cut_answer_to_put_is_unconfirmed(store: RedisStore, proxy: Proxy) -> None:
    """The command ran, the answer was lost: Unconfirmed; repeating tells the truth, once."""
    asked = pending()
    proxy.cut_next_answer = True
    with pytest.raises(Unconfirmed):
        await store.put(asked, [requested(asked)])
    assert asked == await store.put(asked, [requested(asked)])
    assert [requested(asked)] == [logged.event for logged in await store.read("")]


async def test_a_cut_answer_to_patch_is_unconfirmed(store: RedisStore, proxy: Proxy) -> None:
    """The repeat is STALE, and the record shows who won: this very write."""
    asked = pending()
    await store.put(asked)
    proxy.cut_next_answer = True
    with pytest.raises(Unconfirmed):
        await store.patch(asked.key, 1, decided(asked), [resolved(asked)])
    assert await store.patch(asked.key, 1, decided(asked), [resolved(asked)]) is Patched.STALE
    assert decided(asked).model_copy(update={"version": 2}) == await store.get(asked.key)
    assert [resolved(asked)] == [logged.event for logged in await store.read("")]


async def test_a_cut_answer_to_a_consumption_is_unconfirmed(
    store: RedisStore, proxy: Proxy
) -> None:
    """The repeat with the same operation id learns that the run is its own."""
    asked = pending()
    await store.put(asked)
    proxy.cut_next_answer = True
    with pytest.raises(Unconfirmed):
        await store.consume_once(asked.key, consumption(asked))
    assert consumption(asked) == await store.consume_once(asked.key, consumption(asked))


async def test_a_cut_answer_to_a_read_is_unavailable(store: RedisStore, proxy: Proxy) -> None:
    """A read changes nothing, so a lost answer leaves nothing in doubt."""
    proxy.cut_next_answer = True
    with pytest.raises(StoreUnavailable):
        await store.get("delete-42")
    assert await store.get("delete-42") is None


async def test_a_spoiled_answer_is_a_lost_one(store: RedisStore, proxy: Proxy) -> None:
    """Something that is no answer of Redis: the connection is dropped, nothing is believed."""
    asked = pending()
    proxy.spoil_next_answer = True
    with pytest.raises(StoreUnavailable):
        await store.get(asked.key)
    await store.now()
    proxy.spoil_next_answer = True
    with pytest.raises(Unconfirmed):
        await store.put(asked)
    assert asked == await store.get(asked.key)


async def test_connections_that_died_in_the_pool_harm_no_write(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """An idle connection that the server closed is noticed before a write is sent on it."""
    for number in range(10):
        await asyncio.gather(*(redis_store.now() for _ in range(5)))
        # The event loop gets no turn in which it could learn of the cut by itself.
        shared_server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        asked = pending(f"id-{number}")
        assert asked == await redis_store.put(asked)


async def test_cancelling_leaves_no_answer_behind(store: RedisStore) -> None:
    """A caller that goes away never leaves its answer to the next caller."""
    asked = [pending(f"id-{number}") for number in range(20)]
    for approval in asked:
        await store.put(approval)
    for turn in range(40):
        tasks = [asyncio.create_task(store.get(approval.key)) for approval in asked]
        # Cancelled at every stage: before anything is sent, while answers come, and after.
        for _ in range(turn):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert asked == await asyncio.gather(*(store.get(one.key) for one in asked))


async def test_a_late_answer_reaches_nobody_else(store: RedisStore, proxy: Proxy) -> None:
    """Whoever asks while, or after, another one's answer is late gets the own answer or none."""
    asked = [pending(f"id-{number}") for number in range(3)]
    for approval in asked:
        await store.put(approval)
    proxy.answers_pass.clear()
    late = asyncio.create_task(store.get(asked[0].key))
    loop = asyncio.get_running_loop()
    half = loop.time() + _FAST / 2
    await wait_until(lambda: loop.time() > half, "half of its time is over")
    behind = asyncio.create_task(store.get(asked[1].key))
    with pytest.raises(StoreUnavailable, match="no answer within"):
        await late
    proxy.answers_pass.set()
    assert asked[1] == await behind
    assert asked[2] == await store.get(asked[2].key)


async def test_one_connection_serves_all(redis_store: RedisStore, shared_server: RedisServer):
    """However many ask, however many have a loss behind them: one connection is shared."""
    for _ in range(3):
        await asyncio.gather(*(redis_store.now() for _ in range(200)))
        assert shared_server.ask("CLIENT", "LIST", "TYPE", "normal").count(b"id=") == 2
        shared_server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


async def test_an_error_in_a_batch_leaves_no_answer_behind(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """Where the first of several answers is an error, the others reach no other caller."""
    asked, other = pending(), pending("other")
    await redis_store.put(asked)
    await redis_store.put(other)
    shared_server.ask("SET", "signoff:{0}:pending", "of another type")
    for _ in range(3):
        with pytest.raises(StoreCorrupt):
            await redis_store.pending(after=asked.key)
        assert other == await redis_store.get(other.key)


async def test_a_flushed_script_cache_is_filled_again(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """NOSCRIPT is no failure: the script is sent whole, once."""
    asked = pending()
    await redis_store.put(asked)
    shared_server.ask("SCRIPT", "FLUSH")
    assert await redis_store.patch(asked.key, 1, decided(asked)) is Patched.APPLIED
    assert consumption(asked) == await redis_store.consume_once(asked.key, consumption(asked))


class TestRefusals:
    """The server answers, and says no. On every kind of server: they word it differently."""

    @pytest.fixture
    async def store(self, any_server: RedisServer) -> AsyncIterator[RedisStore]:
        async with RedisStore(any_server.url, operation_timeout=5) as store:
            yield store

    async def test_out_of_memory(self, store: RedisStore, any_server: RedisServer) -> None:
        """OOM: nothing was written, and it is said so; reading goes on."""
        asked = pending()
        await store.put(asked)
        any_server.ask("CONFIG", "SET", "maxmemory", "1")
        try:
            with pytest.raises(StoreUnavailable, match="memory_reserve"):
                await store.put(pending("other"))
            with pytest.raises(StoreUnavailable, match="OOM"):
                await store.patch(asked.key, 1, decided(asked), [resolved(asked)])
            with pytest.raises(StoreUnavailable, match="OOM"):
                await store.consume_once(asked.key, consumption(asked))
            assert asked == await store.get(asked.key)
        finally:
            any_server.ask("CONFIG", "SET", "maxmemory", "0")
        assert await store.get("other") is None
        assert list(await store.read("")) == []

    async def test_a_replica_that_cannot_write(
        self, store: RedisStore, any_server: RedisServer
    ) -> None:
        """READONLY and MASTERDOWN: nothing was written."""
        asked = pending()
        await store.put(asked)
        any_server.ask("REPLICAOF", "127.0.0.1", "1")
        try:
            with pytest.raises(StoreUnavailable, match="READONLY"):
                await store.patch(asked.key, 1, decided(asked))
            assert asked == await store.get(asked.key)
            any_server.ask("CONFIG", "SET", "replica-serve-stale-data", "no")
            with pytest.raises(StoreUnavailable, match="MASTERDOWN"):
                await store.get(asked.key)
        finally:
            any_server.ask("CONFIG", "SET", "replica-serve-stale-data", "yes")
            any_server.ask("REPLICAOF", "NO", "ONE")

    async def test_too_few_replicas(self, store: RedisStore, any_server: RedisServer) -> None:
        """NOREPLICAS: nothing was written."""
        any_server.ask("CONFIG", "SET", "min-replicas-to-write", "1")
        try:
            with pytest.raises(StoreUnavailable, match="NOREPLICAS"):
                await store.put(pending())
        finally:
            any_server.ask("CONFIG", "SET", "min-replicas-to-write", "0")
        assert await store.get("delete-42") is None

    async def test_rights_that_were_taken_away(
        self, store: RedisStore, any_server: RedisServer
    ) -> None:
        """NOPERM before anything ran is unavailable; in the middle of a script, unconfirmed."""
        asked = pending()
        await store.put(asked)
        any_server.ask("ACL", "SETUSER", "agent", "reset", "on", ">s3cret", "~*", "&*", "+@all")
        url = any_server.url.replace("redis://", "redis://agent:s3cret@")
        try:
            async with RedisStore(url) as agent:
                any_server.ask("ACL", "SETUSER", "agent", "-evalsha")
                with pytest.raises(StoreUnavailable, match="NOPERM"):
                    await agent.patch(asked.key, 1, decided(asked))
                any_server.ask("ACL", "SETUSER", "agent", "+evalsha", "-xadd")
                with pytest.raises(Unconfirmed):
                    await agent.patch(asked.key, 1, decided(asked), [resolved(asked)])
                any_server.ask("ACL", "SETUSER", "agent", ">0ther", "<s3cret")
                any_server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                with pytest.raises(StoreUnavailable, match="WRONGPASS") as caught:
                    await agent.get(asked.key)
                assert "s3cret" not in repr(caught.value)
        finally:
            any_server.ask("ACL", "DELUSER", "agent")

    async def test_a_busy_server(self, store: RedisStore, any_server: RedisServer) -> None:
        """BUSY: another's script runs for ever; nothing of ours ran."""
        any_server.ask("CONFIG", "SET", "lua-time-limit", "1")
        reader, writer = await asyncio.open_connection("127.0.0.1", any_server.port)
        writer.write(b'EVAL "while true do end" 0\r\n')
        try:
            await wait_until(lambda: b"BUSY" in any_server.ask("GET", "x"), "the script runs")
            with pytest.raises(StoreUnavailable, match="BUSY"):
                await store.put(pending())
            with pytest.raises(StoreUnavailable, match="BUSY"):
                await store.get("delete-42")
        finally:
            any_server.ask("SCRIPT", "KILL")
            await reader.readline()
            writer.close()
            await writer.wait_closed()
        assert await store.get("delete-42") is None


async def test_a_consumption_waits_for_its_replicas() -> None:
    """With wait_replicas a consumption is Unconfirmed until they have it; the repeat waits anew."""
    async with redis_server(options=("--repl-diskless-sync-delay", "0")) as server:
        options = ("--replicaof", f"127.0.0.1 {server.port}")
        async with redis_server(options=options) as replica:
            await wait_until(
                lambda: b"state=online" in server.ask("INFO", "replication"),
                "the replica follows",
            )
            asked = pending()
            async with RedisStore(server.url, wait_replicas=1, operation_timeout=_FAST) as store:
                await store.put(asked)
                replica.freeze()
                with pytest.raises(Unconfirmed):
                    await store.consume_once(asked.key, consumption(asked))
            async with RedisStore(server.url, wait_replicas=1, operation_timeout=_FAST) as store:
                # A new connection has written nothing yet that it could wait for.
                with pytest.raises(Unconfirmed):
                    await store.consume_once(asked.key, consumption(asked))
            replica.thaw()
            async with RedisStore(server.url, wait_replicas=1, operation_timeout=5) as store:
                taken = consumption(asked, operation="op-2")
                assert consumption(asked) == await store.consume_once(asked.key, taken)
                assert b"op-1" in replica.ask("GET", "signoff:{0}:use:delete-42")


async def test_a_decision_waits_for_its_replicas() -> None:
    """P3: a final record is Unconfirmed until they have it; it stands, and can be asked about.

    What is not final does not wait: a vote that is lost is cast again.
    """
    async with redis_server(options=("--repl-diskless-sync-delay", "0")) as server:
        options = ("--replicaof", f"127.0.0.1 {server.port}")
        async with redis_server(options=options) as replica:
            await wait_until(
                lambda: b"state=online" in server.ask("INFO", "replication"),
                "the replica follows",
            )
            asked = pending()
            async with RedisStore(server.url, wait_replicas=1, operation_timeout=_FAST) as store:
                await store.put(asked)
                replica.freeze()
                seen = asked.model_copy(update={"version": 2})
                assert await store.patch(asked.key, 1, seen, [requested(asked)]) == "applied"
                with pytest.raises(Unconfirmed):
                    await store.patch(asked.key, 2, decided(asked), [resolved(asked)])
                standing = await store.get(asked.key)
                assert standing is not None
                assert standing.status == "approved"
                assert not await store.confirm(asked.key, seconds=0.05)
                desk = Desk(store)
                with pytest.raises(Unconfirmed):
                    await desk.cancel((await store.put(pending("other"))).key)
                assert not await desk.confirmed(standing)
            replica.thaw()
            async with RedisStore(server.url, wait_replicas=1, operation_timeout=5) as store:
                # A new connection, that has written nothing itself.
                assert await store.confirm(asked.key, seconds=5)
                assert b"approved" in replica.ask("GET", "signoff:{0}:state:delete-42")
                assert await store.confirm("unknown", seconds=5)
                assert (await Desk(store).cancel("other")).status == "cancelled"
            async with RedisStore(server.url) as store:
                assert await store.confirm(asked.key, seconds=0), "nothing to wait for"
