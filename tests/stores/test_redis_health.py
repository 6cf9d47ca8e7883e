"""What a server says about itself, and whether its wake-ups really come back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gate import StoreUnavailable
from stores.redis import RedisStore
from tests.support.proxy import proxy_to
from tests.support.servers import RedisServer, redis_server


@pytest.fixture
async def store(any_server: RedisServer) -> AsyncIterator[RedisStore]:
    async with RedisStore(any_server.url) as opened:
        yield opened


async def test_every_kind_of_server_says_what_matters(
    store: RedisStore, any_server: RedisServer
) -> None:
    """Product, version, role, persistence, eviction, memory: on all servers that are tested."""
    health = await store.health()
    assert health.product in ("Redis", "Valkey")
    assert health.version is not None
    assert health.version[0].isdigit()
    assert ("master", False, "everysec", False, False, "noeviction", 0, 0, ()) == (
        health.role,
        health.append_only,
        health.fsync,
        health.snapshots,
        health.writes_fail,
        health.eviction,
        health.memory_limit,
        health.evicted,
        health.refused,
    )
    assert health.memory_used is not None
    assert health.memory_used > 100_000


async def test_a_published_wake_up_comes_back(store: RedisStore) -> None:
    """The way is the real one: published on one connection, heard on the other."""
    assert 0 < await store.echo("doctor.1") < 2.0
    assert 0 < await store.echo("doctor.1") < 2.0


async def test_the_servers_own_settings_are_told() -> None:
    """What an operator set is what is said."""
    options = ("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru", "--save", "60 1")
    async with (
        redis_server("redis", appendonly=True, options=options) as server,
        RedisStore(server.url) as store,
    ):
        health = await store.health()
    assert (True, "always", True, "allkeys-lru", 64 * 1024 * 1024) == (
        health.append_only,
        health.fsync,
        health.snapshots,
        health.eviction,
        health.memory_limit,
    )


async def test_a_server_that_forbids_config_still_says_the_rest(
    shared_server: RedisServer,
) -> None:
    """A hosted server: what INFO tells is told, the rest is unknown, and nothing is raised."""
    shared_server.ask("ACL", "SETUSER", "hosted", "on", ">pw", "~*", "&*", "+@all", "-config")
    url = shared_server.url.replace("redis://", "redis://hosted:pw@")
    async with RedisStore(url) as store:
        health = await store.health()
    assert (("CONFIG",), None, None, False, "noeviction") == (
        health.refused,
        health.fsync,
        health.snapshots,
        health.append_only,
        health.eviction,
    )


async def test_a_user_who_may_not_publish_hears_nothing(shared_server: RedisServer) -> None:
    """A refused PUBLISH is StoreUnavailable with the server's word, not a wait."""
    shared_server.ask("ACL", "SETUSER", "mute", "on", ">pw", "~*", "&*", "+@all", "-publish")
    async with RedisStore(shared_server.url.replace("redis://", "redis://mute:pw@")) as store:
        with pytest.raises(StoreUnavailable) as caught:
            await store.echo("doctor.1")
    assert "NOPERM" == caught.value.cause


async def test_a_user_who_may_not_ask_is_told_so(shared_server: RedisServer) -> None:
    """Without INFO and CONFIG everything is unknown, and both are named."""
    shared_server.ask(
        "ACL", "SETUSER", "blind", "on", ">pw", "~*", "&*", "+@all", "-info", "-config"
    )
    async with RedisStore(shared_server.url.replace("redis://", "redis://blind:pw@")) as store:
        health = await store.health()
    assert (("INFO", "CONFIG"), None, None) == (health.refused, health.product, health.eviction)


async def test_a_server_that_went_away_is_unavailable(shared_server: RedisServer) -> None:
    """Nothing is made up where no answer comes."""
    async with (
        proxy_to(shared_server.port) as proxy,
        RedisStore(proxy.url, operation_timeout=0.2) as store,
    ):
        proxy.swallow = True
        with pytest.raises(StoreUnavailable):
            await store.health()
        with pytest.raises(StoreUnavailable):
            await store.echo("doctor.1")
