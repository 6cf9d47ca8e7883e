"""Which store opens, and what is said where none does. No password is ever repeated."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from gate import (
    BulkRead,
    Cards,
    ConfigError,
    Confirmation,
    ConsumeOnce,
    EventLog,
    Leases,
    Listing,
    StoreClock,
    StoreUnavailable,
    Watch,
)
from stores import open_store
from stores.conformance.samples import pending
from stores.memory import MemoryStore
from tests.support.certificates import certificate_in
from tests.support.servers import RedisServer, free_port, redis_server


async def test_memory_is_fresh_each_time() -> None:
    """`memory://` is a store of its own for each opening."""
    async with open_store("memory://") as first, open_store("memory://") as second:
        assert isinstance(first, MemoryStore)
        await first.put(pending())
        assert await second.get("delete-42") is None


async def test_an_address_opens_redis(shared_server: RedisServer) -> None:
    """The argument names the store, with every capability."""
    async with open_store(shared_server.url, environ={}) as store:
        assert pending() == await store.put(pending())
        for capability in (
            StoreClock, Watch, BulkRead, EventLog, Listing, ConsumeOnce, Leases, Cards,
        ):  # fmt: skip
            assert isinstance(store, capability)


async def test_the_environment_names_a_store(shared_server: RedisServer) -> None:
    """Without an argument SIGNOFF_REDIS_URL is read; with one it is not."""
    async with open_store(environ={"SIGNOFF_REDIS_URL": shared_server.url}) as store:
        await store.put(pending())
    async with open_store(shared_server.url, environ={"SIGNOFF_REDIS_URL": "no://"}) as store:
        assert pending() == await store.get("delete-42")


@pytest.mark.parametrize("number", ["-1", "1.5", "one", "17", "¹"])
async def test_a_number_of_replicas_that_is_none(number: str) -> None:
    """SIGNOFF_WAIT_REPLICAS is a small whole number, or the start ends with its name."""
    with pytest.raises(ConfigError, match="SIGNOFF_WAIT_REPLICAS"):
        async with open_store("memory://", environ={"SIGNOFF_WAIT_REPLICAS": number}):
            pass  # never reached


async def test_the_environment_says_how_many_replicas(shared_server: RedisServer) -> None:
    """With a replica that is not there a decision is not confirmed; an argument wins."""
    environ = {"SIGNOFF_WAIT_REPLICAS": "1", "SIGNOFF_REDIS_URL": shared_server.url}
    asked = pending()
    async with open_store(environ=environ, operation_timeout=0.2) as store:
        await store.put(asked)
        assert isinstance(store, Confirmation)
        assert not await store.confirm(asked.key, seconds=0.01)
    async with open_store(environ=environ, wait_replicas=0) as store:
        assert isinstance(store, Confirmation)
        assert await store.confirm(asked.key, seconds=0.01)


async def test_databases_are_apart(shared_server: RedisServer) -> None:
    """The address's database is used."""
    other = shared_server.url.removesuffix("/0") + "/5"
    async with open_store(shared_server.url) as first, open_store(other) as second:
        await first.put(pending())
        assert await second.get("delete-42") is None
        await second.put(pending("other"))
        assert ["other"] == list(await second.pending())


async def test_a_socket_with_credentials_and_database(tmp_path: Path) -> None:
    """`unix://` takes a user, a password and a database."""
    path = tmp_path / "redis.sock"
    async with redis_server(options=("--unixsocket", str(path))) as server:
        server.ask("ACL", "SETUSER", "bot", "on", ">s3cret", "~*", "&*", "+@all")
        async with open_store(f"unix://bot:s3cret@{path}?db=2") as store:
            assert pending() == await store.put(pending())
        with pytest.raises(StoreUnavailable, match="WRONGPASS") as caught:
            async with open_store(f"unix://bot:wr0ng@{path}?db=2"):
                pass
        assert "wr0ng" not in repr(caught.value)


async def test_a_connection_over_tls(tmp_path: Path) -> None:
    """`rediss://` takes the certificate to trust, and trusts no other."""
    key, certificate = certificate_in(tmp_path)
    port = free_port()
    options = (
        "--tls-port", str(port), "--tls-auth-clients", "no", "--tls-key-file", str(key),
        "--tls-cert-file", str(certificate), "--tls-ca-cert-file", str(certificate),
    )  # fmt: skip
    async with redis_server(options=options):
        url = f"rediss://localhost:{port}/0"
        async with open_store(f"{url}?ssl_ca_certs={certificate}") as store:
            woken = asyncio.Event()
            await store.watch("delete-42", lambda _: woken.set())
            assert pending() == await store.put(pending())
            await asyncio.wait_for(woken.wait(), 5)
        with pytest.raises(StoreUnavailable):
            async with open_store(url):
                pass


async def test_a_password_that_is_asked_for(tmp_path: Path) -> None:
    """Without the password the server's NOAUTH is told."""
    async with redis_server(options=("--requirepass", "s3cret")) as server:
        with pytest.raises(StoreUnavailable, match="NOAUTH"):
            async with open_store(server.url):
                pass


async def test_no_store_is_a_clear_error(tmp_path: Path) -> None:
    """With no address and no embedded server one sentence says what to do."""
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    with pytest.raises(ConfigError, match="set SIGNOFF_REDIS_URL, or start `signoff run`"):
        async with open_store(environ=environ):
            pass
    assert not any(tmp_path.rglob("*"))  # noqa: ASYNC240  (an empty folder)


async def test_a_server_that_is_away_is_unavailable() -> None:
    """Opening reaches the server once, so that a wrong address is found at the start."""
    with pytest.raises(StoreUnavailable, match="Connection refused"):
        async with open_store("redis://user:s3cret@127.0.0.1:1/0"):
            pass


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@localhost",
        "s3cret",
        "redis:/[s3cret",
        "rediss://:s3cret@[::1",
        "redis://:s3cret@localhost:port/0",
        "redis://:s3cret@localhost/s3cret",
        "redis://:s3cret@localhost/0?socket_timeout=s3cret",
        "redis://:s3cret@localhost/0?colour=s3cret",
        "postgres://u:s3cret@localhost/db",
    ],
)
async def test_an_address_that_cannot_be_read(url: str) -> None:
    """A wrong address is a ConfigError that repeats no part of it."""
    with pytest.raises(ConfigError) as caught:
        async with open_store(url):
            pass
    assert "SIGNOFF_REDIS_URL" == caught.value.setting
    seen: BaseException | None = caught.value
    while seen is not None:
        assert "s3cret" not in str(seen)
        seen = None if seen.__suppress_context__ else seen.__context__


def test_importing_loads_no_client() -> None:
    """Importing `stores` loads neither redis-py nor pytest."""
    code = "import stores, sys; print({'redis', 'pytest', 'aiohttp'} & set(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert "set()\n" == ran.stdout
