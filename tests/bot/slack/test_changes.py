"""Changes of a text: every line of both sides, read back exactly, imitated by nobody."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.render.payload import arguments
from gate import canonical_text

from ...golden import same_as_golden
from .checks import nothing_hidden
from .examples import CHANGE, PATCH
from .hostile import texts
from .notation import CHANGES, read_arguments
from .notation import PATCH as PATCH_LABEL

lines = st.sampled_from(
    ["", "a", "b", "-", "+ c", " d", "│ e", "-│ f", "\\ no line break at the end"]
)
sides = st.one_of(
    texts,
    st.lists(lines, max_size=8).map("\n".join),
    st.lists(texts, max_size=4).map("\n".join),
)


@given(sides, sides, st.sampled_from([("before", "after"), ("old_string", "new_string")]))
def test_both_sides_can_be_read_back(one: str, other: str, names: tuple[str, str]) -> None:
    """Nothing is left out because it did not change, also not a missing line break at the end."""
    payload = {"path": "x", names[0]: one, names[1]: other, "z": [1]}
    shown = arguments(payload)
    nothing_hidden(shown.text)
    if shown.whole:
        assert canonical_text(payload) == canonical_text(read_arguments(shown.text))
        drawn = any(CHANGES.fullmatch(row) for row in shown.text.split("\n"))
        assert ("\n" in one + other) is drawn


@st.composite
def patches(draw: st.DrawFn) -> str:
    """Texts that are unified diffs, or nearly."""
    body = draw(st.lists(st.tuples(st.sampled_from(" +-"), texts.filter(_plain)), max_size=6))
    old = sum(sign != "+" for sign, _ in body) + draw(st.sampled_from([0, 0, 0, 1]))
    new = sum(sign != "-" for sign, _ in body)
    rows = ["--- a/x", "+++ b/x", f"@@ -1,{old} +1,{new} @@ {draw(texts.filter(_plain))}"]
    rows += [sign + text for sign, text in body]
    rows += draw(st.lists(st.sampled_from(["\\ No newline at end of file", "-- ", "2.39", ""])))
    return "\n".join(rows) + draw(st.sampled_from(["\n", ""]))


def _plain(text: str) -> bool:
    return "\n" not in text


@given(patches(), st.sampled_from(["patch", "diff"]))
def test_a_patch_can_be_read_back(patch: str, name: str) -> None:
    """A patch is shown line by line, whether it keeps to its own form or not."""
    shown = arguments({name: patch, "z": 1})
    nothing_hidden(shown.text)
    if shown.whole:
        assert {name: patch, "z": 1} == read_arguments(shown.text)


@pytest.mark.parametrize(
    ("text", "is_patch"),
    [
        ("@@ -1 +1 @@\n-a\n+b\n", True),
        ("@@ -1 +1 @@\n-a\n+b", True),
        ("--- a\n+++ b\n@@ -1,2 +1,2 @@ f()\n a\n-b\n+c\n\\ No newline at end of file\n", True),
        ("@@ -1,2 +1 @@\n-a\n+b\n", False),  # announces a line that is not there
        ("@@ -1 +1 @@\n-a\n+b\n+c\n", True),  # what follows a hunk is shown as no change
        ("@@ -1 +1 @@\n-a\nb\n", False),
        ("--- a\n+++ b\n", False),
        ("-a\n+b\n", False),
        ("", False),
    ],
)
def test_what_counts_as_a_patch(text: str, is_patch: bool) -> None:
    """Only a text whose hunks hold what they announce is drawn as a patch."""
    shown = arguments({"patch": text})
    assert is_patch is (PATCH_LABEL.match(shown.text) is not None)
    assert {"patch": text} == read_arguments(shown.text)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"before": "a\nb\n", "after": "a\nc"},
         "before → after (changes: 1 out, 1 in):\n"
         "   │ a\n  -│ b\n  +│ c\n  \\ no line break at the end"),
        ({"after": "\n", "x": 1, "before": ""},
         "x: 1\nbefore → after (changes: 0 out, 1 in):\n  +│"),
        ({"before": "a", "after": "b"}, 'before: "a"\nafter: "b"'),
        ({"before": "a\nb"}, "before:\n  │ a\n  │ b"),
        ({"before": "a\nb", "after": 1}, "before:\n  │ a\n  │ b\nafter: 1"),
        ({"patch": "@@ -1 +1 @@\n-a\n+b\n"},
         "patch (unified diff: 1 out, 1 in):\n  @│ @@ -1 +1 @@\n  -│ a\n  +│ b"),
    ],
)  # fmt: skip
def test_how_changes_look(payload: dict[str, Any], text: str) -> None:
    """The lines that stay stand between those that go and those that come."""
    assert text == arguments(payload).text
    assert payload == read_arguments(text)


def test_no_value_looks_like_a_change() -> None:
    """A name or a value with our signs in it stays a name and a value."""
    payload = {
        "before → after (changes: 0 out, 0 in)": "  -│ a\n  +│ b",
        "patch (unified diff: 1 out, 1 in)": "\n",
        "x": "\nbefore → after (changes: 1 out, 0 in):\n  -│ a",
    }
    assert payload == read_arguments(arguments(payload).text)


@pytest.mark.parametrize("size", [300, 30_000])
def test_large_sides_are_compared_in_bounded_time(size: int) -> None:
    """However an agent builds the two texts, they do not keep the bot busy."""
    started = time.perf_counter()
    one = "".join(f"{number % 7}\n" for number in range(size))
    other = "".join(f"{number % 5}\n" for number in range(size))
    arguments({"before": one, "after": other})
    assert time.perf_counter() - started < 2


def test_golden_changes() -> None:
    """A change and a patch, for people to look at."""
    same_as_golden("payload/change.txt", arguments(CHANGE).text)
    same_as_golden("payload/patch.txt", arguments(PATCH).text)
