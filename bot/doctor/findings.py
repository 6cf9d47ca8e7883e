"""Owns the finding, and the run of all checks: each on its own, within its time, hiding no other.

A finding holds our own words, the chat's words that have the form of a word, numbers, ids and
names from the settings. It never holds a token, an address with a password, or an error's text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gate import SignoffError

from ..directory import LookupFailed

__all__ = [
    "BUDGET",
    "Check",
    "Finding",
    "State",
    "exit_code",
    "fail",
    "left_out",
    "ok",
    "run_checks",
    "warn",
]

BUDGET: Final = 5.0
"""Seconds for one check."""


class State(StrEnum):
    """What a finding means for whoever runs the bot."""

    OK = "ok"
    WARN = "warn"
    """It works, and somebody should look at it; or it could not be checked."""
    FAIL = "fail"
    """Something does not work."""


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        check: The check's name, the same in every version.
        state: How bad it is.
        found: What was found, in one sentence.
        advice: What to do about it; empty where there is nothing to do.
        left_out: Whether nothing was looked at, because of what another finding says.
    """

    check: str
    state: State
    found: str
    advice: str = ""
    left_out: bool = False

    def to_wire(self) -> dict[str, str]:
        """Return the finding as plain JSON values."""
        return {
            "check": self.check,
            "state": self.state.value,
            "found": self.found,
            "advice": self.advice,
        }


@dataclass(frozen=True)
class Check:
    """One question: its name, and what answers it with one finding or more."""

    name: str
    ask: Callable[[], Awaitable[Sequence[Finding]]]


def ok(check: str, found: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(check, State.OK, found)


def warn(check: str, found: str, advice: str) -> Finding:
    """Return a finding that somebody should look at."""
    return Finding(check, State.WARN, found, advice)


def fail(check: str, found: str, advice: str) -> Finding:
    """Return a finding of something that does not work."""
    return Finding(check, State.FAIL, found, advice)


def left_out(check: str, why: str, advice: str) -> Finding:
    """Return a finding of a check that needs what is not there."""
    found = f"it could not be checked: {why}"
    return Finding(check, State.WARN, found, advice, left_out=True)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 where all is ok, 1 where something is to be looked at, 2 where something fails."""
    codes = {State.OK: 0, State.WARN: 1, State.FAIL: 2}
    return max((codes[finding.state] for finding in findings), default=0)


async def run_checks(checks: Iterable[Check], *, budget: float = BUDGET) -> list[Finding]:
    """Run all checks side by side and return their findings in the checks' order.

    Args:
        checks: What to run.
        budget: Seconds for each. A check that is late, or breaks, is a finding of its own.
    """
    answers = await asyncio.gather(*(_run(check, budget=budget) for check in checks))
    return [finding for answer in answers for finding in answer]


async def _run(check: Check, *, budget: float) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(budget):
            return await check.ask()
    except TimeoutError:
        why = f"no answer within {budget:g} s"
    except LookupFailed as error:
        why = f"Slack says {error.reason}"
    except SignoffError as error:
        why = error.code
    except Exception as error:  # noqa: BLE001  (a check that breaks must not hide the others)
        why = type(error).__name__
    # Not known is not well: it is never silently passed over.
    advice = "see the other findings; run it again when they are mended"
    return [warn(check.name, f"it could not be checked: {why}", advice)]
