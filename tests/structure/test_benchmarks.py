"""The benchmarks still fit the code that they measure. Their figures are nobody's promise."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

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
