"""Owns the texts that records and events become in Redis, and their strict way back.

A record is three strings with three writers. `request` is JSON, written once, without what follows
from the rest of it: its schema version while that is 1, and its end. `state` is
`<version>:<json>`, so that a script compares versions without reading JSON; there is none while the
record is as it was put. `use` is the consumption's JSON, written once.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gate import (
    Approval,
    ApprovalEvent,
    Consumption,
    LimitExceeded,
    PayloadNotCanonical,
    StoreCorrupt,
    event_from_wire,
    parse_json,
)

__all__ = [
    "RecordText",
    "decode_event",
    "decode_record",
    "decode_use",
    "encode_event",
    "encode_new",
    "encode_record",
    "encode_state",
    "encode_use",
    "from_micros",
    "micros",
    "version_of",
]

MAX_PART: Final = 4 * 1024 * 1024
"""Bytes of one string: a payload, its edited form, and everything around them, with room."""
MAX_DIGITS: Final = 4300
"""Decimal digits of one number; no shorter text holds a longer one."""
MAX_DEPTH: Final = 80
"""Deeper than a payload may be, by what stands around it."""

_REQUEST: Final = frozenset(
    Approval.model_fields[name].alias or name for name in Approval.request_fields()
)
_NOT_STATE: Final = {*Approval.request_fields(), "version", "consumption"}
_INITIAL: Final = {"status": "pending"}
_STATE: Final = re.compile(rb"([1-9][0-9]{0,15}):(.*)", re.DOTALL)
_VERSION: Final = re.compile(rb"([1-9][0-9]{0,15}):")
_WRITER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RecordText:
    """A record as strings; `state` and `use` are empty where there is nothing to keep."""

    request: str
    state: str
    use: str

    def with_version(self, version: int) -> str:
        """Return the state's JSON under *version*, also where there would be nothing to keep."""
        body = self.state.partition(":")[2] if self.state else _dump(_INITIAL)
        return f"{version}:{body}"


def encode_record(approval: Approval) -> RecordText:
    """Return the strings of *approval*; see `encode_new`."""
    return encode_new(approval)[0]


def encode_new(approval: Approval) -> tuple[RecordText, Approval]:
    """Return the strings of *approval*, and the record that is read from them.

    Raises:
        PayloadNotCanonical: Some part is not strict JSON and could not be read back.
        LimitExceeded: Some part is too large or too deep to be read back.
        StoreCorrupt: Its digest is not that of its payload, or its status not its decision's.
    """
    wire = approval.to_wire()
    implied = _implied(wire)
    request = {
        name: value
        for name, value in wire.items()
        if name in _REQUEST and (name not in implied or implied[name] != value)
    }
    state = {
        name: value
        for name, value in wire.items()
        if name not in _REQUEST and name not in {"version", "consumption"}
    }
    untouched = approval.version == 1 and state == _INITIAL
    texts = RecordText(
        request=_WRITER.encode(request),
        state="" if untouched else f"{approval.version}:{_dump(state)}",
        use=encode_use(approval.consumption) if approval.consumption else "",
    )
    # What cannot be read back must be refused before it is written, not after.
    read = parse_json(texts.request, max_depth=MAX_DEPTH, max_size=MAX_PART)
    stored = _record(approval.key, read, texts.state.encode() or None, texts.use.encode() or None)
    return texts, stored


def encode_state(approval: Approval) -> RecordText:
    """Return the strings of *approval* without its request, which is written once and stays.

    Raises:
        PayloadNotCanonical: Some part is not strict JSON and could not be read back.
        LimitExceeded: Some part is too large or too deep to be read back.
    """
    state = approval.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude=_NOT_STATE
    ) | {"status": approval.status.value}
    return RecordText(
        request="",
        state=f"{approval.version}:{_dump(state)}",
        use=encode_use(approval.consumption) if approval.consumption else "",
    )


