"""One healthy server for all checks; a test that makes it ill makes it well again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.bot.doctor.examined import Examined, examined
from tests.support.servers import RedisServer, running_server


@pytest.fixture(scope="package")
def running() -> Iterator[RedisServer]:
    with running_server("valkey", appendonly=True) as server:
        yield server


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    running.ask("FLUSHALL")
    for setting, value in (
        ("maxmemory-policy", "noeviction"),
        ("maxmemory", "0"),
        ("appendonly", "yes"),
        ("appendfsync", "always"),
    ):
        assert running.ask("CONFIG", "SET", setting, value).startswith(b"+OK")
    running.ask("CONFIG", "RESETSTAT")
    return running


@pytest.fixture
async def well(server: RedisServer) -> AsyncIterator[Examined]:
    async with examined(server.url) as subject:
        yield subject
