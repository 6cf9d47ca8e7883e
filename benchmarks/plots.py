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

__all__ = ["PICTURES", "draw", "growing", "waiting"]

PICTURES: Final = ("waiting.svg", "growing.svg")
_Row = Mapping[str, Any]
_Line = tuple[list[float], list[float]]


def waiting(rows: Sequence[_Row]) -> _Line:
    """Return how many wait, and the median microseconds from a decision to its wake-up (row 2).

    Raises:
        ValueError: The row is missing.
    """
    found = [row for row in rows if row["row"] == "2"]
    if not found:
        raise ValueError("row 2 is missing")
    points = {1.0: statistics.median(found[0]["against"])}
    points |= {float(row["more"]["waiting"]): statistics.median(row["ours"]) for row in found}
    return sorted(points), [points[size] for size in sorted(points)]


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
