"""Records and events of earlier versions: every one that was ever written can be read for ever.

The files of the corpus are never changed, only added to: they stand for what lies in somebody's
Redis. A new schema version, or a new layout in Redis, gets a folder of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gate import Approval, ApprovalAnswer, ApprovalEvent, StoreCorrupt, event_from_wire, parse_json
from stores.memory import MemoryStore
from stores.redis import RedisStore
from stores.redis.codec import decode_record, encode_record
from tests.support.servers import RedisServer

_CORPUS = Path(__file__).parents[1] / "corpus"
_FIRST_STRINGS = _CORPUS / "approval/v1/redis-strings.json"
_STRINGS = _CORPUS / "approval/v2/redis-strings.json"
_APPROVALS = sorted(set((_CORPUS / "approval/v1").glob("*.json")) - {_FIRST_STRINGS})
_EVENTS = sorted((_CORPUS / "event/v1").glob("*.json"))


def _name(path: Path) -> str:
    return path.stem


def _read(path: Path) -> Any:
    return parse_json(path.read_text())


def _approval(name: str) -> Approval:
    return Approval.from_wire(_read(_CORPUS / f"approval/v1/{name}.json"))


def _spelled(value: Any) -> str:
    """Return a text in which `1` and `1.0` differ."""
    return json.dumps(value, sort_keys=True)


def test_the_corpus_is_there() -> None:
    """Every status and every kind of event has a record in the corpus."""
    statuses = {_read(path)["status"] for path in _APPROVALS}
    assert {"pending", "approved", "rejected", "cancelled", "expired"} == statuses
    concrete = {*ApprovalEvent.__subclasses__(), *ApprovalAnswer.__subclasses__()}
    kinds = {kind.model_fields["type"].default for kind in concrete - {ApprovalAnswer}}
    assert kinds == {_read(path)["type"] for path in _EVENTS}


@pytest.mark.parametrize("path", _APPROVALS, ids=_name)
def test_a_record_reads_and_writes_the_same(path: Path) -> None:
    """Reading a record and writing it again gives the same JSON."""
    wire = _read(path)
    assert _spelled(wire) == _spelled(Approval.from_wire(wire).to_wire())


@pytest.mark.parametrize("path", _EVENTS, ids=_name)
def test_an_event_reads_and_writes_the_same(path: Path) -> None:
    """Reading an event and writing it again gives the same JSON."""
    wire = _read(path)
    assert _spelled(wire) == _spelled(event_from_wire(wire).to_wire())


@pytest.mark.parametrize("path", _APPROVALS, ids=_name)
def test_a_record_of_another_version_is_corrupt(path: Path) -> None:
    """A record of an unknown schema version is never read as if it were ours."""
    for version in (0, 2, "1", None):
        with pytest.raises(StoreCorrupt):
            Approval.from_wire(_read(path) | {"schemaVersion": version})


@pytest.mark.parametrize("path", _APPROVALS, ids=_name)
def test_a_record_with_an_unknown_field_is_corrupt(path: Path) -> None:
    """A field that we do not know may change the meaning of those that we do."""
    with pytest.raises(StoreCorrupt):
        Approval.from_wire(_read(path) | {"mood": "good"})


@pytest.mark.parametrize("path", _EVENTS, ids=_name)
def test_an_event_with_an_unknown_field_is_corrupt(path: Path) -> None:
    """The same holds for events, and for kinds of events."""
    for change in ({"mood": "good"}, {"type": "onApprovalForgotten"}):
        with pytest.raises(StoreCorrupt):
            event_from_wire(_read(path) | change)


@pytest.mark.parametrize("name", sorted(json.loads(_STRINGS.read_text())))
def test_redis_strings_read_and_write_the_same(name: str) -> None:
    """What lies in Redis is read, and written again the same, byte by byte."""
    strings: dict[str, str] = json.loads(_STRINGS.read_text())[name]
    assert _approval(name) == _decoded(name, strings)
    written = encode_record(_approval(name))
    assert strings == {part: text for part in _PARTS if (text := getattr(written, part))}


@pytest.mark.parametrize("name", sorted(json.loads(_FIRST_STRINGS.read_text())))
def test_redis_strings_of_the_first_layout_are_read(name: str) -> None:
    """Its requests say what follows from the rest of them: they are the same records."""
    assert _approval(name) == _decoded(name, json.loads(_FIRST_STRINGS.read_text())[name])


def _decoded(name: str, strings: dict[str, str]) -> Approval | None:
    parts = [strings[part].encode() if part in strings else None for part in _PARTS]
    return decode_record(_approval(name).key, *parts)


_PARTS = ("request", "state", "use")


@pytest.mark.parametrize("path", _APPROVALS, ids=_name)
async def test_every_record_survives_both_stores(
    path: Path, redis_store: RedisStore, shared_server: RedisServer
) -> None:
    """A record that is copied from one store to another is the same record there."""
    approval = Approval.from_wire(_read(path))
    for store in (MemoryStore(), redis_store):
        assert approval == await store.put(approval)
        stored = await store.get(approval.key)
        assert stored is not None
        assert _spelled(approval.to_wire()) == _spelled(stored.to_wire())
