"""Owns the way to one bucket: to the node that serves its slot, also while the slot moves.

What a node refuses because the slot is elsewhere has done nothing, so it may be sent again: to the
node that it names (MOVED, or ASK while the slot is on its way), or a little later where the keys of
one script are at two nodes just now (TRYAGAIN).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from gate import StoreUnavailable, Unconfirmed

from ..link import Elsewhere, Link
from ..resp import Argument
from ..way import Script
from .nodes import Node, Nodes

__all__ = ["BucketLink"]

_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.2

T = TypeVar("T")


class BucketLink:
    """Does what a `Link` does, wherever the slot is.

    Args:
        nodes: The cluster.
        slot: Of every key that is asked for here.
    """

    def __init__(self, nodes: Nodes, slot: int) -> None:
        self._nodes = nodes
        self._slot = slot
        self.timeout = nodes.timeout

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        *,
        operation: str,
        key: str | None = None,
        replicas: int = 0,
        patience: float | None = None,
    ) -> Any:
        """See `Link.run`."""

        def attempt(link: Link, **how: Any) -> Awaitable[Any]:
            return link.run(
                script.sharded,
                keys,
                arguments,
                operation=operation,
                key=key,
                replicas=replicas,
                patience=patience,
                **how,
            )

        return await self._follow(operation, attempt)

    async def read(
        self, *commands: Sequence[Argument], operation: str, key: str | None = None
    ) -> list[Any]:
        """See `Link.read`."""

        def attempt(link: Link, **how: Any) -> Awaitable[list[Any]]:
            return link.read(*commands, operation=operation, key=key, **how)

        return await self._follow(operation, attempt)

    async def read_blocking(
        self, *commands: Sequence[Argument], operation: str, seconds: float
    ) -> list[Any]:
        """See `Link.read_blocking`."""

        def attempt(link: Link, **how: Any) -> Awaitable[list[Any]]:
            return link.read_blocking(*commands, operation=operation, seconds=seconds, **how)

        return await self._follow(operation, attempt)

    async def _follow(self, operation: str, attempt: Callable[..., Awaitable[T]]) -> T:
        """Do *attempt* at the slot's node, and again where that one sends us.

        Raises:
            StoreUnavailable: Nobody serves the slot, for as long as an operation may take.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self.timeout
        pause = 0.0
        importing: Node | None = None
        while True:
            node = importing or await self._nodes.owner(self._slot, operation, end=end)
            asking, importing = importing is not None, None
            try:
                link = self._nodes.link(node)
                return await attempt(link, asking=asking, timeout=end - loop.time())
            except Elsewhere as told:
                if loop.time() + pause >= end:
                    raise StoreUnavailable(operation, cause=told.word) from None
                importing = self._learn(told, asked=node)
            except (StoreUnavailable, Unconfirmed):
                # It may be gone for good: another may have its slots when we come again.
                self._nodes.doubt(node)
                raise
            # The first redirection is followed at once; two nodes may send us to each other.
            await asyncio.sleep(pause)
            pause = min(max(2 * pause, _FIRST_PAUSE), _LONGEST_PAUSE)

    def _learn(self, told: Elsewhere, *, asked: Node) -> Node | None:
        """Note what a node said; return the one that is to be asked out of turn."""
        if told.word in ("MOVED", "ASK") and not told.place:
            self._nodes.doubt(asked)
        elif told.word == "MOVED":
            self._nodes.moved(self._slot, self._nodes.placed(told.place, asked=asked))
        elif told.word == "ASK":
            return self._nodes.placed(told.place, asked=asked)
        elif told.word == "CLUSTERDOWN":
            self._nodes.doubt(asked)
        return None
