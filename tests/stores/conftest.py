"""Servers that the tests of the stores share: one of each kind, emptied before each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from stores.redis import RedisStore
from tests.support.clusters import RedisCluster, running_cluster
from tests.support.servers import BINARIES, RedisServer, running_server


@pytest.fixture(scope="session", params=BINARIES)
def each_running_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    with running_server(request.param) as server:
        yield server


@pytest.fixture(scope="session")
def running_redis() -> Iterator[RedisServer]:
    with running_server("redis") as server:
        yield server


@pytest.fixture
def any_server(each_running_server: RedisServer) -> RedisServer:
    """An empty server; the test runs once for each kind."""
    each_running_server.ask("FLUSHALL")
    return each_running_server


@pytest.fixture
def shared_server(running_redis: RedisServer) -> RedisServer:
    """The system's Redis, empty, for tests that need only one kind."""
    running_redis.ask("FLUSHALL")
    return running_redis


@pytest.fixture
async def redis_store(shared_server: RedisServer) -> AsyncIterator[RedisStore]:
    """An open store on the empty shared server."""
    async with RedisStore(shared_server.url) as store:
        yield store


@pytest.fixture(scope="session", params=["redis", "valkey"])
def each_running_cluster(request: pytest.FixtureRequest) -> Iterator[RedisCluster]:
    with running_cluster(request.param) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def running_nodes() -> Iterator[RedisCluster]:
    with running_cluster("redis") as cluster:
        yield cluster


@pytest.fixture
def any_cluster(each_running_cluster: RedisCluster) -> RedisCluster:
    """Three nodes without data; the test runs once for each kind."""
    each_running_cluster.empty()
    return each_running_cluster


@pytest.fixture
def cluster(running_nodes: RedisCluster) -> RedisCluster:
    """Three nodes of the system's Redis without data, for tests that need only one kind."""
    running_nodes.empty()
    return running_nodes
