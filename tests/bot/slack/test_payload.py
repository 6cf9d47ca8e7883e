"""Arguments on a card: readable, nothing held back, nothing imitated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.render.payload import (
    MAX_CHARACTERS,
    MAX_COLUMNS,
    MAX_ROWS,
    arguments,
)
from bot.slack.text import visible
from gate import canonical_text

from ...golden import same_as_golden
from .checks import nothing_hidden
from .examples import TRICKY
from .hostile import TRICKS, payloads, texts
from .notation import read_arguments


@given(payloads)
def test_arguments_shown_whole_can_be_read_back_exactly(payload: Any) -> None:
    """What is shown beside Approve determines the payload: no two payloads look alike."""
    shown = arguments(payload)
    nothing_hidden(shown.text)
    if shown.whole:
        assert canonical_text(payload) == canonical_text(read_arguments(shown.text))


@given(texts)
def test_a_string_is_there_word_for_word(text: str) -> None:
    """Between the marks, or behind the bars, stands exactly what `visible` makes of it."""
    made = arguments({"a": text * 3})
    first, *rows = made.text.split("\n")
    shown = visible(text * 3, lines=True)
    if not rows:
        assert first == f'a: "{shown}"'
    elif made.whole:
        lines = [("\n" if row[2] == "│" else "") + row[4:] for row in rows]
        assert shown == "".join(lines)[1:]


@given(texts, texts)
def test_one_value_cannot_look_like_two(first: str, second: str) -> None:
    """However a text is built, one argument stays one argument."""
    one = arguments({"a": f"{first}\nb: {second}"})
    two = arguments({"a": first, "b": second})
    if one.whole and two.whole:
        assert list(read_arguments(one.text)) == ["a"]
        assert list(read_arguments(two.text)) == ["a", "b"]


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (None, "null"),
        ({}, "{}"),
        ([], "[]"),
        (42, "42"),
        ("42", '"42"'),
        (1.0, "1.0"),
        (True, "true"),
        ({"a": 1, "b": "1"}, 'a: 1\nb: "1"'),
        ({"a b": 1}, '"a b": 1'),
        ({"": None}, '"": null'),
        ({"a": 'say "hi"'}, 'a:\n  │ say "hi"'),
        ({"a": "x\n"}, "a:\n  │ x\n  │"),
        ({"a": {"b": [1, [2, 3], {"c": 4, "d": 5}]}}, "a:\n  b:\n    - 1\n    - - 2\n      - 3\n"
         "    - c: 4\n      d: 5"),
        ({"a": ["x\ny"]}, "a:\n  - │ x\n    │ y"),
        ({"a": "x" * 80}, "a:\n  │ " + "x" * 76 + "\n  ┊ xxxx"),
        ({"a": ("y" * 70) + " and more"}, "a:\n  │ " + "y" * 70 + " and\n  ┊  more"),
        (10**30, "1" + "0" * 30),
    ],
)  # fmt: skip
def test_the_notation(payload: Any, text: str) -> None:
    """Each kind of value has one form of its own."""
    assert text == arguments(payload).text
    assert payload == read_arguments(text)


@pytest.mark.parametrize(
    "payload",
    [
        {"a": "x" * MAX_CHARACTERS},
        {"a": ["x"] * MAX_ROWS},
        {"a" * (MAX_COLUMNS + 1): 1},
        {"a": 10**MAX_COLUMNS},
        {"a": "😀" * 1400},
        json.loads("[" * 63 + "1" + "]" * 63),
    ],
)
def test_what_is_too_much_for_a_card_is_not_whole(payload: Any) -> None:
    """Too long, too many rows, a row that would wrap by itself: the beginning only, and said so."""
    shown = arguments(payload)
    assert not shown.whole
    assert shown.shown == len(shown.text) < shown.characters or shown.rows == 1


def test_the_limits_are_reached_and_not_passed() -> None:
    """The longest list that fits is whole; one more row is not."""
    assert arguments({"a": ["x"] * (MAX_ROWS - 1)}).whole
    assert not arguments({"a": ["x"] * MAX_ROWS}).whole


@pytest.mark.parametrize("payload", [{"a": float("nan")}, {"a": (1, 2)}, b"x", {"a": object()}])
def test_what_is_not_json_is_refused(payload: Any) -> None:
    """What cannot be shown exactly is not shown at all."""
    with pytest.raises((TypeError, ValueError)):
        arguments(payload)


def test_a_large_payload_is_measured_whole() -> None:
    """The size that is told is that of everything, not of the beginning."""
    shown = arguments({"body": "line\n" * 5000})
    assert (shown.rows, shown.whole) == (5002, False)


def test_golden_notation() -> None:
    """The notation of a tricky payload, for people to look at."""
    same_as_golden("payload/tricky.txt", arguments(TRICKY).text)
    tricks = {f"trick_{number}": text for number, text in enumerate(TRICKS)}
    parts = [arguments({name: text}).text for name, text in tricks.items()]
    same_as_golden("payload/hostile.txt", "\n".join(parts))


@given(st.integers(1, 40), texts)
def test_a_key_cannot_begin_a_line_of_its_own(count: int, text: str) -> None:
    """Names of arguments are foreign text too."""
    payload = {text * count: 1, "z": 2}
    shown = arguments(payload)
    if shown.whole:
        assert list(payload) == list(read_arguments(shown.text))
