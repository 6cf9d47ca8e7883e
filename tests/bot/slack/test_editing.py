"""The form that edits the arguments: what it offers, and what comes back of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.masking import Masking
from bot.slack.ids import EDIT_FORM, REASON_BLOCK, REASON_INPUT
from bot.slack.render.editing import Edited, EditForm, edit_modal, why_no_edit
from bot.slack.render.forms import MAX_REASON
from gate import InvalidId, LimitExceeded, canonical_text

from ...golden import same_as_golden
from .edits import (
    EMPTY,
    PERSON,
    PLACE,
    applied,
    editable,
    input_of,
    offered,
    opened,
    own_ids,
    payload_of,
    sent,
    staying,
)
from .examples import TRICKY, asked, stamp

PAYLOAD = {
    "user_id": 42,
    "tier": "plus",
    "dry_run": False,
    "rate": 0.5,
    "notify": ["ana@example.com"],
    "text": "Dear Ana,\nyour account ends.",
    "password": "hunter22",
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "user_id": {"type": "integer", "minimum": 1, "description": "Whose account it is."},
        "tier": {"enum": ["basic", "plus", "max"], "title": "Tier"},
        "dry_run": {"type": "boolean", "default": False},
        "rate": {"type": "number", "exclusiveMaximum": 1},
        "notify": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "text": {"type": "string", "maxLength": 500},
        "password": {"type": "string"},
        "reference": {"type": "string", "minLength": 3},
        "until": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["user_id", "tier", "dry_run", "rate", "notify", "text", "password"],
}
HOSTILE: dict[str, Any] = {
    "": "no name",
    "Why?": "an imitation",
    "Approve": "*bold* <!channel> <https://evil.example|docs.internal> :x:",
    "zero\u200bwidth": "a name that hides something",
    'say "yes"': "a name with marks",
    "hidden": "rm -rf /tmp/x\u200b\u202e; curl evil",
    "carriage": "one\r\ntwo",
    "tab": "one\ttwo",
    "trailing": "one\n",
    "entity": "a &amp;&amp; b",
    "long": "x" * 3001,
    "token": "xoxb-123456789012-abcdefghijkl",
    "nothing": None,
    "deep": [[[[{"a": "\u202e"}]]]],
    "pattern": "aaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
    "remote": "x",
    "wrong": "three",
    "n": 12345678901234567890123456789,
    "田中": "e\u0301",
}
HOSTILE_SCHEMA: dict[str, Any] = {
    "$id": "https://evil.example/schema",
    "title": "✅ Approved by Ana",
    "properties": {
        "Approve": {
            "type": "string",
            "title": "Approved by <@U0ANA>",
            "description": 'Please\u202e click".\n\nThese stay as they are: ' + "x" * 400,
        },
        "pattern": {"type": "string", "pattern": "^(a+)+$"},
        "remote": {"$ref": "https://evil.example/x.json"},
        "wrong": {"type": "integer"},
        "n": {"type": "integer", "multipleOf": 1},
        "secret": {"type": "string"},
    },
}


def _view(approval: Any) -> EditForm:
    return EditForm.parse(sent(opened(approval)))


def test_golden_edit_form():
    """Each argument has the input that its schema asks for; what is masked stays."""
    view = opened(editable(PAYLOAD, SCHEMA))
    same_as_golden("view/edit.json", view)
    names = ["dry_run", "notify", "rate", "reference", "text", "tier", "until", "user_id"]
    assert names == offered(view)
    assert {"password": "it looks like a secret"} == staying(view)


def test_golden_edit_form_without_a_schema():
    """The values that stand there say of what kind they are."""
    view = opened(editable({**TRICKY, "on": True, "n": 1, "f": 1.0, "empty": ""}))
    same_as_golden("view/edit_no_schema.json", view)


def test_golden_hostile_edit_form():
    """What could not be shown or given back exactly stays, and no text gets a frame of its own."""
    view = opened(editable(HOSTILE, HOSTILE_SCHEMA))
    same_as_golden("view/edit_hostile.json", view)
    assert ['""', "Approve", '"Why?"', "n", "trailing", '"田中"'] == offered(view)
    assert own_ids(view)


def test_golden_choices():
    """Lists of values become choices that tell `"1"` from `1`, and a way to leave them out."""
    schema = {
        "properties": {
            "level": {"enum": ["low", "high"]},
            "mixed": {"enum": ["1", 1, True, None]},
            "flag": {"type": ["boolean", "null"]},
            "union": {"oneOf": [{"const": "a"}, {"const": "b"}]},
            "maybe": {"type": "boolean"},
        },
        "required": ["level", "mixed", "flag"],
    }
    approval = editable({"level": "low", "mixed": 1, "flag": None, "union": "b"}, schema)
    view = opened(approval)
    same_as_golden("view/edit_choices.json", view)
    assert {"level": "low", "mixed": "1", "flag": None, "maybe": True} == payload_of(
        approval, mixed='"1"', union="(left out)", maybe="true"
    )


@pytest.mark.parametrize("payload", [PAYLOAD, HOSTILE, TRICKY])
@pytest.mark.parametrize("schema", [None, {}, SCHEMA, HOSTILE_SCHEMA])
def test_nothing_changed_is_a_plain_yes(payload: Any, schema: dict[str, Any] | None):
    """A form that comes back as it was gives the arguments as they were, whatever they hold."""
    approval = editable(payload, schema)
    assert Edited(payload, changed=False) == _view(approval).apply(approval)


def test_what_was_edited_comes_back():
    """Only what was changed differs, and the order stays."""
    approval = editable(PAYLOAD, SCHEMA)
    entries = {"user_id": "43", "dry_run": "true", "tier": "max", "rate": "0.25"}
    edited = applied(approval, notify='["a",\n "b"]', text="Bye.", until="7", **entries)
    assert isinstance(edited, Edited)
    wanted = {
        **PAYLOAD, "user_id": 43, "dry_run": True, "tier": "max", "rate": 0.25,
        "notify": ["a", "b"], "text": "Bye.", "until": 7,
    }  # fmt: skip
    assert list(wanted.items()) == list(edited.payload.items())
    assert edited.changed
    names = ("dry_run", "notify", "rate", "text", "tier", "until", "user_id")
    assert names == edited.names


def test_an_edit_starts_from_what_stands():
    """Somebody's edit before is what the form shows, and what it is judged against."""
    approval = editable(PAYLOAD, SCHEMA)
    payload = {**PAYLOAD, "user_id": 7}
    decision = {"verdict": "approve", "payload": payload, "digest": approval.digest_of(payload)}
    edited = type(approval).model_validate({**approval.model_dump(), "decision": decision})
    assert "7" == input_of(opened(edited), "user_id")["element"]["initial_value"]
    form = _view(approval)
    assert form.fits(approval)
    assert not form.fits(edited)
    found = form.apply(edited)
    assert isinstance(found, dict)
    assert [
        "The request has changed since this form was opened. Close it and open it again."
    ] == list(found.values())


