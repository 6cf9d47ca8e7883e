"""The store's faults: each is found, said in a sentence, and comes with something to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.doctor import State
from bot.doctor.store_checks import away
from gate import (
    ApprovalGate,
    ConfigError,
    Desk,
    Quorum,
    StoreUnavailable,
    SystemClock,
    Terms,
)
from gate.testing import FakeClock
from stores import open_store
from stores.memory import MemoryStore
from tests.bot.doctor.examined import Examined, examined, store_of, troubles
from tests.support.proxy import proxy_to
from tests.support.servers import RedisServer

STORE = ("store", "store.writes", "store.persistence", "store.eviction", "store.pubsub")


async def test_all_is_well(well: Examined):
    """A server as the operator's page wants it has nothing to answer for."""
    findings = await well.findings()
    assert [] == troubles(findings), findings
    assert [
        ("store.persistence", "ok", "appendonly is on, appendfsync always"),
        ("store.eviction", "ok", "noeviction, and room left"),
    ] == await well.of("store.persistence", "store.eviction")
    [(_, state, found)] = await well.of("store")
    assert "ok" == state
    assert found.startswith("Valkey 9.")
    assert found.endswith(" answers")


async def test_nothing_is_left_behind(well: Examined, server: RedisServer):
    """An examination leaves no approval, no event and no lease; only the lease's own counter."""
    await well.findings()
    assert b"*2" == server.ask("KEYS", "*").partition(b"\r\n")[0]
    assert b"signoff:{0}:fence:doctor" in server.ask("KEYS", "*")
    assert b"signoff:meta" in server.ask("KEYS", "*")


async def test_a_policy_that_evicts(well: Examined, server: RedisServer):
    """A server that may throw approvals away fails, whatever else it does well."""
    server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    assert [
        (
            "store.eviction",
            "fail",
            "maxmemory-policy is allkeys-lru: the server may throw approvals away",
        )
    ] == await well.of("store.eviction")