def decode_record(
    key: str, request: bytes | None, state: bytes | None, use: bytes | None
) -> Approval | None:
    """Return the record of three strings as Redis keeps them; without a request there is none.

    Raises:
        StoreCorrupt: Anything that `encode_record` would not have written.
    """
    if request is None:
        return None
    return _record(key, _load(key, request, part="request"), state, use)


def _implied(request: dict[str, Any]) -> dict[str, Any]:
    """Return what a request means that does not say it, as far as that can be told."""
    try:
        created = datetime.fromisoformat(request["createdAt"])
        end = created + timedelta(seconds=request["expiresIn"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return {"schemaVersion": 1}
    return {"schemaVersion": 1, "expiresAt": end.isoformat().replace("+00:00", "Z")}


def _record(key: str, wire: dict[str, Any], state: bytes | None, use: bytes | None) -> Approval:
    """Return the record of a request's *wire* form and two strings."""
    if not wire.keys() <= _REQUEST:
        raise StoreCorrupt(key, reason="request: unknown fields")
    wire = _implied(wire) | wire
    if state is None:
        wire |= _INITIAL
    else:
        found = _STATE.fullmatch(state)
        if found is None:
            raise StoreCorrupt(key, reason="state: no version in front")
        rest = _load(key, found[2], part="state")
        if rest.keys() & (_REQUEST | {"version", "consumption"}):
            raise StoreCorrupt(key, reason="state: fields of another part")
        wire |= rest
        wire["version"] = int(found[1])
    if use is not None:
        wire["consumption"] = _load(key, use, part="use")
    approval = Approval.from_wire(wire, key=key)
    if approval.key != key:
        raise StoreCorrupt(key, reason="request: it is another record's")
    return approval


def version_of(head: bytes) -> int | None:
    """Return the version that a state begins with, `None` where there is none."""
    found = _VERSION.match(head)
    return None if found is None else int(found[1])


def encode_use(consumption: Consumption) -> str:
    """Return the text of a consumption."""
    return _dump(consumption.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def decode_use(key: str, use: bytes) -> Consumption:
    """Return the consumption of *use*.

    Raises:
        StoreCorrupt: Not a consumption.
    """
    try:
        return Consumption.model_validate(_load(key, use, part="use"))
    except ValueError as error:
        if isinstance(error, StoreCorrupt):
            raise
        raise StoreCorrupt(key, reason="use: not a consumption") from None


def encode_event(event: ApprovalEvent) -> str:
    """Return the text of an event."""
    return _dump(event.to_wire())


def decode_event(text: bytes) -> ApprovalEvent:
    """Return the event of *text*.

    Raises:
        StoreCorrupt: Not an event that we know.
    """
    return event_from_wire(_load("event", text, part="event"))


def micros(moment: datetime) -> int:
    """Return *moment* as whole microseconds since 1970: exact, also as a Lua or index number."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_micros(value: int) -> datetime:
    """Return the moment of so many microseconds since 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=value)


def _dump(value: dict[str, Any]) -> str:
    text = _WRITER.encode(value)
    if not _surely_strict(text):
        parse_json(text, max_depth=MAX_DEPTH, max_size=MAX_PART)
    return text


def _surely_strict(text: str) -> bool:
    """Say whether *text* needs no reading to be known as strict; pydantic made its values.

    It is too short for a number that is too long, too flat to be too deep, names no number that
    is none, and holds no surrogates.
    """
    return (
        len(text) <= MAX_DIGITS
        and text.isascii()
        and text.count("[") + text.count("{") <= MAX_DEPTH
        and "NaN" not in text
        and "Infinity" not in text
    )


def _load(key: str, text: bytes, *, part: str) -> dict[str, Any]:
    try:
        value = parse_json(text, max_depth=MAX_DEPTH, max_size=MAX_PART)
    except (PayloadNotCanonical, LimitExceeded) as error:
        raise StoreCorrupt(key, reason=f"{part}: {error.code}") from None
    if not isinstance(value, dict):
        raise StoreCorrupt(key, reason=f"{part}: not an object")
    return value
