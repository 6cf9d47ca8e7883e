"""What lies in Redis: the keys of the table, nothing else, and nothing unreadable gets through."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
import structlog

from gate import (
    Approval,
    AuditHead,
    Bounds,
    LimitExceeded,
    Patched,
    PayloadNotCanonical,
    StoreCorrupt,
    seal_events,
    verify_audit,
)
from stores.conformance.samples import consumption, decided, pending, requested, resolved
from stores.redis import RedisStore
from stores.redis.codec import decode_record, encode_record, encode_use
from stores.redis.keys import kind_of
from tests.support.servers import RedisServer


def _approval(name: str = "delete-42") -> Approval:
    return pending(name, payload={"user_id": 42})


def _keys(server: RedisServer) -> list[str]:
    return [line.decode() for line in server.ask("KEYS", "*").split(b"\r\n")[2::2] if line]


async def test_every_key_is_in_the_table(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """After every verb, each key in Redis belongs to the key table and has its type."""
    asked = _approval()
    await redis_store.put(asked, [requested(asked)])
    await redis_store.patch(asked.key, 1, decided(asked), [resolved(asked)])
    await redis_store.put(pending("job", namespace="other"))
    await redis_store.set_bounds(Bounds())
    await redis_store.consume_once(asked.key, consumption(asked))
    await redis_store.keep_card(asked.key, "C1", "note")
    fence = await redis_store.hold("audit", "a", seconds=60)
    [logged, *_] = await redis_store.read("")
    await redis_store.advance("audit", logged.cursor, fence=fence)
    await redis_store.seal(AuditHead(), seal_events(await redis_store.unsealed(""), AuditHead()))
    found = {name: kind_of(name) for name in _keys(shared_server)}
    types = {name: shared_server.ask("TYPE", name).decode().strip()[1:] for name in found}
    assert types == {name: kind.type if kind else "unknown" for name, kind in found.items()}
    assert {"request", "state", "use", "card", "pending", "deadlines", "events",
            "audit", "reader", "lease", "fence", "bounds", "asking", "lately", "ended",
            "meta"} == {kind.name for kind in found.values() if kind}  # fmt: skip


async def test_an_untouched_record_has_no_state(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """A pending record costs one string; the state begins with its version once there is one."""
    asked = _approval()
    await redis_store.put(asked)
    assert shared_server.ask("GET", "signoff:{0}:state:delete-42") == b"$-1\r\n"
    await redis_store.patch(asked.key, 1, decided(asked))
    assert (
        shared_server.ask("GET", "signoff:{0}:state:delete-42")
        .split(b"\r\n")[1]
        .startswith(b'2:{"status":"approved"')
    )


async def test_the_consumption_is_kept_apart(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """Whatever way it came, a consumption lies under its own key and never in the state."""
    asked = _approval()
    await redis_store.put(asked)
    taken = decided(asked).model_copy(update={"consumption": consumption(asked)})
    await redis_store.patch(asked.key, 1, taken)
    assert b"consumption" not in shared_server.ask("GET", "signoff:{0}:state:delete-42")
    assert b"op-1" in shared_server.ask("GET", "signoff:{0}:use:delete-42")


async def test_a_consumption_in_other_words_is_the_same(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """A report goes through where another version spelled the same consumption differently."""
    asked = _approval()
    await redis_store.put(asked)
    await redis_store.patch(asked.key, 1, decided(asked))
    use = encode_use(consumption(asked))
    spaced = use.replace(",", " , ")
    shared_server.ask("SET", "signoff:{0}:use:delete-42", spaced)
    seen = await redis_store.get(asked.key)
    assert seen is not None
    assert await redis_store.patch(asked.key, 2, seen) is Patched.APPLIED
    assert spaced.encode() in shared_server.ask("GET", "signoff:{0}:use:delete-42")


async def test_a_left_over_decision_never_joins_a_new_request(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """A decision whose request was lost does not become the decision of a new one."""
    asked = _approval()
    await redis_store.put(asked)
    await redis_store.patch(asked.key, 1, decided(asked))
    shared_server.ask("DEL", "signoff:{0}:request:delete-42")
    assert await redis_store.get(asked.key) is None
    with pytest.raises(StoreCorrupt):
        await redis_store.put(asked)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("request", ""),
        ("request", "null"),
        ("request", "[]"),
        ("request", "{"),
        ("request", '{"schemaVersion":2}'),
        ("request", '{"id":"a","id":"b"}'),
        ("state", "nonsense"),
        ("state", '0:{"status":"approved"}'),
        ("state", '2:{"status":"agreed"}'),
        ("state", '2:{"status":"approved","color":"red"}'),
        ("state", '2:{"status":"approved","payload":{"user_id":1}}'),
        ("state", '2:{"status":"approved","version":9}'),
        ("state", '2:{"status":"approved"} '.replace("}", ',"receipt":NaN}')),
        ("use", "{}"),
        ("use", '{"operationId":1}'),
    ],
)
async def test_what_we_never_wrote_is_corrupt(
    redis_store: RedisStore, shared_server: RedisServer, kind: str, text: str
) -> None:
    """Anything unreadable is StoreCorrupt with the record's key, and never a decision."""
    asked, whole = _approval(), _approval("whole")
    await redis_store.put(asked)
    await redis_store.put(whole)
    shared_server.ask("SET", f"signoff:{{0}}:{kind}:delete-42", text)
    with pytest.raises(StoreCorrupt) as caught:
        await redis_store.get(asked.key)
    assert caught.value.key == "delete-42"
    with pytest.raises(StoreCorrupt):
        await redis_store.put(asked)
    broken, fine = await redis_store.get_many(["delete-42", "whole"])
    assert isinstance(broken, StoreCorrupt)
    assert whole == fine


