"""Owns the copy of a foreign JSON Schema that has only what can be checked in bounded time. Pure.

Keywords that only describe are left out; keywords that can do harm end the copying of the part that
holds them. References become references between parts of the copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from gate import LimitExceeded, PayloadNotCanonical, canonical_text

__all__ = ["MAX_SCHEMA", "Copies", "Part", "SchemaUnchecked"]

MAX_SCHEMA: Final = 16 * 1024
"""Bytes of a schema's canonical text."""
MAX_DEPTH: Final = 32
"""Nested containers in a schema; a validator takes many frames of the stack for each."""
MAX_PARTS: Final = 400
"""Schemas inside of a schema, which bounds what it takes to look at each of them."""
_MOST_STEPS: Final = 8
"""References to follow before the first schema that is none."""

_VALUES: Final = frozenset((
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minContains",
    "maxContains", "minProperties", "maxProperties", "required", "dependentRequired",
))  # fmt: skip
"""Keywords whose value is no schema."""
_SCHEMAS: Final = frozenset(
    ("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else")
)
"""Keywords whose value is a schema."""
_LISTS: Final = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
"""Keywords whose value is a list of schemas."""
_NAMED: Final = frozenset(("properties", "dependentSchemas"))
"""Keywords whose value is an object of schemas."""
_REGULAR: Final = frozenset(("pattern", "patternProperties"))
# An address or an anchor would change where references lead; what is unevaluated depends on all
# the rest; the others mean something else in each draft.
_UNCHECKED: Final = frozenset((
    "$schema", "$id", "id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef",
    "$recursiveAnchor", "$vocabulary", "unevaluatedItems", "unevaluatedProperties",
    "additionalItems", "dependencies", "divisibleBy", "disallow", "extends",
))  # fmt: skip
_YOUNG: Final = frozenset(
    ("prefixItems", "dependentRequired", "dependentSchemas", "minContains", "maxContains")
)
"""Keywords that draft 7 does not know."""
_OLD_DIALECTS: Final = frozenset((
    "http://json-schema.org/draft-06/schema", "http://json-schema.org/draft-07/schema",
))  # fmt: skip
_DIALECTS: Final = _OLD_DIALECTS | {
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
}


