"""Owns the opening of a cluster: its nodes, its schema, and the way to each bucket."""

from __future__ import annotations

from ..keys import META, Keys, slot_of
from ..schema import open_parts
from ..way import Way
from .address import SCHEMES, ClusterAddress
from .bucket_link import BucketLink
from .nodes import Nodes

__all__ = ["ClusterParts", "is_cluster"]


def is_cluster(url: str) -> bool:
    """Say whether *url* names a cluster."""
    return url.partition("://")[0] in SCHEMES


class ClusterParts:
    """The buckets of a cluster.

    Args:
        url: `redis+cluster://host:port,host:port?buckets=16`, or `rediss+cluster`.
        timeout: Seconds for one whole operation.
        connections: Operations under way at once at one node; more of them queue in order.

    Raises:
        ConfigError: The address cannot be read.
    """

    def __init__(self, url: str, *, timeout: float, connections: int) -> None:
        address = ClusterAddress.read(url, timeout=timeout)
        self._wanted = address.buckets
        self.nodes = Nodes(address.seeds, address.make, timeout=timeout, connections=connections)

    async def open(self) -> list[tuple[Way, Keys]]:
        """Reach the cluster, fix or read the number of buckets, and check the schema.

        Returns:
            The way to each bucket, and its names.

        Raises:
            StoreUnavailable: The cluster cannot be reached or refuses us.
            ConfigError: The data belongs to another schema version or bucket count.
        """
        return await open_parts(
            BucketLink(self.nodes, slot_of(META)),
            buckets=self._wanted,
            way=lambda keys: BucketLink(self.nodes, slot_of(keys.pending)),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self.nodes.aclose()
