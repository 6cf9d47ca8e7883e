"""Owns the audit chain: what one sealed entry is, how entries follow each other, what breaks them.

An entry is one line of canonical JSON, `{"entry":{…},"hash":"…"}`. The entry holds its number `n`
(from 1), `prev` (the hash before it), the event's `cursor` in the log, and the `event` as it was
written; of what was no JSON object of bearable size, `unreadable` has length and SHA-256 instead.
The hash is SHA-256 over a prefix of its own, `prev` and exactly the bytes of the entry.

One log gives one chain, whoever seals it. A chain proves itself up to its last entry; that nothing
was cut off behind it, or written anew as a whole, only a head proves that was told elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from .canonical import canonical_text, parse_json
from .errors import LimitExceeded, PayloadNotCanonical

__all__ = [
    "MAX_AUDIT_LINE",
    "AuditAnchor",
    "AuditBreak",
    "AuditCheck",
    "AuditEntry",
    "AuditFault",
    "AuditHead",
    "AuditReport",
    "RawEvent",
    "read_audit_entry",
    "seal_events",
    "verify_audit",
]

MAX_EVENT: Final = 64 * 1024
"""Bytes of an event that is sealed whole: the longest notes have room in it several times."""
MAX_AUDIT_LINE: Final = MAX_EVENT + 1024
"""Bytes of a sealed entry's line, without its end."""

