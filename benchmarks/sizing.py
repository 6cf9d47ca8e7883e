"""Owns the sizing table: what so many agents and approvers need, from the rows of a measured run.

The formulas stand in `docs/guide/scale.md`. No figure comes from anywhere but the file that
`make bench` has written, and what the operator assumes, by options.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot.pacing import Paces

__all__ = ["Assumed", "Measured", "measured", "sizes", "sizing_table"]

_SIZES: Final = ((10, 5), (100, 20), (1_000, 100), (10_000, 1_000))
"""Agents' processes, and people who answer."""
_POSTS: Final = 5
"""Of one approval: its card; asked, decided, started, done in its thread."""
_EDITS: Final = 3
"""Of its card: decided, started, done."""
_PACES: Final = Paces()
_GIB: Final = 1024.0**3


@dataclass(frozen=True)
class Measured:
    """What a run has measured.

    Attributes:
        request_seconds: Of the server's time for one request, at most: what one client sees.
        decision_seconds: The same for one decision.
        waiter_kib: Of an agent's memory for each wait.
        approval_bytes: Of the server's memory for each approval.
        click_seconds: Of the bot's time for each click.
    """

    request_seconds: float
    decision_seconds: float
    waiter_kib: float
    approval_bytes: float
    click_seconds: float


@dataclass(frozen=True)
class Assumed:
    """What the operator knows better.

    Attributes:
        per_hour: Answers of each approver in a busy hour.
        hours: Such hours in a day.
        waiting: Approvals that wait at once, for each agent.
        kept_days: The retention.
    """

    per_hour: float = 1.0
    hours: float = 8.0
    waiting: float = 1.0
    kept_days: float = 90.0


def measured(rows: Sequence[Mapping[str, Any]]) -> Measured:
    """Return what the rows of `make bench` say.

    Args:
        rows: As they stand in the JSON file.

    Raises:
        ValueError: A row is missing.
    """

    def median(number: str, words: str) -> float:
        for row in rows:
            if row["row"] == number and words in row["what"] and row["ours"]:
                return float(statistics.median(row["ours"]))
        raise ValueError(f"row {number} ({words}) is missing: run `make bench` whole")

    return Measured(
        request_seconds=1 / median("3", "requests a second"),
        decision_seconds=1 / median("4", "signed"),
        waiter_kib=median("6", "memory of a waiting agent"),
        approval_bytes=median("8", "bytes of a pending approval"),
        click_seconds=median("11", "HTTP, p50") / 1000,
    )


def sizes(agents: int, approvers: int, found: Measured, assumed: Assumed) -> Mapping[str, float]:
    """Return what a size needs, by name."""
    rate = approvers * assumed.per_hour / 3600
    kept = rate * 3600 * assumed.hours * assumed.kept_days
    waiting = agents * assumed.waiting
    return {
        "requests an hour": rate * 3600,
        "connections to the server": 2 * agents,
        "server's memory, GiB": (waiting + kept) * found.approval_bytes / _GIB,
        "server's core, %": 100 * rate * (found.request_seconds + found.decision_seconds),
        "bot's core, %": 100 * rate * found.click_seconds,
        "an agent's memory for waiting, KiB": assumed.waiting * found.waiter_kib,
        "channels, at Slack's pace": max(1.0, _POSTS * rate / _PACES.posts.per_second),
        "posts, % of Slack's pace": 100 * _POSTS * rate / _PACES.all_posts.per_second,
        "edits, % of Slack's pace": 100 * _EDITS * rate / _PACES.edits.per_second,
    }


def sizing_table(found: Measured, assumed: Assumed) -> str:
    """Return the table as Markdown."""
    columns = [sizes(agents, approvers, found, assumed) for agents, approvers in _SIZES]
    head = ["", *(f"{agents:,} agents, {approvers:,} approvers" for agents, approvers in _SIZES)]
    lines = [head, ["---"] * len(head)]
    lines += [[name, *(_text(column[name]) for column in columns)] for name in columns[0]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(value: float) -> str:
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value >= 0.01 else "< 0.01"


def main(arguments: Sequence[str] | None = None, *, say: Callable[[str], object] = print) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks.json"))
    parser.add_argument("--per-hour", type=float, default=Assumed.per_hour)
    parser.add_argument("--hours", type=float, default=Assumed.hours)
    parser.add_argument("--waiting", type=float, default=Assumed.waiting)
    parser.add_argument("--kept-days", type=float, default=Assumed.kept_days)
    given = parser.parse_args(arguments)
    try:
        found = measured(json.loads(given.json.read_text(encoding="utf-8"))["rows"])
    except FileNotFoundError:
        say(f"benchmarks: there is no {given.json}: run `make bench` first, or give it with --json")
        return 1
    except (OSError, ValueError, KeyError) as error:
        say(f"benchmarks: {error}")
        return 1
    assumed = Assumed(given.per_hour, given.hours, given.waiting, given.kept_days)
    say(sizing_table(found, assumed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
