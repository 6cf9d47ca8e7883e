"""The keyring: made once, private, rotated without a gap."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.keyring import open_keyring, rotate, rotation
from gate import ConfigError, PublicKey, read_public_keys

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
FILES = ("private.pem", "secret", "public_keys")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "keys"
    made.mkdir(mode=0o700)
    return made


def test_keys_are_made_once(folder: Path) -> None:
    """The second start finds the first one's; only the public list may be read by others."""
    first, second = open_keyring(folder, create=True), open_keyring(folder, create=True)
    assert (first.key.public, first.secret) == (second.key.public, second.secret)
    assert sorted(FILES) == sorted(path.name for path in folder.iterdir())
    assert [0o600, 0o600, 0o644] == [(folder / name).stat().st_mode & 0o777 for name in FILES]
    assert 32 <= len(first.secret)


def test_processes_that_start_at_once_get_the_same_keys(folder: Path) -> None:
    """Whoever is first makes them; the others take those."""
    with ThreadPoolExecutor(16) as pool:
        rings = list(pool.map(lambda _: open_keyring(folder, create=True), range(32)))
    assert 1 == len({ring.key.public.id for ring in rings})
    assert 1 == len({ring.secret for ring in rings})
    assert sorted(FILES) == sorted(path.name for path in folder.iterdir())


def test_without_keys_the_start_stops(folder: Path) -> None:
    """Nothing is made unasked, and the sentence says how to get some."""
    with pytest.raises(ConfigError, match="keygen"):
        open_keyring(folder, create=False)
    assert [] == list(folder.iterdir())


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff\xfe"])
def test_broken_files_stop_the_start(folder: Path, name: str, content: bytes) -> None:
    """Never new keys in place of broken ones: receipts of the old would become unreadable."""
    open_keyring(folder, create=True)
    (folder / name).write_bytes(content)
    for create in (False, True):
        with pytest.raises(ConfigError, match="SIGNOFF_KEYS"):
            open_keyring(folder, create=create)
    assert content == (folder / name).read_bytes()


@pytest.mark.parametrize("name", ["private.pem", "secret"])
def test_keys_that_others_can_read_stop_the_start(folder: Path, name: str) -> None:
    """The sentence says what to run."""
    open_keyring(folder, create=True)
    (folder / name).chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600") as raised:
        open_keyring(folder, create=False)
    path = folder / name
    assert f"SIGNOFF_KEYS: {path} is open to others; run: chmod 600 {path}" == str(raised.value)


def test_keys_that_cannot_be_written_stop_the_start(folder: Path) -> None:
    """A full or closed disk is a sentence with the file's name, not a traceback."""
    with pytest.raises(ConfigError, match=r"SIGNOFF_KEYS: .*/secret cannot be written"):
        open_keyring(folder / "gone", create=True)


def test_a_key_that_the_list_does_not_name_stops_the_start(folder: Path, tmp_path: Path) -> None:
    """No gate would believe what it signs."""
    open_keyring(folder, create=True)
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    strange = open_keyring(other, create=True).public_keys.read_bytes()
    (folder / "public_keys").write_bytes(strange)
    with pytest.raises(ConfigError, match="does not list"):
        open_keyring(folder, create=True)


def test_rotation_leaves_no_gap(folder: Path) -> None:
    """New decisions have the new key; the old one counts for the grace, and then is dropped."""
    old = open_keyring(folder, create=True)
    new = rotate(folder, now=NOW, grace=timedelta(days=1))
    assert old.key.public != new.key.public
    assert old.secret == new.secret
    listed = read_public_keys(new.public_keys.read_text(), setting="X")
    assert [new.key.public.id, old.key.public.id] == [key.id for key in listed]
    assert [None, NOW + timedelta(days=1)] == [key.retired_at for key in listed]
    newest = rotate(folder, now=NOW + timedelta(days=2), grace=timedelta(days=1))
    listed = read_public_keys(newest.public_keys.read_text(), setting="X")
    assert [newest.key.public.id, new.key.public.id] == [key.id for key in listed]
    with pytest.raises(ConfigError):
        rotate(folder.parent, now=NOW, grace=timedelta(days=1))


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_a_rotation_that_stops_half_way_leaves_keys_that_work(folder: Path, steps: int) -> None:
    """Whatever was written, the key in use is listed without an end, and the other one counts.

    The next rotation is a rotation like any other, and ends what the unfinished one has left.
    """
    old = open_keyring(folder, create=True)
    stopped = rotation(folder, now=NOW, grace=timedelta(days=1))
    for _ in range(steps):
        next(stopped)
    ring = open_keyring(folder, create=False)
    listed = {key.id: key.retired_at for key in ring.listed}
    assert (steps < 2) is (old.key.public == ring.key.public)
    assert listed[ring.key.public.id] is None
    assert (NOW + timedelta(days=1) if steps == 3 else None) == listed[old.key.public.id]
    newest = rotate(folder, now=NOW, grace=timedelta(days=2))
    assert [newest.key.public.id] == [key.id for key in newest.listed if key.retired_at is None]
    assert {key.id for key in ring.listed} < {key.id for key in newest.listed}


def test_a_key_in_use_that_is_listed_as_ended_gets_a_grace_again(folder: Path) -> None:
    """What it signed until now counts until the grace is over."""
    ring = open_keyring(folder, create=True)
    ended = PublicKey(ring.key.public.raw, retired_at=NOW - timedelta(days=1))
    ring.public_keys.write_text(f"{ended}\n")
    new = rotate(folder, now=NOW, grace=timedelta(days=1))
    assert [None, NOW + timedelta(days=1)] == [key.retired_at for key in new.listed]
