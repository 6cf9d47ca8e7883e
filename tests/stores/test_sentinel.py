"""A store behind Sentinel follows the master, and says of each call what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gate import (
    ApprovalGate,
    ConfigError,
    Desk,
    Patched,
    StoreUnavailable,
    Unconfirmed,
    Verdict,
)
from stores import open_checkpoints, open_step_log, open_store
from stores.conformance.samples import consumption, decided, pending, requested
from stores.conformance.steps import step_row
from stores.redis import RedisStore
from tests.support.certificates import certificate_in
from tests.support.sentinels import MASTER, SentinelServer, Watched, watched_servers
from tests.support.servers import RedisServer, free_port, redis_server, server_binary
from tests.support.waiting import wait_until


@pytest.fixture
async def servers() -> AsyncIterator[Watched]:
    async with watched_servers() as servers:
        yield servers


@pytest.mark.parametrize("binary", ["redis", "valkey"])
async def test_an_agent_waits_through_a_failover(binary: str) -> None:
    """The primary is killed under a waiter; the decision on the new one reaches it."""
    async with (
        watched_servers(binary) as servers,
        open_store(servers.url(), environ={}) as store,
        open_store(servers.url(), environ={}) as other,
        ApprovalGate(store, agent="billing", public_keys=()) as gate,
    ):
        asked = await gate.request(id="drop-42", name="drop", payload={"table": 42})
        waiting = asyncio.create_task(gate.wait(asked.id, timeout=60))
        await servers.until_in_step(servers.replica)
        await servers.primary.kill()
        desk = Desk(other)

        async def is_decided() -> bool:
            try:
                await desk.decide(asked.key, Verdict.APPROVE, approver="cli:ana")
            except (StoreUnavailable, Unconfirmed):
                return False
            return True

        await wait_until(is_decided, "the new master takes the decision")
        await servers.until_promoted(servers.replica)
        assert "approved" == (await waiting).status


async def test_what_was_confirmed_is_there_afterwards(servers: Watched) -> None:
    """Of writes during a failover each ends with a word, and no confirmed one is lost."""
    ended: dict[str, set[str]] = {"confirmed": set(), "unconfirmed": set(), "unavailable": set()}
    async with open_store(servers.url(), environ={}, wait_replicas=1) as store:

        async def write(number: int) -> None:
            asked = pending(f"id-{number}")
            end = "confirmed"
            try:
                await store.put(asked, [requested(asked)])
                assert Patched.APPLIED == await store.patch(asked.key, 1, decided(asked))
                await store.consume_once(asked.key, consumption(asked))
            except Unconfirmed:
                end = "unconfirmed"
            except StoreUnavailable:
                end = "unavailable"
            ended[end].add(asked.key)

        for number in range(20):
            await write(number)
        assert 20 == len(ended["confirmed"])
        writing = asyncio.gather(*(write(number) for number in range(20, 60)))
        await servers.primary.kill()
        await writing
        await servers.until_promoted(servers.replica)
        for key in ended["confirmed"]:
            kept = await store.get(key)
            assert kept is not None
            assert kept.final
            assert kept.consumption is not None
        assert 60 == sum(map(len, ended.values()))


async def test_a_demoted_master_is_left(servers: Watched) -> None:
    """Where an old master lives on and refuses writes, one write fails, and all moves on.

    The sentinels are told of the change by hand, so that they cut no connection.
    """
    async with RedisStore(servers.url()) as store:
        asked = pending()
        await store.put(asked)
        await asyncio.gather(*(store.now() for _ in range(5)))
        told: list[bytes | None] = []
        await store.watch(asked.key, told.append)
        await servers.until_in_step(servers.replica)
        servers.replica.ask("REPLICAOF", "NO", "ONE")
        servers.primary.ask("REPLICAOF", "127.0.0.1", str(servers.replica.port))
        with pytest.raises(StoreUnavailable, match="READONLY"):
            await store.patch(asked.key, 1, decided(asked))
        with pytest.raises(StoreUnavailable, match="MasterNotFoundError"):
            await store.get(asked.key)  # the sentinels still name the one that is none
        for sentinel in servers.sentinels:
            sentinel.ask("SENTINEL", "REMOVE", MASTER)
            port = str(servers.replica.port)
            assert sentinel.ask("SENTINEL", "MONITOR", MASTER, "127.0.0.1", port, "2") == b"+OK\r\n"
        assert Patched.APPLIED == await store.patch(asked.key, 1, decided(asked))
        await wait_until(lambda: None in told, "the listening line was made anew")
        await wait_until(lambda: _listeners(servers.primary) == 0, "nobody listens at the old one")
        await store.keep_card(asked.key, "C1", "note")
        assert _listeners(servers.replica) == 1
        assert b"+1" in servers.replica.ask("EXISTS", "signoff:{0}:card:delete-42").replace(
            b":", b"+"
        )


async def test_an_ordered_failover_cuts_and_is_followed(servers: Watched) -> None:
    """`SENTINEL FAILOVER`: watchers are woken, readers of the log go on where they were."""
    async with RedisStore(servers.url()) as store:
        asked = pending()
        await store.put(asked, [requested(asked)])
        [first] = await store.read("")
        told: list[bytes | None] = []
        await store.watch(asked.key, told.append)
        await servers.until_in_step(servers.replica)
        assert servers.sentinels[0].ask("SENTINEL", "FAILOVER", MASTER).startswith(b"+OK")
        await servers.until_promoted(servers.replica)
        await wait_until(lambda: None in told, "the listening line was made anew")

        async def next_event() -> bool:
            other = pending("other")
            try:
                await store.put(other, [requested(other)])
                return [requested(other)] == [
                    logged.event for logged in await store.read(first.cursor, wait=0.5)
                ]
            except (StoreUnavailable, Unconfirmed):
                return False

        await wait_until(next_event, "the log goes on")


async def test_checkpoints_and_steps_follow_too(servers: Watched) -> None:
    """An agent's own state is behind the same address, and there after a failover."""
    async with (
        open_checkpoints(servers.url(), environ={}) as checkpoints,
        open_step_log(servers.url(), environ={}) as log,
    ):
        version = await checkpoints.save("loop:a", "one")
        assert await log.append("job-7", step_row(1), after="")
        await wait_until(
            lambda: servers.replica.ask("LLEN", "signoff:{0}:steps:job-7") == b":1\r\n",
            "the replica has the step",
        )
        await servers.primary.kill()
        await servers.until_promoted(servers.replica)
        assert await checkpoints.swap("loop:a", "two", expected=version) is not None
        assert await log.append("job-7", step_row(2), after=None)
        assert [step_row(1), step_row(2)] == list(await log.rows("job-7"))