async def test_a_policy_that_evicts_and_is_allowed_to(well: Examined, server: RedisServer):
    """Where the bot starts all the same, it is a warning."""
    server.ask("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
    assert well.subject.settings is not None
    settings = well.subject.settings.model_copy(update={"allow_eviction": True})
    [(_, state, found)] = await well.but(settings=settings).of("store.eviction")
    assert ("warn", True) == (state, found.endswith("SIGNOFF_ALLOW_EVICTION takes it so"))


async def test_a_server_that_is_nearly_full(well: Examined, server: RedisServer):
    """The limit is told before new requests are refused, and before every write is."""
    info = server.ask("INFO", "memory").decode()
    used = int(info.partition("used_memory:")[2].split()[0])
    server.ask("CONFIG", "SET", "maxmemory", str(used * 4 // 3))
    [(_, state, found)] = await well.of("store.eviction")
    assert "warn" == state
    assert found.endswith("of maxmemory is in use")
    server.ask("CONFIG", "SET", "maxmemory", "1000000")
    [(_, state, found)] = await well.of("store.eviction")
    assert "fail" == state
    assert found.endswith("of maxmemory is in use: new requests are refused")
    assert [("store.writes", "fail", "it takes no writes: OOM")] == await well.of("store.writes")


async def test_no_append_only_file(well: Examined, server: RedisServer):
    """A crash would lose everything, and it says so."""
    server.ask("CONFIG", "SET", "appendonly", "no")
    assert [
        ("store.persistence", "fail", "appendonly is off: a crash loses everything")
    ] == await well.of("store.persistence")


async def test_a_file_that_is_behind(well: Examined, server: RedisServer):
    """`everysec` works, with a loss that the operator should have chosen."""
    server.ask("CONFIG", "SET", "appendfsync", "everysec")
    assert [
        (
            "store.persistence",
            "warn",
            "appendonly is on, appendfsync everysec: a crash may lose the last second",
        )
    ] == await well.of("store.persistence")


async def test_a_hosted_server_that_forbids_config(server: RedisServer):
    """What cannot be asked is not taken for well."""
    server.ask("ACL", "SETUSER", "hosted", "on", ">s3cret", "~*", "&*", "+@all", "-config")
    async with examined(server.url.replace("redis://", "redis://hosted:s3cret@")) as subject:
        found = await subject.of("store.persistence", "store.eviction")
    assert [
        (
            "store.persistence",
            "warn",
            "appendonly is on; whether it waits for the disk could not be checked",
        ),
        ("store.eviction", "ok", "noeviction, and room left"),
    ] == found


async def test_a_server_that_says_nothing(server: RedisServer):
    """Without INFO nothing is known, and nothing is called well."""
    server.ask("ACL", "SETUSER", "blind", "on", ">pw", "~*", "&*", "+@all", "-config", "-info")
    async with examined(server.url.replace("redis://", "redis://blind:pw@")) as subject:
        found = await subject.of("store", "store.persistence", "store.eviction")
    assert ["warn", "warn", "warn"] == [state for _, state, _ in found]


async def test_a_user_who_may_not_listen(server: RedisServer):
    """Without publish and subscribe the agents wait longer, so it is looked at for real."""
    server.ask("ACL", "SETUSER", "deaf", "on", ">pw", "~*", "resetchannels", "+@all")
    async with examined(server.url.replace("redis://", "redis://deaf:pw@")) as subject:
        [(_, state, found)] = await subject.of("store.pubsub")
    assert ("fail", "a published wake-up did not come back: NOPERM") == (state, found)


async def test_a_replica(well: Examined, server: RedisServer):
    """A replica reads and takes no writes: it is the wrong address."""
    server.ask("REPLICAOF", "127.0.0.1", "1")
    try:
        found = await well.of("store", "store.writes")
    finally:
        server.ask("REPLICAOF", "NO", "ONE")
    assert [("store", "fail"), ("store.writes", "fail")] == [each[:2] for each in found]
    assert found[0][2].endswith("is a replica")


@pytest.mark.parametrize(
    ("seconds", "state", "sentence"),
    [
        (0.0, "ok", "within a second of this machine's clock"),
        (5.0, "warn", "the store's clock is 5 s behind this machine's"),
        (-5.0, "warn", "the store's clock is 5 s ahead of this machine's"),
        (3600.0, "fail", "the store's clock is 3600 s behind this machine's"),
        (-3600.0, "fail", "the store's clock is 3600 s ahead of this machine's"),
    ],
)
async def test_clocks_that_differ(well: Examined, seconds: float, state: str, sentence: str):
    """More than a second is told, more than ten fail: approvals expire by the store's clock."""

    def now() -> datetime:
        return SystemClock().now() + timedelta(seconds=seconds)

    assert [("store.clock", state, sentence)] == await well.but(now=now).of("store.clock")


async def test_a_store_that_cannot_be_opened(well: Examined):
    """One check fails; the others say that they could not be made, and Slack is still looked at."""
    gone = well.but(store=StoreUnavailable("open", cause="Connection refused"))
    findings = await gone.findings()
    assert ("store", State.FAIL, "it cannot be used: Connection refused") == (
        findings[1].check,
        findings[1].state,
        findings[1].found,
    )
    assert "start the server, or mend SIGNOFF_REDIS_URL" == findings[1].advice
    assert {
        "store.writes", "store.persistence", "store.eviction", "store.pubsub", "store.clock",
        "backlog", "routing", "audit", "alarms",
    } == {each.check for each in findings if each.state is State.WARN} - {"level"}  # fmt: skip
    assert "ok" == next(each.state for each in findings if each.check == "slack.token")


async def test_a_store_that_goes_away_under_way(server: RedisServer):
    """Each check ends in its own finding, in time."""
    async with proxy_to(server.port) as proxy, examined(proxy.url) as subject:
        await proxy.stop()
        findings = await subject.findings()
    found = {each.check: each for each in findings}
    assert State.FAIL is found["store"].state
    assert "it cannot be used: cannot connect (Connection refused)" == found["store"].found
    assert "start the server, or mend SIGNOFF_REDIS_URL" == found["store"].advice
    assert State.WARN is found["store.clock"].state
    assert "it could not be checked: store_unavailable" == found["store.clock"].found


async def test_a_store_that_never_answers(server: RedisServer):
    """A check has an end of its own."""
    async with proxy_to(server.port) as proxy, examined(proxy.url) as subject:
        proxy.swallow = True
        findings = await subject.findings(budget=0.2)
        proxy.swallow = False
    found = {each.check: each.found for each in findings}
    assert "it could not be checked: no answer within 0.2 s" == found["store.clock"]
    assert found["slack.channels"].startswith("the bot is in ")


def test_settings_of_the_store_are_named():
    """A wrong address is a setting's fault, said as one."""
    [finding] = away(ConfigError("SIGNOFF_REDIS_URL", "it is no address"))
    assert ("store", State.FAIL, "SIGNOFF_REDIS_URL: it is no address") == (
        finding.check,
        finding.state,
        finding.found,
    )


async def test_the_store_in_memory_is_for_tests(well: Examined):
    """It does everything and keeps nothing."""
    memory = well.but(store=MemoryStore())
    assert [
        ("store", "warn", "it is in the memory of one process"),
        ("store.writes", "ok", "a script wrote, and its answer came"),
        ("store.persistence", "warn", "nothing outlives the process"),
        ("store.eviction", "ok", "nothing is evicted from memory"),
        ("store.pubsub", "ok", "wake-ups stay in the process"),
    ] == await memory.of(*STORE)


async def test_a_backlog(well: Examined):
    """Events that nobody told are counted, and old ones are told."""
    gate = ApprovalGate(store_of(well), agent="billing")
    await gate.request(name="delete-user", payload={})
    [(_, state, found)] = await well.of("backlog")
    assert ("ok", "1 event not told yet, the oldest 0 s old") == (state, found)
    clock = FakeClock(start=datetime.now(UTC) - timedelta(minutes=5))
    memory = MemoryStore(clock=clock)
    await ApprovalGate(memory, agent="billing", clock=clock).request(name="x", payload={})
    await clock.advance(300)
    assert [
        ("backlog", "warn", "1 event not told yet, the oldest 5 min old"),
        ("routing", "fail", "1 pending approval never routed, the oldest waits for 5 min"),
    ] == await well.but(store=memory).of("backlog", "routing")
    await gate.aclose()


async def test_what_is_routed_or_over_is_no_backlog(well: Examined):
    """An approval that people were asked about, and one whose end has passed, wait for no bot."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock)
    asked = await gate.request(name="x", payload={})
    await Desk(store, clock=clock).route(
        asked.key, Terms(channel="C1", quorums=(Quorum(of=("cli:ana",)),))
    )
    await gate.request(name="y", payload={}, expires_in=5)
    await clock.advance(60)
    assert [("routing", "ok", "2 pending approvals, all are routed")] == await well.but(
        store=store
    ).of("routing")


async def test_a_record_that_cannot_be_read(well: Examined, server: RedisServer):
    """Corrupt records are counted; they hide nothing else."""
    gate = ApprovalGate(store_of(well), agent="billing")
    await gate.request(id="bad", name="x", payload={})
    server.ask("SET", "signoff:{0}:request:bad", "{")
    found = await well.of("routing")
    assert [("routing", "fail", "1 pending record cannot be read")] == found
    await gate.aclose()


async def test_a_password_is_never_printed(server: RedisServer):
    """Whatever goes wrong with it, the address's password stays where it is."""
    url = server.url.replace("redis://", "redis://nobody:s3cret-pw@")
    with pytest.raises(StoreUnavailable) as caught:
        async with open_store(url):
            raise AssertionError
    [finding] = away(caught.value)
    assert "it cannot be used: WRONGPASS" == finding.found
    assert "s3cret-pw" not in f"{finding}"
