"""The archive: old sealed events go to signed files, whole, before they leave the store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from bot.archive import Archive, Segment, segments
from bot.keyring import Keyring, open_keyring, rotate
from gate import (
    ApprovalRefused,
    AuditAnchor,
    AuditCheck,
    AuditHead,
    AuditReport,
    RawEvent,
    SigningKey,
    read_segment_anchor,
    seal_events,
    sign_segment,
)
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.support.factories import START
from tests.support.waiting import wait_until

DAY = 86400.0


class Shelf:
    """A store with a chain, a folder, and the time."""

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(clock=self.clock)
        self.folder = folder / "archive"
        self.keyring = keyring
        self.archive = self.another()

    def another(self, *, largest: int = 50_000) -> Archive:
        return Archive(
            self.store,
            self.folder,
            keyring=self.keyring,
            retention=10 * DAY,
            now=self.store.now,
            interval=0.005,
            largest=largest,
        )

    async def seal(self, count: int, *, at: float | None = None) -> None:
        """Log and seal so many events of now, or of so many seconds after the start."""
        moment = self.clock.now() if at is None else START + timedelta(seconds=at)
        for number in range(count):
            event = ApprovalRefused(
                id=f"x{number}", at=moment, principal="cli:ana", reason="not_by"
            )
            await self.store.append([event])
        await self.seal_all()

    async def seal_all(self) -> None:
        head = await self.store.audit_head()
        await self.store.seal(head, seal_events(await self.store.unsealed(head.cursor), head))

    def found(self) -> list[Segment]:
        return segments(self.folder, self.keyring.listed) if self.folder.exists() else []

    async def verified(self) -> AuditReport:
        """Check files and store as one chain."""
        found = self.found()
        check = AuditCheck([AuditAnchor.of(segment.end) for segment in found])
        for segment in found:
            for line in segment.lines():
                check.take(line)
        for _, line in await self.store.sealed(found[-1].end.number if found else 0, limit=10_000):
            check.take(line)
        return check.finish()

    async def numbers(self) -> list[int]:
        return [number for number, _ in await self.store.sealed(0, limit=10_000)]


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    return open_keyring(folder, create=True)


@pytest.fixture
def at(tmp_path: Path, keyring: Keyring) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path, keyring)
    yield shelf
    left = [path.name for path in shelf.folder.glob(".*")] if shelf.folder.exists() else []
    assert left == []


async def test_what_is_old_moves_and_the_chain_stays_whole(at: Shelf):
    """P20: nothing leaves the store before it is in a file, and both together verify."""
    await at.seal(5)
    await at.clock.advance(6 * DAY)
    await at.seal(3)
    head = await at.store.audit_head()
    assert 0 == await at.archive.sweep(at.folder)
    await at.clock.advance(5 * DAY)
    assert 5 == await at.archive.sweep(at.folder)
    assert [6, 7, 8] == await at.numbers()
    assert head == await at.store.audit_head()
    report = await at.verified()
    assert (True, 8, head) == (report.whole, report.entries, report.head)
    [segment] = at.found()
    assert "audit-000000000001-000000000005.jsonl" == segment.path.name
    for path in at.folder.iterdir():
        assert 0o600 == path.stat().st_mode & 0o777
    assert 0o700 == at.folder.stat().st_mode & 0o777


async def test_segments_follow_each_other(at: Shelf):
    """Sweep after sweep, and again when more is old; the last entry always stays in the store."""
    archive = at.another(largest=4)
    await at.seal(10)
    await at.clock.advance(11 * DAY)
    assert [4, 4, 1, 0] == [await archive.sweep(at.folder) for _ in range(4)]
    assert [10] == await at.numbers()
    await at.seal(2)
    assert 1 == await archive.sweep(at.folder)
    assert [(0, 4), (4, 8), (8, 9), (9, 10)] == [
        (segment.start.number, segment.end.number) for segment in at.found()
    ]
    report = await at.verified()
    assert (True, 12) == (report.whole, report.entries)


async def test_odd_times_hold_up_nothing(at: Shelf):
    """An event that claims to be of the future, or is none, does not keep the others here."""
    await at.seal(2)
    await at.seal(1, at=1e9)
    at.store._events.append("garbage")
    await at.seal_all()
    await at.seal(2)
    await at.clock.advance(11 * DAY)
    assert 5 == await at.archive.sweep(at.folder)
    assert (await at.verified()).whole


@pytest.mark.parametrize("step", ["half", "no anchor", "not dropped"])
async def test_a_stop_in_the_middle(at: Shelf, step: str):
    """Whatever was written before a crash: the next sweep ends with one whole archive."""
    await at.seal(6)
    await at.clock.advance(11 * DAY)
    kept = list(at.store._entries)
    assert 5 == await at.archive.sweep(at.folder)
    [segment] = at.found()
    if step != "not dropped":
        segment.path.with_name(segment.path.name + ".anchor").unlink()
    if step == "half":
        segment.path.write_bytes(segment.path.read_bytes()[:-10])
    at.store._entries[:] = kept
    await at.seal(3)
    again = at.another()
    while await again.sweep(at.folder):
        pass
    assert [7, 8, 9] == await at.numbers()
    assert (await at.verified()).whole
    assert 9 == (await at.verified()).entries


@pytest.mark.parametrize("how", ["edit", "cut", "swap"])
async def test_a_changed_file_is_never_gone_on_from(at: Shelf, how: str):
    """A segment that is not as it was written stops the archive; the store keeps everything."""
    await at.seal(6)
    await at.clock.advance(11 * DAY)
    kept = list(at.store._entries)
    await at.archive.sweep(at.folder)
    at.store._entries[:] = kept
    [segment] = at.found()
    lines = segment.path.read_bytes().splitlines(keepends=True)
    changed = {
        "edit": [lines[0].replace(b"not_by", b"not_me"), *lines[1:]],
        "cut": lines[:-1],
        "swap": [lines[1], lines[0], *lines[2:]],
    }[how]
    segment.path.write_bytes(b"".join(changed))
    with pytest.raises(ValueError, match="not what was written"):
        await at.archive.sweep(at.folder)
    assert 6 == len(await at.numbers())
    assert not (await at.verified()).whole


async def test_another_chains_segment_takes_nothing_from_this_one(at: Shelf):
    """A folder of another store is noticed before anything is dropped."""
    other = Shelf(at.folder.parent, at.keyring)
    await other.seal(3, at=1.0)
    await other.clock.advance(11 * DAY)
    await other.archive.sweep(other.folder)
    await at.seal(6)
    await at.clock.advance(11 * DAY)
    with pytest.raises(ValueError, match="another chain"):
        await at.archive.sweep(at.folder)
    assert 6 == len(await at.numbers())


async def test_a_broken_chain_is_not_archived(at: Shelf):
    """An entry that was changed in the store stays there, for a person to look at."""
    await at.seal(6)
    await at.clock.advance(11 * DAY)
    first, second, *rest = at.store._entries
    at.store._entries[:] = [second, first, *rest]
    with pytest.raises(ValueError, match="broken"):
        await at.archive.sweep(at.folder)
    assert 6 == len(at.store._entries)


async def test_it_runs_by_itself_and_says_what_fails(at: Shelf):
    """A disk that takes nothing is said in the log; when it does, the archive goes on."""
    await at.seal(3)
    await at.clock.advance(11 * DAY)
    at.folder.write_text("a file where the folder should be")
    with structlog.testing.capture_logs() as logs:
        task = asyncio.create_task(at.another().run())
        try:
            await wait_until(lambda: bool(logs), "the failure is said")
            at.folder.unlink()
            await wait_until(lambda: len(at.store._entries) == 1, "it is archived")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert {"archive.failed", "archive.written"} == {log["event"] for log in logs}


async def test_without_a_folder_nothing_is_archived(at: Shelf):
    """It ends at once, and the store keeps everything."""
    await at.seal(3)
    await at.clock.advance(11 * DAY)
    archive = Archive(at.store, None, keyring=at.keyring, retention=DAY, now=at.store.now)
    await archive.run()
    assert 3 == len(await at.numbers())


async def test_keys_of_before_still_prove_their_segments(at: Shelf, tmp_path: Path):
    """A rotation, also one whose grace is over, leaves the archive readable."""
    await at.seal(3)
    await at.clock.advance(11 * DAY)
    await at.archive.sweep(at.folder)
    fresh = rotate(tmp_path / "keys", now=at.clock.now(), grace=timedelta(seconds=1))
    assert 1 == len(segments(at.folder, fresh.listed))
    with pytest.raises(ValueError, match="known key"):
        segments(at.folder, [SigningKey.generate().public])


def test_anchors():
    """An anchor says exactly what was signed; whatever is changed, it is none."""
    key = SigningKey.generate()
    entries = seal_events([RawEvent(str(number), b"{}") for number in range(4)], AuditHead())
    start, end = entries[0].head, entries[3].head
    text = sign_segment(start, end, key)
    assert (start, end) == read_segment_anchor(text, [SigningKey.generate().public, key.public])
    for at in range(0, len(text), 3):
        changed = text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]
        with pytest.raises(ValueError, match=r"anchor|key"):
            read_segment_anchor(changed, [key.public])
    junk: Sequence[str | bytes] = ("", "{}", "[]", "null", b"\xff", "{" * 10_000, text + text)
    for given in junk:
        with pytest.raises(ValueError, match="anchor"):
            read_segment_anchor(given, [key.public])
    for first, last in ((end, start), (end, end)):
        with pytest.raises(ValueError, match="no entry"):
            sign_segment(first, last, key)


def test_a_folder_of_other_things(tmp_path: Path, keyring: Keyring):
    """What is no segment is passed over; one without its anchor is named."""
    (tmp_path / "notes.txt").write_text("x")
    assert [] == segments(tmp_path, keyring.listed)
    name = "audit-000000000001-000000000005.jsonl"
    (tmp_path / name).write_text("")
    with pytest.raises(ValueError, match=f"{name} has no anchor"):
        segments(tmp_path, keyring.listed)
