"""Owns a connected place in Redis for an agent's own state: a link and the names of the keys."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from .address import wires_of_address
from .keys import Keys
from .link import Link
from .schema import check_schema

__all__ = ["RedisPlace"]


class RedisPlace:
    """The common part of what keeps state in Redis.

    Args:
        url: As `open_store` takes them for a server.
        operation_timeout: Seconds for one whole operation.
        connections: Operations under way at once; more of them queue in order.

    Raises:
        ConfigError: The address cannot be read.
    """

    def __init__(self, url: str, *, operation_timeout: float, connections: int) -> None:
        make = wires_of_address(url, timeout=operation_timeout)
        self._names = Keys()
        self._link = Link(make, timeout=operation_timeout, connections=connections)

    async def __aenter__(self) -> Self:
        """Reach the server and check the schema.

        Raises:
            StoreUnavailable: The server cannot be reached or refuses us.
            ConfigError: The data belongs to another version.
        """
        try:
            await check_schema(self._link, buckets=1)
        except BaseException:
            await self._link.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._link.aclose()
