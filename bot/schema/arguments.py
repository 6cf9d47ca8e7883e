"""Owns what a JSON Schema says of an action's arguments, and whether a value fits it. Pure.

The schema is the agent's, and may be hostile. So a copy is used that has only keywords which are
known here (draft 2020-12; those of draft 6, draft 7 and 2019-09 that mean the same): no regular
expressions, and no addresses. The validator has a registry that knows none, so nothing is ever
fetched, and every step of it is counted. What does not end in time has not been checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # no py.typed
from referencing import Registry

from .copying import Copies, SchemaUnchecked
from .words import fault_words

__all__ = ["ArgumentsSchema", "Kind", "Property", "SchemaUnchecked", "Shape"]

MAX_STEPS: Final = 20_000
"""Keywords that are looked at in one check, or for reading a schema: about a tenth of a second."""
MAX_TOTAL: Final = 100_000
"""Keywords that are looked at in all checks of one reading."""
MAX_UNIQUE: Final = 200
"""Entries of a list that are compared with each other."""
_PER_STEP: Final = 20
"""Characters that cost one step more: the library writes values into its messages."""
_MOST_HOPS: Final = 16

_TOGETHER: Final = "Together with the other arguments this does not fit what the tool takes."
_NEEDED: Final = "This is needed."


class Kind(StrEnum):
    """What an argument is, as far as its schema says."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    JSON = "json"
    """A list or an object."""
    ANY = "any"
    """The schema leaves it open."""


_KINDS: Final = {
    "string": Kind.TEXT,
    "integer": Kind.INTEGER,
    "number": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "array": Kind.JSON,
    "object": Kind.JSON,
}


@dataclass(frozen=True)
class Shape:
    """What an input for an argument has to offer."""

    kind: Kind = Kind.ANY
    nullable: bool = False
    options: tuple[Any, ...] = ()
    """The values to choose from, `null` not among them; only for `CHOICE`."""


@dataclass(frozen=True)
class Property:
    """What the schema says of one argument."""

    name: str
    declared: bool = False
    """Whether the schema names it."""
    required: bool = True
    """Whether it may not be left out; so it is where there is no schema to allow it."""
    shape: Shape = Shape()
    trouble: str | None = None
    """Why no other value of it can be checked, as a sentence without its capital and full stop."""
    title: str | None = None
    """The agent's words, like `description`."""
    description: str | None = None


