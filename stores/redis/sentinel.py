"""Owns connections that follow a master: each asks the sentinels anew who that is.

A connection never moves. When the master changes, the old one's connections end (Sentinel cuts
them, the process dies, or it refuses writes: see `Link`), and the next ones are made to the new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from redis import exceptions as errors
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelManagedConnection
from redis.backoff import NoBackoff

from .hosts import ManyHosts, read_hosts, unreadable
from .wire import Wire, maker

__all__ = ["SCHEMES", "wires_of_sentinel"]

SCHEMES: Final = frozenset({"redis+sentinel", "rediss+sentinel"})
_FORM: Final = "redis+sentinel://host:port,host:port/master?db=0"
_PORT: Final = 26379
_DATABASE: Final = "db"
_LOGIN: Final = {"sentinel_username": "username", "sentinel_password": "password"}
_LONGEST_QUESTION: Final = 0.5
"""Seconds. One sentinel that is silent must leave time to ask the others."""


class _Master:
    """Knows where the master is. Stands where redis-py's connection expects its pool.

    Args:
        name: What the sentinels call it.
        sentinels: Where they are.
        options: For connections to them.
    """

    is_master = True
    check_connection = False

    def __init__(
        self, name: str, sentinels: Sequence[tuple[str, int]], options: Mapping[str, Any]
    ) -> None:
        self._name = name
        self._sentinels = list(sentinels)
        self._options = dict(options)

    async def get_master_address(self) -> tuple[str, int]:
        """Ask one sentinel after the other.

        Raises:
            MasterNotFoundError: None of them knows one that lives.
        """
        # One of redis-py's objects for each question: shared ones lose sentinels when two ask at
        # once, and keep a connection of every agent open at every sentinel.
        asked = list(self._sentinels)
        sentinels = Sentinel(asked, sentinel_kwargs=self._options)  # type: ignore[no-untyped-call]  # redis-py's
        async with sentinels as sentinel:
            host, port = await sentinel.discover_master(self._name)
            answered = sentinel.sentinels[0].connection_pool.connection_kwargs
        first = (str(answered["host"]), int(answered["port"]))
        # Who answered is asked first next time: the others may be dead, and take their time.
        self._sentinels = [first, *(each for each in asked if each != first)]
        return str(host), int(port)


class _Following(SentinelManagedConnection):
    """A connection to the master of the moment in which it is made."""

    async def connect_to(self, address: tuple[str, int]) -> None:
        """Connect, and see that it is a master: sentinels know late, and one may be cut off."""
        await super().connect_to(address)  # type: ignore[no-untyped-call]  # redis-py's
        try:
            await self.send_command("ROLE", check_health=False)
            role = await self.read_response(disable_decoding=True)
        except errors.ResponseError:
            return  # not every user may ask; the server refuses writes all the same
        if not role or role[0] != b"master":
            await self.disconnect(nowait=True)
            raise MasterNotFoundError


class _FollowingTLS(_Following, SSLConnection):
    """The same over TLS."""


def wires_of_sentinel(url: str, *, timeout: float) -> Callable[[], Wire]:
    """Return a maker of connections to the master that *url* names.

    Args:
        url: `redis+sentinel://user:password@host:port,host:port/master?db=0`, or `rediss+sentinel`
            for TLS to sentinels and servers. User and password are the servers';
            `sentinel_username` and `sentinel_password` the sentinels'. The rest is redis-py's.
        timeout: Seconds for connecting.

    Raises:
        ConfigError: The address cannot be read. It is not repeated: it may hold a password.
    """
    read = read_hosts(url, port=_PORT, own=frozenset({_DATABASE, *_LOGIN}), form=_FORM)
    database = read.own.get(_DATABASE, "0")
    if not read.path or "/" in read.path or not (database.isascii() and database.isdigit()):
        raise unreadable(_FORM)
    options = {name: value for name, value in read.options.items() if name != "connection_class"}
    tls = url.startswith("rediss")
    master = _Master(read.path, read.hosts, _for_sentinels(read, tls=tls, timeout=timeout))
    options |= {"db": int(database), "connection_pool": master}
    return maker(_FollowingTLS if tls else _Following, options, timeout=timeout)


def _for_sentinels(read: ManyHosts, *, tls: bool, timeout: float) -> dict[str, Any]:
    """Return the options of connections to the sentinels: their own login, the same TLS."""
    patience = min(_LONGEST_QUESTION, timeout / (len(read.hosts) + 1))
    options = {name: value for name, value in read.options.items() if name.startswith("ssl_")}
    options |= {field: read.own[name] for name, field in _LOGIN.items() if name in read.own}
    return options | {
        "ssl": tls,
        "socket_timeout": patience,
        "socket_connect_timeout": patience,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
