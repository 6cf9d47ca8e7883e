"""Owns the store on one server, or behind Sentinel: from an address to its end."""

from __future__ import annotations

from pathlib import Path

import structlog
from redis.asyncio import Redis

from gate import ConfigError, StoreUnavailable

from .address import wires_of_address
from .connected import Connected
from .keys import Keys
from .link import Link
from .schema import open_parts
from .store import BucketStore
from .subscriptions import Subscriptions
from .wire import wires_of_client

__all__ = ["RedisStore"]

_logger = structlog.get_logger("signoff.stores")


class RedisStore(BucketStore, Connected):
    """Keeps approvals in Redis 6.2 or later, or Valkey. Fulfils every contract of the gate.

    Enter it (`async with`) or call `open` before use; that is where the schema is checked. It
    belongs to the event loop of its first use: on another one it is unavailable.

    Args:
        url: `redis://`, `rediss://` or `unix://`, with credentials and database as redis-py reads
            them. Either this or *client*.
        client: A client of one's own, for TLS, Sentinel or credential providers. New connections
            are made like its own; it is not used otherwise, and not closed.
        operation_timeout: Seconds for one whole operation.
        connections: Operations under way at once; more of them queue in order.
        ping_interval: Seconds between looks at whether the listening connection still answers.
        wait_replicas: Replicas that must have a consumption before `consume_once` returns, and a
            final record before `patch` does. All of those that may be promoted, or a failover may
            release a second run, or take back a decision.
        key_file: Where the public keys of the operator lie, for a server of this machine alone.

    Raises:
        ConfigError: The address cannot be read.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        client: Redis | None = None,
        operation_timeout: float = 2.0,
        connections: int = 64,
        ping_interval: float = 10.0,
        wait_replicas: int = 0,
        key_file: Path | None = None,
    ) -> None:
        self.key_file = key_file
        if client is not None and url is None:
            make = wires_of_client(client, timeout=operation_timeout)
        elif url is not None and client is None:
            make = wires_of_address(url, timeout=operation_timeout)
        else:
            raise ConfigError("SIGNOFF_REDIS_URL", "give either an address or a client")
        self._server = Link(make, timeout=operation_timeout, connections=connections)
        watching = Subscriptions(self._server, ping_interval=ping_interval)
        super().__init__(self._server, Keys(), watching, wait_replicas=wait_replicas)

    async def open(self) -> None:
        """See `Connected.open`."""
        await open_parts(self._link, buckets=1, way=lambda _: self._link)
        await self._warn_of_eviction()

    async def aclose(self) -> None:
        """See `Connected.aclose`."""
        try:
            await self._watching.aclose()
        finally:
            await self._server.aclose()

    async def _warn_of_eviction(self) -> None:
        try:
            [answer] = await self._link.read(
                ["CONFIG", "GET", "maxmemory-policy"], operation="open"
            )
        except StoreUnavailable:
            # Many hosted servers forbid CONFIG.
            return
        policy = answer[1].decode() if len(answer) == 2 else "noeviction"
        if policy != "noeviction":
            _logger.warning("store_may_evict", policy=policy, wanted="noeviction")
