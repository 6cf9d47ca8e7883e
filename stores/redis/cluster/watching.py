"""Owns the wake-ups in a cluster: one listening connection for each node that has what is watched.

A channel is in the slot of its record. When the slot moves, the node ends the subscription by
itself. That is treated as a cut connection: it is made anew where the slot is, and all are woken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from gate import StoreUnavailable, Wake

from ..keys import slot_of
from ..subscriptions import SHARDED, Subscriptions
from .nodes import Node, Nodes

__all__ = ["ClusterWatching"]

_PAUSE: Final = 0.05
_ON_ITS_WAY: Final = frozenset({"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"})


class ClusterWatching:
    """Watches any number of channels, each at the node of its slot.

    Args:
        nodes: The cluster.
        ping_interval: See `Subscriptions`.
    """

    def __init__(self, nodes: Nodes, *, ping_interval: float) -> None:
        self._nodes = nodes
        self._ping_interval = ping_interval
        self._rooms: dict[Node, Subscriptions] = {}
        self._closed = False

    async def watch(self, channel: str, wake: Wake) -> Callable[[], None]:
        """See `Subscriptions.watch`.

        Raises:
            StoreUnavailable: No confirmation.
        """
        end = asyncio.get_running_loop().time() + self._nodes.timeout
        while True:
            node = await self._nodes.owner(slot_of(channel), "watch")
            try:
                return await self._room(node).watch(channel, wake)
            except StoreUnavailable as error:
                self._nodes.doubt(node)
                late = asyncio.get_running_loop().time() + _PAUSE >= end
                if late or error.cause not in _ON_ITS_WAY:
                    raise
            await asyncio.sleep(_PAUSE)

    async def aclose(self) -> None:
        """End every connection; wake every watcher a last time."""
        self._closed = True
        await asyncio.gather(*(room.aclose() for room in self._rooms.values()))

    def _room(self, node: Node) -> Subscriptions:
        if self._closed:
            # Nobody would ever end a connection that is made from now on.
            raise StoreUnavailable("watch", cause="the store is closed")
        if node not in self._rooms:
            self._rooms[node] = Subscriptions(
                self._nodes.link(node),
                ping_interval=self._ping_interval,
                words=SHARDED,
                move=partial(self._move, node),
            )
        return self._rooms[node]

    async def _move(self, node: Node) -> None:
        """Take the channels that *node* does not serve any more to those that do."""
        room = self._rooms[node]
        self._nodes.doubt(node)
        for name in room.channels():
            try:
                owner = await self._nodes.owner(slot_of(name.decode()), "watch")
                if owner != node:
                    room.hand_over(name, self._room(owner))
            except StoreUnavailable:
                return  # nobody knows: they stay, and it is asked again after the next attempt
