"""What lies on disk is private and whole; what is broken is said, and never taken for missing."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gate import ConfigError, StoreCorrupt, StoreUnavailable
from stores import open_checkpoints, open_step_log
from stores.checkpoints import FileCheckpoints
from stores.conformance.steps import step_row
from stores.steps import FileStepLog
from tests.support.processes import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def checkpoints(folder: Path) -> FileCheckpoints:
    return FileCheckpoints(folder)


@pytest.fixture
def log(folder: Path) -> FileStepLog:
    return FileStepLog(folder)


def rights(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}


def started(*arguments: str, talk: bool = False) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE if talk else None
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdin=pipe, stdout=pipe)


async def test_files_are_private(
    folder: Path, checkpoints: FileCheckpoints, log: FileStepLog
) -> None:
    """Nobody else can read them, whatever the process's mask is; nothing else lies about."""
    before = os.umask(0)
    try:
        await checkpoints.save("agent-loop:billing", "x")
        await checkpoints.save("A" * 300, "x")
        await log.append("job-7", step_row(1), after="")
    finally:
        os.umask(before)
    found = rights(folder)
    assert found.pop(folder.name) == 0o700
    assert {0o600} == set(found.values())
    hashed, *names = sorted(found)
    assert ["agent-loop%3abilling.checkpoint", "job-7.steps"] == names
    assert hashed.startswith("%%")


async def test_another_process_sees_it(folder: Path, checkpoints: FileCheckpoints) -> None:
    """A new object on the same folder finds everything."""
    version = await checkpoints.save("key", "text")
    async with open_checkpoints(f"file://{folder}") as again:
        kept = await again.load("key")
    assert kept is not None
    assert ("text", version) == (kept.text, kept.version)


@pytest.mark.parametrize("keep", [0, 1, 40, -1])
async def test_a_cut_checkpoint_is_corrupt(
    folder: Path, checkpoints: FileCheckpoints, keep: int
) -> None:
    """Whatever is missing of a file: an error that names the key, and never "there is none"."""
    await checkpoints.save("key", "hunter2" * 20)
    file = folder / "key.checkpoint"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(StoreCorrupt) as caught:
        await checkpoints.load("key")
    assert caught.value.key == "key"
    assert "hunter2" not in str(caught.value)
    with pytest.raises(StoreCorrupt):
        await checkpoints.swap("key", "x", expected="")
    with pytest.raises(StoreCorrupt):
        await checkpoints.delete("key", expected="x")
    assert ["key"] == list(await checkpoints.keys())
    await checkpoints.save("key", "new")
    assert await checkpoints.delete("key")


async def test_a_changed_checkpoint_is_corrupt(folder: Path, checkpoints: FileCheckpoints) -> None:
    """A changed byte, and the file of another key, are found."""
    await checkpoints.save("key", "one")
    file = folder / "key.checkpoint"
    raw = file.read_bytes()
    file.write_bytes(raw.replace(b"one", b"two"))
    with pytest.raises(StoreCorrupt, match="not the one that was written"):
        await checkpoints.load("key")
    (folder / "other.checkpoint").write_bytes(raw)
    with pytest.raises(StoreCorrupt, match="another key"):
        await checkpoints.load("other")


async def test_links_are_not_followed(
    folder: Path, tmp_path: Path, checkpoints: FileCheckpoints, log: FileStepLog
) -> None:
    """A link in a file's place is an error to read, and is replaced, not followed, by a write."""
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    for name in ("key.checkpoint", "job-7.steps", ".new"):
        (folder / name).symlink_to(outside)
    with pytest.raises(StoreCorrupt, match="a link"):
        await checkpoints.load("key")
    with pytest.raises(StoreCorrupt, match="a link"):
        await log.rows("job-7")
    with pytest.raises(StoreCorrupt, match="a link"):
        await log.append("job-7", step_row(1), after="")
    await checkpoints.save("key", "x")
    assert not (folder / "key.checkpoint").is_symlink()
    assert outside.read_text() == "untouched"


async def test_what_is_no_file_is_corrupt(
    folder: Path, checkpoints: FileCheckpoints, log: FileStepLog
) -> None:
    """A pipe does not hold us up, a folder is not read."""
    os.mkfifo(folder / "key.checkpoint")
    (folder / "job-7.steps").mkdir()
    async with asyncio.timeout(5):
        with pytest.raises(StoreCorrupt):
            await checkpoints.load("key")
        with pytest.raises((StoreCorrupt, StoreUnavailable)):
            await log.append("job-7", step_row(1), after="")


