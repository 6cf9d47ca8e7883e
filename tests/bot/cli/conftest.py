"""Owns what the tests of commands share: a server, emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers import RedisServer, running_server


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_server("redis") as running:
        yield running


@pytest.fixture
def url(server: RedisServer) -> str:
    server.ask("FLUSHALL")
    return server.url
