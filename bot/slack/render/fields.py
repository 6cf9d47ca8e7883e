"""Owns what becomes of each argument in a form: an input, or a word on why it stays as asked.

An input has to give back exactly what it was filled with. So nothing is offered that Slack's client
could change on its way, and that is more than is known: whether it trims white space, and whether
it replaces `&`, `<` and `>`, Slack does not say.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from gate import Approval, canonical_text

from ...masking import Masking, Veiled, spots_of
from ...schema import ArgumentsSchema, Kind, Property, SchemaUnchecked
from ..ids import EDIT_BLOCK, EDIT_INPUT
from ..limits import MAX_INPUT
from ..text import quoted, units, visible
from .buttons import plain

__all__ = [
    "ENTITY",
    "MAX_FIELDS",
    "Absent",
    "Choice",
    "Empty",
    "Field",
    "Fixed",
    "Sheet",
    "input_block",
    "sheet_of",
]

Block = dict[str, Any]

MAX_FIELDS: Final = 45
"""Arguments of one form. Slack takes 100 blocks; people lose their way earlier."""
MAX_OPTIONS, MAX_OPTION_TEXT = 100, 75
"""Of a select of Slack's, and characters of each."""
ENTITY = re.compile(r"&(?:amp|lt|gt);")
"""What Slack writes for `&`, `<` and `>` in other places: here nobody knows who wrote it."""

_ROOM: Final = 180_000
"""Bytes of all inputs; a view may have 250,000."""
_RADIOS: Final = 4
_LONG_LINE: Final = 100
"""Characters of a text that gets more than one line of room."""
_AROUND: Final = " \n"
_LABEL, _TITLE, _SAID = 150, 60, 200
_LEFT_OUT: Final = "(left out)"


class Absent(Enum):
    """An argument that is not there, which is not `null`."""

    ABSENT = "absent"


class Empty(Enum):
    """What an input means that is left empty."""

    REFUSED = ""
    LEFT_OUT = "Left empty, it is left out."
    TEXT = "Left empty, it is a text without characters."
    NULL = "Left empty, it is null."


@dataclass(frozen=True)
class Choice:
    """One of several values, and how it is shown."""

    text: str
    value: Any


@dataclass(frozen=True)
class Field:
    """An argument with an input."""

    index: int
    """Among all arguments, sorted by name: no id in a form holds a word of the agent's."""
    name: str
    label: str
    kind: Kind
    """Never `ANY`."""
    value: Any
    """As it stands now; `Absent.ABSENT` where it is left out."""
    initial: str | None
    """What the input is filled with: a text, or the number of a choice."""
    empty: Empty = Empty.REFUSED
    around: tuple[str, str] = ("", "")
    """White space before and after a text: it is not in the input, so it cannot be lost there."""
    choices: tuple[Choice, ...] = ()
    loose: bool = False
    """Whether nothing but its value says of what kind it is."""
    said: str = ""
    """The agent's words about it, as a sentence of ours."""

    @property
    def element(self) -> Literal["plain_text_input", "radio_buttons", "static_select"]:
        """The kind of input, by Slack's name."""
        if not self.choices:
            return "plain_text_input"
        radios = self.kind is Kind.BOOLEAN and len(self.choices) <= _RADIOS
        return "radio_buttons" if radios else "static_select"


@dataclass(frozen=True)
class Fixed:
    """An argument that stays as it is."""

    name: str
    why: str
    """A sentence without its capital letter and its full stop."""


@dataclass(frozen=True)
class Sheet:
    """All arguments of a form."""

    fields: tuple[Field, ...]
    fixed: tuple[Fixed, ...]
    schema: ArgumentsSchema


class _StaysError(Exception):
    """Raised inside of this file: the argument gets no input."""


