"""Owns the typed front of each Lua script: one function per verb, with its keys and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from gate import (
    ApprovalNotFound,
    Bounds,
    LimitExceeded,
    Patched,
    StoreCorrupt,
    StoreUnavailable,
)

from .codec import RecordText
from .keys import META, SCHEMA, AgentKeys, Keys
from .resp import Argument
from .way import Script, Way

__all__ = [
    "Standing",
    "advance",
    "append",
    "confirm",
    "consume_once",
    "count_asking",
    "drop_sealed",
    "forget",
    "hold",
    "keep_card",
    "open_schema",
    "patch",
    "put",
    "raise_schema",
    "release",
    "script",
    "seal",
    "set_bounds",
    "trim",
]


_UNSET: Final = Bounds()
"""What counts while nobody has set anything."""


@dataclass(frozen=True)
class Standing:
    """The three strings of a record that stood already."""

    request: bytes
    state: bytes | None
    use: bytes | None


@cache
def script(name: str) -> Script:
    """Return the script of that name, read once."""
    source = files(__name__.rpartition(".")[0]).joinpath("lua", f"{name}.lua")
    return Script(name, source.read_text(encoding="utf-8"))


async def open_schema(link: Way, *, buckets: int) -> tuple[bytes, bytes]:
    """Fix schema version and bucket count if this is the first start; return what stands."""
    schema, count = await link.run(script("open"), [META], [SCHEMA, buckets], operation="open")
    return schema, count


async def count_asking(link: Way, keys: Keys) -> None:
    """Bring what agents have pending from layout 1 to 2; once more changes nothing."""
    every = keys.agent("*", "*").asking
    await link.run(script("count_asking"), [keys.pending], [every], operation="open")


async def raise_schema(link: Way) -> None:
    """Note that everything is of this schema version."""
    await link.run(script("raise_schema"), [META], [SCHEMA], operation="open")


async def put(
    link: Way,
    keys: Keys,
    key: str,
    record: RecordText,
    *,
    pending_score: int | None,
    deadline_score: int,
    agent: AgentKeys,
    events: Sequence[str],
) -> Standing | None:
    """Create the record; return `None` if this call did, else what stands.

    Raises:
        StoreCorrupt: A decision or a consumption of a lost record is there.
        LimitExceeded: Its agent has too many pending, or has asked for too many lately.
        StoreUnavailable: The rest of the server's memory is kept for answers (`memory_reserve`).
    """
    answer = await link.run(
        script("put"),
        [
            *keys.record(key),
            keys.pending,
            keys.deadlines,
            keys.events,
            keys.wake(key),
            keys.bounds,
            agent.asking,
            agent.lately,
            keys.ended,
        ],
        [
            record.request,
            record.state,
            record.use,
            key,
            "" if pending_score is None else pending_score,
            deadline_score,
            _UNSET.pending,
            _UNSET.per_minute,
            *events,
        ],
        operation="put",
        key=key,
    )
    if answer[0] == 1:
        return None
    if answer[0] == -1:
        raise StoreCorrupt(key, reason="request: lost, while its state or its use is there")
    if answer[0] == -2:
        field = {b"pending": "pending approvals"}.get(answer[1], "requests within a minute")
        raise LimitExceeded(field=field, value=answer[2] + 1, limit=answer[2])
    if answer[0] == -3:
        raise StoreUnavailable("put", cause="memory_reserve")
    return Standing(*answer[1:])


async def patch(
    link: Way,
    keys: Keys,
    key: str,
    *,
    expected_version: int,
    state: str,
    use: str,
    before: int | None,
    deadline_score: int | None,
    agent: AgentKeys,
    events: Sequence[str],
    replicas: int = 0,
) -> Patched | bytes:
    """Replace the state; return what became of it, or the consumption that stands instead of *use*.

    Raises:
        StoreCorrupt: What stands has no version.
        Unconfirmed: Fewer than *replicas* have it.
    """
    answer = await link.run(
        script("patch"),
        [
            *keys.record(key),
            keys.pending,
            keys.deadlines,
            keys.events,
            keys.wake(key),
            agent.asking,
            keys.ended,
        ],
        [
            expected_version,
            state,
            "" if before is None else before,
            key,
            expected_version + 1,
            "" if deadline_score is None else deadline_score,
            use,
            *events,
        ],
        operation="patch",
        key=key,
        replicas=replicas,
    )
    if isinstance(answer, list):
        standing: bytes = answer[1]
        return standing
    if answer == b"corrupt":
        raise StoreCorrupt(key, reason="state: no version in front")
    return Patched(answer.decode())


async def consume_once(
    link: Way, keys: Keys, key: str, *, use: str, events: Sequence[str], replicas: int
) -> bytes | None:
    """Write the consumption; return `None` if this call did, else the one that stands.

    Raises:
        ApprovalNotFound: There is no record.
        Unconfirmed: Fewer than *replicas* have it.
    """
    answer = await link.run(
        script("consume_once"),
        [keys.request(key), keys.use(key), keys.events, keys.wake(key), keys.ended],
        [use, 1 if replicas else 0, key, *events],
        operation="consume_once",
        key=key,
        replicas=replicas,
    )
    if answer[0] == -1:
        raise ApprovalNotFound(key)
    standing: bytes | None = answer[1] if answer[0] == 0 else None
    return standing


async def confirm(link: Way, keys: Keys, key: str, *, replicas: int, patience: float) -> None:
    """Return when *replicas* have the state that stands.

    Raises:
        Unconfirmed: Fewer have it after *patience* seconds.
    """
    await link.run(
        script("confirm"),
        [keys.state(key)],
        [],
        operation="confirm",
        key=key,
        replicas=replicas,
        patience=patience,
    )


async def forget(link: Way, keys: Keys, key: str, *, retention: float) -> bool:
    """Take a final record away if *retention* seconds have passed; say whether it is gone."""
    answer = await link.run(
        script("forget"),
        [*keys.record(key), keys.card(key), keys.ended],
        [key, int(retention)],
        operation="forget",
        key=key,
    )
    return bool(answer)


async def set_bounds(link: Way, keys: Keys, bounds: Bounds) -> None:
    """Write the bounds."""
    await link.run(
        script("set_bounds"),
        [keys.bounds],
        [bounds.pending, bounds.per_minute, int(bounds.retention)],
        operation="set_bounds",
    )


async def append(link: Way, keys: Keys, events: Sequence[str]) -> None:
    """Add events that change no record."""
    await link.run(script("append"), [keys.events], events, operation="append")


async def advance(link: Way, keys: Keys, reader: str, cursor: str, *, fence: int | None) -> bool:
    """Note a reader's position; `False` if *fence* is not the newest."""
    answer = await link.run(
        script("advance"),
        [keys.reader(reader), keys.fence(reader), keys.events],
        [cursor, "" if fence is None else fence],
        operation="advance",
    )
    return bool(answer)


