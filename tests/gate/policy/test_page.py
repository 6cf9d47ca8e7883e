"""The page about policies names every key, finding and hook, and nothing that is gone."""

from __future__ import annotations

import re
from pathlib import Path

from gate.hooks import APPROVAL_HOOKS
from gate.policy import conditions, document, lint

PAGE = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")


def tables(head: str) -> list[str]:
    """The words of the first column of the table with this head."""
    rows = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [word for row in rows for word in re.findall(r"`(\w+)`", row.split("|")[1])]


def test_every_key_is_described():
    """The tables of keys are the models' own."""
    assert list(document.PolicyText.model_fields) == tables("key")
    assert list(document.RuleTable.model_fields) == tables("key of a rule")
    told = set(re.findall(r"`(\w+)`", PAGE.partition("conditions: ")[2].partition("|")[0]))
    assert set(conditions.Condition.model_fields) == told


def test_every_finding_is_described():
    """The table of findings is the lint's own list."""
    listed = (lint.PolicyFinding.__doc__ or "").partition("code: ")[2].partition("rule:")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == set(tables("finding"))


def test_every_hook_that_is_described_exists():
    """No hook is described that nobody tells."""
    assert set(tables("hook")) <= set(APPROVAL_HOOKS)
