"""Owns the choice of a store: from an address, from the environment, or the embedded server's."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from gate import (
    ApprovalStore,
    AuditLog,
    Bounded,
    BulkRead,
    Cards,
    ConfigError,
    ConsumeOnce,
    EventLog,
    Journal,
    Leases,
    Listing,
    StoreClock,
    Watch,
)

from .private_folders import key_folder

__all__ = ["Address", "Bucket", "Store", "open_store", "store_address"]

_SETTING = "SIGNOFF_REDIS_URL"
_REPLICAS = "SIGNOFF_WAIT_REPLICAS"
_MOST_REPLICAS = 16
_CLUSTERS = ("redis+cluster", "rediss+cluster")
_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", *_CLUSTERS, "memory")


class Bucket(
    ApprovalStore,
    StoreClock,
    Watch,
    BulkRead,
    EventLog,
    AuditLog,
    Bounded,
    Listing,
    ConsumeOnce,
    Leases,
    Cards,
    Protocol,
):
    """One part of a store, with every capability for the records in it."""


class Store(
    ApprovalStore,
    StoreClock,
    Watch,
    BulkRead,
    Journal,
    Bounded,
    Listing,
    ConsumeOnce,
    Cards,
    Protocol,
):
    """A store as the bot needs it: what is asked of the whole, and its parts."""

    @property
    def buckets(self) -> Sequence[Bucket]:
        """The parts; one, unless the address names a cluster."""
        ...

    def bucket_of(self, key: str) -> int:
        """See `gate.Bucketed.bucket_of`."""
        ...


@asynccontextmanager
async def open_store(
    url: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    operation_timeout: float = 2.0,
    connections: int = 64,
    ping_interval: float = 10.0,
    wait_replicas: int | None = None,
) -> AsyncIterator[Store]:
    """Open a store, and close it at the end of the block.

    Args:
        url: `redis://`, `rediss://`, `unix://`, `redis+sentinel://host:port,host:port/master`,
            `redis+cluster://host:port,host:port?buckets=16`, the same with `rediss`, or `memory://`
            for a fresh store in this process. Without it: `SIGNOFF_REDIS_URL`, else the embedded
            server of `signoff run`, if it lives.
        environ: Read instead of the process's environment.
        operation_timeout: Seconds for one whole operation on the server.
        connections: Operations under way at once; more of them queue in order.
        ping_interval: Seconds between looks at whether the listening connection still answers.
        wait_replicas: Replicas that must have a decision before it is told as one, and a
            consumption before the action may run. Without it: `SIGNOFF_WAIT_REPLICAS`, else none.

    Raises:
        ConfigError: No store is named and none lives here, or the address or the number of
            replicas cannot be read, or the data belongs to another version.
        StoreUnavailable: The server cannot be reached, or refuses us.
    """
    replicas = _replicas(environ) if wait_replicas is None else wait_replicas
    async with store_address(url, environ=environ, schemes=_SCHEMES) as address:
        if address.url.startswith("memory:"):
            from .memory import MemoryStore

            yield MemoryStore()
            return
        if address.url.partition("://")[0] in _CLUSTERS:
            from .redis.cluster import ClusterStore

            async with ClusterStore(
                address.url,
                operation_timeout=operation_timeout,
                connections=connections,
                ping_interval=ping_interval,
                wait_replicas=replicas,
            ) as cluster:
                yield cluster
            return
        from .redis import RedisStore

        async with RedisStore(
            address.url,
            operation_timeout=operation_timeout,
            connections=connections,
            ping_interval=ping_interval,
            wait_replicas=replicas,
            key_file=address.key_file,
        ) as store:
            yield store


@dataclass(frozen=True)
class Address:
    """Where a store is."""

    url: str
    key_file: Path | None = None
    """Where the operator's public keys lie, for a server of this machine alone."""


@asynccontextmanager
async def store_address(
    url: str | None, *, environ: Mapping[str, str] | None, schemes: Sequence[str]
) -> AsyncIterator[Address]:
    """Give the address to open: *url*, else the environment's, else the embedded server's.

    Args:
        url: The caller's own.
        environ: Read instead of the process's environment.
        schemes: What it may begin with.

    Raises:
        ConfigError: None is named and no server lives here, or it begins with something else.
    """
    settings = _environment(environ)
    address = url or settings.get(_SETTING) or ""
    if address:
        _check_scheme(address, schemes)
        yield Address(address)
        return
    from .embedded import join_server

    async with join_server(settings) as server:
        if server is None:
            raise ConfigError(
                _SETTING,
                "no store is named; set SIGNOFF_REDIS_URL, or start `signoff run` or "
                "`signoff demo`, which bring a server of their own",
            )
        yield Address(server.url, key_folder(settings, create=False) / "public_keys")


def _environment(given: Mapping[str, str] | None) -> Mapping[str, str]:
    # The one place that may read the environment; and only when asked.
    return os.environ if given is None else given  # noqa: TID251


def _replicas(environ: Mapping[str, str] | None) -> int:
    text = _environment(environ).get(_REPLICAS, "") or "0"
    if not (text.isascii() and text.isdigit() and int(text) <= _MOST_REPLICAS):
        raise ConfigError(_REPLICAS, f"a whole number from 0 to {_MOST_REPLICAS}")
    return int(text)


def _check_scheme(address: str, schemes: Sequence[str]) -> None:
    """Refuse another scheme. *address* is never repeated: it may hold a password."""
    try:
        scheme = urlsplit(address).scheme
    except ValueError:
        scheme = ""
    if scheme not in schemes:
        *first, last = (f"{each}://" for each in schemes)
        raise ConfigError(_SETTING, f"the address must begin with {', '.join(first)} or {last}")
