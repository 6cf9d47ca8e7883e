"""Owns addresses that name several hosts: how they are spelled, and what redis-py reads of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.asyncio.connection import parse_url

from gate import ConfigError

__all__ = ["ManyHosts", "read_hosts", "unreadable"]


@dataclass(frozen=True)
class ManyHosts:
    """What an address of several hosts says."""

    hosts: tuple[tuple[str, int], ...]
    path: str
    """Without the leading slash."""
    own: dict[str, str]
    """The options that are ours, not redis-py's."""
    options: dict[str, Any]
    """What redis-py makes of the rest: credentials, TLS, without host, port and database."""


def read_hosts(url: str, *, port: int, own: frozenset[str], form: str) -> ManyHosts:
    """Read `scheme://user:password@host:port,host:port/path?option=value`.

    Args:
        url: The address; `rediss` at its beginning means TLS.
        port: For a host without one.
        own: Options that redis-py must not see.
        form: How it should look, for the error.

    Raises:
        ConfigError: It cannot be read. It is not repeated: it may hold a password.
    """
    try:
        split = urlsplit(url)
        login, at, rest = split.netloc.rpartition("@")
        named = [urlsplit(f"//{each}") for each in rest.split(",")]
        hosts = tuple((each.hostname or "", each.port or port) for each in named)
        given = parse_qsl(split.query, keep_blank_values=True, strict_parsing=bool(split.query))
        ours = {name: value for name, value in given if name in own}
        others = urlencode([pair for pair in given if pair[0] not in own])
        scheme = split.scheme.partition("+")[0]
        options: dict[str, Any] = dict(parse_url(f"{scheme}://{login}{at}host/?{others}"))
    except ValueError:
        raise unreadable(form) from None
    if not all(host for host, _ in hosts):
        raise unreadable(form)
    options.pop("host", None)
    return ManyHosts(hosts, split.path.removeprefix("/"), ours, options)


def unreadable(form: str) -> ConfigError:
    """Return the error for an address that should look like *form*."""
    return ConfigError("SIGNOFF_REDIS_URL", f"it is no address of the form {form}")
