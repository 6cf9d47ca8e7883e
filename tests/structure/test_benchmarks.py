"""The benchmarks still fit the code that they measure. Their figures are nobody's promise."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import plots, sizing

from .checkout import ROOT, modules


def test_every_benchmark_imports():
    """Whoever moves a name that a benchmark uses finds out here."""
    names = [module.name for module in modules("benchmarks")]
    assert len(names) > 10
    assert [name for name in names if import_module(name).__doc__ is None] == []


def test_every_benchmark_is_asked():
    """Each row of the README's table names a file, and each such file is there."""
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    files = {module.path.name for module in modules("benchmarks")}
    named = {
        line.split("`")[1] for line in text.splitlines() if line.startswith("| ") and ".py" in line
    }
    assert named - files == set()


def test_one_question_is_answered(tmp_path: Path):
    """From the command to the figures: a table, and the same as JSON."""
    file = tmp_path / "rows.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "restart", "--quick", "--rounds", "1", "--json", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [row] = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert ("14", 1) == (row["row"], len(row["ratios"]))
    assert "start until the last" in done.stdout


def test_sizes_come_from_measured_rows(tmp_path: Path):
    """The table is calculated from the file; without a row it says which one is missing."""
    rows = [
        {"row": number, "what": what, "ours": [figure]}
        for number, what, figure in (
            ("3", "requests a second, 64 tasks", 10_000),
            ("4", "decisions a second, 64 tasks", 5_000),
            ("4", "decisions a second, 64 tasks, signed", 1_000),
            ("6", "memory of a waiting agent, 10,000 of them", 4.0),
            ("8", "bytes of a pending approval, 100,000 of them", 4096),
            ("11", "click to ack, decision stored, HTTP, p50", 5.0),
        )
    ]
    found = sizing.measured(rows)
    needs = sizing.sizes(10_000, 1_000, found, sizing.Assumed(per_hour=3.6, kept_days=0))
    assert pytest.approx(0.11) == needs["server's core, %"]
    assert pytest.approx(0.5) == needs["bot's core, %"]
    assert pytest.approx(10_000 / 256 / 1024) == needs["server's memory, GiB"]
    file = tmp_path / "rows.json"
    file.write_text(json.dumps({"rows": rows}), encoding="utf-8")
    said: list[object] = []
    assert sizing.main(["--json", str(file)], say=said.append) == 0
    assert "10,000 agents, 1,000 approvers" in str(said)
    file.write_text(json.dumps({"rows": rows[1:]}), encoding="utf-8")
    assert sizing.main(["--json", str(file)], say=said.append) == 1
    assert "row 3" in str(said[-1])


def test_pictures_show_what_was_measured():
    """Each line is made of the medians in the file; without a row there is no picture."""
    rows = [
        {"row": "2", "more": {"waiting": 100}, "against": [10.0, 30.0, 20.0], "ours": [22.0]},
        {"row": "2", "more": {"waiting": 10}, "against": [10.0, 30.0, 20.0], "ours": [21.0]},
        {
            "row": "16",
            "what": "request, p50 with 10 kept",
            "more": {"sizes": "1, 1,000", "us": [5.0, 6.0]},
        },
    ]
    assert ([1.0, 10.0, 100.0], [20.0, 21.0, 22.0]) == plots.waiting(rows)
    assert ([10.0, 21.0, 22.0], [30.0, 21.0, 22.0]) == plots.scatter(rows)
    assert {"request": ([1.0, 1000.0], [5.0, 6.0])} == {
        verb.removesuffix(" p50 with 10 kept"): line for verb, line in plots.growing(rows).items()
    }
    for read in (plots.waiting, plots.growing):
        with pytest.raises(ValueError, match="is missing"):
            read([])
