"""Owns the address of a cluster: nodes to begin with, how to connect, how many buckets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from redis.asyncio.connection import Connection

from ..hosts import read_hosts, unreadable
from ..wire import Wire, maker
from .nodes import Node

__all__ = ["SCHEMES", "ClusterAddress"]

SCHEMES: Final = frozenset({"redis+cluster", "rediss+cluster"})
_FORM: Final = "redis+cluster://host:port,host:port?buckets=16"
_PORT: Final = 6379
_BUCKETS: Final = "buckets"
_MOST_BUCKETS: Final = 256


@dataclass(frozen=True)
class ClusterAddress:
    """What an address says."""

    seeds: tuple[Node, ...]
    buckets: int | None
    """`None`: as many as the data has, or the default where there is none."""
    make: Callable[[Node], Callable[[], Wire]]
    """Returns a maker of connections to a node."""

    @classmethod
    def read(cls, url: str, *, timeout: float) -> ClusterAddress:
        """Read *url*.

        Args:
            url: `redis+cluster://user:password@host:port,host:port?buckets=16`, or
                `rediss+cluster` for TLS.
            timeout: Seconds for connecting.

        Raises:
            ConfigError: It cannot be read. It is not repeated: it may hold a password.
        """
        read = read_hosts(url, port=_PORT, own=frozenset({_BUCKETS}), form=_FORM)
        text = read.own.get(_BUCKETS)
        if text is not None and not (
            text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_BUCKETS
        ):
            raise unreadable(f"{_FORM}, with 1 to {_MOST_BUCKETS} buckets")
        # A cluster has one database, and a path could only mean another.
        if read.path or "db" in read.options:
            raise unreadable(_FORM)
        options = dict(read.options)
        kind = options.pop("connection_class", Connection)
        make = partial(_to, kind, options, timeout)
        seeds = tuple(Node(host, port) for host, port in read.hosts)
        make(seeds[0])  # an unknown option is found now
        return cls(seeds, None if text is None else int(text), make)


def _to(
    kind: Callable[..., Any], options: dict[str, Any], timeout: float, node: Node
) -> Callable[[], Wire]:
    return maker(kind, options | {"host": node.host, "port": node.port}, timeout=timeout)
