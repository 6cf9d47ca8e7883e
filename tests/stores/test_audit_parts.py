"""The chain as it lies in Redis: in parts or as whole lines, the same entries come back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gate import (
    AuditHead,
    RawEvent,
    StoreCorrupt,
    read_audit_entry,
    seal_events,
    verify_audit,
)
from stores.conformance.samples import pending, requested
from stores.redis import RedisStore
from stores.redis.audit_parts import line_of, parts_of
from tests.support.servers import RedisServer

_AUDIT = "signoff:{0}:audit"
_CORPUS = Path(__file__).parents[1] / "corpus/audit"
_LINES = (_CORPUS / "v1/chain.jsonl").read_text().splitlines()
_FIELDS: list[list[str]] = json.loads((_CORPUS / "v2/redis-fields.json").read_text())


def _line(number: int, fields: list[str]) -> str:
    return line_of(number, [part.encode() for part in fields]).decode()


def _head() -> AuditHead:
    return read_audit_entry(_LINES[-1]).head


def test_the_chain_of_the_corpus_is_whole():
    """Lines that were sealed once are verified for ever."""
    report = verify_audit(_LINES, _head())
    assert (22, 1, True) == (report.entries, report.unreadable, report.whole)


@pytest.mark.parametrize("number", range(1, len(_LINES) + 1))
def test_an_entry_is_kept_as_ever(number: int):
    """The same fields for the same line, and the same line for the same fields."""
    line, fields = _LINES[number - 1], _FIELDS[number - 1]
    assert fields == parts_of(number, line)
    assert line == _line(number, fields)
    assert line == _line(number, ["e", line])


def test_a_line_of_another_number_is_kept_whole():
    """What the id would not give back is not left out."""
    assert ["e", _LINES[4]] == parts_of(6, _LINES[4])


@pytest.mark.parametrize("layout", [1, 2])
async def test_a_chain_of_each_layout_goes_on(
    redis_store: RedisStore, shared_server: RedisServer, layout: int
):
    """It is read whole, its head is its last entry, and new entries are sealed behind it."""
    for number, (line, fields) in enumerate(zip(_LINES, _FIELDS, strict=True), 1):
        kept = ["e", line] if layout == 1 else fields
        shared_server.ask("XADD", _AUDIT, f"{number}-0", *kept)
    head = await redis_store.audit_head()
    assert _head() == head
    raw = RawEvent("1767605500000-0", b'{"type":"onSomethingNew"}')
    more = seal_events([raw], head)
    foreign = AuditHead(head.number, "f" * 64, head.cursor)
    assert not await redis_store.seal(foreign, more)
    assert await redis_store.seal(head, more)
    lines = [line for _, line in await redis_store.sealed()]
    assert [*_LINES, more[0].text] == lines
    assert verify_audit(lines, more[0].head).whole


@pytest.mark.parametrize("layout", [1, 2])
async def test_the_log_is_trimmed_behind_either_layout(
    redis_store: RedisStore, shared_server: RedisServer, layout: int
):
    """How far the log is sealed stands in the last entry, however that is kept."""
    await redis_store.append([requested(pending(str(number))) for number in range(6)])
    events = await redis_store.unsealed("", limit=5)
    for entry in seal_events(events, AuditHead()):
        kept = ["e", entry.text] if layout == 1 else parts_of(entry.number, entry.text)
        shared_server.ask("XADD", _AUDIT, f"{entry.number}-0", *kept)
    await redis_store.advance("cards", (await redis_store.read(""))[-1].cursor)
    assert 3 == await redis_store.trim(["cards"], keep=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cursor", "1767605400251-0"),
        ("cursor", 'x","event":{},"n":22,"prev":"'),
        ("event", '{"type":"onApprovalResolved"}'),
        ("event", "{"),
        ("prev", "A" * 43),
        ("prev", "short"),
        ("hash", "A" * 43),
        ("hash", "\N{BLACK SQUARE}" * 43),
        ("hash", _FIELDS[-1][-1] + "="),
    ],
)
async def test_changed_parts_are_no_head(
    redis_store: RedisStore, shared_server: RedisServer, name: str, value: str
):
    """Whatever part is changed: the entry is broken, and nothing is sealed behind it."""
    assert "cursor" == _FIELDS[-1][0]
    last = list(_FIELDS[-1])
    last[last.index(name) + 1] = value
    shared_server.ask("XADD", _AUDIT, f"{len(_LINES)}-0", *last)
    with pytest.raises(StoreCorrupt, match="the last entry"):
        await redis_store.audit_head()
    [(_, line)] = await redis_store.sealed()
    with pytest.raises(ValueError, match=r"edited|unreadable"):
        read_audit_entry(line)


def test_a_hash_has_one_spelling():
    """Spare bits of the last character make no second text of one hash: sealers compare texts."""
    *front, own = _FIELDS[-1]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = own[:-1] + letters[letters.index(own[-1]) ^ 1]
    assert _LINES[-1] != _line(len(_LINES), [*front, other])