def sheet_of(approval: Approval, *, masking: Masking) -> Sheet | str:
    """Return what becomes of each argument of *approval*, or in a sentence why there is no form."""
    payload = approval.effective_payload
    if type(payload) is not dict:
        return "Only arguments with names can be edited here."
    if len(payload) > MAX_FIELDS:
        return f"It has {len(payload)} arguments; a form in Slack has room for {MAX_FIELDS}."
    try:
        schema = ArgumentsSchema(approval.arguments_schema)
    except SchemaUnchecked as error:
        return f"The schema of its arguments cannot be checked here: {error.reason}."
    fields: list[Field] = []
    fixed: list[Fixed] = []
    room = _ROOM
    offered = MAX_FIELDS - len(payload)
    names = sorted({*payload, *schema.names})
    secret = _secrets(payload, schema.names, masking)
    for index, name in enumerate(names):
        present = name in payload
        if not present and not offered:
            continue
        try:
            if name in secret:
                raise _StaysError("it looks like a secret")
            value = payload.get(name, Absent.ABSENT)
            field = _field(index, name, value, schema, masking)
            size = len(json.dumps(input_block(field)))
            if size > room:
                raise _StaysError("the form has no room left for it")
        except _StaysError as why:
            if present:
                fixed.append(Fixed(name, str(why)))
            continue
        room -= size
        offered -= not present
        fields.append(field)
    if not fields:
        return _none(fixed) if names else "It has no arguments."
    return Sheet(tuple(fields), tuple(fixed), schema)


def _none(fixed: list[Fixed]) -> str:
    """Return that there is no input at all, and why."""
    whys = "; ".join(sorted({each.why for each in fixed}))
    return f"None of its arguments can be edited here{': ' if whys else ''}{whys}."


def input_block(field: Field) -> Block:
    """Return the input for an argument."""
    element: Block = {"type": field.element, "action_id": f"{EDIT_INPUT}:{field.index}"}
    if field.choices:
        options = [
            {"text": plain(choice.text), "value": str(at)}
            for at, choice in enumerate(field.choices)
        ]
        element |= {"options": options, "initial_option": options[int(field.initial or 0)]}
    else:
        text = field.initial or ""
        room = field.kind is Kind.JSON or "\n" in text or len(text) > _LONG_LINE
        element |= {"multiline": room, "max_length": MAX_INPUT}
        if text:
            element["initial_value"] = text
    block: Block = {
        "type": "input",
        "block_id": f"{EDIT_BLOCK}:{field.index}",
        "label": plain(field.label),
        "element": element,
    }
    kept = _KEPT if any(field.around) else None
    hint = " ".join(filter(None, (_UNITS.get(field.kind), kept, field.empty.value, field.said)))
    if hint:
        block["hint"] = plain(hint)
    return block if field.empty is Empty.REFUSED else block | {"optional": True}


_KEPT: Final = "The spaces and line breaks around it stay as they are."
_UNITS: Final = {
    Kind.INTEGER: "A whole number.",
    Kind.NUMBER: "A number.",
    Kind.JSON: "JSON.",
}


def _secrets(payload: dict[str, Any], declared: tuple[str, ...], masking: Masking) -> set[str]:
    """Return the names of what is masked, or would be."""
    filled = {**dict.fromkeys(declared, "x"), **payload}
    veiled = masking.payload(filled)
    return {
        name
        for name, (shown, value) in zip(filled, veiled.items(), strict=True)
        if isinstance(shown, Veiled) or next(spots_of(value), None) is not None
    }


def _field(index: int, name: str, value: Any, schema: ArgumentsSchema, masking: Masking) -> Field:
    label = quoted(name, _LABEL)
    if label not in (name, f'"{name}"'):
        raise _StaysError("its name cannot be shown exactly")
    said = schema.property(name)
    if said.trouble is not None:
        raise _StaysError(said.trouble)
    kind = _kind(said, value)
    if value is not Absent.ABSENT:
        try:
            schema.fault(name, value)
        except SchemaUnchecked as error:
            raise _StaysError(f"its schema cannot be checked: {error.reason}") from None
    words = " ".join(_agents_words(said, masking))
    if kind in (Kind.BOOLEAN, Kind.CHOICE):
        choices = tuple(_choices(said, kind, value))
        initial = next(
            (str(at) for at, choice in enumerate(choices) if _same(choice.value, value)), None
        )
        if initial is None:
            raise _StaysError("it is not what its schema says")
        return Field(index, name, label, kind, value, initial, choices=choices, said=words)
    around, inner = _inner(value) if isinstance(value, str) else (("", ""), value)
    return Field(
        index, name, label, kind, value, _initial(kind, inner),
        _empty(said, kind, value, schema),
        around=around, loose=said.shape.kind is Kind.ANY, said=words,
    )  # fmt: skip


