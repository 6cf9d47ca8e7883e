"""Owns the figures: one row for each question, as a table and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

__all__ = ["Row", "percentile", "table", "write_json"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure, round by round, and what it is held against in the same rounds.

    Attributes:
        number: Of the goal.
        what: The question.
        unit: Of the figures.
        ours: One figure for each round.
        against: What each is divided by; empty where the figure itself is held against the goal.
        versus: What that is.
        goal: The ratio that is wanted, `None` where the figure is only reported.
        stretch: The ratio that would be fine.
        better: Which way is good.
        setting: Loop, level, fsync, server, allocator.
        more: What explains the figure.
    """

    number: str
    what: str
    unit: str
    ours: tuple[float, ...]
    against: tuple[float, ...] = ()
    versus: str = ""
    goal: float | None = None
    stretch: float | None = None
    better: Literal["<=", ">="] = "<="
    setting: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratios(self) -> tuple[float, ...]:
        """What is held against the goal."""
        if not self.against:
            return self.ours
        return tuple(ours / floor for ours, floor in zip(self.ours, self.against, strict=True))

    @property
    def verdict(self) -> str:
        """`met`, `stretch met`, `SHORT`, or `reported`."""
        if self.goal is None:
            return "reported"
        median = statistics.median(self.ratios)
        if self.stretch is not None and self._fits(median, self.stretch):
            return "stretch met"
        return "met" if self._fits(median, self.goal) else "SHORT"

    def _fits(self, value: float, goal: float) -> bool:
        return value <= goal if self.better == "<=" else value >= goal

    def as_json(self) -> dict[str, Any]:
        """Return everything."""
        return {
            "row": self.number,
            "what": self.what,
            "unit": self.unit,
            "ours": self.ours,
            "versus": self.versus,
            "against": self.against,
            "ratios": self.ratios,
            "better": self.better,
            "goal": self.goal,
            "stretch": self.stretch,
            "verdict": self.verdict,
            "setting": self.setting,
            "more": dict(self.more),
        }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which *share* of them lie: 0.5 is the median."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


_HEAD = ("row", "what", "goal", "figure", "against", "min / median / max", "")


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text, each with its explanation below."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(_HEAD))]
    lines = []
    for line, row in zip(cells, [None, *rows], strict=True):
        lines.append("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)))
        if row is not None:
            notes = [row.setting, *(f"{name}: {_text(value)}" for name, value in row.more.items())]
            lines.extend(f"{'':{widths[0]}}    {note}" for note in notes if note)
    short = [row.number for row in rows if row.verdict == "SHORT"]
    lines.append("")
    lines.append(f"short of the goal: {', '.join(short)}" if short else "every goal is met")
    return "\n".join(line.rstrip() for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    wanted = "" if row.goal is None else f"{row.better} {row.goal:g}"
    if row.goal is None and row.stretch is not None:
        wanted = f"({row.better} {row.stretch:g})"
    if row.against:
        wanted += " x" if wanted else ""
        against = f"{_text(statistics.median(row.against))} {row.unit}  {row.versus}"
    else:
        against = row.versus
    spread = [min(row.ratios), statistics.median(row.ratios), max(row.ratios)]
    return (
        row.number,
        row.what,
        wanted,
        f"{_text(statistics.median(row.ours))} {row.unit}",
        against,
        " / ".join(_text(value) for value in spread),
        row.verdict,
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    if isinstance(value, list | tuple):
        return " / ".join(_text(each) for each in value)
    return str(value)


def write_json(path: Path, rows: Sequence[Row], **about: Any) -> None:
    """Write the rows and what is known of the machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {**about, "rows": [row.as_json() for row in rows]}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
