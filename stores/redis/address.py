"""Owns the choice of how connections are made, by the scheme of the address."""

from __future__ import annotations

from collections.abc import Callable

from .sentinel import SCHEMES as SENTINEL_SCHEMES
from .sentinel import wires_of_sentinel
from .wire import Wire, wires_of_url

__all__ = ["wires_of_address"]


def wires_of_address(url: str, *, timeout: float) -> Callable[[], Wire]:
    """Return a maker of connections to whatever *url* names.

    Args:
        url: `redis://`, `rediss://`, `unix://`, `redis+sentinel://` or `rediss+sentinel://`.
        timeout: Seconds for connecting.

    Raises:
        ConfigError: The address cannot be read. It is not repeated: it may hold a password.
    """
    if url.partition("://")[0] in SENTINEL_SCHEMES:
        return wires_of_sentinel(url, timeout=timeout)
    return wires_of_url(url, timeout=timeout)
