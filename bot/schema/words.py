"""Owns the sentences about a value that does not fit its schema. Pure.

They are our own and repeat nothing but numbers: the validator's messages hold the value, and words
of the agent's.
"""

from __future__ import annotations

import json
from typing import Any, Final

from jsonschema.exceptions import ValidationError

__all__ = ["fault_words"]

_TYPES: Final = {
    "string": "A text is needed.",
    "integer": "A whole number is needed.",
    "number": "A number is needed.",
    "boolean": "true or false is needed.",
    "array": "A list is needed, written as JSON.",
    "object": "An object is needed, written as JSON.",
    "null": "Nothing else than null is possible.",
}
_COUNTS: Final = {
    "minLength": ("At least", "character", "needed"),
    "maxLength": ("At most", "character", "possible"),
    "minItems": ("At least", "entry", "needed"),
    "maxItems": ("At most", "entry", "possible"),
    "minProperties": ("At least", "name", "needed"),
    "maxProperties": ("At most", "name", "possible"),
}
_BOUNDS: Final = {
    "minimum": "It has to be at least {}.",
    "maximum": "It has to be at most {}.",
    "exclusiveMinimum": "It has to be more than {}.",
    "exclusiveMaximum": "It has to be less than {}.",
    "multipleOf": "A multiple of {} is needed.",
}
_OTHERS: Final = {
    "enum": "One of the listed values is needed.",
    "const": "One of the listed values is needed.",
    "uniqueItems": "No entry may stand there twice.",
    "required": "Something that the tool needs is missing.",
    "dependentRequired": "Something that the tool needs is missing.",
    "additionalProperties": "There is a name that the tool does not take.",
    "propertyNames": "There is a name that the tool does not take.",
}
_UNFIT: Final = "This does not fit what the tool takes."
_LONGEST_NUMBER: Final = 40


def fault_words(error: ValidationError) -> str:
    """Return what is wrong with a value, in a short sentence of our own."""
    # Where `null` is the only other possibility, what counts is the one that was meant.
    while error.validator in ("anyOf", "oneOf"):
        meant = [each for each in error.context or () if each.validator_value != "null"]
        if len(meant) != 1:
            break
        error = meant[0]
    words = _words(str(error.validator), error.validator_value)
    return f"Inside of it: {words[0].lower()}{words[1:]}" if error.absolute_path else words


def _words(keyword: str, wanted: Any) -> str:
    if keyword == "type":
        return _TYPES.get(wanted, _UNFIT) if isinstance(wanted, str) else _UNFIT
    if keyword in _OTHERS:
        return _OTHERS[keyword]
    number = _number(wanted)
    if number is None:
        return _UNFIT
    if keyword in _BOUNDS:
        return _BOUNDS[keyword].format(number)
    if keyword in _COUNTS:
        bound, unit, end = _COUNTS[keyword]
        if wanted == 1:
            return f"{bound} 1 {unit} is {end}."
        many = "entries" if unit == "entry" else f"{unit}s"
        return f"{bound} {number} {many} are {end}."
    return _UNFIT


def _number(wanted: Any) -> str | None:
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)):
        return None
    text = json.dumps(wanted)
    return text if len(text) <= _LONGEST_NUMBER else None
