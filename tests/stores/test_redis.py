"""The store on Redis keeps every contract, on every server that we name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis

from gate import ConfigError
from stores.conformance import (
    ApprovalStoreContract,
    AuditLogContract,
    BoundedContract,
    BucketedContract,
    BulkReadContract,
    BulkVersionsContract,
    CardsContract,
    ConfirmationContract,
    ConsumeOnceContract,
    EventLogContract,
    LeasesContract,
    ListingContract,
    StoreClockContract,
    TimedReadContract,
    WatchContract,
)
from stores.conformance.samples import decided, pending, requested
from stores.redis import RedisStore
from stores.redis.keys import META
from tests.support.servers import RedisServer


class TestRedisStore(
    ApprovalStoreContract,
    StoreClockContract,
    WatchContract,
    BulkReadContract,
    BulkVersionsContract,
    TimedReadContract,
    EventLogContract,
    AuditLogContract,
    BoundedContract,
    BucketedContract,
    ListingContract,
    ConsumeOnceContract,
    LeasesContract,
    CardsContract,
    ConfirmationContract,
):
    """All of them."""

    @pytest.fixture
    async def store(self, any_server: RedisServer) -> AsyncIterator[RedisStore]:
        async with RedisStore(any_server.url) as store:
            yield store


async def test_another_schema_stops_the_start(shared_server: RedisServer) -> None:
    """Data of another schema version or bucket count is never opened."""
    for field, value in (("schema", "3"), ("buckets", "16")):
        shared_server.ask("DEL", META)
        async with RedisStore(shared_server.url):
            pass
        shared_server.ask("HSET", META, field, value)
        with pytest.raises(ConfigError, match=value):
            await RedisStore(shared_server.url).__aenter__()
    shared_server.ask("DEL", META)


async def test_eviction_is_warned_of(shared_server: RedisServer) -> None:
    """A server that may drop records is named at the start, once for each opening."""
    shared_server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        with structlog.testing.capture_logs() as logs:
            async with RedisStore(shared_server.url):
                pass
    finally:
        shared_server.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert [(log["event"], log["policy"]) for log in logs] == [("store_may_evict", "allkeys-lru")]


@pytest.mark.parametrize("options", [{}, {"decode_responses": True, "protocol": 3}])
async def test_a_client_of_ones_own_serves(shared_server: RedisServer, options: Any) -> None:
    """Connections are made like the client's, with our own rules for answers and repeats."""
    client = Redis.from_url(shared_server.url, **options)
    try:
        async with RedisStore(client=client) as store:
            asked = pending("own-client")
            assert asked == await store.put(asked)
            woken = asyncio.Event()
            stop = await store.watch(asked.key, lambda _: woken.set())
            await store.patch(asked.key, 1, decided(asked))
            await asyncio.wait_for(woken.wait(), 5)
            stop()
    finally:
        await client.aclose()


async def test_either_an_address_or_a_client() -> None:
    """Both or neither is a mistake that is said at once."""
    with pytest.raises(ConfigError):
        RedisStore()
    with pytest.raises(ConfigError):
        RedisStore("redis://127.0.0.1", client=Redis())


async def test_operations_queue_for_few_connections(shared_server: RedisServer) -> None:
    """More operations than connections wait their turn; none starves and none fails."""
    async with RedisStore(shared_server.url, connections=3) as store:
        asked = [pending(f"id-{number}") for number in range(300)]
        assert asked == await asyncio.gather(*(store.put(one) for one in asked))
        clients = shared_server.ask("CLIENT", "LIST").count(b"id=")
        assert clients <= 4  # ours, and the one that asks


async def test_a_waiting_read_takes_nobodys_turn(shared_server: RedisServer) -> None:
    """Readers of the log that wait leave all connections to the others."""
    async with RedisStore(shared_server.url, connections=1) as store:
        reading = [asyncio.create_task(store.read("", wait=30)) for _ in range(3)]
        await asyncio.sleep(0)
        asked = pending()
        await store.put(asked, [requested(asked)])
        for page in await asyncio.gather(*reading):
            assert [requested(asked)] == [logged.event for logged in page]
