"""The real bot on a cluster of three nodes: each bucket has its reader, its lease and its chain."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.archive import Archive
from bot.keyring import open_keyring
from bot.sandbox import SandboxClient
from gate import AuditAnchor, AuditCheck, record_key
from stores import Store, open_store
from stores.redis.keys import slot_of
from tests.scenarios.reading import (
    APPROVE,
    card,
    fresh,
    reject,
    until_card_says,
    until_thread,
)
from tests.support.clusters import RedisCluster, running_cluster
from tests.support.house import CHANNEL, House, house_on
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def house(cluster: RedisCluster) -> Iterator[House]:
    with house_on(cluster.nodes[0], redis_url=cluster.url(), quick=True) as house:
        yield house


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


@pytest.fixture
async def store(house: House) -> AsyncIterator[Store]:
    async with open_store(house.redis_url, environ={}) as store:
        yield store


async def test_requests_of_all_buckets_are_asked_and_answered(
    house: House, slack: SandboxClient, store: Store
) -> None:
    """Cards, clicks and wake-ups over four buckets; lists over all; a chain for each, whole."""
    names = [fresh("vacuum") for _ in range(8)]
    for name in names:
        house.agent.ask(name)
    ids = [(await house.agent.tells(name, "asked"))["id"] for name in names]
    buckets = [store.bucket_of(record_key(each, "default")) for each in ids]
    assert len(set(buckets)) > 1
    stamps = [await card(slack, name) for name in names]
    listed = json.loads((await house.command("list", "--json")).out)
    assert sorted(ids) == sorted(each["id"] for each in listed)
    for stamp in stamps[:6]:
        await slack.click("U0ANA", channel=CHANNEL, ts=stamp, action_id=APPROVE)
    for stamp in stamps[6:]:
        await reject(slack, "U0BEN", stamp, "no")
    for name, stamp in zip(names[:6], stamps[:6], strict=True):
        done = await house.agent.tells(name, "done")
        assert 1 == house.runs(done["id"])
        await until_thread(slack, stamp, "Asked", "Approved", "started", "done")
    for name, stamp in zip(names[6:], stamps[6:], strict=True):
        assert "no" == (await house.agent.tells(name, "refused"))["note"]
        await until_card_says(slack, stamp, "Rejected")

    async def all_is_sealed() -> bool:
        return [0] * 4 == [await bucket.unsealed_count() for bucket in store.buckets]

    await wait_until(all_is_sealed, "all is sealed")
    verified = await house.command("audit", "verify", "--json")
    assert 0 == verified.code, verified.err
    reports = json.loads(verified.out)
    assert [(number, True) for number in range(4)] == [(r["bucket"], r["whole"]) for r in reports]
    assert {number for number, report in enumerate(reports) if report["entries"]} >= set(buckets)
    told = json.loads((await house.command("audit", "show", ids[0], "--json")).out)
    assert ids[0] == told["record"]["id"]
    assert len(told["sealed"]) >= 5


async def test_chains_are_handed_out_each_by_itself(house: House, store: Store) -> None:
    """One file for each bucket, and each is whole for whoever checks it."""
    target = house.folder / "audit.jsonl"
    exported = await house.command("audit", "export", "--out", str(target))
    assert 0 == exported.code, exported.err
    files = sorted(house.folder.glob("audit.*.jsonl"))
    assert [f"audit.{number}.jsonl" for number in range(4)] == [file.name for file in files]
    for file, bucket in zip(files, store.buckets, strict=True):
        check = AuditCheck([AuditAnchor.of(await bucket.audit_head())])
        for line in file.read_text("utf-8").splitlines():
            check.take(line)
        assert check.finish().whole
    one = await house.command("audit", "verify", "--bucket", "3", "--json")
    assert 3 == json.loads(one.out)["bucket"]
    assert 2 == (await house.command("audit", "export")).code, "which of them, on one output?"
    assert 2 == (await house.command("audit", "verify", "--bucket", "4")).code


async def test_archived_chains_are_checked_too(house: House, store: Store) -> None:
    """Each bucket's segments are in a folder of their own, and the rest goes on from them."""
    folder = house.folder / "archive"
    keyring = open_keyring(Path(house.environ["SIGNOFF_KEYS"]), create=False)
    gone = 0
    for number, bucket in enumerate(store.buckets):
        place = folder / str(number)
        archive = Archive(bucket, place, keyring=keyring, retention=0.0, now=store.now)
        while left := await archive.sweep(place):
            gone += left
    assert gone > 0
    verified = await house.command("audit", "verify", "--archive", str(folder), "--json")
    assert 0 == verified.code, verified.err
    assert [True] * 4 == [report["whole"] for report in json.loads(verified.out)]
    assert 2 == (await house.command("audit", "verify")).code, "without them something is missing"


async def test_a_slot_moves_under_agents_and_bot(
    house: House, cluster: RedisCluster, slack: SandboxClient, store: Store
) -> None:
    """While they wait a bucket goes to another node: cards, clicks and wake-ups go on."""
    names = [fresh("vacuum") for _ in range(6)]
    for name in names:
        house.agent.ask(name)
    ids = [(await house.agent.tells(name, "asked"))["id"] for name in names]
    stamps = [await card(slack, name) for name in names]
    bucket = store.bucket_of(record_key(ids[0], "default"))
    slot = slot_of(f"{{{bucket}}}")
    source = cluster.owner(slot)
    target = next(node for node in cluster.nodes if node is not source)
    cluster.begin_move(slot, source, target)
    try:
        cluster.move_keys(slot, source, target, most=3)
    finally:
        while cluster.move_keys(slot, source, target, most=100):
            pass
        cluster.end_move(slot, source, target)
    for name, stamp in zip(names, stamps, strict=True):
        await slack.click("U0ANA", channel=CHANNEL, ts=stamp, action_id=APPROVE)
        await house.agent.tells(name, "done")
        await until_thread(slack, stamp, "Asked", "Approved", "started", "done")
    assert target is cluster.owner(slot)
    assert [1] * 6 == [house.runs(each) for each in ids]


async def test_a_cluster_is_well_for_the_doctor(house: House) -> None:
    """Each check looks at every node, and says the same thing once."""
    examined = await house.command("doctor", "--json", **dict(house.bot_environ()))
    found = [line for line in json.loads(examined.out) if line["check"].startswith("store")]
    assert ["store"] == [line["check"] for line in found if "answers" in line["found"]]
    assert not [
        line for line in found if line["state"] == "fail" and line["check"] != "store.persistence"
    ]
