"""Owns the pictures of what grows (rows 2 and 16), drawn from the file of `make bench`.

No figure is typed in: a picture shows what a run has measured, and names its setting.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

__all__ = ["PICTURES", "draw", "growing", "scatter", "waiting"]

PICTURES: Final = ("waiting.svg", "growing.svg")
_Row = Mapping[str, Any]
_Line = tuple[list[float], list[float]]


def waiting(rows: Sequence[_Row]) -> _Line:
    """Return how many wait, and the median microseconds from a decision to its wake-up (row 2).

    Raises:
        ValueError: The row is missing.
    """
    rounds = _rounds(rows)
    return list(rounds), [statistics.median(times) for times in rounds.values()]


def scatter(rows: Sequence[_Row]) -> _Line:
    """Return the least and the most of the rounds behind each of these medians.

    Raises:
        ValueError: The row is missing.
    """
    rounds = _rounds(rows).values()
    return [min(times) for times in rounds], [max(times) for times in rounds]


def _rounds(rows: Sequence[_Row]) -> dict[float, list[float]]:
    found = [row for row in rows if row["row"] == "2"]
    if not found:
        raise ValueError("row 2 is missing")
    rounds = {1.0: list(found[0]["against"])}
    rounds |= {float(row["more"]["waiting"]): list(row["ours"]) for row in found}
    return dict(sorted(rounds.items()))


def growing(rows: Sequence[_Row]) -> dict[str, _Line]:
    """Return verb → how many approvals are kept, and its median microseconds (row 16).

    Raises:
        ValueError: The row is missing.
    """
    lines: dict[str, _Line] = {}
    for row in rows:
        if row["row"] == "16":
            sizes = [float(size.replace(",", "")) for size in row["more"]["sizes"].split(", ")]
            lines[row["what"].partition(",")[0]] = sizes, list(row["more"]["us"])
    if not lines:
        raise ValueError("row 16 is missing")
    return lines


def draw(rows: Sequence[_Row], folder: Path) -> None:
    """Draw both pictures into *folder*.

    Raises:
        ValueError: A row is missing.
        ModuleNotFoundError: matplotlib is not installed (extra `plots`).
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    # The same figures make the same file.
    mpl.rcParams |= {"svg.hashsalt": "signoff", "font.family": "sans-serif", "font.size": 9}
    setting = next(row["setting"] for row in rows if row["row"] == "2")
    lines = {"decide to wake": waiting(rows)}
    for name, title, x, shown in (
        (PICTURES[0], "A wake-up, by how many wait in one process", "waiting", lines),
        (PICTURES[1], "A call, by how many approvals are kept", "approvals kept", growing(rows)),
    ):
        figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
        for label, (sizes, times) in shown.items():
            axes.plot(sizes, times, marker="o", markersize=4, label=label)
        if shown is lines:
            axes.fill_between(
                lines["decide to wake"][0], *scatter(rows), alpha=0.15, label="rounds"
            )
        axes.set(xscale="log", xlabel=x, ylabel="microseconds, p50", title=title)
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
        axes.legend(frameon=False)
        figure.text(0.01, -0.02, setting, fontsize=7, color="gray")
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / name, bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)


def main() -> int:
    """Draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plots", description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks.json"))
    parser.add_argument("--folder", type=Path, default=Path("docs/pictures"))
    options = parser.parse_args()
    try:
        draw(json.loads(options.json.read_text(encoding="utf-8"))["rows"], options.folder)
    except (OSError, ValueError) as error:
        print(f"{options.json}: {error}. Run `make bench` first.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
