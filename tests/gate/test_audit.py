"""The chain: whatever is done to it afterwards is found, and the first broken entry is named."""

from __future__ import annotations

import hashlib
import itertools
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import (
    MAX_AUDIT_LINE,
    ApprovalAnswer,
    ApprovalEvent,
    AuditAnchor,
    AuditBreak,
    AuditCheck,
    AuditHead,
    RawEvent,
    event_from_wire,
    parse_json,
    read_audit_entry,
    seal_events,
    verify_audit,
)

_CORPUS = sorted((Path(__file__).parents[1] / "corpus/event/v1").glob("*.json"))
_WORDS = st.sampled_from(["onApprovalViewed", "onApprovalRefused", "onSomethingNew"])
_EVENTS = st.lists(
    st.one_of(
        st.builds(
            lambda word, note: json.dumps({"type": word, "id": "x", "note": note}).encode(),
            _WORDS,
            st.text(max_size=20),
        ),
        st.binary(max_size=20),
    ),
    min_size=2,
    max_size=12,
)


def _raw(*texts: bytes) -> list[RawEvent]:
    return [RawEvent(f"{number}-0", text) for number, text in enumerate(texts, 1)]


def _lines(count: int) -> list[str]:
    events = _raw(*(b'{"type":"t","id":"%d"}' % number for number in range(count)))
    return [entry.text for entry in seal_events(events, AuditHead())]


def _broken(lines: list[Any], **how: Any) -> tuple[str, int, int]:
    fault = verify_audit(lines, **how).fault
    assert fault is not None
    return fault.why, fault.number, fault.line


@pytest.mark.parametrize("path", _CORPUS, ids=lambda path: path.stem)
def test_every_kind_of_event_is_sealed(path: Path):
    """Whatever was ever written is sealed as it was written, and can be read out of the seal."""
    event = event_from_wire(parse_json(path.read_text()))
    text = json.dumps(event.to_wire(), ensure_ascii=False).encode()
    [entry] = seal_events(_raw(text), AuditHead())
    assert event == event_from_wire(read_audit_entry(entry.text).event)


def test_the_corpus_has_every_kind():
    """So that a new event cannot be forgotten above."""
    kinds = {*ApprovalEvent.__subclasses__(), *ApprovalAnswer.__subclasses__()} - {ApprovalAnswer}
    told = {parse_json(path.read_text())["type"] for path in _CORPUS}
    assert {kind.model_fields["type"].default for kind in kinds} == told


def test_an_entry_is_what_its_description_says():
    """Anyone can check the chain with a hash function alone: prefix, previous hash, entry."""
    first, second = (json.loads(line) for line in _lines(2))
    line = _lines(2)[1]
    content = line[len('{"entry":') : line.index(',"hash":')]
    prev = first["hash"]
    said = hashlib.sha256(f"signoff/audit/v1\n{prev}\n{content}".encode()).hexdigest()
    assert said == second["hash"]
    assert {
        "n": 2,
        "prev": prev,
        "cursor": "2-0",
        "event": {"type": "t", "id": "1"},
    } == second["entry"]
    assert "0" * 64 == first["entry"]["prev"]


@given(_EVENTS, st.data())
def test_one_log_gives_one_chain(texts: list[bytes], data: st.DataObject):
    """In one go or in any pieces, by whomever: the same lines; and they verify."""
    events = _raw(*texts)
    cut = data.draw(st.integers(0, len(events)))
    whole = seal_events(events, AuditHead())
    first = seal_events(events[:cut], AuditHead())
    head = first[-1].head if first else AuditHead()
    assert whole == [*first, *seal_events(events[cut:], head)]
    report = verify_audit([entry.text for entry in whole], whole[-1].head)
    assert (True, len(events), whole[-1].head) == (report.whole, report.entries, report.head)
    assert sum(entry.event is None for entry in whole) == report.unreadable


@given(_EVENTS, st.data())
def test_any_edit_is_found_and_named(texts: list[bytes], data: st.DataObject):
    """A single other byte, wherever it is, breaks the very entry that it is in."""
    entries = seal_events(_raw(*texts), AuditHead())
    lines = [entry.text.encode() for entry in entries]
    place = data.draw(st.integers(0, len(lines) - 1))
    byte = data.draw(st.integers(0, len(lines[place]) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda value: value != lines[place][byte]))
    changed = bytearray(lines[place])
    changed[byte] = other
    why, number, line = _broken([*lines[:place], bytes(changed), *lines[place + 1 :]])
    assert (place + 1, place + 1) == (number, line)
    assert why in (AuditBreak.EDITED, AuditBreak.UNREADABLE)


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ('"id":"1"', '"id":"7"'),
        ('"type":"t"', '"type":"u"'),
        ('"cursor":"2-0"', '"cursor":"3-0"'),
        ('"n":2', '"n":3'),
    ],
)
def test_an_edit_that_reads_as_well_is_found(said: str, other: str):
    """What is still an entry, and says another thing, does not have the hash that it carries."""
    lines = _lines(3)
    assert 1 == lines[1].count(said)
    lines[1] = lines[1].replace(said, other)
    assert (AuditBreak.EDITED, 2, 2) == _broken(lines)


