"""What a person enters: read exactly, or refused in a sentence of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.render.editing import Edited, EditForm, edit_modal
from bot.slack.render.entries import hidden_words
from bot.slack.text import visible
from gate import canonical_text
from tests.support.validators import problems

from .edits import PERSON, PLACE, editable, fault, input_of, offered, opened, payload_of, sent
from .examples import stamp
from .hostile import payloads, texts

SCHEMA: dict[str, Any] = {
    "properties": {
        "whole": {"type": "integer", "minimum": 3, "maximum": 10**30},
        "number": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5},
        "text": {"type": "string", "minLength": 3, "maxLength": 5},
        "one": {"type": "string", "minLength": 1},
        "list": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "uniqueItems": True},
        "object": {
            "type": "object",
            "properties": {"a": {"enum": [1, 2]}},
            "required": ["a"],
            "additionalProperties": False,
        },
        "maybe": {"anyOf": [{"type": "string", "minLength": 2}, {"type": "null"}]},
        "loop": {"$ref": "#/$defs/tree"},
    },
    "required": ["whole", "number", "text", "one", "list", "object", "maybe"],
    "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
}
PAYLOAD: dict[str, Any] = {
    "whole": 3, "number": 0.5, "text": "abc", "one": "x", "list": [1], "object": {"a": 1},
    "maybe": None, "loop": [], "free": {"a": [1]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"whole": "2"}, "It has to be at least 3."),
        ({"whole": "1e3"}, "A whole number is needed, such as 42."),
        ({"whole": "4.0"}, "A whole number is needed, such as 42."),
        ({"whole": "\u0664"}, "A whole number is needed, such as 42."),
        ({"whole": "04"}, "A whole number is needed, such as 42."),
        ({"whole": ""}, "This cannot be left empty."),
        ({"whole": " \n"}, "This cannot be left empty."),
        ({"whole": "1" + "0" * 31}, "It has to be at most 1000000000000000000000000000000."),
        ({"number": "0"}, "It has to be more than 0."),
        ({"number": "0.75"}, "A multiple of 0.5 is needed."),
        ({"number": "NaN"}, "A number is needed, such as 42 or 0.5."),
        ({"number": "1e999"}, "This number would be rounded. Write it with fewer digits."),
        ({"number": "1e-999999"}, "This number would be rounded. Write it with fewer digits."),
        ({"number": "0.1000000000000000055"}, "This number would be rounded. Write it with "
         "fewer digits."),
        ({"text": "ab"}, "At least 3 characters are needed."),
        ({"text": "abcdef"}, "At most 5 characters are possible."),
        ({"one": ""}, "This cannot be left empty."),
        ({"text": "x" * 3001}, "At most 3,000 characters are possible."),
        ({"text": "a\u200bb"}, "Take out the character U+200B: it cannot be shown as it is."),
        ({"text": "a\u202eb"}, "Take out the character U+202E: it cannot be shown as it is."),
        ({"text": "a\rb"}, "Take out the character U+000D: it cannot be shown as it is."),
        ({"text": "a\u00a0b"}, "Take out the character U+00A0: it cannot be shown as it is."),
        ({"text": "⟨b⟩"}, "Take out the character U+27E8: it cannot be shown as it is."),
        ({"text": "abc "}, "Take out the spaces at the end of a line, and long rows of spaces."),
        ({"text": "a&amp;b"}, "Texts with &amp;, &lt; or &gt; cannot be entered here."),
        ({"list": "[]"}, "At least 1 entry is needed."),
        ({"list": "[1, 1]"}, "No entry may stand there twice."),
        ({"list": '["a"]'}, "Inside of it: a whole number is needed."),
        ({"list": "{}"}, "A list is needed, written as JSON."),
        ({"list": "[1"}, "This is not strict JSON: broken JSON at 2."),
        ({"list": "[NaN]"}, "This is not strict JSON: NaN is not JSON."),
        ({"list": "[" * 99 + "]" * 99}, "This is too deep, or a number in it too long."),
        ({"list": "[1.00000000000000000001]"}, "This number would be rounded. Write it with "
         "fewer digits."),
        ({"object": '{"a": 1, "a": 2}'}, "This is not strict JSON: duplicate keys."),
        ({"object": '{"a": 3}'}, "Inside of it: one of the listed values is needed."),
        ({"object": "{}"}, "Something that the tool needs is missing."),
        ({"object": '{"a": 1, "b": 2}'}, "There is a name that the tool does not take."),
        ({"maybe": "x"}, "At least 2 characters are needed."),
        ({"loop": "[[1]]"}, "Inside of it: a list is needed, written as JSON."),
        ({"free": "[]"}, "An object is needed, written as JSON."),
        ({"free": '{"a": "\\u202e"}'}, "Take out the character U+202E: it cannot be shown as it "
         "is."),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_at_its_input(entry: dict[str, str], words: str):
    """The sentence is ours, and repeats nothing of what was entered."""
    assert words == fault(editable(PAYLOAD, SCHEMA), **entry)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ({"whole": " 12345678901234567890123 "}, 12345678901234567890123),
        ({"number": "1e2"}, 100.0),
        ({"number": "7"}, 7),
        ({"maybe": "null"}, "null"),
        ({"list": "[2,\n3]"}, [2, 3]),
        ({"loop": "[[], [[]]]"}, [[], [[]]]),
        ({"free": '{"b": "two\\nlines"}'}, {"b": "two\nlines"}),
        ({"text": "a\n\tb"}, "a\n\tb"),
    ],
)
def test_what_fits_is_read_exactly(entry: dict[str, str], value: Any):
    """No digit, no character and no type is lost."""
    found = payload_of(editable(PAYLOAD, SCHEMA), **entry)
    assert canonical_text({**PAYLOAD, **dict.fromkeys(entry, value)}) == canonical_text(found)


def test_a_text_that_slack_writes_otherwise_is_unchanged():
    """In other places Slack replaces three characters: that is no edit."""
    approval = editable({"a": "x < y && z"})
    view = sent(opened(approval), a="x &lt; y &amp;&amp; z")
    assert Edited({"a": "x < y && z"}, changed=False) == EditForm.parse(view).apply(approval)


def test_what_was_there_may_stay():
    """A text with odd characters inside of a list is no fault of who edits the rest of it."""
    approval = editable({"a": ["one\r\n", 1]})
    assert {"a": ["one\r\n", 2]} == payload_of(approval, a='["one\\r\\n", 2]')


def test_what_cannot_be_checked_has_to_stay():
    """A schema that would take for ever ends a check, and the argument has no input."""
    many = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    schema = {
        "properties": {"a": {"$ref": "#/$defs/d0"}, "b": {"$ref": "#/$defs/b"}, "c": {}},
        "$defs": {**many, "d40": {"type": "string"}, "b": {"$ref": "#/$defs/b"}},
    }
    assert ["c"] == offered(opened(editable({"a": "x", "b": "y", "c": 1}, schema)))


@given(texts)
def test_hidden_characters_are_found(text: str):
    """What passes is shown as it is, apart from tabs and long rows of line breaks."""
    if hidden_words(text) is None:
        shown = visible(text.replace("\t", "."), lines=True)
        assert "⟨" not in shown.replace("⟨U+000A", "")


names = st.one_of(st.sampled_from(("a", "b", "c", "Why?", "password")), texts)
scalars = st.sampled_from(
    (
        {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "number"},
        {"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {"type": "array"},
        {"type": "string", "pattern": "(a+)+$"}, {"$ref": "#"}, {"$ref": "#/$defs/x"},
        {"$ref": "https://evil.example"}, {"minLength": "x"}, True, False, {}, {"enum": []},
    )
)  # fmt: skip
nodes = st.recursive(
    st.one_of(
        scalars,
        st.builds(lambda values: {"enum": values}, st.lists(payloads, min_size=1, max_size=4)),
        st.builds(lambda one, two: {"title": one, "description": two}, texts, texts),
    ),
    lambda inner: st.one_of(
        st.builds(lambda each: {"items": each}, inner),
        st.builds(lambda each: {"anyOf": each}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda each: {"properties": each}, st.dictionaries(names, inner, max_size=3)),
    ),
    max_leaves=6,
)
schemas = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"properties": st.dictionaries(names, nodes, max_size=5)},
        optional={
            "required": st.lists(names, max_size=3, unique=True),
            "additionalProperties": st.booleans(),
            "$defs": st.fixed_dictionaries({"x": nodes}),
            "allOf": st.lists(nodes, max_size=2),
        },
    ),
)


@settings(deadline=None)  # each example is judged by four validators
@given(st.dictionaries(names, payloads, max_size=5), schemas)
def test_a_form_that_was_not_touched_changes_nothing(payload: Any, schema: Any):
    """Whatever the arguments and the schema are: opened and sent back, they are as they were."""
    approval = editable(payload, schema)
    view = edit_modal(approval, stamp=stamp, person=PERSON, place=PLACE)
    if view is not None:
        assert problems("modal", view) == []
        edited = EditForm.parse(sent(view)).apply(approval)
        assert isinstance(edited, Edited)
        assert not edited.changed
        assert json.dumps(payload) == json.dumps(edited.payload)


@settings(deadline=None)
@given(texts)
def test_what_is_entered_is_what_runs(text: str):
    """A text comes back character by character, or is refused."""
    approval = editable({"a": "x"})
    view = opened(approval)
    found = EditForm.parse(sent(view, a=text)).apply(approval)
    if isinstance(found, Edited):
        assert {"a": text} == found.payload
        assert hidden_words(text) is None
    else:
        assert [input_of(view, "a")["block_id"]] == list(found)
