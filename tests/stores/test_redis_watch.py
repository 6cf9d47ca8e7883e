"""Wake-ups over one connection: what happens when it is cut, silent, or shared by thousands."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from gate import ApprovalGate, Desk, StoreUnavailable
from stores.conformance.samples import decided, pending, requested, routed
from stores.redis import RedisStore
from tests.support.proxy import Proxy, proxy_to
from tests.support.servers import RedisServer, redis_server
from tests.support.waiting import wait_until


@pytest.fixture
async def proxy(shared_server: RedisServer) -> AsyncIterator[Proxy]:
    async with proxy_to(shared_server.port) as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: Proxy) -> AsyncIterator[RedisStore]:
    """A store that reaches the shared server through the proxy."""
    async with RedisStore(proxy.url, operation_timeout=0.3, ping_interval=0.05) as store:
        yield store


class _Bells:
    """Counts the wake-ups of any number of records."""

    def __init__(self) -> None:
        self.rings: dict[str, int] = {}

    async def watch(self, store: RedisStore, key: str) -> None:
        self.rings.setdefault(key, 0)
        await store.watch(key, lambda _: self.ring(key))

    def ring(self, key: str) -> None:
        self.rings[key] += 1

    def all_rang(self, times: int = 1) -> bool:
        return all(count >= times for count in self.rings.values())


def _listeners(server: RedisServer) -> int:
    return server.ask("CLIENT", "LIST", "TYPE", "pubsub").count(b"id=")


def _channels(server: RedisServer) -> int:
    found = re.search(rb"pubsub_channels:(\d+)", server.ask("INFO", "stats"))
    assert found is not None
    return int(found[1])


async def test_an_older_confirmation_confirms_nothing(
    shared_server: RedisServer, proxy: Proxy
) -> None:
    """Left and watched anew: only the newest SUBSCRIBE's confirmation counts."""
    async with RedisStore(proxy.url, operation_timeout=5) as store:
        heard: list[bytes | None] = []
        await store.watch("other", heard.append)
        proxy.answers_pass.clear()
        answers, requests = proxy.answers, proxy.requests
        first = await _watched(store, "delete-42")
        await wait_until(lambda: proxy.answers > answers, "the first confirmation is on its way")
        proxy.requests_pass.clear()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        second = await _watched(store, "delete-42")
        await wait_until(lambda: proxy.requests >= requests + 2, "the second one is sent")
        proxy.answers_pass.set()
        # A change of another record comes behind the old confirmation, on the same link.
        shared_server.ask("PUBLISH", "signoff:{0}:wake:other", "1")
        await wait_until(lambda: heard, "what was on its way has arrived")
        assert not second.done()
        proxy.requests_pass.set()
        await second


async def _watched(store: RedisStore, key: str) -> asyncio.Task[object]:
    """Begin to watch, and return once the task has taken its first steps."""
    task = asyncio.create_task(store.watch(key, lambda _: None))
    await asyncio.sleep(0)
    return task


