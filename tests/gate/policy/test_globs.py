"""Globs: whole texts, no surprises, and no pattern that can be made to take long."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import PolicyError, compile_globs
from gate.policy.globs import MAX_TEXT, SegmentGlob, TextGlob

LETTERS = st.text("ab*?", min_size=1, max_size=8)
TEXTS = st.text("ab", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("deploy", "deploy", True),
        ("deploy", "deploy2", False),
        ("deploy", " deploy", False),
        ("deploy*", "deploy", True),
        ("deploy*", "deploy_all", True),
        ("deploy?", "deploy", False),
        ("*", "", True),
        ("*", "a/b\nc", True),
        ("a.c", "abc", False),
        ("a+", "aa", False),
        ("[ab]", "a", False),
        ("rm *", "rm \n-rf", True),
        ("deploy", "deploy\n", False),
        ("deploy", "Deploy", None),
        ("deploy*", "DEPLOY_ALL", None),
        ("deploy", "\uff44eploy", None),
        ("stra\u00dfe", "STRASSE", None),
    ],
)
def test_whole_texts(pattern: str, text: str, fits: bool | None):
    """A pattern fits a whole text or none of it; only case and look-alike forms may fit."""
    assert fits == compile_globs(pattern)(text)


@given(LETTERS, TEXTS)
def test_the_same_as_a_regular_expression(pattern: str, text: str):
    """The answers are those of the obvious regular expression."""
    expression = "".join({"*": ".*", "?": "."}.get(each, each) for each in pattern)
    assert (re.fullmatch(expression, text) is not None) == (TextGlob(pattern).fits(text) is True)


@given(LETTERS, LETTERS, TEXTS)
def test_covering_is_never_claimed_wrongly(wide: str, narrow: str, text: str):
    """Where one pattern is said to cover another, every text of the other is one of its own."""
    one, other = TextGlob(wide), TextGlob(narrow)
    if one.covers(other) and other.fits(text):
        assert True is one.fits(text)


@given(st.lists(st.sampled_from(["a", "b", "*", "**", "a*"]), min_size=1, max_size=5),
       st.lists(st.sampled_from(["a", "b", "*", "**", "a*"]), min_size=1, max_size=5),
       st.lists(st.sampled_from(["a", "b", "ab", "B", "c"]), max_size=5))  # fmt: skip
def test_covering_sequences_is_never_claimed_wrongly(
    wide: list[str], narrow: list[str], parts: list[str]
):
    """The same for segments, and for what only may fit."""
    one, other = SegmentGlob(wide), SegmentGlob(narrow)
    if one.covers(other):
        assert other.fits(parts) is not True or one.fits(parts) is True
        assert other.fits(parts) is not None or one.fits(parts) is not False


@pytest.mark.parametrize(
    ("segments", "parts", "fits"),
    [
        (["**"], [], True),
        (["a", "**"], ["a"], True),
        (["a", "**"], ["a", "b", "c"], True),
        (["**", "x"], ["x"], True),
        (["**", "x"], ["a", "b", "x"], True),
        (["**", "x"], ["ax"], False),
        (["a", "**", "z"], ["a", "z"], True),
        (["a", "**", "z"], ["a", "b", "z", "c"], False),
        (["*"], ["a", "b"], False),
        (["a", "*"], ["a"], False),
        (["a", "*"], ["A", "b"], None),
    ],
)
def test_sequences(segments: list[str], parts: list[str], fits: bool | None):
    """`**` is any number of whole segments, `*` stays within one."""
    assert fits == SegmentGlob(segments).fits(parts)


def test_nothing_explodes():
    """The worst pattern on the longest text is a matter of a moment."""
    text = "a" * MAX_TEXT
    started = time.perf_counter()
    assert False is TextGlob("*a" * 249 + "b").fits(text)
    assert False is SegmentGlob(["**", "a"] * 20 + ["b"]).fits(["a"] * 2000)
    assert time.perf_counter() - started < 5


def test_what_is_too_long_cannot_be_told():
    """A text over the limit never surely fits, and never surely does not."""
    assert None is TextGlob("*").fits("a" * (MAX_TEXT + 1))


@pytest.mark.parametrize("pattern", ["", "  ", "a\nb", "a\u200bb", "a" * 501, 3, None])
def test_patterns_that_cannot_be(pattern: object):
    """An empty, hidden or endless pattern is refused when the policy is made."""
    with pytest.raises(PolicyError):
        compile_globs(pattern)  # type: ignore[arg-type]  # what a careless caller passes


def test_no_patterns():
    """An empty list is a mistake, not a rule that never applies."""
    with pytest.raises(PolicyError):
        compile_globs()
    with pytest.raises(PolicyError):
        SegmentGlob(["a**"])
