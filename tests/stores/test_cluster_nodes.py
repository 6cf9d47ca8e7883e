"""How a cluster is found, shared out and counted over, and what happens when a node is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gate import (
    AlreadyDecided,
    ApprovalGate,
    Bounds,
    ConfigError,
    Desk,
    LimitExceeded,
    StoreCorrupt,
    StoreUnavailable,
    Unconfirmed,
    Verdict,
)
from stores import open_store
from stores.conformance.samples import decided, pending
from stores.redis import RedisStore
from stores.redis.cluster import ClusterStore
from stores.redis.keys import META, Keys, bucket_of, kind_of, slot_of
from stores.redis.way import Script
from tests.support.certificates import certificate_in
from tests.support.clusters import ClusterNode, RedisCluster, running_cluster
from tests.support.servers import free_port, server_binary
from tests.support.waiting import wait_until

_ADD = Script("test", "return redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])")


@pytest.fixture
async def store(cluster: RedisCluster) -> AsyncIterator[ClusterStore]:
    async with ClusterStore(cluster.url()) as store:
        yield store


async def test_the_first_start_fixes_the_number_of_buckets(cluster: RedisCluster) -> None:
    """It stands in `signoff:meta`; without a number that one is taken, another stops the start."""
    async with open_store(cluster.url(buckets=5), environ={}) as store:
        assert 5 == len(store.buckets)
    async with open_store(cluster.url(buckets=None), environ={}) as store:
        assert 5 == len(store.buckets)
    with pytest.raises(ConfigError, match="buckets: the data has 5, this is 4"):
        await ClusterStore(cluster.url(buckets=4)).__aenter__()
    cluster.empty()
    async with open_store(cluster.url(buckets=None), environ={}) as store:
        assert 16 == len(store.buckets)


async def test_records_are_shared_out_over_the_nodes(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    """Every node has some, each key is one of the table, and belongs to its bucket's slot."""
    for number in range(60):
        asked = pending(f"id-{number}")
        await store.put(asked)
        await store.keep_card(asked.key, "C1", "note")
    sizes = []
    for node in cluster.nodes:
        names = [name.decode() for name in node.do("KEYS", "*").split(b"\r\n")[2::2] if name]
        sizes.append(len(names))
        assert [] == [name for name in names if kind_of(name) is None]
        assert {node} == {cluster.owner(slot_of(name)) for name in names}
    assert min(sizes) > 20
    places = {bucket_of(f"id-{number}", 4) for number in range(60)}
    assert {0, 1, 2, 3} == places