class ArgumentsSchema:
    """A schema of arguments, read once.

    Args:
        schema: As the agent gave it. `None`: it gave none, and every value fits.

    Raises:
        SchemaUnchecked: It cannot be used at all. What only makes one argument uncheckable is told
            by `property`.
    """

    def __init__(self, schema: Mapping[str, Any] | None) -> None:
        self._left = MAX_TOTAL
        self._steps = 0
        self._sizes: dict[int, int] = {}
        # Its stub says nothing of what it takes.
        self._class = extend(Draft202012Validator, self._counted())  # type: ignore[no-untyped-call]
        self._checks: dict[str, dict[str, Any]] = {}
        self._troubles: dict[str, str] = {}
        self._nodes: Mapping[str, Any] = {}
        self._rest: dict[str, Any] | None = None
        self._required: tuple[str, ...] = ()
        self._open = True
        if schema is not None:
            self._read(dict(schema))

    @property
    def names(self) -> tuple[str, ...]:
        """The arguments that the schema names, in its order."""
        return tuple(self._nodes)

    def property(self, name: str) -> Property:
        """Return what the schema says of the argument *name*."""
        declared = name in self._nodes
        node = self._nodes.get(name)
        said = node if isinstance(node, dict) else {}
        trouble = self._troubles.get(name)
        if not declared and not self._open:
            trouble = "the schema does not name it"
        check = self._checks.get(name, {})
        return Property(
            name=name,
            declared=declared,
            required=not declared or name in self._required,
            shape=_shape(check, check.get("$defs", {})) if trouble is None else Shape(),
            trouble=trouble,
            title=_said(said, "title"),
            description=_said(said, "description"),
        )

    def fault(self, name: str, value: Any) -> str | None:
        """Return in a sentence of our own why *value* cannot be the argument *name*, or `None`.

        Raises:
            SchemaUnchecked: It could not be found out, or not in time.
        """
        trouble = self.property(name).trouble
        if trouble is not None:
            raise SchemaUnchecked(reason=trouble)
        error = self._first(self._checks.get(name, {}), value)
        return None if error is None else fault_words(error)

    def fault_together(self, payload: dict[str, Any]) -> tuple[str | None, str] | None:
        """Return what is wrong with the arguments together, which `fault` cannot see.

        Returns:
            The name of an argument, where it is one that is missing, and a sentence of our own.

        Raises:
            SchemaUnchecked: It could not be found out, or not in time.
        """
        missing = [name for name in self._required if name not in payload]
        if missing:
            return missing[0], _NEEDED
        if self._rest is None or self._first(self._rest, payload) is None:
            return None
        return None, _TOGETHER

    def _read(self, schema: dict[str, Any]) -> None:
        copies = Copies(schema)
        root = copies.root
        nodes = root.get("properties", {})
        required = root.get("required", [])
        if not isinstance(nodes, dict) or root.get("type", "object") != "object":
            raise SchemaUnchecked(reason="it does not describe an object")
        if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
            raise SchemaUnchecked(reason="it is not a valid schema")
        self._nodes, self._required = nodes, tuple(dict.fromkeys(required))
        self._open = root.get("additionalProperties", True) is True
        # What is not named stands there as it was asked: no edit can bring in such a name.
        own = {"properties", "additionalProperties", "required", "type"}
        rest = copies.part({key: value for key, value in root.items() if key not in own})
        if rest.schema:
            self._rest = {"$defs": copies.reached(rest), **rest.schema}
        for name, node in nodes.items():
            try:
                part = copies.part(node)
                self._checks[name] = {"$defs": copies.reached(part), **part.schema}
            except SchemaUnchecked as error:
                self._troubles[name] = f"its schema cannot be checked: {error.reason}"
        self._check_copies()

    def _check_copies(self) -> None:
        """Refuse a schema that is none by the rules of its dialect, each part once."""
        definitions: dict[str, Any] = {}
        parts = [*self._checks.values(), *([self._rest] if self._rest else [])]
        bare = []
        for part in parts:
            definitions.update(part["$defs"])
            bare.append({key: value for key, value in part.items() if key != "$defs"})
        whole = {"$defs": definitions, "allOf": bare} if bare else {}
        meta = self._class(Draft202012Validator.META_SCHEMA, registry=REGISTRY)
        if self._run(meta, whole) is not None:
            raise SchemaUnchecked(reason="it is not a valid schema")

    def _first(self, schema: dict[str, Any], value: Any) -> ValidationError | None:
        if not schema:
            return None
        registry: Registry[Any] = Registry()
        return self._run(self._class(schema, registry=registry), value)

    def _run(self, validator: Any, value: Any) -> ValidationError | None:
        self._steps = min(MAX_STEPS, self._left)
        self._left -= self._steps
        self._sizes = {}
        try:
            self._measure(validator.schema)
            self._measure(value)
            found: ValidationError | None = next(validator.iter_errors(value), None)
        except SchemaUnchecked:
            raise
        except Exception:  # noqa: BLE001 (whatever a hostile schema sets off: nothing was checked)
            raise SchemaUnchecked(reason="it cannot be followed") from None
        finally:
            self._left += max(0, self._steps)
        return found

    def _counted(self) -> dict[str, Any]:
        """Return the validator's keywords, each counting what it is about to do."""

        def counted(keyword: str, look: Any) -> Any:
            def looks(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
                self._spend(value, instance)
                if keyword == "uniqueItems" and isinstance(instance, list):
                    self._few(instance)
                return look(validator, value, instance, schema)

            return looks

        found = {**Draft202012Validator.VALIDATORS, "multipleOf": _multiple}
        return {keyword: counted(keyword, look) for keyword, look in found.items()}

    def _spend(self, *values: Any) -> None:
        self._steps -= 1 + sum(map(self._size, values)) // _PER_STEP
        if self._steps < 0:
            raise SchemaUnchecked(reason="it takes too long to check")

    @staticmethod
    def _few(items: list[Any]) -> None:
        if len(items) > MAX_UNIQUE:
            raise SchemaUnchecked(reason="its list is too long to compare")

    def _size(self, value: Any) -> int:
        if isinstance(value, str):
            return len(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value.bit_length() // 3
        if isinstance(value, (dict, list)):
            return self._sizes.get(id(value), len(value))
        return 0

    def _measure(self, value: Any) -> int:
        """Note how long *value* and all in it are when written out, about."""
        if isinstance(value, dict):
            size = sum(len(name) + self._measure(item) + 4 for name, item in value.items())
        elif isinstance(value, list):
            size = sum(self._measure(item) + 2 for item in value)
        else:
            return self._size(value)
        self._sizes[id(value)] = size
        return size


def _multiple(validator: Any, of: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Tell what is no multiple, by the digits as they are written.

    The library divides floats: 19.99 would be no multiple of 0.01.
    """
    if validator.is_type(instance, "number"):
        quotient = Fraction(json.dumps(instance)) / Fraction(json.dumps(of))
        if quotient.denominator != 1:
            yield ValidationError("no multiple")


def _said(node: Mapping[str, Any], keyword: str) -> str | None:
    said = node.get(keyword)
    return said if isinstance(said, str) and said.strip() else None


def _shape(schema: dict[str, Any], definitions: Mapping[str, Any]) -> Shape:
    nullable = False
    for _ in range(_MOST_HOPS):
        options = _options(schema)
        if options is not None:
            return _choice(options, nullable=nullable)
        kinds = schema.get("type")
        if kinds is not None:
            listed = [kinds] if isinstance(kinds, str) else list(kinds)
            found = {_KINDS[kind] for kind in listed if kind in _KINDS}
            nullable = nullable or "null" in listed
            return Shape(found.pop() if len(found) == 1 else Kind.ANY, nullable)
        following = list(_following(schema, definitions))
        left = [each for each in following if each.get("type") != "null"]
        nullable = nullable or len(left) < len(following)
        choices = [_options(each) for each in left]
        if len(left) > 1 and all(choice is not None for choice in choices):
            return _choice([each for choice in choices for each in choice or ()], nullable=nullable)
        if len(left) != 1:
            break
        schema = left[0]
    return Shape(nullable=nullable)


def _following(schema: dict[str, Any], definitions: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the schemas that say what *schema*, without a type, leaves to them."""
    if "$ref" in schema:
        yield definitions[schema["$ref"].removeprefix("#/$defs/")]
    elif len(schema.get("allOf", ())) == 1:
        yield schema["allOf"][0]
    else:
        yield from schema.get("anyOf", schema.get("oneOf", ()))


def _options(schema: dict[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _choice(values: list[Any], *, nullable: bool) -> Shape:
    options = tuple(value for value in values if value is not None)
    return Shape(Kind.CHOICE, nullable or len(options) < len(values), options)
