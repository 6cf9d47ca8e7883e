"""Runs all breaks, or those whose name has a word of the command line in it: `make mutants`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from .breaks import BREAKS, Break
from .trial import Copy, Ran, Verdict, without_doubles

_ROOT = Path(__file__).resolve().parents[2]
_AT_ONCE = 2


async def main(words: Sequence[str]) -> int:
    """Try the breaks two at a time; return 1 if the tests miss one, or are red without any."""
    chosen = [each for each in BREAKS if not words or any(word in each.name for word in words)]
    started = asyncio.get_running_loop().time()
    with tempfile.TemporaryDirectory(prefix="signoff-mutants-") as folder:
        copies = [Copy(Path(folder) / str(number)) for number in range(_AT_ONCE)]
        for copy in copies:
            copy.make(_ROOT)
        if not await _green(copies, chosen):
            return 1
        waiting, missed = deque(chosen), list[Break]()
        async with asyncio.TaskGroup() as group:
            for copy in copies:
                group.create_task(_work(copy, waiting, missed))
    seconds = asyncio.get_running_loop().time() - started
    _say(f"{len(chosen) - len(missed)} of {len(chosen)} breaks turn tests red, {seconds:.0f} s")
    for each in missed:
        _say(f"missed: {each.name} ({each.file})")
    return 1 if missed or not chosen else 0


async def _green(copies: Sequence[Copy], chosen: Sequence[Break]) -> bool:
    """Say whether all tests pass that are to turn red."""
    tests = without_doubles([test for each in chosen for test in each.tests])
    shares = [tests[number :: len(copies)] for number in range(len(copies))]
    runs = [copy.run(share) for copy, share in zip(copies, shares, strict=True) if share]
    done = await asyncio.gather(*runs)
    for ran in done:
        if ran.verdict is not Verdict.SURVIVED:
            _say(f"{ran.said}\nwithout any break the tests are not green")
            return False
    _say(f"without any break all is green, {max((ran.seconds for ran in done), default=0):.0f} s")
    return True


async def _work(copy: Copy, waiting: deque[Break], missed: list[Break]) -> None:
    while waiting:
        broken = waiting.popleft()
        ran = await copy.judge(broken)
        _say(_row(broken, ran))
        if ran.verdict is not Verdict.RED:
            missed.append(broken)
            if ran.said:
                _say(ran.said)


def _row(broken: Break, ran: Ran) -> str:
    by = ran.first.partition("::")[2] or ran.first
    return f"{ran.verdict:<9} {ran.seconds:5.1f} s  {broken.name:<72} {broken.file}  {by}".rstrip()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (what a person reads)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
