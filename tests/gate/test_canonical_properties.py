"""The canonical text under any value: stable, and equal exactly for equal values."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gate import action_digest, canonical_text, parse_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.text(st.sampled_from('ab",[]\\\n \u00e9'), max_size=4)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**60), max_value=10**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
# Few different parts, so that equal and nearly equal values meet.
ALIKE = st.recursive(
    st.sampled_from([None, True, 1, 1.0, 0, 0.0, -0.0, "", "1", "a"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=3,
)

relaxed = settings(deadline=None, max_examples=200)


def same(one: Any, other: Any) -> bool:
    """Say whether no tool could tell the two apart; `==` calls 1, 1.0 and True equal."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other)


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@relaxed
@given(VALUES)
def test_reading_the_text_gives_the_value_and_the_text_again(value: Any) -> None:
    """Canonical text is stable: reading and writing it changes nothing."""
    text = canonical_text(value)
    assert same(value, parse_json(text))
    assert canonical_text(parse_json(text)) == text
    assert canonical_text(parse_json(text.encode())) == text


@relaxed
@given(VALUES)
def test_any_spelling_of_a_value_has_its_text(value: Any) -> None:
    """White space, escapes and key order of the source do not matter."""
    spelled = json.dumps(reordered(value), indent=2, ensure_ascii=True)
    assert canonical_text(parse_json(spelled)) == canonical_text(value)


@relaxed
@given(ALIKE, ALIKE)
def test_texts_are_equal_exactly_for_equal_values(one: Any, other: Any) -> None:
    """No two values share a text, and no value has two."""
    assert (canonical_text(one) == canonical_text(other)) is same(one, other)


@relaxed
@given(st.tuples(NAMES, NAMES, NAMES, ALIKE), st.tuples(NAMES, NAMES, NAMES, ALIKE))
def test_digests_are_equal_exactly_for_equal_actions(
    one: tuple[str, str, str, Any], other: tuple[str, str, str, Any]
) -> None:
    """The boundaries between namespace, agent, name and payload cannot be moved."""
    first, second = (
        action_digest(namespace=ns, agent=agent, name=name, payload=payload)
        for ns, agent, name, payload in (one, other)
    )
    assert (first == second) is same(list(one), list(other))


@relaxed
@given(VALUES)
def test_the_value_itself_is_left_alone(value: Any) -> None:
    """Taking a text changes nothing in the value."""
    before = copy.deepcopy(value)
    canonical_text(value)
    assert same(before, value)
