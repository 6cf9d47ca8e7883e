"""Owns the life of what is connected to Redis: opened, used in a block, closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

__all__ = ["Connected"]


class Connected(ABC):
    """What is opened at the beginning of an `async with` block, and closed at its end."""

    @abstractmethod
    async def open(self) -> None:
        """Reach the server and check the schema.

        Raises:
            StoreUnavailable: The server cannot be reached or refuses us.
            ConfigError: The data belongs to another schema version or bucket count.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close every connection. Waiting reads end, watchers are woken, later calls refuse."""

    async def __aenter__(self) -> Self:
        """Open it; see `open`. What fails or is broken off leaves no connection behind."""
        try:
            await self.open()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