async def test_the_folder_must_be_ours_alone(tmp_path: Path, folder: Path) -> None:
    """A link, a file, or a folder that others can look into stops the start, and later writes."""
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "open").mkdir(mode=0o755)
    for name in ("link", "file", "open"):
        with pytest.raises(ConfigError):
            FileCheckpoints(tmp_path / name)
    checkpoints = FileCheckpoints(folder)
    folder.chmod(0o750)  # noqa: ASYNC240  (one call)
    with pytest.raises(ConfigError, match="open to other users"):
        await checkpoints.save("key", "x")


@pytest.mark.parametrize(
    "url", ["file://", "file://host/x", "file:x", "file:///x?y=1", "file:///a%00b", "http://x"]
)
async def test_an_address_that_is_no_folder(url: str) -> None:
    """Only an absolute folder of this machine is one."""
    for opened in (open_checkpoints(url), open_step_log(url)):
        with pytest.raises(ConfigError):
            async with opened:
                pass


@pytest.mark.parametrize("torn", [b'{"', b"\0\0\0\0", b"x" * 200_000])
async def test_a_torn_last_line_loses_only_that_line(
    folder: Path, log: FileStepLog, torn: bytes
) -> None:
    """What a crash left of a row that nobody was told of is passed over, and cut off later."""
    rows = [step_row(number) for number in range(3)]
    for row in rows[:2]:
        assert await log.append("job-7", row, after="")
    with (folder / "job-7.steps").open("ab") as file:
        file.write(torn)
    assert rows[:2] == list(await log.rows("job-7"))
    assert await log.append("job-7", rows[2], after=None)
    assert rows == list(await log.rows("job-7"))


async def test_a_torn_first_line_is_an_empty_log(folder: Path, log: FileStepLog) -> None:
    """The very first row may be torn as well."""
    (folder / "job-7.steps").write_bytes(b'{"attempt":1')
    assert list(await log.rows("job-7")) == []
    assert await log.append("job-7", step_row(1), after="")
    assert [step_row(1)] == list(await log.rows("job-7"))


@pytest.mark.parametrize("line", [b"", b"{}", b"\0\0", b'{"a":1,"a":2}', b"[]"])
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_any_other_broken_line_is_corrupt(
    folder: Path, log: FileStepLog, line: bytes, place: int
) -> None:
    """A whole line that cannot be read is never passed over: a function could be called twice."""
    for number in range(2):
        await log.append("job-7", step_row(number), after="")
    file = folder / "job-7.steps"
    lines = file.read_bytes().splitlines()
    lines.insert(place, line)
    file.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(StoreCorrupt) as caught:
        await log.rows("job-7")
    assert caught.value.key == "job-7"
    if place == 2:
        with pytest.raises(StoreCorrupt):
            await log.append("job-7", step_row(3), after=None)


async def test_a_locked_folder_is_unavailable(folder: Path) -> None:
    """Another process that keeps the lock makes a write give up, and a killed one gives it back."""
    checkpoints = FileCheckpoints(folder, lock_timeout=0.05)
    code = (
        "import fcntl, os, sys\n"
        "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\nsys.stdin.read()"
    )
    keeper = started("-c", code, str(folder), talk=True)
    with keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"locked\n"
        with pytest.raises(StoreUnavailable, match="another process"):
            await checkpoints.save("key", "x")
        keeper.kill()
    await checkpoints.save("key", "x")


async def test_processes_swap_one_after_the_other(folder: Path) -> None:
    """Of writes by several processes none is lost: each goes on from the one before."""
    code = (
        "import asyncio, sys\n"
        "from stores.checkpoints import FileCheckpoints\n"
        "async def main():\n"
        "    place = FileCheckpoints(sys.argv[1], lock_timeout=30)\n"
        "    done = 0\n"
        "    while done < 20:\n"
        "        kept = await place.load('n')\n"
        "        text, version = (kept.text, kept.version) if kept else ('0', '')\n"
        "        done += bool(await place.swap('n', str(int(text) + 1), expected=version))\n"
        "asyncio.run(main())\n"
    )
    FileCheckpoints(folder)
    workers = [started("-c", code, str(folder)) for _ in range(3)]
    assert [0, 0, 0] == [await asyncio.to_thread(worker.wait, 60) for worker in workers]
    kept = await FileCheckpoints(folder).load("n")
    assert kept is not None
    assert kept.text == "60"
