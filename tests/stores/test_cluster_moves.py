"""Slots of a cluster move while everybody works: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from gate import Approval, ApprovalGate, Desk, Patched, StoreUnavailable, Verdict
from stores.conformance.samples import consumption, decided, pending, requested, resolved
from stores.redis.cluster import ClusterStore
from stores.redis.keys import slot_of
from tests.support.clusters import ClusterNode, RedisCluster
from tests.support.waiting import wait_until

_BUCKET = 3
_SLOT = slot_of(f"{{{_BUCKET}}}")


@pytest.fixture
async def store(any_cluster: RedisCluster) -> AsyncIterator[ClusterStore]:
    async with ClusterStore(any_cluster.url()) as store:
        yield store


class Move:
    """One slot on its way from one node to the next."""

    def __init__(self, cluster: RedisCluster) -> None:
        self._cluster = cluster
        self.source = cluster.owner(_SLOT)
        self.target: ClusterNode = next(n for n in cluster.nodes if n is not self.source)
        cluster.begin_move(_SLOT, self.source, self.target)

    def keys(self, most: int = 1000) -> int:
        """Move so many keys; return how many moved."""
        return self._cluster.move_keys(_SLOT, self.source, self.target, most=most)

    def end(self) -> None:
        """Move the rest, and say who has the slot."""
        while self.keys():
            pass
        self._cluster.end_move(_SLOT, self.source, self.target)


@contextmanager
def moving(cluster: RedisCluster) -> Iterator[Move]:
    move = Move(cluster)
    try:
        yield move
    finally:
        move.end()


def in_bucket(store: ClusterStore, number: int = _BUCKET, name: str = "id") -> Iterator[Approval]:
    """Yield approvals whose place is that bucket."""
    for count in range(10_000):
        asked = pending(f"{name}-{count}")
        if store.bucket_of(asked.key) == number:
            yield asked


async def test_agents_that_wait_while_a_slot_moves(
    any_cluster: RedisCluster, store: ClusterStore
) -> None:
    """Decisions before, during and after the move: each reaches its waiter, by a wake-up."""
    # A sweep would find what a lost wake-up leaves behind, but not before the test is over.
    async with ApprovalGate(store, agent="billing", public_keys=(), sweep=600) as gate:
        names = in_bucket(store, name="wait")
        asked = [
            await gate.request(id=next(names).id, name="drop", payload={"n": number})
            for number in range(12)
        ]
        waiting = [asyncio.create_task(gate.wait(each.id, timeout=60)) for each in asked]
        desk = Desk(store)
        with moving(any_cluster) as move:
            await wait_until(lambda: _listening(move.source) == 1, "they listen at the old node")
            deciding = [
                asyncio.create_task(desk.decide(each.key, Verdict.APPROVE, approver="cli:ana"))
                for each in asked[:6]
            ]
            for _ in range(4):
                move.keys(5)
                await asyncio.sleep(0)
        await asyncio.gather(*deciding)
        await asyncio.gather(
            *(desk.decide(each.key, Verdict.APPROVE, approver="cli:ana") for each in asked[6:])
        )
        done = await asyncio.wait_for(asyncio.gather(*waiting), 20)
        assert {"approved"} == {each.status for each in done}
        assert any_cluster.owner(_SLOT) is move.target


def _listening(node: ClusterNode) -> int:
    lines = node.ask("CLIENT", "LIST", "TYPE", "pubsub").split(b"\n")
    return sum(b"cmd=ssubscribe" in line for line in lines)


async def test_a_wake_up_that_fell_into_the_move(
    any_cluster: RedisCluster, store: ClusterStore
) -> None:
    """What was told while nobody could listen is made up for: every watcher is woken once."""
    asked = next(in_bucket(store))
    await store.put(asked)
    told: list[bytes | None] = []
    stop = await store.watch(asked.key, told.append)
    with moving(any_cluster):
        pass
    await wait_until(lambda: told == [None], "it is woken without a message")
    await store.patch(asked.key, 1, decided(asked))
    await wait_until(lambda: len(told) == 2, "and told at the new node")
    stop()


async def test_every_verb_waits_for_the_end_of_a_move(
    any_cluster: RedisCluster, store: ClusterStore
) -> None:
    """Keys at two nodes answer TRYAGAIN or ASK: calls take longer, and are done once."""
    names = in_bucket(store)
    first, second, third = next(names), next(names), next(names)
    await store.put(first, [requested(first)])
    await store.put(second, [requested(second)])
    log = store.buckets[_BUCKET]
    [*_, last] = await log.read("")
    with moving(any_cluster) as move:
        under_way = [
            asyncio.create_task(store.patch(first.key, 1, decided(first), [resolved(first)])),
            asyncio.create_task(store.put(third, [requested(third)])),
            asyncio.create_task(store.get_many([first.key, second.key])),
        ]
        reading = asyncio.create_task(log.read(last.cursor, limit=1, wait=20))
        move.keys(3)
        for _ in range(5):
            await asyncio.sleep(0)
    patched, put, found = await asyncio.gather(*under_way)
    assert (Patched.APPLIED, third) == (patched, put)
    assert [first.id, second.id] == [each.id for each in found]
    assert 1 == len(await reading)
    told = [logged.event for logged in await log.read("", limit=100)]
    assert [1, 1, 1, 1] == [
        told.count(event)
        for event in (requested(first), requested(second), requested(third), resolved(first))
    ]
    assert await store.consume_once(first.key, consumption(first)) == consumption(first)


async def test_a_move_that_takes_too_long_is_said(
    any_cluster: RedisCluster,
) -> None:
    """A bucket that cannot be served for as long as an operation may take is unavailable."""
    async with ClusterStore(any_cluster.url(), operation_timeout=0.2) as store:
        asked = next(in_bucket(store))
        await store.put(asked)
        other = next(in_bucket(store, (_BUCKET + 1) % 4))
        await store.put(other)
        with moving(any_cluster) as move:
            with pytest.raises(StoreUnavailable, match="TRYAGAIN"):
                await store.patch(asked.key, 1, decided(asked))
            applied = await store.patch(other.key, 1, decided(other))
            assert Patched.APPLIED == applied, "the other buckets go on"
            while move.keys():
                pass
            with pytest.raises(StoreUnavailable, match="TRYAGAIN"):
                await store.patch(asked.key, 1, decided(asked))
        assert Patched.APPLIED == await store.patch(asked.key, 1, decided(asked))


async def test_one_key_is_found_at_both_ends(
    any_cluster: RedisCluster, store: ClusterStore
) -> None:
    """What needs one key only goes on during a move: ASK is followed."""
    asked = next(in_bucket(store))
    await store.put(asked)
    log = store.buckets[_BUCKET]
    assert await log.hold("reader", "a", seconds=60)
    await store.keep_card(asked.key, "C1", "note")
    with moving(any_cluster) as move:
        assert {"C1": "note"} == await store.cards(asked.key)
        while move.keys():
            pass
        assert {"C1": "note"} == await store.cards(asked.key)
        assert await store.keep_card(asked.key, "C1", "other", only_if="note")
        assert 1 == await store.pending_count()
    assert {"C1": "other"} == await store.cards(asked.key)