@given(_EVENTS, st.data())
def test_any_removal_is_found_and_named(texts: list[bytes], data: st.DataObject):
    """Of one entry or of several in a row; at the end, against the head."""
    entries = seal_events(_raw(*texts), AuditHead())
    lines = [entry.text for entry in entries]
    start = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(start + 1, len(lines)))
    why, number, _ = _broken([*lines[:start], *lines[end:]], anchor=entries[-1].head)
    assert start + 1 == number
    assert (AuditBreak.REMOVED if end < len(lines) else AuditBreak.CUT) == why


@given(_EVENTS, st.data())
def test_any_insertion_is_found_and_named(texts: list[bytes], data: st.DataObject):
    """A copy of an entry, or a foreign one that is made as well as can be."""
    entries = seal_events(_raw(*texts), AuditHead())
    lines = [entry.text for entry in entries]
    place = data.draw(st.integers(0, len(lines) - 1))
    copy = data.draw(st.sampled_from(lines[: place + 1]))
    why, _, line = _broken([*lines[: place + 1], copy, *lines[place + 1 :]])
    assert (AuditBreak.INSERTED, place + 2) == (why, line)
    head = entries[place - 1].head if place else AuditHead()
    [forged] = seal_events([RawEvent("9-9", b'{"type":"forged"}')], head)
    broken = _broken([*lines[:place], forged.text, *lines[place:]])
    assert (AuditBreak.INSERTED, place + 1, place + 2) == broken


@given(_EVENTS, st.data())
def test_any_swap_is_found_and_named(texts: list[bytes], data: st.DataObject):
    """Two entries in each other's places: the first of the two places is not as it was."""
    lines = [entry.text for entry in seal_events(_raw(*texts), AuditHead())]
    first = data.draw(st.integers(0, len(lines) - 2))
    second = data.draw(st.integers(first + 1, len(lines) - 1))
    lines[first], lines[second] = lines[second], lines[first]
    assert (AuditBreak.REORDERED, first + 1, first + 1) == _broken(lines)


@given(_EVENTS, st.data())
def test_a_history_written_anew_is_found(texts: list[bytes], data: st.DataObject):
    """One changed entry with a new hash breaks the next; all of them anew, the head that is known.

    Without a head that was told elsewhere nobody could see the latter.
    """
    events = _raw(*texts)
    entries = seal_events(events, AuditHead())
    place = data.draw(st.integers(0, len(events) - 1))
    events[place] = RawEvent(events[place].cursor, b'{"type":"another"}')
    anew = seal_events(events, AuditHead())
    assert verify_audit([entry.text for entry in anew]).whole
    known = data.draw(st.integers(place, len(events) - 1))
    broken = _broken([entry.text for entry in anew], anchor=entries[known].head)
    assert (AuditBreak.FORK, known + 1, known + 1) == broken
    if place + 1 < len(events):
        mixed = [*anew[: place + 1], *entries[place + 1 :]]
        broken = _broken([entry.text for entry in mixed])
        assert (AuditBreak.FORK, place + 2, place + 2) == broken


def test_a_forged_entry_in_another_spelling_is_none():
    """A line has one spelling: blanks, other orders of keys and further fields are no entry."""
    entry = '"cursor":"1-0","event":{},"n":1,"prev":"' + "0" * 64 + '"'
    contents = [
        "{" + entry.replace('"n":1', '"n": 1') + "}",
        "{" + '"more":1,' + entry + "}",
        "{" + entry.replace('"event":{}', '"event":[]') + "}",
        "{" + entry.replace('"event":{}', '"event":{},"unreadable":{}') + "}",
        "{" + entry.replace('"n":1', '"n":true') + "}",
        "{" + entry.replace('"n":1', '"n":1.0') + "}",
        "{" + entry.replace('"n":1', '"n":0') + "}",
        "{" + entry.replace('"1-0"', "null") + "}",
        "{" + entry.replace('"event":{}', '"event":{},"event":{}') + "}",
        "{}",
    ]
    good = "{" + entry + "}"
    for content in (good, *contents):
        said = hashlib.sha256(f"signoff/audit/v1\n{'0' * 64}\n{content}".encode()).hexdigest()
        line = f'{{"entry":{content},"hash":"{said}"}}'
        report = verify_audit([line])
        assert (content == good) is report.whole, content