async def test_sentinels_that_are_gone_are_passed_over(servers: Watched) -> None:
    """One living sentinel is enough to find the master; without any it is unavailable."""
    for sentinel in servers.sentinels[:2]:
        await sentinel.stop()
    async with RedisStore(servers.url()) as store:
        await store.now()
    await servers.sentinels[2].stop()
    with pytest.raises(StoreUnavailable, match="MasterNotFoundError"):
        await RedisStore(servers.url()).__aenter__()


async def test_each_side_has_a_login_of_its_own(servers: Watched) -> None:
    """User and password of the address are the servers', `sentinel_…` the sentinels'."""
    for server in (servers.primary, servers.replica):
        server.ask("ACL", "SETUSER", "signoff", "on", ">inner", "~*", "&*", "+@all")
    for sentinel in servers.sentinels:
        sentinel.ask("ACL", "SETUSER", "looker", "on", ">outer", "+@all")
        sentinel.ask("ACL", "SETUSER", "default", "off")
    options = "?db=1&sentinel_username=looker&sentinel_password=outer"
    async with RedisStore(servers.url(options, login="signoff:inner@")) as store:
        await store.put(pending())
        assert b"user=signoff" in servers.primary.ask("CLIENT", "LIST")
        assert b"db1:keys=" in servers.primary.ask("INFO", "keyspace")
    for told, login in (("", "signoff:inner@"), (options, "signoff:wrong@")):
        with pytest.raises(StoreUnavailable) as caught:
            await RedisStore(servers.url(told, login=login)).__aenter__()
        assert not {"inner", "wrong", "outer"} & set(str(caught.value).split())


async def test_tls_to_both(tmp_path: Path) -> None:
    """`rediss+sentinel://` speaks TLS with sentinels and servers, and trusts what it is told to."""
    key, certificate = certificate_in(tmp_path)
    ports = free_port(), free_port()
    tls = {"tls-auth-clients": "no", "tls-key-file": key, "tls-cert-file": certificate,
           "tls-ca-cert-file": certificate}  # fmt: skip
    options = [part for name, value in tls.items() for part in (f"--{name}", str(value))]
    async with redis_server(options=["--tls-port", str(ports[0]), *options]):
        sentinel = SentinelServer(server_binary("redis"), tmp_path, [], number=1)
        sentinel.write(
            [f"tls-port {ports[1]}", "tls-replication yes", *(f"{k} {v}" for k, v in tls.items()),
             f"sentinel monitor {MASTER} 127.0.0.1 {ports[0]} 1"]
        )  # fmt: skip
        try:
            await sentinel.start()
            url = f"rediss+sentinel://127.0.0.1:{ports[1]}/{MASTER}"
            async with RedisStore(f"{url}?ssl_ca_certs={certificate}") as store:
                assert pending() == await store.put(pending())
            with pytest.raises(StoreUnavailable):
                await RedisStore(url).__aenter__()
        finally:
            sentinel.end_now()


@pytest.mark.parametrize(
    "rest",
    [
        "", "/", "127.0.0.1:26379", "127.0.0.1:26379/", "127.0.0.1:x/m", "a:1,,b:2/m", "a:1/m/0",
        "a:1/m?db=x", "a:1/m?db=-1", "a:1/m?no=option", "a:1/m?no", "a:99999/m",
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["redis+sentinel", "rediss+sentinel"])
def test_an_address_that_is_none(rest: str, scheme: str) -> None:
    """What cannot be read is a ConfigError, and is not repeated: it may hold a password."""
    login = "hush:hushword@" if rest else ""
    with pytest.raises(ConfigError) as caught:
        RedisStore(f"{scheme}://{login}{rest}")
    assert "hush" not in str(caught.value)


def _listeners(server: RedisServer) -> int:
    """Return how many connections wait for messages, those of sentinels aside."""
    lines = server.ask("CLIENT", "LIST", "TYPE", "pubsub").split(b"\n")
    return sum(b"cmd=subscribe" in line and b"name=sentinel" not in line for line in lines)
