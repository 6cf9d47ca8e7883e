"""JSON Schemas of agents: what they say of arguments, and how little harm they can do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot.schema import ArgumentsSchema, Kind, Property, SchemaUnchecked, Shape
from bot.schema.copying import MAX_SCHEMA

TREE = {"type": "array", "items": {"$ref": "#/$defs/tree"}}
DOUBLING = {
    **{f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)},
    "d40": {"type": "string"},
}


def _one(node: Any, **more: Any) -> ArgumentsSchema:
    return ArgumentsSchema({"properties": {"a": node}, **more})


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        ({"type": "string"}, Shape(Kind.TEXT)),
        ({"type": ["null", "integer"]}, Shape(Kind.INTEGER, nullable=True)),
        ({"type": ["string", "integer"]}, Shape()),
        ({"type": "object"}, Shape(Kind.JSON)),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, Shape(Kind.NUMBER, nullable=True)),
        ({"allOf": [{"$ref": "#/$defs/tree"}]}, Shape(Kind.JSON)),
        ({"enum": ["a", None, 1]}, Shape(Kind.CHOICE, nullable=True, options=("a", 1))),
        ({"const": "a"}, Shape(Kind.CHOICE, options=("a",))),
        (
            {"oneOf": [{"const": "a"}, {"enum": ["b", "c"]}]},
            Shape(Kind.CHOICE, options=("a", "b", "c")),
        ),
        ({"$ref": "#/$defs/loop"}, Shape()),
        ({"minLength": 1}, Shape()),
        (True, Shape()),
    ],
)
def test_the_shape_of_an_argument(node: Any, shape: Shape):
    """Unions with null and references lead to what an input has to offer."""
    loop = {"$ref": "#/$defs/loop"}
    assert shape == _one(node, **{"$defs": {"tree": TREE, "loop": loop}}).property("a").shape


def test_what_is_said_of_an_argument():
    """Whether it is needed, and the agent's words about it."""
    schema = ArgumentsSchema(
        {
            "$ref": "#/definitions/Args",
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {
                "Args": {
                    "type": "object",
                    "properties": {
                        "a": {"type": "integer", "title": "A", "description": "First."},
                        "b": {"type": "boolean"},
                    },
                    "required": ["a"],
                    "additionalProperties": False,
                }
            },
        }
    )
    first = Property("a", declared=True, shape=Shape(Kind.INTEGER), title="A", description="First.")
    assert first == schema.property("a")
    second = Property("b", declared=True, required=False, shape=Shape(Kind.BOOLEAN))
    assert second == schema.property("b")
    assert "the schema does not name it" == schema.property("c").trouble
    assert Property("c") == ArgumentsSchema(None).property("c")


@pytest.mark.parametrize(
    "node",
    [
        {"pattern": "(a+)+$"},
        {"patternProperties": {"(a+)+$": {}}},
        {"$ref": "https://evil.example/x.json"},
        {"$ref": "other.json"},
        {"$ref": "#anchor"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/%24defs/tree"},
        {"$ref": "#/$defs/regular"},
        {"$ref": "#/$defs/far"},
        {"$ref": "#/$defs/own/not"},
        {"$ref": 1},
        {"$id": "https://evil.example/"},
        {"$anchor": "x"},
        {"$dynamicRef": "#x"},
        {"$schema": "http://json-schema.org/draft-04/schema#"},
        {"unevaluatedItems": False},
        {"dependencies": {"a": ["b"]}},
        {"items": [{"type": "string"}]},
        {"anyOf": {}},
        {"not": {"items": {"contains": {"pattern": "x"}}}},
        7,
    ],
)
def test_what_cannot_be_checked_only_binds_its_argument(node: Any):
    """An argument with a regular expression, or a reference elsewhere, cannot be edited."""
    definitions = {
        "tree": TREE,
        "regular": {"allOf": [{"$ref": "#/$defs/far"}]},
        "far": {"pattern": "x"},
        "own": {"$id": "https://evil.example", "not": {}},
    }
    schema = ArgumentsSchema({"properties": {"a": node, "b": {}}, "$defs": definitions})
    trouble = schema.property("a").trouble or ""
    assert trouble.startswith("its schema cannot be checked: it ")
    with pytest.raises(SchemaUnchecked):
        schema.fault("a", "x")
    assert schema.fault("b", "x") is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"properties": []},
        {"required": "a"},
        {"required": [1]},
        {"properties": {"a": {"type": "strin"}}},
        {"properties": {"a": {"minLength": -1}}},
        {"properties": {"a": {"minimum": "x"}}},
        {"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"enum": 1}}},
        {"patternProperties": {"x": {}}},
        {"allOf": [{"properties": {"a": {"pattern": "x"}}}]},
        {"$schema": "https://evil.example/dialect"},
        {"$schema": 1},
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"$ref": "#/$defs/a", "$defs": {"a": True}},
        {"description": "x" * MAX_SCHEMA},
        {"x": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]},
        {"x": float("nan")},
    ],
)
def test_a_schema_that_is_none_is_refused_whole(schema: dict[str, Any]):
    """Nothing is guessed of it."""
    with pytest.raises(SchemaUnchecked):
        ArgumentsSchema(schema)


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"$ref": "#/$defs/d0"}, "x"),
        ({"$ref": "#/$defs/loop"}, "x"),
        ({"uniqueItems": True}, list(range(201))),
        ({"items": {"enum": list(range(2000))}}, [1999] * 1400),
        ({"items": {"anyOf": [{"type": "string"}] * 300}}, [1] * 1400),
    ],
)
def test_every_check_ends(node: dict[str, Any], value: Any):
    """What doubles with each step, or leads back to itself, is left after a number of steps."""
    definitions = {**DOUBLING, "loop": {"$ref": "#/$defs/loop"}}
    schema = _one(node, **{"$defs": definitions})
    told = []
    for _ in range(3):
        try:
            told.append(schema.fault("a", value))
        except SchemaUnchecked as error:
            told.append(error.reason)
    assert told[0] is not None
    assert [told[0]] * 3 == told