@pytest.mark.parametrize(
    "line",
    [
        b"", b"null", b"[]", b"{}", b"\xff\xfe", b"\0" * 100, b"\xef\xbb\xbf{}",
        b'{"entry":' + b"[" * 60_000, b'{"entry":{' + b'"a":{' * 9000 + b"}", b"x" * 10_000_000,
        b'{"entry":{"n":' + b"9" * 60_000 + b'},"hash":"' + b"0" * 64 + b'"}',
        b'{"entry":{"n":1e999},"hash":"' + b"0" * 64 + b'"}',
    ],
    ids=range(12),
)  # fmt: skip
def test_garbage_is_named_by_its_line(line: bytes):
    """Whatever a line holds, it is one that cannot be read, in its place."""
    lines = [text.encode() for text in _lines(3)]
    assert (AuditBreak.UNREADABLE, 3, 3) == _broken([*lines[:2], line, lines[2]])


@pytest.mark.parametrize("kept", [1, 50, -1])
def test_a_cut_line_is_named(kept: int):
    """A file that ends in the middle of a line ends in a broken entry."""
    lines = _lines(3)
    assert (AuditBreak.UNREADABLE, 3, 3) == _broken([*lines[:2], lines[2][:kept]])


@pytest.mark.parametrize(
    "text",
    [
        b'{"type":"t","n":1' + b"0" * 5000 + b"}", b'{"type":"t","note":"' + b"x" * 70_000 + b'"}',
        b"{" * 100, b'{"a":1,"a":2}', b'{"a":NaN}', b'"text"', b'{"a":"\\ud800"}', b"\xff", b"",
        b'{"a":' * 40 + b"1" + b"}" * 40, b"x" * 5_000_000,
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_event_is_sealed_by_its_hash(text: bytes):
    """It is not passed over, and it cannot stop or bloat the chain."""
    [entry] = seal_events(_raw(text), AuditHead())
    unreadable = {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    assert unreadable == json.loads(entry.text)["entry"]["unreadable"]
    report = verify_audit([entry.text])
    assert (True, 1) == (report.whole, report.unreadable)


def test_the_largest_event_fits_a_line():
    """What is sealed whole can be read back, also where each character takes most bytes."""
    for char in ("x", "ü", "☃", "\\u0000", "\u2028"):
        room = (64 * 1024 - 20) // len(char.encode())
        text = ('{"note":"' + char * room + '"}').encode()
        [entry] = seal_events(_raw(text), AuditHead())
        assert entry.event is not None
        assert len(entry.text.encode()) <= MAX_AUDIT_LINE
        assert verify_audit([entry.text]).whole


def test_a_long_chain_takes_no_memory():
    """A log of any length is checked line by line."""
    lines = _lines(200)
    check = AuditCheck()
    for line in lines:
        check.take(line)
    tracemalloc.start()
    try:
        for line in itertools.islice(itertools.cycle(lines), 5000):
            check.take(line)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000
    assert not check.finish().whole


def test_a_chain_goes_on_from_a_head():
    """The later part of a chain is checked against the head before it."""
    lines = _lines(9)
    head = verify_audit(lines[:4]).head
    report = verify_audit(lines[4:], start=head)
    assert (True, 5, 9) == (report.whole, report.entries, report.head.number)
    assert (AuditBreak.REMOVED, 1, 1) == _broken(lines[4:])
    other = AuditHead(4, "f" * 64, head.cursor)
    assert (AuditBreak.FORK, 5, 1) == _broken(lines[4:], start=other)


@pytest.mark.parametrize(
    "form",
    [
        "{head}", "  {head}\n", "{head} ", "🔒 {head}", "{number}:{hash}", "{hash}", "{digits}",
        "AUDIT {number} · {digits}", "audit {number} · {digits} ...",
    ],
)  # fmt: skip
def test_a_head_is_read_as_people_copy_it(form: str):
    """From the thread, with or without what stands around it; also a hash alone."""
    lines = _lines(5)
    head = verify_audit(lines[:3]).head
    text = form.format(head=head, number=3, hash=head.hash, digits=head.hash[:16].upper())
    anchor = AuditAnchor.parse(text)
    assert verify_audit(lines, anchor).whole
    assert AuditBreak.CUT == _broken(lines[:2], anchor=anchor)[0]


@pytest.mark.parametrize(
    "text", ["", "audit", "audit 3", "9f3a 77c2", "3 · 9f3a77c2", "x" * 64, "0" * 65, "a " * 400]
)
def test_what_is_no_head_is_refused(text: str):
    """Too short to prove anything, or not a head."""
    with pytest.raises(ValueError, match="16 digits"):
        AuditAnchor.parse(text)


def test_a_head_of_another_number_does_not_fit():
    """The hash of entry 2 is no proof of entry 3; the empty chain has a head too."""
    lines = _lines(3)
    second = verify_audit(lines[:2]).head
    assert (AuditBreak.FORK, 3, 3) == _broken(lines, anchor=AuditAnchor(second.hash, 3))
    assert verify_audit([], AuditHead()).whole
    assert (AuditBreak.CUT, 1, 1) == _broken([], anchor=second)
