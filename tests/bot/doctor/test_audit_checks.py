"""What is on record: alarms, and events that nobody has sealed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gate import ApprovalAlarm, ApprovalGate, AuditLog, seal_events
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.bot.doctor.examined import Examined, store_of
from tests.support.servers import RedisServer


async def seal(store: AuditLog) -> None:
    """Seal all that there is, as the bot that holds the lease does."""
    head = await store.audit_head()
    events = await store.unsealed(head.cursor, limit=1000)
    assert await store.seal(head, seal_events(events, head))


async def alarm(store: MemoryStore, name: str, *, part: str = "votes") -> None:
    await store.append([ApprovalAlarm(id=name, at=await store.now(), part=part)])


async def test_no_alarm(well: Examined):
    """Other events, sealed or not, are no alarms."""
    store = store_of(well)
    async with ApprovalGate(store, agent="billing") as gate:
        await gate.request(name="onApprovalAlarm", payload='"onApprovalAlarm"')
        await seal(store)
        await gate.request(name="x", payload={})
    assert [("alarms", "ok", "none among the last 10000 events")] == await well.of("alarms")


async def test_alarms_are_counted_and_the_newest_is_named(well: Examined):
    """Sealed ones and those that are not sealed yet; there is a way to the whole story."""
    clock = FakeClock(start=datetime.now(UTC) - timedelta(hours=3))
    store = MemoryStore(clock=clock)
    await alarm(store, "first")
    await seal(store)
    await alarm(store, "second")
    await clock.advance(3 * 3600)
    subject = well.but(store=store)
    told = "2 alarms on record, the newest 3 h old, on approval second: votes"
    assert [("alarms", "warn", told)] == await subject.of("alarms")
    [finding] = [each for each in await subject.findings() if each.check == "alarms"]
    assert finding.advice.startswith("`signoff audit show second`")
    await seal(store)
    assert [("alarms", "warn", told)] == await subject.of("alarms")


async def test_an_old_alarm_is_history(well: Examined):
    """It stays on record, and keeps nobody's exit code from being 0 for ever."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    await alarm(store, "x", part="receipt")
    await clock.advance(8 * 86400)
    told = "1 alarm on record, the newest 8 d old, on approval x: receipt"
    assert [("alarms", "ok", told)] == await well.but(store=store).of("alarms")


async def test_what_is_not_sealed(well: Examined):
    """Events wait a moment for the seal; old ones say that nobody seals."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    subject = well.but(store=store)
    assert [("audit", "ok", "every event is sealed, 0 in all")] == await subject.of("audit")
    async with ApprovalGate(store, agent="billing", clock=clock) as gate:
        await gate.request(name="x", payload={})
        await seal(store)
        assert [("audit", "ok", "every event is sealed, 1 in all")] == await subject.of("audit")
        await gate.request(name="y", payload={})
        await clock.advance(30)
        young = "1 event not sealed yet, the oldest 30 s old"
        assert [("audit", "ok", young)] == await subject.of("audit")
        await gate.request(name="z", payload={})
        await clock.advance(270)
    old = "2 events not sealed yet, the oldest 5 min old"
    assert [("audit", "warn", old)] == await subject.of("audit")


async def test_a_chain_with_a_foreign_end(well: Examined, server: RedisServer):
    """Nothing can be sealed behind it: a person has to look."""
    server.ask("XADD", "signoff:{0}:audit", "*", "e", "not an entry")
    assert [
        ("audit", "fail", "the last entry of the audit chain is none of ours"),
        ("alarms", "ok", "none among the last 10000 events"),
    ] == await well.of("audit", "alarms")