async def test_thousands_share_one_connection(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """Any number of watchers use one connection; after a cut all are subscribed and woken."""
    bells = _Bells()
    await asyncio.gather(*(bells.watch(redis_store, f"id-{n}") for n in range(2500)))
    assert (_listeners(shared_server), _channels(shared_server)) == (1, 2500)
    shared_server.ask("CLIENT", "KILL", "TYPE", "pubsub")
    await wait_until(bells.all_rang, "every watcher was woken after the cut")
    assert {1} == set(bells.rings.values())
    assert (_listeners(shared_server), _channels(shared_server)) == (1, 2500)
    for number in (0, 999, 1000, 2499):
        await redis_store.put(pending(f"id-{number}"))
        await wait_until(lambda n=number: bells.rings[f"id-{n}"] == 2, "a change is told")


async def test_a_crowd_at_the_door_gets_in(shared_server: RedisServer) -> None:
    """Thousands who wait at the same moment all wait, also if that takes longer than one answer."""
    count = 6000
    async with (
        RedisStore(shared_server.url, operation_timeout=0.3) as store,
        ApprovalGate(store, agent="billing", public_keys=[]) as gate,
    ):
        await store.put(pending())
        tasks = [asyncio.create_task(gate.wait("delete-42")) for _ in range(count)]
        others = [asyncio.create_task(store.watch(f"id-{n}", lambda _: None)) for n in range(count)]
        await asyncio.gather(*others)
        assert count + 1 == _channels(shared_server)
        await Desk(store).decide("delete-42", "approve", approver="ana")
        assert {"approved"} == {each.status for each in await asyncio.gather(*tasks)}


async def test_leaving_ends_the_subscription(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """The last watcher of a record takes the subscription along, without waiting for it."""
    first = await redis_store.watch("delete-42", lambda _: None)
    second = await redis_store.watch("delete-42", lambda _: None)
    first()
    await redis_store.now()
    assert _channels(shared_server) == 1
    second()
    await wait_until(lambda: _channels(shared_server) == 0, "the subscription is gone")


async def test_a_wake_up_carries_the_version(redis_store: RedisStore) -> None:
    """What a wake-up carries is a hint: the version, or that the run was taken."""
    heard: list[bytes | None] = []
    asked = pending()
    await redis_store.watch(asked.key, heard.append)
    await redis_store.put(asked)
    await redis_store.patch(asked.key, 1, routed(asked))
    await wait_until(lambda: len(heard) == 2, "two wake-ups")
    assert heard == [b"1", b"2"]


async def test_a_failing_watcher_harms_nobody(redis_store: RedisStore) -> None:
    """An error in one watcher's callback reaches neither the others nor the connection."""

    def fail(_: bytes | None) -> None:
        raise RuntimeError("on purpose")

    bells = _Bells()
    await redis_store.watch("delete-42", fail)
    await bells.watch(redis_store, "delete-42")
    for version in (1, 2):
        if version == 1:
            await redis_store.put(pending())
        else:
            await redis_store.patch("delete-42", 1, decided(pending()))
        await wait_until(lambda v=version: bells.all_rang(v), "the other is woken")


async def test_a_silent_link_is_found(store: RedisStore, proxy: Proxy) -> None:
    """A link that is open on our side only is found by PING, repaired, and told to all."""
    bells = _Bells()
    await bells.watch(store, "one")
    await bells.watch(store, "two")
    proxy.swallow = True
    made = proxy.connections
    await wait_until(lambda: proxy.connections > made, "the store connects anew")
    proxy.swallow = False
    await wait_until(bells.all_rang, "both watchers were woken")
    await store.put(pending("one"))
    await wait_until(lambda: bells.rings["one"] >= 2, "changes are told again")


async def test_pings_lose_no_message(store: RedisStore) -> None:
    """While PINGs come and go, every change is told."""
    asked = pending()
    await store.put(asked)
    heard: list[bytes | None] = []
    await store.watch(asked.key, heard.append)
    for version in range(1, 300):
        await store.patch(asked.key, version, routed(asked))
    await wait_until(lambda: len(heard) == 299, "every change was told")
    assert [str(version).encode() for version in range(2, 301)] == heard


async def test_an_idle_link_stays(store: RedisStore, proxy: Proxy) -> None:
    """PINGs that are answered, with and without subscriptions, keep the one connection."""
    stop = await store.watch("delete-42", lambda _: None)
    made, answers = proxy.connections, proxy.answers
    await wait_until(lambda: proxy.answers > answers + 3, "PINGs are answered")
    stop()
    answers = proxy.answers
    await wait_until(lambda: proxy.answers > answers + 3, "PINGs are answered")
    assert made == proxy.connections


async def test_watching_without_a_server_is_unavailable(store: RedisStore, proxy: Proxy) -> None:
    """No confirmation, no watch; and the next try is made at once, not after the pause."""
    await proxy.stop()
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await store.watch("delete-42", lambda _: None)
    await proxy.start()
    bells = _Bells()
    await bells.watch(store, "delete-42")
    await store.put(pending())
    await wait_until(bells.all_rang, "the change is told")


async def test_watchers_outlive_the_server() -> None:
    """Over a kill and a restart each watcher is woken, however long it took."""
    async with (
        redis_server(appendonly=True) as server,
        RedisStore(server.url, operation_timeout=1) as store,
    ):
        asked = pending()
        await store.put(asked)
        bells = _Bells()
        await bells.watch(store, asked.key)
        await server.kill()
        with pytest.raises(StoreUnavailable):
            await store.watch("other", lambda _: None)
        await server.restart()
        await wait_until(bells.all_rang, "the watcher is woken after the restart")
        rings = bells.rings[asked.key]
        await store.patch(asked.key, 1, decided(asked))
        await wait_until(lambda: bells.rings[asked.key] > rings, "the decision is told")


async def test_rights_to_listen_that_are_missing(shared_server: RedisServer) -> None:
    """A refused subscription is unavailable with the server's word, and no storm of tries."""
    shared_server.ask("ACL", "SETUSER", "deaf", "reset", "on", ">s3cret", "~*", "+@all")
    url = shared_server.url.replace("redis://", "redis://deaf:s3cret@")
    try:
        async with RedisStore(url) as store:
            with pytest.raises(StoreUnavailable, match="NOPERM"):
                await store.watch("delete-42", lambda _: None)
    finally:
        shared_server.ask("ACL", "DELUSER", "deaf")


async def test_closing_wakes_and_ends(shared_server: RedisServer) -> None:
    """When the store closes, watchers are woken, waiting reads end, and later calls refuse."""
    bells = _Bells()
    async with RedisStore(shared_server.url) as store:
        await bells.watch(store, "delete-42")
        reading = asyncio.create_task(store.read("", wait=30))
        await wait_until(
            lambda: b"cmd=xread" in shared_server.ask("CLIENT", "LIST"), "the reader waits"
        )
    assert bells.all_rang()
    with pytest.raises(StoreUnavailable):
        async with asyncio.timeout(5):
            await reading
    for verb in (
        store.get("delete-42"),
        store.append([requested(pending())]),
        store.watch("delete-42", lambda _: None),
    ):
        with pytest.raises(StoreUnavailable, match="closed"):
            await verb
