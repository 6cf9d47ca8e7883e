"""Owns the command: `python -m benchmarks [question ...]`; without a question all of them."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from .cards import cards
from .clicks import clicks
from .crowd import crowd
from .fanout import fanout
from .idle import idle
from .imports import imports
from .listing import growth, listing
from .memory import memory
from .report import Row, table, write_json
from .restart import restart
from .stage import Stage, quiet
from .throughput import throughput
from .wake import wake

Question = Callable[[Stage], Coroutine[Any, Any, list[Row]]]

QUESTIONS: Final[dict[str, tuple[Question, str, int]]] = {
    "wake": (wake, "1, 1b", 85),
    "crowd": (crowd, "2", 100),
    "throughput": (throughput, "3, 4, 5", 40),
    "idle": (idle, "6, 7", 60),
    "memory": (memory, "8", 15),
    "imports": (imports, "10", 12),
    "clicks": (clicks, "11, 12", 110),
    "restart": (restart, "14", 12),
    "listing": (listing, "15", 25),
    "fanout": (fanout, "9", 20),
    "growth": (growth, "16", 15),
    "cards": (cards, "13", 20),
}
"""Name → what answers it, which rows, and about how many seconds it takes."""


def main() -> int:
    """Answer the questions, print one table, write JSON."""
    options = _options()
    quiet()
    began = time.monotonic()
    load = os.getloadavg()
    stage = Stage(
        binary=options.server,
        fsync=options.fsync,
        quick=options.quick,
        rounds=options.rounds,
        large=options.large,
    )
    rows: list[Row] = []
    left_out, failed = [], []
    for name in options.questions or QUESTIONS:
        ask, numbers, seconds = QUESTIONS[name]
        if not options.quick and time.monotonic() - began + seconds > options.seconds:
            left_out.append(f"{name} (rows {numbers})")
            continue
        print(f"{time.monotonic() - began:5.0f} s  {name} (rows {numbers}) ...", file=sys.stderr)
        try:
            # A million takes ten times as long to write.
            patience = 3 * seconds * (10 if options.large else 1)
            rows += asyncio.run(asyncio.wait_for(ask(stage), patience))
        except (Exception, KeyboardInterrupt):  # noqa: BLE001  (the others are worth telling)
            traceback.print_exc()
            failed.append(f"{name} (rows {numbers})")
    machine = {
        "python": platform.python_version(),
        "redis-py": version("redis"),
        "cores": os.cpu_count(),
        "load at the start": load,
        "load at the end": os.getloadavg(),
        "seconds": round(time.monotonic() - began, 1),
        "quick": options.quick,
        "rounds": options.rounds,
        "left out for want of time": left_out,
        "failed": failed,
    }
    print(table(rows))
    print("; ".join(f"{name} {value}" for name, value in machine.items()))
    if load[0] > 0.5:
        print("the machine was busy before this began: figures of a quiet one are better")
    write_json(options.json, rows, machine=machine)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("questions", nargs="*", choices=[[], *QUESTIONS], metavar="question",
                        help=", ".join(QUESTIONS))  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a sign of life, no figures to quote")
    parser.add_argument("--rounds", type=int, help="shuffled rounds; 5, quick 2")
    parser.add_argument("--server", default="redis", choices=["redis", "valkey", "redis-6.2"])
    parser.add_argument("--fsync", default="no", choices=["no", "always"])
    parser.add_argument(
        "--seconds", type=float, default=570, help="no question starts that would end later"
    )
    parser.add_argument("--large", action="store_true", help="row 16 up to a million")
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks.json"))
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    return options


if __name__ == "__main__":
    sys.exit(main())