async def test_a_changed_payload_is_corrupt(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """A payload that was changed in Redis by hand does not have the record's digest any more."""
    asked = _approval()
    await redis_store.put(asked)
    record = encode_record(asked).request.replace('"user_id":42', '"user_id":43')
    shared_server.ask("SET", "signoff:{0}:request:delete-42", record)
    with pytest.raises(StoreCorrupt):
        await redis_store.get(asked.key)


async def test_a_record_under_another_key_is_corrupt(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """A decided record that was copied to another key decides nothing there."""
    asked = _approval()
    shared_server.ask("SET", "signoff:{0}:request:delete-43", encode_record(asked).request)
    with pytest.raises(StoreCorrupt):
        await redis_store.get("delete-43")


async def test_a_state_without_version_is_not_patched(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """What has no version cannot be compared, so it is not replaced either."""
    asked = _approval()
    await redis_store.put(asked)
    shared_server.ask("SET", "signoff:{0}:state:delete-42", "nonsense")
    with pytest.raises(StoreCorrupt):
        await redis_store.patch(asked.key, 1, decided(asked))


@pytest.mark.parametrize("name", ["state", "pending", "events"])
async def test_a_key_of_another_type_is_corrupt(
    redis_store: RedisStore, shared_server: RedisServer, name: str
) -> None:
    """A key that holds another type is told as such, without its content."""
    asked = _approval()
    await redis_store.put(asked)
    key = f"signoff:{{0}}:{name}" + (":delete-42" if name == "state" else "")
    shared_server.ask("DEL", key)
    shared_server.ask("HSET", key, "secret", "secret")
    with pytest.raises(StoreCorrupt, match="WRONGTYPE") as caught:
        await redis_store.patch(asked.key, 1, decided(asked), [resolved(asked)])
    assert "secret" not in str(caught.value)


async def test_unreadable_events_are_passed_over(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """An entry that cannot be read is logged once and never stops the ones behind it."""
    stream = "signoff:{0}:events"
    for text in ("{", "[]", '{"type":"onSomethingNew"}'):
        shared_server.ask("XADD", stream, "*", "e", text)
    shared_server.ask("XADD", stream, "*", "other", "field", "e", "x")
    with structlog.testing.capture_logs() as logs:
        assert list(await redis_store.read("", limit=2)) == []
        asked = _approval()
        await redis_store.append([requested(asked)])
        for limit in (1, 2, 100):
            page = await redis_store.read("", limit=limit)
            assert [requested(asked)] == [logged.event for logged in page]
    assert [entry["event"] for entry in logs] == ["event_unreadable"] * 4


@pytest.mark.parametrize("cursor", ["1", "x-y", "0-0 ", "$", "+", "1-1-1"])
async def test_a_foreign_cursor_is_refused(redis_store: RedisStore, cursor: str) -> None:
    """What is no cursor of this log is a mistake of the caller, said before anything is sent."""
    with pytest.raises(ValueError, match="cursor"):
        await redis_store.read(cursor)
    with pytest.raises(ValueError, match="cursor"):
        await redis_store.advance("audit", cursor)


async def test_positions_compare_as_numbers(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """A place in the log is two numbers of up to 64 bits, and is compared as such."""
    for earlier, later in (
        ("9-0", "10-0"),
        ("10-9", "10-10"),
        ("10-9007199254740992", "10-9007199254740993"),
        ("10-9007199254740993", "18446744073709551614-0"),
    ):
        for place in (earlier, later):
            shared_server.ask("XADD", "signoff:{0}:events", place, "e", "{}")
        await redis_store.advance("audit", later)
        await redis_store.advance("audit", earlier)
        assert later == await redis_store.position("audit")


async def test_what_cannot_be_read_back_is_not_written(redis_store: RedisStore) -> None:
    """Metadata that would make the record unreadable is refused before anything is written."""
    asked = _approval()
    await redis_store.put(asked)
    for value in ("\ud800", float("nan"), 10**5000):
        bad = decided(asked).model_copy(update={"decision_metadata": {"x": value}})
        with pytest.raises((PayloadNotCanonical, LimitExceeded, ValueError)):
            await redis_store.patch(asked.key, 1, bad)
    assert asked == await redis_store.get(asked.key)


@pytest.mark.parametrize(
    ("place", "text"),
    [("9-0", "nonsense"), ("9-0", '{"entry":{},"hash":""}'), ("2-1", None), ("99-0", None)],
)
async def test_a_foreign_audit_entry_stops_the_chain(
    redis_store: RedisStore, shared_server: RedisServer, place: str, text: str | None
) -> None:
    """What others put behind the chain is no head, and nothing is sealed behind it."""
    await redis_store.append([requested(_approval(str(number))) for number in range(3)])
    entries = seal_events(await redis_store.unsealed(""), AuditHead())
    assert await redis_store.seal(AuditHead(), entries[:2])
    forged = entries[0].text if text is None else text
    shared_server.ask("XADD", "signoff:{0}:audit", place, "e", forged)
    with pytest.raises(StoreCorrupt):
        await redis_store.audit_head()
    assert not await redis_store.seal(entries[1].head, entries[2:])
    fault = verify_audit([line for _, line in await redis_store.sealed()]).fault
    assert fault is not None
    assert 3 == fault.line


async def test_what_is_no_event_is_sealed_as_such(
    redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """Nothing in the log is passed over: garbage has an entry, and so have events yet unknown."""
    stream = "signoff:{0}:events"
    shared_server.ask("XADD", stream, "*", "e", '{"type":"onSomethingNew"}')
    shared_server.ask("XADD", stream, "*", "other", "field", "e", "x")
    await redis_store.append([requested(_approval())])
    entries = seal_events(await redis_store.unsealed(""), AuditHead())
    assert [{"type": "onSomethingNew"}, None, requested(_approval()).to_wire()] == [
        entry.event for entry in entries
    ]
    assert await redis_store.seal(AuditHead(), entries)
    report = verify_audit(
        [line for _, line in await redis_store.sealed()], await redis_store.audit_head()
    )
    assert (3, 1, True) == (report.entries, report.unreadable, report.whole)


@pytest.mark.parametrize(
    ("created", "lasting"),
    [
        (datetime(2026, 1, 5, 9, 30, tzinfo=UTC), 86400.0),
        (datetime(2026, 1, 5, 9, 30, 0, 250_000, tzinfo=UTC), 0.1),
        (datetime(2026, 1, 5, 9, 30, 0, 1, tzinfo=UTC), 1 / 3),
        (datetime(2026, 1, 5, 9, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2))), 90 * 86400),
    ],
)
def test_the_end_of_a_request_follows_from_its_times(created: datetime, lasting: float) -> None:
    """It is not kept beside them, and read back exactly; one that does not follow is kept."""
    end = created + timedelta(seconds=lasting)
    times = {"created_at": created, "expires_in": float(lasting), "expires_at": end}
    asked = _approval().model_copy(update=times)
    text = encode_record(asked).request
    assert "expiresAt" not in text
    assert asked == decode_record(asked.key, text.encode(), None, None)
    odd = asked.model_copy(update={"expires_at": end + timedelta(microseconds=1)})
    text = encode_record(odd).request
    assert "expiresAt" in text
    assert odd == decode_record(odd.key, text.encode(), None, None)


@pytest.mark.parametrize(
    "created", [None, 5, "then", "2026-01-05T09:30:00", "9999-12-31T23:59:59Z"]
)
@pytest.mark.parametrize("lasting", [None, True, "1", -1.0, 1e300, 10**400, 86400.0])
def test_a_request_without_times_is_corrupt(created: object, lasting: object) -> None:
    """What has no end, or none that can be told, is never read as if it had one."""
    request = json.loads(encode_record(_approval()).request)
    request |= {"createdAt": created, "expiresIn": lasting, "expiresAt": None}
    text = json.dumps({name: value for name, value in request.items() if value is not None})
    with pytest.raises(StoreCorrupt):
        decode_record("delete-42", text.encode(), None, None)
