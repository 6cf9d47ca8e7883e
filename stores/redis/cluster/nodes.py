"""Owns the map of a cluster: which node serves which slot, and one link to each node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from gate import StoreUnavailable

from ..link import Elsewhere, Link
from ..wire import Wire

__all__ = ["Node", "Nodes"]

_PATIENCE: Final = 0.5
"""Seconds for one node's map: a silent one must leave time to ask the others."""
_REST: Final = 0.1
"""Seconds between two looks, however many operations fail."""


class Node(NamedTuple):
    """Where a node is."""

    host: str
    port: int


class Nodes:
    """Links to the nodes of a cluster, found by slot.

    Args:
        seeds: Nodes to ask first.
        make: Returns a maker of connections to a node.
        timeout: Seconds for a whole operation.
        connections: Operations under way at once at one node.
    """

    def __init__(
        self,
        seeds: Sequence[Node],
        make: Callable[[Node], Callable[[], Wire]],
        *,
        timeout: float,
        connections: int,
    ) -> None:
        self.timeout = timeout
        self._seeds = frozenset(seeds)
        self._make = make
        self._connections = connections
        self._order = list(seeds)
        """Who is asked for the map, in this order."""
        self._teller: Node | None = None
        """Whose map it is."""
        self._links: dict[Node, Link] = {}
        self._ranges: list[tuple[int, int, Node]] = []
        self._moved: dict[int, Node] = {}
        """What nodes have said about single slots since the map was read."""
        self._doubtful = True
        self._looked_at = -_REST
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    def link(self, node: Node) -> Link:
        """Return the link to *node*.

        Raises:
            StoreUnavailable: The store is closed.
        """
        if self._closed:
            raise StoreUnavailable("connect", cause="the store is closed")
        if node not in self._links:
            self._links[node] = Link(
                self._make(node),
                timeout=self.timeout,
                connections=self._connections,
                in_cluster=True,
            )
        return self._links[node]

    async def owner(self, slot: int, operation: str, *, end: float | None = None) -> Node:
        """Return the node that serves *slot*, as far as we know.

        Args:
            slot: Which one.
            operation: What errors call it.
            end: When the operation ends, by the event loop's time; by default it begins now.

        Raises:
            StoreUnavailable: No node says who, or nobody does.
        """
        if self._doubtful:
            await self._look_again(operation, end)
        told = self._moved.get(slot)
        if told is not None:
            return told
        for first, last, node in self._ranges:
            if first <= slot <= last:
                return node
        self.doubt()
        raise StoreUnavailable(operation, cause="CLUSTERDOWN")

    def moved(self, slot: int, node: Node) -> None:
        """Believe that *node* serves *slot*."""
        self._moved[slot] = node

    def doubt(self, node: Node | None = None) -> None:
        """Read the map again before it is used; ask *node*, which did not serve, last."""
        self._doubtful = True
        # Whose map it was may be cut off from the others, and would only repeat it.
        for each in (self._teller, node):
            if each is not None and each in self._order:
                self._order.remove(each)
                self._order.append(each)

    async def aclose(self) -> None:
        """Close every link."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await asyncio.gather(*(link.aclose() for link in self._links.values()))

    async def _look_again(self, operation: str, end: float | None) -> None:
        now = asyncio.get_running_loop().time()
        if self._ranges and now - self._looked_at < _REST:
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="signoff-slots")
            # Nobody may be left who asks for its error.
            self._looking.add_done_callback(lambda done: done.cancelled() or done.exception())
        looking = self._looking
        try:
            async with asyncio.timeout_at(now + self.timeout if end is None else end):
                # Not awaited itself: others wait for it too, and its end by `aclose` is not ours.
                await asyncio.wait({looking})
        except TimeoutError:
            cause = f"no answer within {self.timeout:g} s"
            raise StoreUnavailable(operation, cause=cause) from None
        if looking.cancelled():
            raise StoreUnavailable(operation, cause="the store is closed")
        try:
            looking.result()
        except StoreUnavailable as error:
            raise StoreUnavailable(operation, cause=error.cause) from None

    async def _look(self) -> None:
        """Ask one node after the other for the map, and believe the first."""
        patience = min(_PATIENCE, self.timeout / (len(self._order) + 1))
        cause = "no node is known"
        for node in tuple(self._order):
            try:
                async with asyncio.timeout(patience):
                    [ranges] = await self.link(node).read(["CLUSTER", "SLOTS"], operation="slots")
            except TimeoutError:
                cause = f"no answer within {patience:g} s"
            except StoreUnavailable as error:
                cause = error.cause
            except Elsewhere as told:
                cause = told.word
            else:
                self._take(ranges, asked=node)
                return
            self.doubt(node)
        raise StoreUnavailable("slots", cause=cause)

    def _take(self, ranges: Sequence[Sequence[Any]], *, asked: Node) -> None:
        self._ranges = [
            (first, last, self.node(master[0], master[1], asked=asked))
            for first, last, master, *_ in ranges
        ]
        self._moved.clear()
        self._doubtful = False
        self._looked_at = asyncio.get_running_loop().time()
        self._teller = asked
        known = {node for _, _, node in self._ranges}
        # Those that have left are forgotten: where each restart gives a new address, they pile up.
        self._order = [node for node in self._order if node in known | self._seeds]
        self._order += sorted(known - set(self._order))

    @staticmethod
    def node(host: bytes | None, port: int, *, asked: Node) -> Node:
        """Return a node by what *asked* calls it: without a name it means itself."""
        return Node(host.decode() if host and host != b"?" else asked.host, port)

    @staticmethod
    def placed(place: str, *, asked: Node) -> Node:
        """Return the node of a redirection."""
        host, _, port = place.rpartition(":")
        return Node(host.strip("[]") or asked.host, int(port))
