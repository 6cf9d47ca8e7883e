"""Owns a trial: every break in a copy of the checkout, under the tests that are named for it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from .breaks import Break

__all__ = ["Copy", "Ran", "Verdict", "judged", "without_doubles"]

_COPIED: Final = ("gate", "stores", "bot", "tests", "pyproject.toml")
_PATIENCE: Final = 90.0
"""Seconds for the tests of one break; some break lets something wait for ever."""
_FAILED, _PASSED = 1, 0
"""Exit codes of pytest: tests ran and failed, or all passed. Others mean that they did not run."""


class Verdict(StrEnum):
    """What became of a break."""

    RED = "red"
    """Its tests failed, as they must."""
    SURVIVED = "SURVIVED"
    NO_TESTS = "TESTS DID NOT RUN"
    ENDLESS = "TESTS DID NOT END"
    BEHIND = "NOT FOUND IN THE CODE"


@dataclass(frozen=True)
class Ran:
    """One run of tests."""

    verdict: Verdict
    seconds: float
    first: str = ""
    """The test that failed first."""
    said: str = ""
    """The end of what pytest printed."""


class Copy:
    """A copy of the checkout's code and tests.

    Args:
        folder: Where it is made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, root: Path) -> None:
        """Copy what tests need from *root*."""
        self._folder.mkdir()
        for name in _COPIED:
            source, target = root / name, self._folder / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)

    async def judge(self, broken: Break) -> Ran:
        """Return what the named tests say to *broken*; the copy is as it was before afterwards."""
        path = self._folder / broken.file
        whole = path.read_text(encoding="utf-8")
        try:
            text = broken.applied_to(whole)
        except ValueError as error:
            return Ran(Verdict.BEHIND, 0.0, said=str(error))
        path.write_text(text, encoding="utf-8")
        try:
            return await self.run(broken.tests, options=("-x",))
        finally:
            path.write_text(whole, encoding="utf-8")

    async def run(self, tests: Sequence[str], *, options: Sequence[str] = ()) -> Ran:
        """Run *tests* in the copy."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *tests,
            cwd=self._folder,
            # The installed package is the checkout itself: the copy has to come first. No compiled
            # files: two texts of one length within a second would share one.
            env={**os.environ, "PYTHONPATH": str(self._folder), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_PATIENCE * (1 if options else 4)):
                output, _ = await process.communicate()
        except TimeoutError:
            return Ran(Verdict.ENDLESS, loop.time() - started)
        finally:
            await _end(process)
        verdict = judged(process.returncode)
        said = output.decode("utf-8", "replace")
        found = re.search(r"^(?:FAILED|ERROR) (tests/.+?)(?: - |$)", said, re.MULTILINE)
        return Ran(verdict, loop.time() - started, found[1] if found else "", said[-3000:])


def judged(code: int | None) -> Verdict:
    """Return what pytest's exit code says of a break."""
    if code == _FAILED:
        return Verdict.RED
    return Verdict.SURVIVED if code == _PASSED else Verdict.NO_TESTS


def without_doubles(tests: Sequence[str]) -> list[str]:
    """Return *tests* in order, each once, and none whose whole file is among them."""
    return [
        test
        for test in dict.fromkeys(tests)
        if "::" not in test or test.partition("::")[0] not in tests
    ]


async def _end(process: asyncio.subprocess.Process) -> None:
    """End what still runs: in order first, so that servers of the tests end with it."""
    for how in (signal.SIGINT, signal.SIGKILL):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                await process.communicate()