class SchemaUnchecked(ValueError):
    """What a schema asks for cannot be checked here; `reason` says why, without a word of it."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"the schema cannot be checked: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class Part:
    """The copy of one schema."""

    schema: dict[str, Any]
    refs: frozenset[str]
    """Where its references lead in the original, as JSON pointers."""


@dataclass
class _Target:
    name: str
    part: Part | None = None
    trouble: SchemaUnchecked | None = None


@dataclass
class Copies:
    """Copies parts of one schema.

    Args:
        original: The schema as it came.

    Raises:
        SchemaUnchecked: It is too large, no strict JSON, or of a dialect that is not known here.
    """

    original: dict[str, Any]
    root: dict[str, Any] = field(init=False)
    """The schema itself, or the one that it is only a reference to."""
    _old: bool = field(init=False)
    _left: int = field(init=False, default=MAX_PARTS)
    _targets: dict[str, _Target] = field(init=False, default_factory=dict)
    _waiting: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        try:
            canonical_text(self.original, max_depth=MAX_DEPTH, max_size=MAX_SCHEMA)
        except LimitExceeded:
            raise SchemaUnchecked(reason="it is too large") from None
        except PayloadNotCanonical:
            raise SchemaUnchecked(reason="it is not strict JSON") from None
        dialect = self.original.get("$schema", "https://json-schema.org/draft/2020-12/schema")
        if not isinstance(dialect, str) or dialect.removesuffix("#") not in _DIALECTS:
            raise SchemaUnchecked(reason="its dialect is not known")
        self._old = dialect.removesuffix("#") in _OLD_DIALECTS
        known = {"$schema", "$id", "$defs", "definitions"}
        self.root = {k: v for k, v in self.original.items() if k not in known}
        for _ in range(_MOST_STEPS):
            if set(self.root) - {"title", "description"} != {"$ref"}:
                return
            target = self._at(self.root["$ref"])
            if not isinstance(target, dict):
                break
            self.root = target
        raise SchemaUnchecked(reason="it refers to nothing")

    def part(self, node: Any) -> Part:
        """Return the copy of *node*, a schema inside of the original.

        Raises:
            SchemaUnchecked: It, other than behind a reference, holds what cannot be checked.
        """
        part = self._part(node)
        while self._waiting:
            pointer = self._waiting.pop()
            target = self._targets[pointer]
            try:
                target.part = self._part(self._at(pointer))
            except SchemaUnchecked as error:
                target.trouble = error
        return part

    def reached(self, part: Part) -> dict[str, Any]:
        """Return the parts that *part* refers to, directly or not, by their names in the copy.

        Raises:
            SchemaUnchecked: One of them could not be copied.
        """
        found: dict[str, Any] = {}
        pointers: list[str] = sorted(part.refs)
        while pointers:
            target = self._targets[pointers.pop()]
            if target.trouble is not None:
                raise SchemaUnchecked(reason=target.trouble.reason)
            if target.part is not None and target.name not in found:
                found[target.name] = target.part.schema
                pointers.extend(sorted(target.part.refs))
        return found

    def _part(self, node: Any) -> Part:
        refs: set[str] = set()
        return Part(self._copied(node, refs), frozenset(refs))

    def _copied(self, node: Any, refs: set[str]) -> dict[str, Any]:
        self._left -= 1
        if self._left < 0:
            raise SchemaUnchecked(reason="it is too large")
        if isinstance(node, bool):
            return {} if node else {"not": {}}
        if not isinstance(node, dict):
            raise SchemaUnchecked(reason="it is not a valid schema")
        copy: dict[str, Any] = {}
        for keyword, value in node.items():
            self._refuse(keyword)
            if keyword in _VALUES:
                copy[keyword] = value
            elif keyword == "additionalProperties" and value is False:
                copy[keyword] = False  # a name too many is told as such
            elif keyword in _SCHEMAS:
                copy[keyword] = self._copied(value, refs)
            elif keyword in _LISTS:
                copy[keyword] = [self._copied(item, refs) for item in _items(value)]
            elif keyword in _NAMED:
                copy[keyword] = {
                    name: self._copied(item, refs) for name, item in _members(value).items()
                }
            elif keyword == "$ref":
                copy[keyword] = self._reference(value, refs)
        if self._old and "$ref" in copy and len(copy) > 1:
            raise SchemaUnchecked(reason="draft 7 ignores what stands beside a reference")
        return copy

    def _refuse(self, keyword: str) -> None:
        if keyword in _REGULAR:
            raise SchemaUnchecked(reason="it has a regular expression")
        if keyword in _UNCHECKED or (self._old and keyword in _YOUNG):
            raise SchemaUnchecked(reason="it has a keyword that is not checked here")

    def _reference(self, pointer: Any, refs: set[str]) -> str:
        self._at(pointer)
        target = self._targets.get(pointer)
        if target is None:
            target = self._targets[pointer] = _Target(f"d{len(self._targets)}")
            self._waiting.append(pointer)
        refs.add(pointer)
        return f"#/$defs/{target.name}"

    def _at(self, pointer: Any) -> Any:
        """Return what stands in the original at *pointer*, a reference inside of it (RFC 6901)."""
        trouble = SchemaUnchecked(reason="it has a reference that leads elsewhere")
        if not isinstance(pointer, str) or not (pointer + "/").startswith("#/") or "%" in pointer:
            raise trouble
        found: Any = self.original
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name in map(str, range(len(found))):
                found = found[int(name)]
            else:
                raise trouble
            if isinstance(found, dict) and "$id" in found:
                raise trouble
        # The whole again would be judged by its address and dialect, which are known to be good.
        return self.root if found is self.original else found


def _items(value: Any) -> Iterable[Any]:
    if not isinstance(value, list):
        raise SchemaUnchecked(reason="it is not a valid schema")
    return value


def _members(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SchemaUnchecked(reason="it is not a valid schema")
    return value