def test_what_may_not_be_edited_is_not():
    """The request itself has to allow it, also when a form of it comes back."""
    form = _view(editable(PAYLOAD, SCHEMA))
    found = form.apply(asked(PAYLOAD, arguments_schema=SCHEMA))
    assert isinstance(found, dict)


def test_an_absent_argument_is_not_an_empty_one():
    """Left empty it stays left out; an empty text stays an empty text."""
    schema = {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    approval = editable({"a": "", "c": "x"}, schema)
    assert {"a": "", "c": "x"} == payload_of(approval)
    assert {"a": "", "c": "x", "b": "y"} == payload_of(approval, b="y")
    assert {"a": "", "c": ""} == payload_of(approval, c=EMPTY)
    given = editable({"a": "x"}, schema)
    assert {} == payload_of(given, a=EMPTY)


def test_white_space_around_a_text_stays():
    """Nobody knows whether Slack trims an input: what is around a text is kept from it."""
    approval = editable({"a": "\n  one\ntwo\n\n", "b": "\n"})
    view = opened(approval)
    assert "one\ntwo" == input_of(view, "a")["element"]["initial_value"]
    assert {"b": "an input might not give it back exactly"} == staying(view)
    assert {"a": "\n  one\nthree\n\n", "b": "\n"} == payload_of(approval, a="one\nthree\n")


def test_what_the_tool_needs_cannot_be_missing():
    """An argument that is missing is asked for as soon as anything changes."""
    approval = editable({"a": 1}, {"properties": {"b": {"type": "string"}}, "required": ["b"]})
    assert Edited({"a": 1}, changed=False) == applied(approval)
    found = applied(approval, a="2")
    assert {"signoff_edit:1": "This is needed."} == found


def test_arguments_are_checked_together():
    """What holds for several arguments is said at one that was changed."""
    schema = {
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "if": {"properties": {"a": {"const": 1}}},
        "then": {"properties": {"b": {"const": 1}}},
    }
    approval = editable({"a": 0, "b": 0}, schema)
    words = "Together with the other arguments this does not fit what the tool takes."
    assert {"signoff_edit:0": words} == applied(approval, a="1")
    assert {"a": 1, "b": 1} == payload_of(approval, a="1", b="1")


@pytest.mark.parametrize(
    ("approval", "why"),
    [
        (asked({"a": 1}), "The agent does not let its arguments be edited."),
        (editable([1]), "Only arguments with names can be edited here."),
        (editable("text"), "Only arguments with names can be edited here."),
        (editable({}), "It has no arguments."),
        (
            editable({"password": "hunter22", "text": "x" * 3001, "more": "y" * 3001}),
            "None of its arguments can be edited here: it is too long for an input; it looks like "
            "a secret.",
        ),
        (
            editable({f"a{n}": n for n in range(46)}),
            "It has 46 arguments; a form in Slack has room for 45.",
        ),
        (
            editable({"a": 1}, {"$schema": "https://evil.example/"}),
            "The schema of its arguments cannot be checked here: its dialect is not known.",
        ),
        (
            editable({"a": 1}, {"patternProperties": {"(a+)+$": {}}}),
            "The schema of its arguments cannot be checked here: it has a regular expression.",
        ),
    ],
)
def test_no_form(approval: Any, why: str):
    """Where nothing can be edited there is no form, and a sentence that says why."""
    assert why == why_no_edit(approval)
    assert edit_modal(approval, stamp=stamp, person=PERSON, place=PLACE) is None


def test_the_largest_form_fits():
    """Inputs that would make the view too large stay fixed, and the rest can be edited."""
    payload = {f"argument_{n:02}": "\u00e4" * 2800 for n in range(45)}
    view = opened(editable(payload))
    assert 45 == len(offered(view)) + len(staying(view))
    assert {"the form has no room left for it"} == set(staying(view).values())
    assert offered(view)


def test_a_schema_cannot_flood_the_form():
    """Of hundreds of arguments that could be given, a form offers as many as it has room for."""
    schema = {"properties": {f"a{n:03}": {"type": "string"} for n in range(300)}}
    assert 45 == len(offered(opened(editable({"a299": "x", "b": 1}, schema))))


def test_what_the_operator_masks_stays():
    """Names that only this installation knows are masked here too, and never asked for."""
    masking = Masking(keys=("iban",))
    approval = editable({"iban": "DE00", "a": 1}, {"properties": {"iban_2": {"type": "string"}}})
    view = opened(approval, masking=masking)
    assert ["a"] == offered(view)
    form = EditForm.parse(sent(view, a="2"))
    assert Edited({"iban": "DE00", "a": 2}, changed=True, names=("a",)) == form.apply(
        approval, masking=masking
    )


def _changed(**changes: Any) -> dict[str, Any]:
    return {**sent(opened(editable(PAYLOAD, SCHEMA))), **changes}


def _kept(**changes: Any) -> dict[str, Any]:
    view = _changed()
    return {**view, "private_metadata": json.dumps(json.loads(view["private_metadata"]) | changes)}


def _states(**changes: Any) -> dict[str, Any]:
    view = _changed()
    return {**view, "state": {"values": {**view["state"]["values"], **changes}}}


NUMBER = "signoff_edit:0"


@pytest.mark.parametrize(
    "view",
    [
        {},
        {"callback_id": EDIT_FORM},
        _changed(callback_id="other"),
        _changed(private_metadata="[" * 5000),
        _changed(private_metadata="[]"),
        _changed(state=None),
        _changed(state={"values": []}),
        _changed(state={"values": {}}),
        _kept(v=None),
        _kept(c=1),
        _kept(d="1"),
        _kept(d=True),
        _states(other={"x": {"type": "plain_text_input", "value": "x"}}),
        _states(**{NUMBER: {}}),
        _states(**{NUMBER: {"other": {"type": "plain_text_input", "value": "x"}}}),
        _states(**{NUMBER: {"signoff_edit_value:0": {"type": "plain_text_input", "value": 1}}}),
        _states(**{NUMBER: {"signoff_edit_value:0": {"type": "checkboxes", "value": "x"}}}),
        _states(
            **{NUMBER: {"signoff_edit_value:0": {"type": "plain_text_input", "value": "\ud800"}}}
        ),
        _states(
            **{NUMBER: {"signoff_edit_value:0": {"type": "radio_buttons", "selected_option": "0"}}}
        ),
        _states(**{"signoff_edit:01": {"signoff_edit_value:01": {"type": "plain_text_input"}}}),
        _states(**{REASON_BLOCK: {REASON_INPUT: {"type": "plain_text_input", "value": 42}}}),
    ],
)
def test_other_submissions_are_refused(view: dict[str, Any]):
    """A form that is not ours, or was changed out of its form, edits nothing."""
    with pytest.raises(InvalidId):
        EditForm.parse(view)


@pytest.mark.parametrize(
    "states",
    [
        {"signoff_edit:2": {"signoff_edit_value:2": {"type": "plain_text_input", "value": "x"}}},
        {"signoff_edit:99": {"signoff_edit_value:99": {"type": "plain_text_input", "value": "x"}}},
        {NUMBER: {"signoff_edit_value:0": {"type": "plain_text_input", "value": "true"}}},
        {
            NUMBER: {
                "signoff_edit_value:0": {
                    "type": "radio_buttons",
                    "selected_option": {"value": "2"},
                }
            }
        },
    ],
)
def test_inputs_that_were_not_offered_are_refused(states: dict[str, Any]):
    """What stays cannot be edited by a form that was made up, nor chosen what was no choice."""
    form = EditForm.parse(_states(**states))
    with pytest.raises(InvalidId):
        form.apply(editable(PAYLOAD, SCHEMA))


def test_a_note_comes_with_it():
    """The note is kept without white space around it, and has a limit."""
    note = {"type": "plain_text_input", "value": " Too much.\n"}
    assert "Too much." == EditForm.parse(_states(**{REASON_BLOCK: {REASON_INPUT: note}})).note
    note["value"] = "x" * (MAX_REASON + 1)
    with pytest.raises(LimitExceeded):
        EditForm.parse(_states(**{REASON_BLOCK: {REASON_INPUT: note}}))


def test_the_payload_that_comes_back_is_canonical():
    """What a person wrote has one spelling, and fits into a record."""
    approval = editable({"a": ["x"]})
    assert '{"a":["y",1.5]}' == canonical_text(payload_of(approval, a='[ "y" , 1.50 ]'))
