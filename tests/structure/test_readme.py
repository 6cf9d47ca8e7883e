"""The README is short, and what it promises is shown and run."""

from __future__ import annotations

import re

from .blocks import blocks
from .checkout import ROOT

README = ROOT / "README.md"


def test_it_is_short():
    """At most 150 lines."""
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_every_promise_names_its_scenario():
    """Each row of the table leads to a scenario test, and each scenario has its row."""
    text = README.read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| \[`(test_\w+\.py)`\]\((tests/scenarios/\w+\.py)\) \|$", text,
                      re.MULTILINE)  # fmt: skip
    assert len(rows) == sum(line.startswith("| ") for line in text.splitlines()) - 1
    assert [path for _, path in rows if not (ROOT / path).is_file()] == []
    assert [name for name, path in rows if not path.endswith(f"/{name}")] == []


def test_continuous_integration_runs_its_test_command():
    """`.ci/run` runs the command that the README gives for all tests, and no other."""
    [block] = [block for block in blocks(README, "sh") if "make test" in block.text]
    [told] = [line.partition("#")[0].strip() for line in block.text.splitlines() if "test" in line]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in script if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == [told]


def test_it_installs_nothing_else():
    """The two commands are the whole set-up: no block tells to install something before them."""
    before = README.read_text(encoding="utf-8").partition("make test")[0]
    assert re.findall(r"pip install|apt-get install|brew install", before) == []


def test_the_picture_is_there():
    """The card is shown, with words for those who do not see it."""
    [(words, path)] = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", README.read_text(encoding="utf-8"))
    assert len(words) > 40
    assert (ROOT / path).stat().st_size < 150_000