_GENESIS: Final = "0" * 64
_PREFIX: Final = b"signoff/audit/v1\n"
_DEPTH: Final = 32
_TOLD_DIGITS: Final = 32
"""Hexadecimal digits of a head that people copy: 128 bits, more than anybody can search."""
_FEWEST_DIGITS: Final = 16
_LINE: Final = re.compile(rb'\{"entry":(\{.*\}),"hash":"([0-9a-f]{64})"\}', re.DOTALL)
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_ANCHOR: Final = re.compile(
    r"(?:.*\baudit\b)?\s*(?:([0-9]{1,18})\s*[·:@/|-]\s*)?"
    r"([0-9a-f](?:\s?[0-9a-f]){15,63})\s*(?:…|\.\.\.)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class RawEvent:
    """What stands in the log at *cursor*, as it was written; it need not be an event."""

    cursor: str
    text: bytes


@dataclass(frozen=True)
class AuditHead:
    """The end of a chain: how many entries, the last one's hash, its event's place in the log."""

    number: int = 0
    hash: str = _GENESIS
    cursor: str = ""

    def __str__(self) -> str:
        """Return what people copy: `audit 123 · 9f3a 77c2 …`."""
        groups = [self.hash[start : start + 4] for start in range(0, _TOLD_DIGITS, 4)]
        return f"audit {self.number} · {' '.join(groups)} …"


@dataclass(frozen=True)
class AuditAnchor:
    """A head that was told somewhere else: the first digits of its hash, and mostly its number."""

    hash: str
    number: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a head as it was copied from the thread, or a hash alone.

        Raises:
            ValueError: Not a head, or fewer than 16 hexadecimal digits of it.
        """
        # Bounded: the pattern looks for its end from several places.
        found = _ANCHOR.fullmatch(text.strip().lower()) if len(text) <= 500 else None
        if found is None:
            raise ValueError("not of the form `audit 123 · 9f3a 77c2 …`, with 16 digits or more")
        return cls("".join(found[2].split()), int(found[1]) if found[1] else None)

    @classmethod
    def of(cls, head: AuditHead) -> Self:
        """Return the whole of *head* as an anchor."""
        return cls(head.hash, head.number)


@dataclass(frozen=True)
class AuditEntry:
    """One sealed event."""

    number: int
    prev: str
    cursor: str
    event: dict[str, Any] | None
    """The event's wire form; `None` where what stood there was unreadable."""
    hash: str
    text: str
    """The line, without its end: what is exported and verified."""

    @property
    def head(self) -> AuditHead:
        """The head of a chain that ends here."""
        return AuditHead(self.number, self.hash, self.cursor)


class AuditBreak(StrEnum):
    """Why an entry is not the one that was sealed in its place."""

    UNREADABLE = "unreadable"
    """The line is no entry: cut short, overlong or garbage."""
    EDITED = "edited"
    """The entry does not have its own hash."""
    REMOVED = "removed"
    """It is missing: the chain goes on behind it."""
    REORDERED = "reordered"
    """It stands further behind."""
    INSERTED = "inserted"
    """The number is used up: an entry stands twice, or a foreign one was put in."""
    FORK = "fork"
    """Another history: it does not follow the entry before it, or a head was told for another."""
    CUT = "cut"
    """The chain ends before a head that was told."""


_SENTENCES: Final = {
    AuditBreak.UNREADABLE: "entry {n} cannot be read",
    AuditBreak.EDITED: "entry {n} was changed: it does not have its own hash",
    AuditBreak.REMOVED: "entry {n} is missing",
    AuditBreak.REORDERED: "entry {n} is not in its place",
    AuditBreak.INSERTED: "entry {n} stands there a second time",
    AuditBreak.FORK: "entry {n} is of another history",
    AuditBreak.CUT: "entry {n} and all behind it are missing: a head that was told is not there",
}


@dataclass(frozen=True)
class AuditFault:
    """The first broken entry."""

    why: AuditBreak
    number: int
    """The entry that is not as it was sealed."""
    line: int
    """Where that shows, from 1."""

    def __str__(self) -> str:
        return f"line {self.line}: {_SENTENCES[self.why].format(n=self.number)}"


@dataclass(frozen=True)
class AuditReport:
    """What a check of a chain found."""

    head: AuditHead
    """The last entry up to which the chain is whole."""
    entries: int
    """How many entries are whole and in their places."""
    unreadable: int
    """How many of them stand for something that could not be read when it was sealed."""
    fault: AuditFault | None

    @property
    def whole(self) -> bool:
        """Whether every entry is as it was sealed."""
        return self.fault is None


def seal_events(events: Iterable[RawEvent], head: AuditHead) -> list[AuditEntry]:
    """Return the entries of *events*, in order, behind *head*."""
    entries: list[AuditEntry] = []
    for raw in events:
        entry = _seal(raw, head)
        head = entry.head
        entries.append(entry)
    return entries


def read_audit_entry(line: str | bytes) -> AuditEntry:
    """Return the entry of one line.

    Raises:
        ValueError: Not a line that `seal_events` makes; its text is the word of a `AuditBreak`.
    """
    raw = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
    found = _LINE.fullmatch(raw) if len(raw) <= MAX_AUDIT_LINE else None
    if found is None:
        raise ValueError(AuditBreak.UNREADABLE)
    content, said = found[1], found[2].decode()
    try:
        parts = parse_json(content, max_depth=_DEPTH + 2, max_size=MAX_AUDIT_LINE)
        canonical = canonical_text(parts, max_depth=_DEPTH + 2, max_size=MAX_AUDIT_LINE).encode()
    except (PayloadNotCanonical, LimitExceeded):
        raise ValueError(AuditBreak.UNREADABLE) from None
    number, prev, cursor = (parts.get(name) for name in ("n", "prev", "cursor"))
    if not (type(number) is int and number >= 1 and isinstance(cursor, str)):
        raise ValueError(AuditBreak.UNREADABLE)
    if not isinstance(prev, str) or not _HEX.fullmatch(prev):
        raise ValueError(AuditBreak.UNREADABLE)
    if _hash(prev, content) != said:
        raise ValueError(AuditBreak.EDITED)
    event = parts.get("event")
    kept = parts.keys() - {"n", "prev", "cursor"}
    if canonical != content or not (
        (kept == {"event"} and isinstance(event, dict)) or kept == {"unreadable"}
    ):
        raise ValueError(AuditBreak.UNREADABLE)
    return AuditEntry(number, prev, cursor, event, said, raw.decode())


class AuditCheck:
    """Checks a chain line by line, in constant memory.

    Args:
        anchors: Heads that were told elsewhere.
        start: What the chain goes on from.
    """

    def __init__(
        self, anchors: Sequence[AuditAnchor] = (), *, start: AuditHead | None = None
    ) -> None:
        self._start = start or AuditHead()
        self._head = self._start
        self._open = list(anchors)
        self._line = 0
        self._unreadable = 0
        self._fault: AuditFault | None = None
        self._meet(self._head)

    def take(self, line: str | bytes) -> None:
        """Check the next line, without its end."""
        self._line += 1
        if self._fault is not None:
            self._look_for_missing(line, self._fault)
            return
        expected = self._head.number + 1
        try:
            entry = read_audit_entry(line)
        except ValueError as error:
            self._break(AuditBreak(str(error)), expected)
            return
        if entry.number > expected:
            self._break(AuditBreak.REMOVED, expected)
        elif entry.number < expected:
            self._break(AuditBreak.INSERTED, entry.number)
        elif entry.prev != self._head.hash:
            self._break(AuditBreak.FORK, expected)
        else:
            self._head = entry.head
            self._unreadable += entry.event is None
            self._meet(self._head)

    def finish(self) -> AuditReport:
        """Return what was found, after the last line."""
        if self._fault is None and self._open:
            # An anchor without a number that nothing met is a cut as well, or another history.
            self._line += 1
            self._break(AuditBreak.CUT, self._head.number + 1)
        return AuditReport(
            head=self._head,
            entries=self._head.number - self._start.number,
            unreadable=self._unreadable,
            fault=self._fault,
        )

    def _meet(self, head: AuditHead) -> None:
        """Hold *head* against the anchors of its number, and against those without one."""
        for anchor in tuple(self._open):
            fits = head.hash.startswith(anchor.hash)
            if fits and anchor.number in (None, head.number):
                self._open.remove(anchor)
            elif anchor.number is not None and anchor.number <= head.number:
                self._break(AuditBreak.FORK, anchor.number)
                return

    def _look_for_missing(self, line: str | bytes, fault: AuditFault) -> None:
        if fault.why is not AuditBreak.REMOVED:
            return
        try:
            entry = read_audit_entry(line)
        except ValueError:
            return
        if entry.number == fault.number and entry.prev == self._head.hash:
            self._fault = AuditFault(AuditBreak.REORDERED, fault.number, fault.line)

    def _break(self, why: AuditBreak, number: int) -> None:
        self._fault = AuditFault(why, number, max(1, self._line))


def verify_audit(
    lines: Iterable[str | bytes],
    anchor: AuditAnchor | AuditHead | None = None,
    *,
    start: AuditHead | None = None,
) -> AuditReport:
    """Check the lines of a chain.

    Args:
        lines: In order, without their ends. Only one at a time is kept.
        anchor: A head that was told elsewhere; without one, a cut tail cannot be seen.
        start: What the chain goes on from; by default it is a whole one.
    """
    known = AuditAnchor.of(anchor) if isinstance(anchor, AuditHead) else anchor
    check = AuditCheck(() if known is None else (known,), start=start)
    for line in lines:
        check.take(line)
    return check.finish()


def _seal(raw: RawEvent, head: AuditHead) -> AuditEntry:
    event = _event(raw.text)
    kept = (
        {"event": event}
        if event is not None
        else {
            "unreadable": {
                "bytes": len(raw.text),
                "sha256": hashlib.sha256(raw.text).hexdigest(),
            }
        }
    )
    number = head.number + 1
    parts = {"n": number, "prev": head.hash, "cursor": raw.cursor} | kept
    content = canonical_text(parts, max_depth=_DEPTH + 2, max_size=MAX_AUDIT_LINE)
    digest = _hash(head.hash, content.encode())
    text = f'{{"entry":{content},"hash":"{digest}"}}'
    return AuditEntry(number, head.hash, raw.cursor, event, digest, text)


def _event(text: bytes) -> dict[str, Any] | None:
    """Return the JSON object of *text*, whatever kind of event it is.

    A newer version's event is sealed like our own: what we do not know must not be passed over.
    """
    try:
        value = parse_json(text, max_depth=_DEPTH, max_size=MAX_EVENT)
    except (PayloadNotCanonical, LimitExceeded):
        return None
    return value if isinstance(value, dict) else None


def _hash(prev: str, content: bytes) -> str:
    return hashlib.sha256(_PREFIX + prev.encode() + b"\n" + content).hexdigest()
