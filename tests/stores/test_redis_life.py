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