def test_all_checks_together_end():
    """A schema cannot make each of its arguments cost what one may."""
    node = {"$ref": "#/$defs/d0"}
    schema = ArgumentsSchema({"properties": {f"a{n}": node for n in range(45)}, "$defs": DOUBLING})
    for name in schema.names:
        with pytest.raises(SchemaUnchecked):
            schema.fault(name, "x")


@pytest.mark.parametrize(
    ("node", "value", "words"),
    [
        ({"type": "boolean"}, 1, "true or false is needed."),
        ({"type": "integer"}, True, "A whole number is needed."),
        ({"type": ["integer", "string"]}, [], "This does not fit what the tool takes."),
        ({"enum": [1]}, True, "One of the listed values is needed."),
        ({"maxLength": 1}, "ab", "At most 1 character is possible."),
        ({"maxItems": 2}, [1, 2, 3], "At most 2 entries are possible."),
        ({"maximum": 10**60}, 10**61, "This does not fit what the tool takes."),
        ({"multipleOf": 0.01}, 19.99, None),
        ({"multipleOf": 0.01}, 19.999, "A multiple of 0.01 is needed."),
        ({"multipleOf": 3}, 10**400 + 1, "A multiple of 3 is needed."),
        ({"not": {}}, 1, "This does not fit what the tool takes."),
        ({"format": "date"}, "no date", None),
        ({"default": 1, "x-own": {"pattern": "x"}}, "x", None),
    ],
)
def test_faults_are_said_in_our_words(node: dict[str, Any], value: Any, words: str | None):
    """No message of the library, which holds the value and the agent's words."""
    assert words == _one(node).fault("a", value)


def test_arguments_together():
    """What is needed is named; the rest is only said."""
    schema = ArgumentsSchema(
        {
            "properties": {"a": {"pattern": "x"}},
            "required": ["a"],
            "maxProperties": 2,
            "dependentRequired": {"b": ["c"]},
        }
    )
    assert ("a", "This is needed.") == schema.fault_together({})
    assert schema.fault_together({"a": "never looked at"}) is None
    found = schema.fault_together({"a": 1, "b": 1})
    assert found is not None
    assert found[0] is None


leaves = st.sampled_from(
    (
        {"type": "integer"}, {"type": "string", "minLength": 2}, {"minimum": 3}, {"const": 1},
        {"enum": ["a", 1.0, None]}, {"type": ["array", "null"]}, True, False, {"maxItems": 1},
        {"multipleOf": 2}, {"required": ["a"]}, {"uniqueItems": True},
    )
)  # fmt: skip
nested = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda each: {"items": each}, inner),
        st.builds(lambda each: {"not": each}, inner),
        st.builds(lambda each: {"properties": {"a": each}}, inner),
        st.builds(
            lambda key, each: {key: each},
            st.sampled_from(("allOf", "anyOf", "oneOf")),
            st.lists(inner, min_size=1, max_size=3),
        ),
    ),
    max_leaves=8,
)
values = st.recursive(
    st.sampled_from((None, True, 0, 1, 1.0, 4, 2.5, "", "a", "abc")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(nested, values)
def test_the_copy_judges_like_the_original(node: Any, value: Any):
    """What is left out of the copy makes no difference to what fits."""
    expected = Draft202012Validator(node).is_valid(value)
    assert expected == (_one(node).fault("a", value) is None)