async def test_few_connections_for_any_number_of_waiters(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    """One process has two connections to each node: one that asks, one that listens."""
    for number in range(200):
        await store.watch(f"id-{number}", lambda _: None)
        await store.get(f"id-{number}")
    for node in cluster.nodes:
        clients = node.do("CLIENT", "LIST").split(b"\n")
        ours = [line for line in clients if b"id=" in line and b"cmd=client" not in line]
        assert len(ours) <= 2, ours


async def test_any_living_node_shows_the_way(cluster: RedisCluster) -> None:
    """Nodes of the address that are gone are passed over; without any it is unavailable."""
    gone = f"127.0.0.1:{free_port()}"
    living = f"127.0.0.1:{cluster.nodes[2].port}"
    async with ClusterStore(f"redis+cluster://{gone},{living}?buckets=4") as store:
        for number in range(10):
            await store.put(pending(f"id-{number}"))
    with pytest.raises(StoreUnavailable, match="Connection refused"):
        await ClusterStore(f"redis+cluster://{gone}").__aenter__()


async def test_a_node_by_itself_is_no_store(cluster: RedisCluster) -> None:
    """Without `+cluster` the first key of another node is refused, by its word."""
    other = next(node for node in cluster.nodes if node is not cluster.owner(slot_of(META)))
    with pytest.raises(StoreUnavailable, match="MOVED"):
        await RedisStore(other.url).__aenter__()


@pytest.mark.parametrize(
    "rest",
    [
        "", "127.0.0.1:x", "a:1,,b:2", "a:1/0", "a:1?db=1", "a:1?buckets=0", "a:1?buckets=257",
        "a:1?buckets=x", "a:1?no=option",
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["redis+cluster", "rediss+cluster"])
def test_an_address_that_is_none(rest: str, scheme: str) -> None:
    """What cannot be read is a ConfigError, and is not repeated: it may hold a password."""
    login = "hush:hushword@" if rest else ""
    with pytest.raises(ConfigError) as caught:
        ClusterStore(f"{scheme}://{login}{rest}")
    assert "hush" not in str(caught.value)


async def test_one_login_for_all_nodes(cluster: RedisCluster) -> None:
    """User and password of the address are every node's."""
    for node in cluster.nodes:
        node.do("ACL", "SETUSER", "signoff", "on", ">inner", "~*", "&*", "+@all")
    url = cluster.url().replace("://", "://signoff:inner@")
    async with ClusterStore(url) as store:
        for number in range(20):
            await store.get(f"id-{number}")
        assert all(b"user=signoff" in node.ask("CLIENT", "LIST") for node in cluster.nodes)
    with pytest.raises(StoreUnavailable) as caught:
        await ClusterStore(url.replace("inner", "wrong")).__aenter__()
    assert "WRONGPASS" in str(caught.value)


async def test_tls_to_all_nodes(tmp_path: Path) -> None:
    """`rediss+cluster://` speaks TLS, at the ports that nodes name for it."""
    key, certificate = certificate_in(tmp_path)
    port = free_port()
    options = (
        "--tls-port", str(port), "--tls-auth-clients", "no", "--tls-key-file", str(key),
        "--tls-cert-file", str(certificate), "--tls-ca-cert-file", str(certificate),
        "--tls-cluster", "yes",
    )  # fmt: skip
    node = ClusterNode(server_binary("redis"), tmp_path, options)
    try:
        await node.start()
        node.do("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        await wait_until(lambda: node.info("cluster_state") == "ok", "it has all slots")
        url = f"rediss+cluster://127.0.0.1:{port}?buckets=4"
        async with ClusterStore(f"{url}&ssl_ca_certs={certificate}") as store:
            woken = asyncio.Event()
            await store.watch("delete-42", lambda _: woken.set())
            assert pending() == await store.put(pending())
            await asyncio.wait_for(woken.wait(), 5)
        with pytest.raises(StoreUnavailable):
            await ClusterStore(url).__aenter__()
    finally:
        node.end_now()


async def test_a_cap_holds_over_all_buckets(store: ClusterStore) -> None:
    """However the requests are shared out; what was counted and never written is found."""
    await store.set_bounds(Bounds(pending=5))
    keys = Keys(bucket_of("default/billing", 4))
    home = store.buckets[bucket_of("default/billing", 4)]
    account = keys.account("default/billing").asking
    for name in ("gone", "over"):
        await home._link.run(_ADD, [account], ["1", name], operation="test")
    await store.put(decided(pending("over")))
    for number in range(5):
        await store.put(pending(f"id-{number}"))
    assert len({store.bucket_of(f"id-{number}") for number in range(5)}) > 1
    with pytest.raises(LimitExceeded):
        await store.put(pending("one-more"))
    assert 5 == await store.place_of(pending("id-4"))


async def test_counts_of_the_first_layout_are_brought_over_in_every_bucket(
    cluster: RedisCluster, store: ClusterStore
) -> None:
    """At whichever nodes they are; then the data is of the new version."""
    for number in range(40):
        await store.put(pending(f"id-{number}"))
    counts = {
        Keys(bucket).agent("default", "billing").asking: await store.buckets[bucket].pending_count()
        for bucket in range(4)
    }
    for name, count in counts.items():
        node = cluster.owner(slot_of(name))
        node.do("DEL", name)
        for number in range(count):
            node.do("ZADD", name, "1", f"id-{number}")
    meta = cluster.owner(slot_of(META))
    meta.do("HSET", META, "schema", "1")
    async with ClusterStore(cluster.url()):
        pass
    assert b"$1\r\n2\r\n" == meta.do("HGET", META, "schema")
    for name, count in counts.items():
        assert str(count).encode() in cluster.owner(slot_of(name)).do("GET", name)


async def test_what_is_refused_is_not_counted(cluster: RedisCluster, store: ClusterStore) -> None:
    """A request that its bucket refuses leaves its agent as much room as before."""
    await store.set_bounds(Bounds(pending=1))
    asked = pending("lost")
    node = cluster.owner(slot_of(Keys(store.bucket_of(asked.key)).pending))
    node.do("SET", Keys(store.bucket_of(asked.key)).state(asked.key), "1:{}")
    for _ in range(3):
        with pytest.raises(StoreCorrupt):
            await store.put(asked)
    await store.put(pending("other"))


async def test_an_agent_waits_through_a_failover() -> None:
    """A master is killed under waiters; its replica takes over, and the decisions reach them."""
    with running_cluster("redis", replicas=1) as cluster:
        async with (
            open_store(cluster.url(), environ={}) as store,
            ApprovalGate(store, agent="billing", public_keys=(), sweep=600) as gate,
        ):
            asked = [
                await gate.request(id=f"drop-{number}", name="drop", payload={"n": number})
                for number in range(12)
            ]
            waiting = [asyncio.create_task(gate.wait(each.id, timeout=60)) for each in asked]
            await wait_until(cluster.in_step, "the replica has everything")
            await cluster.nodes[0].kill()
            desk = Desk(store)

            async def all_decided() -> bool:
                try:
                    for each in asked:
                        try:
                            await desk.decide(each.key, Verdict.APPROVE, approver="cli:ana")
                        except AlreadyDecided:
                            continue
                except (StoreUnavailable, Unconfirmed):
                    return False
                return True

            await wait_until(all_decided, "the replica takes the decisions")
            done = await asyncio.wait_for(asyncio.gather(*waiting), 20)
            assert {"approved"} == {each.status for each in done}


async def test_the_clock_outlives_its_node() -> None:
    """P7: while the node of the clock is away the cluster still has one, the other nodes'."""
    with running_cluster("redis") as cluster:
        async with ClusterStore(cluster.url(), operation_timeout=0.5) as store:
            before = await store.now()
            await cluster.owner(slot_of(Keys(0).pending)).kill()
            assert before < await store.now()


async def test_a_store_that_is_not_open(cluster: RedisCluster) -> None:
    """It says so, whatever is asked."""
    store = ClusterStore(cluster.url())
    for verb in (store.get("a"), store.get_many(["a"]), store.now(), store.versions(["a"])):
        with pytest.raises(StoreUnavailable, match="the store is not open"):
            await verb
    await store.aclose()
