"""What an agent's own state is in Redis: keys of the table, and nothing unreadable gets through."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gate import Checkpoints, ConfigError, StepLog, StoreCorrupt, StoreUnavailable
from stores import open_checkpoints, open_step_log
from stores.conformance.steps import step_row
from stores.redis.keys import META, kind_of
from tests.support.servers import RedisServer


@pytest.fixture
async def checkpoints(shared_server: RedisServer) -> AsyncIterator[Checkpoints]:
    async with open_checkpoints(shared_server.url) as checkpoints:
        yield checkpoints


@pytest.fixture
async def log(shared_server: RedisServer) -> AsyncIterator[StepLog]:
    async with open_step_log(environ={"SIGNOFF_REDIS_URL": shared_server.url}) as log:
        yield log


async def test_every_key_is_in_the_table(
    checkpoints: Checkpoints, log: StepLog, shared_server: RedisServer
) -> None:
    """Each key belongs to the key table and has its type; what is removed leaves none."""
    await checkpoints.save("agent-loop:a", "x")
    await log.append("job-7", step_row(1), after="")
    answer = shared_server.ask("KEYS", "*")
    names = [line.decode() for line in answer.split(b"\r\n")[2::2] if line]
    found = {kind.name: kind.type for name in names if (kind := kind_of(name))}
    assert len(names) == len(found)
    types = {"checkpoint": "string", "checkpoints": "zset", "steps": "list", "meta": "hash"}
    assert types == found
    await checkpoints.delete("agent-loop:a")
    await log.clear("job-7")
    assert shared_server.ask("KEYS", "signoff:{*") == b"*0\r\n"


@pytest.mark.parametrize("text", ["", " ", "noversion", " text"])
async def test_an_unreadable_checkpoint(
    checkpoints: Checkpoints, shared_server: RedisServer, text: str
) -> None:
    """It is corrupt for whoever reads or compares, and a plain save or delete mends it."""
    await checkpoints.save("key", "x")
    shared_server.ask("SET", "signoff:{0}:checkpoint:key", text)
    with pytest.raises(StoreCorrupt):
        await checkpoints.load("key")
    with pytest.raises(StoreCorrupt):
        await checkpoints.swap("key", "y", expected="")
    with pytest.raises(StoreCorrupt):
        await checkpoints.delete("key", expected="v")
    assert ["key"] == list(await checkpoints.keys())
    await checkpoints.save("key", "z")
    assert await checkpoints.delete("key")


@pytest.mark.parametrize("entry", ["", "x", "ana row-1", "ana row-1 {}", "bob row-1 ROW"])
async def test_an_unreadable_row(log: StepLog, shared_server: RedisServer, entry: str) -> None:
    """It makes the run corrupt; a row never counts for another worker."""
    text = entry.replace("ROW", step_row(1).to_text())
    shared_server.ask("RPUSH", "signoff:{0}:steps:job-7", text)
    with pytest.raises(StoreCorrupt):
        await log.rows("job-7")
    assert await log.clear("job-7")


async def test_a_run_of_another_type_is_corrupt(log: StepLog, shared_server: RedisServer) -> None:
    """A key that holds another type is told as such."""
    shared_server.ask("SET", "signoff:{0}:steps:job-7", "x")
    for call in (log.rows("job-7"), log.append("job-7", step_row(1), after="")):
        with pytest.raises(StoreCorrupt):
            await call


async def test_another_schema_stops_the_start(shared_server: RedisServer) -> None:
    """Data of another version is never opened, and a server that is away is said."""
    async with open_checkpoints(shared_server.url):
        pass
    shared_server.ask("HSET", META, "schema", "3")
    for opened in (open_checkpoints(shared_server.url), open_step_log(shared_server.url)):
        with pytest.raises(ConfigError, match="schema version"):
            async with opened:
                pass
    shared_server.ask("DEL", META)
    with pytest.raises(StoreUnavailable):
        async with open_step_log("redis://127.0.0.1:1/0"):
            pass