def _kind(said: Property, value: Any) -> Kind:
    kind, nullable = said.shape.kind, said.shape.nullable
    if value is Absent.ABSENT:
        if kind is Kind.ANY:
            raise _StaysError("nothing says what it could be")
        return kind
    found = _kind_of(value)
    if kind is Kind.ANY:
        if found is None:
            raise _StaysError("it is null, and nothing says what else it could be")
        return found
    number = found in (Kind.INTEGER, Kind.NUMBER) and kind in (Kind.INTEGER, Kind.NUMBER)
    if found is kind or kind is Kind.CHOICE or number or (found is None and nullable):
        return kind
    raise _StaysError("it is not what its schema says")


def _kind_of(value: Any) -> Kind | None:
    match value:
        case None:
            return None
        case bool():
            return Kind.BOOLEAN
        case int():
            return Kind.INTEGER
        case float():
            return Kind.NUMBER
        case str():
            return Kind.TEXT
    return Kind.JSON


def _initial(kind: Kind, value: Any) -> str | None:
    if value is None or value is Absent.ABSENT:
        return None
    if kind is Kind.TEXT:
        return _exact(value)
    if kind is not Kind.JSON:
        return _exact(json.dumps(value))
    indented = json.dumps(value, indent=2, ensure_ascii=False)
    if visible(indented, lines=True) == indented and units(indented) <= MAX_INPUT:
        return _exact(indented)
    return _exact(json.dumps(value, ensure_ascii=False))


def _inner(text: str) -> tuple[tuple[str, str], str]:
    """Return the spaces and line breaks around *text*, and what they are around."""
    inner = text.strip(_AROUND)
    before, _, after = text.partition(inner) if inner else ("", "", "")
    return (before, after), inner or text


def _exact(text: str) -> str:
    if units(text) > MAX_INPUT:
        raise _StaysError("it is too long for an input")
    if visible(text, lines=True) != text or text.strip() != text or ENTITY.search(text):
        raise _StaysError("an input might not give it back exactly")
    return text


def _empty(said: Property, kind: Kind, value: Any, schema: ArgumentsSchema) -> Empty:
    if value is None:
        return Empty.NULL
    if value == "":
        return Empty.TEXT
    if value is Absent.ABSENT or not said.required:
        return Empty.LEFT_OUT
    if kind is Kind.TEXT:
        return Empty.TEXT if schema.fault(said.name, "") is None else Empty.REFUSED
    return Empty.NULL if said.shape.nullable else Empty.REFUSED


def _choices(said: Property, kind: Kind, value: Any) -> Iterator[Choice]:
    values: list[Any] = [True, False] if kind is Kind.BOOLEAN else []
    for option in said.shape.options:
        if not any(_same(option, each) for each in values):
            values.append(option)
    if said.shape.nullable:
        values.append(None)
    bare = all(isinstance(each, str) for each in values)
    texts = [each if bare else json.dumps(each, ensure_ascii=False) for each in values]
    choices = [Choice(text, each) for text, each in zip(texts, values, strict=True)]
    if value is Absent.ABSENT or not said.required:
        choices.append(Choice(_LEFT_OUT, Absent.ABSENT))
    # Two that look alike on a screen are no choice, and nothing looks like a choice of ours.
    looks = {unicodedata.normalize("NFKC", choice.text).casefold() for choice in choices}
    if len(looks) < len(choices) or len(choices) > MAX_OPTIONS or not all(map(_shown, texts)):
        raise _StaysError("its listed values cannot be shown exactly")
    yield from choices


def _shown(text: str) -> bool:
    exact = bool(text) and visible(text) == text and text.strip() == text
    return exact and units(text) <= MAX_OPTION_TEXT and not ENTITY.search(text)


def _same(one: Any, other: Any) -> bool:
    """Say whether two values are one for JSON; `1` is neither `true` nor `1.0`."""
    if one is Absent.ABSENT or other is Absent.ABSENT:
        return one is other
    return canonical_text(one) == canonical_text(other)


def _agents_words(said: Property, masking: Masking) -> Iterator[str]:
    if said.title is not None and said.title != said.name:
        yield f"The agent calls it {quoted(masking.prose(said.title), _TITLE)}."
    if said.description is not None:
        yield f"The agent says: {quoted(masking.prose(said.description), _SAID)}"
