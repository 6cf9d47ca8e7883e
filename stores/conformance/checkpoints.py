"""Owns the tests of `gate.Checkpoints`."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio

import pytest

from gate import (
    MAX_CHECKPOINT,
    MAX_CHECKPOINT_KEY,
    Checkpoints,
    InvalidId,
    LimitExceeded,
    PayloadNotCanonical,
)

__all__ = ["CheckpointsContract"]

_TASKS = 20
_KEYS = (
    "a",
    "A",
    "agent-loop:billing",
    "with space/and slash\\and:colon",
    "../../etc/passwd",
    "..",
    ".",
    "~",
    "%41",
    "a\nb",
    "nul\0inside",
    "con.checkpoint",
    "中文",
    "é",
    "e\u0301",
    "😀" * 100,
    "x" * MAX_CHECKPOINT_KEY,
    "X" * MAX_CHECKPOINT_KEY,
)
"""Each of them is a key, and none is another one."""


@pytest.mark.asyncio
class CheckpointsContract:
    """What a place for checkpoints fulfils. The fixture is `checkpoints`, empty for each test."""

    async def test_a_text_comes_back(self, checkpoints: Checkpoints) -> None:
        """What was saved is loaded, every character of it, with the version of its write."""
        for text in ("", "x", '{"a": 1}\n', "\0\r\n\u2028中😀", " 1 2 "):
            version = await checkpoints.save("key", text)
            kept = await checkpoints.load("key")
            assert kept is not None
            assert (text, version) == (kept.text, kept.version)

    async def test_nothing_is_none(self, checkpoints: Checkpoints) -> None:
        """A key that was never saved has nothing."""
        assert await checkpoints.load("key") is None
        assert list(await checkpoints.keys()) == []

    async def test_every_text_is_a_key(self, checkpoints: Checkpoints) -> None:
        """Keys are compared exactly, whatever is in them, and are listed as they were given."""
        for key in _KEYS:
            assert await checkpoints.swap(key, f"of {key}", expected="") is not None
        for key in _KEYS:
            kept = await checkpoints.load(key)
            assert kept is not None
            assert f"of {key}" == kept.text
        assert sorted(_KEYS) == list(await checkpoints.keys())

    @pytest.mark.parametrize("key", ["", "\ud800", "x" * (MAX_CHECKPOINT_KEY + 1), 7, None])
    async def test_what_is_no_key_is_refused(self, checkpoints: Checkpoints, key: str) -> None:
        """An empty, endless or broken key is said before anything is done."""
        refused = (InvalidId, LimitExceeded, PayloadNotCanonical)
        with pytest.raises(refused):
            await checkpoints.save(key, "x")
        with pytest.raises(refused):
            await checkpoints.swap(key, "x", expected="")
        with pytest.raises(refused):
            await checkpoints.load(key)
        with pytest.raises(refused):
            await checkpoints.delete(key)

    async def test_what_is_too_large_is_refused(self, checkpoints: Checkpoints) -> None:
        """8 MiB go in; more is a LimitExceeded, and what was there stays."""
        largest = "é" * (MAX_CHECKPOINT // 2)
        version = await checkpoints.save("key", largest)
        with pytest.raises(LimitExceeded):
            await checkpoints.save("key", largest + "x")
        with pytest.raises(LimitExceeded):
            await checkpoints.swap("key", largest + "x", expected=version)
        with pytest.raises(PayloadNotCanonical):
            await checkpoints.save("key", "\ud800")
        kept = await checkpoints.load("key")
        assert kept is not None
        assert (version, len(largest)) == (kept.version, len(kept.text))
        assert largest == kept.text

    async def test_save_replaces_whatever_is_there(self, checkpoints: Checkpoints) -> None:
        """Each write has a version of its own, also of the same text."""
        versions = [await checkpoints.save("key", "same") for _ in range(3)]
        assert len(set(versions)) == 3
        assert "" not in versions
        kept = await checkpoints.load("key")
        assert kept is not None
        assert versions[-1] == kept.version

    async def test_swap_compares_versions(self, checkpoints: Checkpoints) -> None:
        """Written only over the expected version; where refused, nothing changes."""
        assert await checkpoints.swap("key", "x", expected="unknown") is None
        assert await checkpoints.load("key") is None
        first = await checkpoints.swap("key", "first", expected="")
        assert first is not None
        assert await checkpoints.swap("key", "again", expected="") is None
        second = await checkpoints.swap("key", "second", expected=first)
        assert second is not None
        assert await checkpoints.swap("key", "late", expected=first) is None
        kept = await checkpoints.load("key")
        assert kept is not None
        assert ("second", second) == (kept.text, kept.version)

    @pytest.mark.parametrize("first", [True, False])
    async def test_of_many_swaps_one_writes(self, checkpoints: Checkpoints, first: bool) -> None:  # noqa: FBT001  (a case)
        """Two workers never both go on from one version."""
        expected = "" if first else await checkpoints.save("key", "start")
        written = await asyncio.gather(
            *(
                checkpoints.swap("key", f"by {number}", expected=expected)
                for number in range(_TASKS)
            )
        )
        [winner] = [number for number, version in enumerate(written) if version is not None]
        kept = await checkpoints.load("key")
        assert kept is not None
        assert (f"by {winner}", written[winner]) == (kept.text, kept.version)

    async def test_a_version_never_comes_back(self, checkpoints: Checkpoints) -> None:
        """A worker that slept through a delete and a new start does not go on."""
        old = await checkpoints.save("key", "same")
        await checkpoints.delete("key")
        assert await checkpoints.swap("key", "mine", expected=old) is None
        await checkpoints.save("key", "same")
        assert await checkpoints.swap("key", "mine", expected=old) is None
        assert not await checkpoints.delete("key", expected=old)

    async def test_delete_says_whether(self, checkpoints: Checkpoints) -> None:
        """A missing key is no error; with a version only that one is removed."""
        assert not await checkpoints.delete("key")
        assert not await checkpoints.delete("key", expected="")
        first = await checkpoints.save("key", "x")
        second = await checkpoints.save("key", "y")
        await checkpoints.save("other", "z")
        assert not await checkpoints.delete("key", expected=first)
        assert not await checkpoints.delete("key", expected="")
        assert await checkpoints.delete("key", expected=second)
        assert await checkpoints.load("key") is None
        assert list(await checkpoints.keys()) == ["other"]
        assert await checkpoints.delete("other")
        assert list(await checkpoints.keys()) == []

    async def test_keys_by_prefix_in_pages(self, checkpoints: Checkpoints) -> None:
        """A prefix is compared exactly; pages go on behind a key, which need not exist."""
        wanted = [f"run:{number:03}" for number in range(25)]
        for key in [*reversed(wanted), "run", "run;", "Run:1", "中", "😀"]:
            await checkpoints.save(key, "x")
        assert wanted == list(await checkpoints.keys("run:"))
        assert wanted[:10] == list(await checkpoints.keys("run:", limit=10))
        assert wanted[10:20] == list(await checkpoints.keys("run:", after=wanted[9], limit=10))
        assert wanted[10:] == list(await checkpoints.keys("run:", after="run:009x"))
        assert wanted == list(await checkpoints.keys("run:", after="a"))
        assert list(await checkpoints.keys("run:", after="z")) == []
        assert list(await checkpoints.keys("walk")) == []
        assert ["Run:1", "run", *wanted, "run;", "中", "😀"] == list(await checkpoints.keys())
        assert list(await checkpoints.keys(after="中")) == ["😀"]
