"""How the map of a cluster is kept while nodes come, go, lie and are closed: with played nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gate import StoreUnavailable, Unconfirmed
from stores.redis.cluster.address import ClusterAddress
from stores.redis.cluster.bucket_link import BucketLink
from stores.redis.cluster.nodes import Node, Nodes
from stores.redis.cluster.watching import ClusterWatching
from stores.redis.resp import AnswerReader
from stores.redis.way import Script
from tests.support.servers import free_port
from tests.support.waiting import wait_until

_FAST = 0.5
_SLOT = 7
_SCRIPT = Script("test", "return 1")


class PlayedNode:
    """Says who has all slots, and answers whatever else is asked with 1."""

    def __init__(self) -> None:
        self.port = free_port()
        self.says: PlayedNode = self
        """Who has the slots, by its word."""
        self.silent = False
        """Whether it says nothing about the slots."""
        self.mute = False
        """Whether it says nothing else."""
        self.hangs_up = False
        """Whether it ends the connection instead of an answer."""
        self.gives_away = 0
        """How many subscriptions it ends at once, as when a slot has gone and come back."""
        self.asked: list[bytes] = []
        """What it was asked, without logins."""

    @property
    def place(self) -> Node:
        return Node("127.0.0.1", self.port)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands = AnswerReader()
        while data := await reader.read(65536):
            for command in commands.feed(data):
                if command[0] == b"CLIENT":
                    writer.write(b"+OK\r\n")
                    continue
                self.asked.append(command[0])
                if command[0] == b"CLUSTER" and not self.silent:
                    writer.write(
                        b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n"
                        % self.says.port
                    )
                elif command[0] in (b"SSUBSCRIBE", b"SUNSUBSCRIBE"):
                    kind = command[0].lower()
                    writer.write(
                        b"*3\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n:1\r\n"
                        % (len(kind), kind, len(command[1]), command[1])
                    )
                    if self.gives_away:
                        self.gives_away -= 1
                        writer.write(
                            b"*3\r\n$12\r\nsunsubscribe\r\n$%d\r\n%b\r\n:0\r\n"
                            % (len(command[1]), command[1])
                        )
                elif command[0] != b"CLUSTER" and not self.mute:
                    if self.hangs_up:
                        writer.close()
                        return
                    writer.write(b":1\r\n")
        writer.close()


@asynccontextmanager
async def played(*nodes: PlayedNode) -> AsyncIterator[None]:
    servers = [await asyncio.start_server(node.serve, "127.0.0.1", node.port) for node in nodes]
    try:
        yield
    finally:
        for server in servers:
            server.close()


@asynccontextmanager
async def map_of(*seeds: PlayedNode, timeout: float = _FAST) -> AsyncIterator[Nodes]:
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in seeds)
    address = ClusterAddress.read(f"redis+cluster://{hosts}", timeout=timeout)
    nodes = Nodes(address.seeds, address.make, timeout=timeout, connections=8)
    try:
        yield nodes
    finally:
        await nodes.aclose()


def owned_by(nodes: Nodes, node: PlayedNode) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return await nodes.owner(_SLOT, "test") == node.place

    return asked


def asked_again(nodes: Nodes, node: PlayedNode) -> Callable[[], Awaitable[bool]]:
    before = len(node.asked)

    async def asked() -> bool:
        await nodes.owner(_SLOT, "test")
        return len(node.asked) > before

    return asked


async def test_a_map_that_leads_nowhere_is_not_asked_for_again() -> None:
    """A node that is cut off from the others repeats its old map: the next node is asked."""
    gone, cut_off, living = PlayedNode(), PlayedNode(), PlayedNode()
    cut_off.says = gone
    async with played(cut_off, living), map_of(cut_off, living) as nodes:
        link = BucketLink(nodes, _SLOT)

        async def served() -> bool:
            try:
                return await link.read(["GET", "a"], operation="get") == [1]
            except StoreUnavailable:
                return False

        await wait_until(served, "the way to the living node is found", timeout=5)
        assert await nodes.owner(_SLOT, "test") == living.place


async def test_a_node_that_has_left_is_forgotten() -> None:
    """Where each restart of a node gives it a new address, the old ones do not pile up."""
    seed, first, second = PlayedNode(), PlayedNode(), PlayedNode()
    seed.says = first
    async with played(seed, first, second), map_of(seed) as nodes:
        assert await nodes.owner(_SLOT, "test") == first.place
        seed.says = first.says = second
        nodes.doubt()
        await wait_until(owned_by(nodes, second), "the new node is known")
        before = len(first.asked)
        first.silent = seed.silent = True
        for _ in range(3):
            nodes.doubt()
            await wait_until(asked_again(nodes, second), "the map was read again")
        assert before == len(first.asked)


async def test_a_write_in_doubt_puts_the_node_in_doubt() -> None:
    """The repeat of what a dying node did not answer goes to whoever has its slots by then."""
    seed, dying, heir = PlayedNode(), PlayedNode(), PlayedNode()
    seed.says = dying
    dying.hangs_up = True
    async with played(seed, dying, heir), map_of(seed) as nodes:
        link = BucketLink(nodes, _SLOT)
        with pytest.raises(Unconfirmed):
            await link.run(_SCRIPT, ["a"], [], operation="test")
        seed.says = dying.says = heir.says = heir
        await wait_until(owned_by(nodes, heir), "the heir is known", timeout=5)
        assert 1 == await link.run(_SCRIPT, ["a"], [], operation="test")


async def test_an_operation_has_one_deadline() -> None:
    """F2: the way to the node counts, as the wait for its answer does."""
    silent, seed, mute = [PlayedNode() for _ in range(3)], PlayedNode(), PlayedNode()
    seed.says = mute
    mute.mute = True
    for node in silent:
        node.silent = True
    async with played(*silent, seed, mute), map_of(*silent, seed, timeout=1) as nodes:
        link = BucketLink(nodes, _SLOT)
        began = asyncio.get_running_loop().time()
        with pytest.raises(StoreUnavailable):
            await link.read(["GET", "a"], operation="get")
        assert asyncio.get_running_loop().time() - began < 1.3
        assert [b"GET"] == mute.asked


async def test_closing_ends_the_look_for_the_map_not_its_callers() -> None:
    """Whoever waits for the map at the close is told so; it is no cancellation."""
    node = PlayedNode()
    node.silent = True
    async with played(node), map_of(node) as nodes:
        asked = asyncio.ensure_future(nodes.owner(_SLOT, "test"))
        await wait_until(lambda: b"CLUSTER" in node.asked, "the map is asked for")
        await nodes.aclose()
        with pytest.raises(StoreUnavailable, match="the store is closed"):
            await asked


async def test_nothing_is_watched_after_the_close() -> None:
    """Who was still on the way to a node at the close makes no connection that nobody ends."""
    node = PlayedNode()
    async with played(node), map_of(node) as nodes:
        watching = ClusterWatching(nodes, ping_interval=10)
        late = asyncio.ensure_future(watching.watch("signoff:{0}:wake:a", lambda _: None))
        await asyncio.sleep(0)
        await watching.aclose()
        with pytest.raises(StoreUnavailable, match="the store is closed"):
            await late
        assert b"SSUBSCRIBE" not in node.asked


async def test_slots_that_move_one_after_the_other_slow_nobody_down() -> None:
    """P17: the end of a subscription by a move is no refusal, after which one takes one's time."""
    node = PlayedNode()
    node.gives_away = 9
    async with played(node), map_of(node) as nodes:
        watching = ClusterWatching(nodes, ping_interval=10)
        woken: list[bytes | None] = []
        await watching.watch("signoff:{0}:wake:a", woken.append)
        await wait_until(lambda: len(woken) == 9, "each time it stands again", timeout=4)
        await watching.aclose()
