"""What the store says at the edges of its life: at its close, on another loop, at a false start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest
from redis.asyncio import Redis
from redis.credentials import CredentialProvider

from gate import StoreUnavailable
from stores.conformance.samples import pending
from stores.redis import RedisStore
from stores.redis.link import Link
from stores.redis.subscriptions import Subscriptions
from stores.redis.way import Script
from stores.redis.wire import wires_of_url
from tests.support.proxy import Proxy, proxy_to
from tests.support.servers import RedisServer, redis_server
from tests.support.waiting import wait_until

_FAST = 0.3
"""Seconds for one operation where a test waits for the end of it."""


class _FirstTheRightOne(CredentialProvider):
    """Knows the password, until it is told to fail as one that asks over the network does."""

    def __init__(self) -> None:
        self.away = False

    def get_credentials(self) -> tuple[str, str]:
        if self.away:
            raise RuntimeError("no token")
        return ("default", "secret")


@pytest.fixture
async def proxy(shared_server: RedisServer) -> AsyncIterator[Proxy]:
    async with proxy_to(shared_server.port) as proxy:
        yield proxy


async def _causes(*verbs: Awaitable[object]) -> set[str]:
    """Return why all of them are unavailable."""
    causes = set()
    for verb in verbs:
        with pytest.raises(StoreUnavailable) as caught:
            await verb
        causes.add(caught.value.cause)
    return causes


async def test_closing_ends_no_task_of_others(proxy: Proxy) -> None:
    """Whoever waits for the connection at the close is told so; it is no cancellation."""
    store = RedisStore(proxy.url)
    proxy.requests_pass.clear()
    calls = [
        asyncio.ensure_future(call)
        for call in (store.get("delete-42"), store.put(pending()), store.now())
    ]
    await wait_until(lambda: proxy.requests, "the login is sent")
    await store.aclose()
    assert {"the store is closed"} == await _causes(*calls)


async def test_no_credentials_is_no_connection() -> None:
    """A credential provider that raises is a server that cannot be reached, for watchers too."""
    async with redis_server(options=["--requirepass", "secret"]) as server:
        credentials = _FirstTheRightOne()
        client = Redis(port=server.port, credential_provider=credentials)
        async with client, RedisStore(client=client) as store:
            await store.put(pending())
            credentials.away = True
            await server.restart()
            asked = store.get("delete-42"), store.watch("delete-42", lambda _: None)
            async with asyncio.timeout(10):
                assert {"cannot connect (RuntimeError)"} == await _causes(*asked)
            credentials.away = False
            assert await store.get("delete-42") is None


async def test_another_event_loop_is_refused(redis_store: RedisStore) -> None:
    """Connections belong to their event loop: on another one nothing is sent, and nobody waits."""
    await redis_store.put(pending())

    async def elsewhere() -> set[str]:
        async with asyncio.timeout(10):
            return await _causes(
                redis_store.get("delete-42"),
                redis_store.put(pending("other")),
                redis_store.read("", wait=1),
                redis_store.watch("delete-42", lambda _: None),
            )

    told = await asyncio.to_thread(asyncio.run, elsewhere())
    assert {"the store is in use on another event loop"} == told
    assert pending() == await redis_store.get("delete-42")
    assert await redis_store.get("other") is None


async def test_a_connection_that_ends_at_once() -> None:
    """A server that lets us in and hangs up was sent nothing: nothing is in doubt."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"LIB-VER")
        writer.write(2 * b"+OK\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        store = RedisStore(f"redis://127.0.0.1:{port}/0", operation_timeout=_FAST)
        assert {"connection lost"} == await _causes(store.put(pending()), store.put(pending()))
        await store.aclose()


async def test_no_task_is_left_where_nobody_watches(proxy: Proxy) -> None:
    """When the last watcher is gone, the end of the connection is the end of its task."""
    async with RedisStore(proxy.url) as store:
        stop = await store.watch("delete-42", lambda _: None)
        stop()
        await proxy.cut()
        await wait_until(lambda: "signoff-subscriptions" not in _tasks(), "the task has ended")
        heard: list[bytes | None] = []
        await store.watch("delete-42", heard.append)
        await store.put(pending())
        await wait_until(lambda: heard == [b"1"], "the next watcher is told")


@pytest.fixture
async def rooms(shared_server: RedisServer, proxy: Proxy) -> AsyncIterator[list[Subscriptions]]:
    """Two of them, of which the first gets no answer."""
    proxy.requests_pass.clear()
    rooms = [
        Subscriptions(
            Link(wires_of_url(url, timeout=5), timeout=5, connections=1), ping_interval=60
        )
        for url in (proxy.url, shared_server.url)
    ]
    yield rooms
    await asyncio.gather(*(room.aclose() for room in rooms))


async def test_who_comes_while_watchers_are_handed_over(rooms: list[Subscriptions]) -> None:
    """A confirmation that will not come is refused at once, not waited for."""
    old, new = rooms
    await new.watch("a", lambda _: None)
    late = asyncio.ensure_future(old.watch("a", lambda _: None))
    await wait_until(old.channels, "somebody has come")
    old.hand_over(b"a", new)
    async with asyncio.timeout(2):
        assert {"MOVED"} == await _causes(late)


async def test_who_leaves_when_handed_over(rooms: list[Subscriptions]) -> None:
    """Who gives up while waiting for a confirmation leaves nothing where it was taken."""
    old, new = rooms
    waiting = asyncio.ensure_future(old.watch("a", lambda _: None))
    await wait_until(old.channels, "somebody has come")
    old.hand_over(b"a", new)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert ([], []) == (old.channels(), new.channels())


async def test_what_comes_too_late_is_not_sent(shared_server: RedisServer) -> None:
    """When the time is up before the command is sent, nothing is in doubt, and nothing is done."""
    link = Link(wires_of_url(shared_server.url, timeout=5), timeout=5, connections=1)
    write = Script("test", "return redis.call('INCR', KEYS[1])")
    assert 1 == await link.run(write, ["count"], [], operation="test")
    with pytest.raises(StoreUnavailable, match="no answer"):
        await link.run(write, ["count"], [], operation="test", timeout=0)
    assert 2 == await link.run(write, ["count"], [], operation="test")
    await link.aclose()


def _tasks() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}
