"""Arguments on a card: readable, nothing held back, nothing imitated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.render.notation import rows_of
from bot.slack.render.payload import (
    BLOCK_CHARACTERS,
    HOME,
    MAX_CHARACTERS,
    MAX_COLUMNS,
    MAX_ROWS,
    PAGE,
    REVIEW_LIMIT,
    arguments,
    pages_of,
    pieces_of,
    review_pages,
    shows_all,
)
from bot.slack.text import units, visible
from gate import canonical_text

from ...golden import same_as_golden
from .checks import nothing_hidden
from .examples import LARGE, TRICKY, asked
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


large = st.one_of(
    payloads,
    st.dictionaries(texts, texts.map(lambda text: (text * 200)[:4000]), max_size=3),
    st.lists(texts, max_size=60),
)


@given(large)
def test_pages_joined_are_the_whole(payload: Any) -> None:
    """P13: a review loses nothing between its pages, nor between the blocks of a page.

    Each page is cut between rows, has its limits, and the whole reads back to the payload.
    """
    pages = pages_of(payload)
    if pages is None:
        return
    whole = "\n".join(page.text for page in pages)
    assert "\n".join(rows_of(payload)) == whole
    assert 1 <= len(pages) <= REVIEW_LIMIT
    assert [page.text for page in pages] == [page.revealed for page in pages]
    for page in (page.text for page in pages):
        assert page == "\n".join(pieces_of(page))
        assert units(page) <= PAGE.characters or "\n" not in page
        assert all(0 < units(piece) <= BLOCK_CHARACTERS for piece in pieces_of(page))
    assert canonical_text(payload) == canonical_text(read_arguments(whole))


def test_a_payload_of_forty_kilobytes_can_be_reviewed() -> None:
    """What an agent really asks for fits into a review, if not onto a card."""
    payload = {"rows": [{"id": number, "note": "x" * 60} for number in range(400)]}
    assert len(canonical_text(payload)) > 30_000
    assert 2 < review_pages(asked(payload)) <= REVIEW_LIMIT
    assert 2 < review_pages(asked(LARGE)) <= REVIEW_LIMIT


@pytest.mark.parametrize(
    "payload",
    [
        {"body": "line\n" * 20 * PAGE.rows},
        {"a" * (MAX_COLUMNS + 1): 1},
        {"a": 10**MAX_COLUMNS},
        json.loads("[" * 63 + "1" + "]" * 63),
    ],
)
def test_what_cannot_be_reviewed(payload: Any) -> None:
    """More pages than anybody reads, or a row that a screen would wrap by itself."""
    assert pages_of(payload) is None
    assert review_pages(asked(payload)) > REVIEW_LIMIT


def test_the_longest_review() -> None:
    """Exactly as many pages as are allowed."""
    pages = pages_of(["x"] * (REVIEW_LIMIT * PAGE.rows))
    assert pages is not None
    assert len(pages) == REVIEW_LIMIT
    assert pages_of(["x"] * (REVIEW_LIMIT * PAGE.rows + 1)) is None


def test_what_fits_a_card_is_one_page() -> None:
    """A small payload can be reviewed too: the command line of the chat always shows it first."""
    assert (1, 1) == (review_pages(asked()), review_pages(asked(None)))


@pytest.mark.parametrize(
    ("payload", "surfaces"),
    [
        (None, {"card", "direct", "home"}),
        ({"a": 1}, {"card", "direct", "home"}),
        ({"a": ["x"] * (HOME.rows - 1)}, {"card", "direct", "home"}),
        ({"a": ["x"] * HOME.rows}, {"card", "direct"}),
        ({"a": "x" * HOME.characters}, {"card", "direct"}),
        ({"a": ["x"] * MAX_ROWS}, set()),
        (LARGE, set()),
    ],
)
def test_where_everything_stands_beside_the_button(payload: Any, surfaces: set[str]) -> None:
    """Only a surface that shows the whole may offer Approve at once; words never do."""
    every = ("card", "direct", "home", "slash", "cli", "form", "review", "")
    assert surfaces == {surface for surface in every if shows_all(asked(payload), surface)}


def test_a_home_shows_no_cut_name_beside_approve() -> None:
    """What runs is named in full where it can be approved."""
    assert not shows_all(asked(name="n" * 81), "home")
    assert not shows_all(asked(agent="n" * 51), "home")
    assert shows_all(asked(name="n" * 81), "card")
