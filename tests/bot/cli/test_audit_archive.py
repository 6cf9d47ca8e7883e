"""`signoff audit` over what has left the store: archive and store are checked as one chain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.archive import Archive
from bot.cli import main
from bot.keyring import Keyring, open_keyring
from gate import SigningKey
from stores import Store, open_store

from .test_audit import play, seal


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    return open_keyring(folder, create=True)


@pytest.fixture
def folder(tmp_path: Path, url: str, keyring: Keyring) -> Path:
    """A store of which all but the last sealed entry is archived, in two segments."""

    async def work(store: Store) -> None:
        await play(store)
        await seal(store)

        async def in_a_year() -> datetime:
            return await store.now() + timedelta(days=365)

        for largest in (10, 1000):
            archive = Archive(
                store, None, keyring=keyring, retention=86400.0, now=in_a_year, largest=largest
            )
            assert await archive.sweep(tmp_path / "archive") > 0
        assert 1 == len(await store.sealed())

    _at(url, work)
    return tmp_path / "archive"


def _at(url: str, work: Callable[[Store], Any]) -> Any:
    async def run() -> Any:
        async with open_store(url) as store:
            return await work(store)

    return asyncio.run(run())


def _run(url: str, keyring: Keyring | None, *arguments: str) -> Result:
    keys = str(keyring.public_keys.parent) if keyring is not None else "/nonexistent"
    environ = {"SIGNOFF_REDIS_URL": url, "SIGNOFF_KEYS": keys, "COLUMNS": "400"}
    return CliRunner().invoke(main, ("audit", *arguments), env=environ)


def test_both_parts_are_one_chain(url: str, keyring: Keyring, folder: Path, tmp_path: Path):
    """With --archive the chain is whole, by the head of the store; without, its beginning lacks."""
    head = _at(url, lambda store: store.audit_head())
    whole = _run(url, keyring, "verify", "--archive", str(folder), "--head", str(head))
    assert 0 == whole.exit_code, whole.output
    assert f"{head.number} entries whole; head: {head}\n" == whole.stdout
    part = _run(url, keyring, "verify")
    assert (2, True) == (part.exit_code, "entry 1 is missing" in part.stdout)
    target = tmp_path / "export.jsonl"
    done = _run(url, keyring, "export", "--archive", str(folder), "--out", str(target))
    assert 0 == done.exit_code, done.output
    assert head.number == len(target.read_text().splitlines())
    assert 0 == _run(url, keyring, "verify", str(target), "--head", str(head)).exit_code


@pytest.mark.parametrize("how", ["edit", "cut", "lost"])
def test_a_changed_archive_is_broken(url: str, keyring: Keyring, folder: Path, how: str):
    """Whatever was done to the files: exit code 2, and the first broken entry is named."""
    first, second = sorted(folder.glob("*.jsonl"))
    lines = first.read_bytes().splitlines(keepends=True)
    if how == "edit":
        first.write_bytes(b"".join([lines[0], lines[1].replace(b'"n":2', b'"n":7'), *lines[2:]]))
    elif how == "cut":
        second.write_bytes(b"".join(second.read_bytes().splitlines(keepends=True)[:-1]))
    else:
        for path in (first, first.with_name(first.name + ".anchor")):
            path.unlink()
    done = _run(url, keyring, "verify", "--archive", str(folder))
    assert 2 == done.exit_code
    assert "BROKEN" in done.stdout
    assert {"edit": "entry 2", "cut": "missing", "lost": "entry 1 is missing"}[how] in done.stdout


def test_an_archive_that_proves_nothing(url: str, keyring: Keyring, folder: Path, tmp_path: Path):
    """Foreign keys, no keys, no anchor, two chains: exit code 2 with the reason."""
    other = tmp_path / "others"
    other.mkdir(mode=0o700)
    foreign = open_keyring(other, create=True)
    assert SigningKey.generate().public.id != foreign.key.public.id
    for keys, said in ((foreign, "not signed by a known key"), (None, "SIGNOFF_PUBLIC_KEYS")):
        done = _run(url, keys, "verify", "--archive", str(folder))
        assert (2, True) == (done.exit_code, said in done.output), done.output
    next(folder.glob("*.anchor")).unlink()
    done = _run(url, keyring, "verify", "--archive", str(folder))
    assert (2, True) == (done.exit_code, "has no anchor" in done.output)
    both = _run(url, keyring, "verify", "-", "--archive", str(folder))
    assert 2 == both.exit_code
