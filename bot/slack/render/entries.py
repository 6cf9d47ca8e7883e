"""Owns what a person entered into the input of an argument, read back into a value, or refused.

What runs must be what was seen: a text with characters that a screen does not show is refused, and
so is a number that would be rounded.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from gate import (
    InvalidId,
    LimitExceeded,
    PayloadNotCanonical,
    canonical_text,
    parse_json,
)

from ...schema import ArgumentsSchema, Kind, SchemaUnchecked
from ..limits import MAX_INPUT
from ..text import Finding, escape_mrkdwn, findings, units, visible
from .fields import ENTITY, Absent, Empty, Field
from .notation import strings_of

__all__ = ["UNCHECKED", "EntryRefused", "entered", "hidden_words"]

UNCHECKED: Final = "This cannot be checked here, so it has to stay as it was."

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,6})?", re.ASCII)
_ESCAPE: Final = re.compile(r"⟨U\+([0-9A-F]{4,6})")
_BREAKS: Final = re.compile(r"\n{2,}")
_SEEN: Final = frozenset((Finding.RIGHT_TO_LEFT, Finding.LOOKALIKE))
_EMPTY: Final[dict[Empty, Any]] = {
    Empty.LEFT_OUT: Absent.ABSENT,
    Empty.TEXT: "",
    Empty.NULL: None,
}


class EntryRefused(ValueError):
    """What was entered is no value for the argument; `words` says why, in a sentence of ours."""

    def __init__(self, *, words: str) -> None:
        super().__init__(words)
        self.words = words


def entered(field: Field, state: str | None, *, schema: ArgumentsSchema) -> Any:
    """Return the value that was entered, or `Absent.ABSENT` where the argument is left out.

    Args:
        field: The argument.
        state: What Slack sent of its input: the text, or the value of the chosen option.
        schema: What the value is held to, unless it is the one that stands there now.

    Raises:
        EntryRefused: It is no value for this argument.
        InvalidId: No such option was offered.
    """
    if field.choices:
        value = _chosen(field, state)
    else:
        text = state or ""
        # As it was, also if Slack writes it as it does elsewhere.
        if text in (field.initial or "", escape_mrkdwn(field.initial or "")):
            return field.value
        value = _written(field, text)
    if value is Absent.ABSENT or field.value is Absent.ABSENT:
        same = value is field.value
    else:
        same = canonical_text(value) == canonical_text(field.value)
    if same:
        return field.value
    if value is not Absent.ABSENT:
        try:
            fault = schema.fault(field.name, value)
        except SchemaUnchecked:
            fault = UNCHECKED
        if fault is not None:
            raise EntryRefused(words=fault)
    return value


def hidden_words(text: str) -> str | None:
    """Return in a sentence what of *text* a screen does not show, or `None`.

    Line breaks and tabs are no harm.
    """
    plain = _BREAKS.sub("\n", text.replace("\t", "."))
    named = _ESCAPE.search(visible(plain, lines=True))
    if named is None:
        return None
    if named[1] == "0020":
        return "Take out the spaces at the end of a line, and long rows of spaces."
    return f"Take out the character U+{named[1]}: it cannot be shown as it is."


def _chosen(field: Field, state: str | None) -> Any:
    for at, choice in enumerate(field.choices):
        if state == str(at):
            return choice.value
    if state is None:
        raise EntryRefused(words="One of the listed values is needed.")
    raise InvalidId(field="edit form", reason="no such value was offered")


def _written(field: Field, text: str) -> Any:
    text = text if field.kind is Kind.TEXT else text.strip()
    if not text:
        if field.empty is Empty.REFUSED:
            raise EntryRefused(words="This cannot be left empty.")
        return _EMPTY[field.empty]
    if units(text) > MAX_INPUT:
        raise EntryRefused(words=f"At most {MAX_INPUT:,} characters are possible.")
    trouble = hidden_words(text)
    if trouble is not None:
        raise EntryRefused(words=trouble)
    if ENTITY.search(text):
        # Slack may have written it for one character; then it would run as five.
        raise EntryRefused(words="Texts with &amp;, &lt; or &gt; cannot be entered here.")
    match field.kind:
        case Kind.INTEGER:
            return _integer(text)
        case Kind.NUMBER:
            return _number(text)
        case Kind.JSON:
            return _json(field, text)
    before, after = field.around
    return before + text.strip(" \n") + after if before or after else text


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise EntryRefused(words="A whole number is needed, such as 42.")
    return int(text)


def _number(text: str) -> int | float:
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text):
        raise EntryRefused(words="A number is needed, such as 42 or 0.5.")
    number = float(text)
    if not math.isfinite(number) or Decimal(json.dumps(number)) != Decimal(text):
        raise EntryRefused(words="This number would be rounded. Write it with fewer digits.")
    return number


def _json(field: Field, text: str) -> Any:
    try:
        value = parse_json(text)
    except PayloadNotCanonical as error:
        raise EntryRefused(words=f"This is not strict JSON: {error.reason}.") from None
    except LimitExceeded:
        raise EntryRefused(words="This is too deep, or a number in it too long.") from None
    if field.loose and type(value) is not type(field.value):
        what = "A list" if isinstance(field.value, list) else "An object"
        raise EntryRefused(words=f"{what} is needed, written as JSON.")
    for number in _numbers(text):
        _number(number)
    known = set(strings_of(field.value))
    for string in strings_of(value):
        if string not in known and set(findings(string)) - _SEEN:
            words = hidden_words(string) or "A text in it holds what cannot be shown as it is."
            raise EntryRefused(words=words)
    return value


def _numbers(text: str) -> Iterator[str]:
    """Yield the numbers of a JSON text as they are written, other than whole ones."""
    found: list[str] = []
    json.loads(text, parse_float=found.append)
    yield from found
