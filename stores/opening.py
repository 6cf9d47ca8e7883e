"""Owns the choice of a store: from an address, from the environment, or the embedded server's."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from gate import (
    ApprovalStore,
    AuditLog,
    BulkRead,
    Cards,
    ConfigError,
    ConsumeOnce,
    EventLog,
    Leases,
    Listing,
    StoreClock,
    Watch,
)

from .private_folders import key_folder

__all__ = ["Store", "open_store"]

_SETTING = "SIGNOFF_REDIS_URL"


class Store(
    ApprovalStore,
    StoreClock,
    Watch,
    BulkRead,
    EventLog,
    AuditLog,
    Listing,
    ConsumeOnce,
    Leases,
    Cards,
    Protocol,
):
    """A store with every capability, as the bot needs it."""


@asynccontextmanager
async def open_store(
    url: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    operation_timeout: float = 2.0,
    connections: int = 64,
    ping_interval: float = 10.0,
    wait_replicas: int = 0,
) -> AsyncIterator[Store]:
    """Open a store, and close it at the end of the block.

    Args:
        url: `redis://`, `rediss://`, `unix://`, or `memory://` for a fresh store in this process.
            Without it: `SIGNOFF_REDIS_URL`, else the embedded server of `signoff run`, if it lives.
        environ: Read instead of the process's environment.
        operation_timeout: Seconds for one whole operation on the server.
        connections: Operations under way at once; more of them queue in order.
        ping_interval: Seconds between looks at whether the listening connection still answers.
        wait_replicas: Replicas that must have a consumption before the action may run.

    Raises:
        ConfigError: No store is named and none lives here, or the address cannot be read, or the
            data belongs to another version.
        StoreUnavailable: The server cannot be reached, or refuses us.
    """
    # The one place that may read the environment; and only when asked.
    settings: Mapping[str, str] = os.environ if environ is None else environ  # noqa: TID251
    address = url or settings.get(_SETTING) or ""
    scheme = _scheme(address) if address else ""
    if scheme == "memory":
        from .memory import MemoryStore

        yield MemoryStore()
        return
    from .redis import RedisStore

    on_server = partial(
        RedisStore,
        operation_timeout=operation_timeout,
        connections=connections,
        ping_interval=ping_interval,
        wait_replicas=wait_replicas,
    )
    if address:
        async with on_server(address) as store:
            yield store
        return
    from .embedded import join_server

    async with join_server(settings) as server:
        if server is None:
            raise ConfigError(
                _SETTING,
                "no store is named; set SIGNOFF_REDIS_URL, or start `signoff run` or "
                "`signoff demo`, which bring a server of their own",
            )
        keys = key_folder(settings, create=False) / "public_keys"
        async with on_server(server.url, key_file=keys) as store:
            yield store


def _scheme(address: str) -> str:
    """Return the scheme of *address*, which is never repeated: it may hold a password."""
    try:
        scheme = urlsplit(address).scheme
    except ValueError:
        scheme = ""
    if scheme not in {"memory", "redis", "rediss", "unix"}:
        raise ConfigError(
            _SETTING, "the address must begin with redis://, rediss://, unix:// or memory://"
        )
    return scheme
