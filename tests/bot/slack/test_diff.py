"""What a thread shows of an edit: the rows that differ, bounded, nothing hidden."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from bot.masking import Masking
from bot.slack.render.diff import MASKED_ONLY, NO_CHANGE, edit_diff
from bot.slack.render.line import rich_text
from bot.slack.render.notation import rows_of
from bot.slack.render.titles import preformatted
from gate import canonical_text
from tests.support.validators import problems

from ...golden import same_as_golden
from .examples import LARGE, PAYLOAD, TRICKY
from .hostile import payloads


def _accepted(text: str) -> None:
    body = {"text": "edited", "blocks": [rich_text(preformatted(text))]}
    assert problems("message", body) == []
    assert len(text.split("\n")) <= 61


def test_golden_diff():
    """What goes stands above what comes, between two rows that stay."""
    after = {**PAYLOAD, "user_id": 43, "notify": ["ana@example.com", "ben@example.com"]}
    text = edit_diff(PAYLOAD, after)
    _accepted(text)
    same_as_golden("diff/edit.txt", text)


def test_golden_tricky_diff():
    """Lines of a text, hidden characters and rows that look like ours keep their margin."""
    after = {
        **TRICKY,
        "sql": "DELETE FROM users\nWHERE id = 43\n  AND note = 'it\\'s \"over\"';\n",
        "hidden": "rm -rf /tmp/x",
        "limits": {"rows": 10, "tables": ["… 2 more changed lines: see the request"]},
    }
    text = edit_diff(TRICKY, after)
    _accepted(text)
    same_as_golden("diff/tricky.txt", text)


def test_golden_large_diff():
    """What has no room is counted."""
    rows = [{**row, "owner": "nobody"} for row in LARGE["rows"]]
    text = edit_diff(LARGE, {"rows": rows})
    _accepted(text)
    same_as_golden("diff/large.txt", text)


def test_far_apart_edits_of_much_text():
    """Two edits with thousands of lines between them are two edits."""
    body = "\n".join(f"line {number // 2}" for number in range(20_000))
    text = edit_diff({"a": 1, "body": body, "z": 1}, {"a": 2, "body": body, "z": 2})
    wanted = """\
- a: 1
+ a: 2
  body:
    │ line 0
⋮ 19,997 lines as before
    │ line 9999
    │ line 9999
- z: 1
+ z: 2"""
    assert wanted == text


def test_what_is_masked_stays_masked():
    """A secret is not told by its change."""
    masking = Masking()
    before, after = {"password": "hunter22"}, {"password": "hunter23"}
    assert MASKED_ONLY == edit_diff(before, after, masking=masking)
    text = edit_diff(before, {"password": "swordfish", "a": 1}, masking=masking)
    assert "swordfish" not in text
    assert "hunter" not in text


def test_no_change_is_said():
    """Nothing is not shown as nothing."""
    assert NO_CHANGE == edit_diff(PAYLOAD, dict(PAYLOAD))


def test_long_rows_are_cut_openly():
    """A number of thousands of digits says how much of it is missing."""
    text = edit_diff({"n": 1}, {"n": 10**4000})
    _accepted(text)
    assert "- n: 1\n+ n: 1000" in text
    assert "more characters" in text


@settings(deadline=None)  # each example is judged by four validators
@given(payloads, payloads)
def test_every_diff_fits_a_message(before: Any, after: Any):
    """Whatever was edited; and where all of it is shown, both sides can be read back."""
    text = edit_diff(before, after)
    _accepted(text)
    if canonical_text(before) == canonical_text(after) or "…" in text or "⋮" in text:
        return
    for value, gone in ((before, "+"), (after, "-")):
        kept = [row[2:] for row in text.split("\n") if not row.startswith(gone)]
        plain = [row.rstrip(" ") for row in rows_of(Masking().payload(value))]
        assert plain == [row.rstrip(" ") for row in kept]
