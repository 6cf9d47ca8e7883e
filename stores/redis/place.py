"""Owns a connected place in Redis for an agent's own state: the way and the names, by key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .address import wires_of_address
from .cluster import ClusterParts, is_cluster
from .connected import Connected
from .keys import Keys, bucket_of
from .link import Link
from .schema import open_parts
from .way import Way

__all__ = ["RedisPlace"]


class RedisPlace(Connected):
    """The common part of what keeps state in Redis: on one server, or in the buckets of a cluster.

    Args:
        url: As `open_store` takes them for a server or a cluster.
        operation_timeout: Seconds for one whole operation.
        connections: Operations under way at once; more of them queue in order.

    Raises:
        ConfigError: The address cannot be read.
    """

    def __init__(self, url: str, *, operation_timeout: float, connections: int) -> None:
        self._parts: list[tuple[Way, Keys]] = []
        self._open: Callable[[], Awaitable[list[tuple[Way, Keys]]]]
        self._close: Callable[[], Awaitable[None]]
        if is_cluster(url):
            parts = ClusterParts(url, timeout=operation_timeout, connections=connections)
            self._open, self._close = parts.open, parts.aclose
            return
        make = wires_of_address(url, timeout=operation_timeout)
        link = Link(make, timeout=operation_timeout, connections=connections)

        async def the_only_one() -> list[tuple[Way, Keys]]:
            return await open_parts(link, buckets=1, way=lambda _: link)

        self._open, self._close = the_only_one, link.aclose

    async def open(self) -> None:
        """See `Connected.open`."""
        self._parts = await self._open()

    async def aclose(self) -> None:
        """See `Connected.aclose`."""
        await self._close()

    def _at(self, key: str) -> tuple[Way, Keys]:
        """Return the way to, and the names of, the bucket of *key*."""
        return self._parts[bucket_of(key, len(self._parts))]