async def hold(link: Way, keys: Keys, name: str, holder: str, *, milliseconds: int) -> int | None:
    """Take or renew a lease; return its fence, or `None` if somebody else has it."""
    answer: int | None = await link.run(
        script("hold"),
        [keys.lease(name), keys.fence(name)],
        [holder, milliseconds],
        operation="hold",
    )
    return answer


async def release(link: Way, keys: Keys, name: str, holder: str) -> None:
    """Give a lease back."""
    await link.run(script("release"), [keys.lease(name)], [holder], operation="release")


async def keep_card(
    link: Way, keys: Keys, key: str, slot: str, note: str, *, only_if: str | None
) -> bool:
    """Write a note into a slot, on a condition; return whether it was written."""
    answer = await link.run(
        script("keep_card"),
        [keys.card(key)],
        [slot, note, 0 if only_if is None else 1, only_if or ""],
        operation="keep_card",
        key=key,
    )
    return bool(answer)


async def seal(
    link: Way,
    keys: Keys,
    *,
    expected: tuple[str, str, str],
    entries: Sequence[tuple[str, list[str]]],
) -> bool:
    """Add entries, given as id and fields, if the last one has the id and hash of *expected*.

    The hash is given in both spellings, as it ends a whole line and as it stands by itself.
    """
    flat: list[Argument] = []
    for place, fields in entries:
        flat += [place, len(fields), *fields]
    answer = await link.run(script("seal"), [keys.audit], [*expected, *flat], operation="seal")
    return bool(answer)


async def drop_sealed(link: Way, keys: Keys, through: int) -> int:
    """Take away entries up to a number, never the last one; return how many."""
    gone: int = await link.run(
        script("drop_sealed"), [keys.audit], [through], operation="drop_sealed"
    )
    return gone


async def trim(link: Way, keys: Keys, readers: Sequence[str], *, keep: int) -> int:
    """Take away events that are sealed and read by all; return how many."""
    names = [keys.reader(name) for name in readers]
    gone: int = await link.run(
        script("trim"), [keys.events, keys.audit, *names], [max(1, keep)], operation="trim"
    )
    return gone
