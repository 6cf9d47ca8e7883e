"""Owns read-only JSON values: what rules and observers are shown, and cannot change by accident.

They are dictionaries and lists in every other way: they compare equal to plain ones and can be
written as JSON.
"""

from __future__ import annotations

from typing import Any, NoReturn, Self

__all__ = ["FrozenDict", "FrozenList", "freeze"]


def _refuse(self: object, *_: Any, **__: Any) -> NoReturn:
    raise TypeError(f"{type(self).__name__} is read-only")


class FrozenDict(dict[str, Any]):
    """A dictionary that nobody changes after it was made."""

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> dict[str, Any]:
        return {key: thaw(value) for key, value in self.items()}


class FrozenList(list[Any]):
    """A list that nobody changes after it was made."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> list[Any]:
        return [thaw(value) for value in self]


def freeze(value: Any) -> Any:
    """Return a read-only copy of *value*: mappings, lists and tuples all the way down.

    Anything else is passed as it is.
    """
    if isinstance(value, dict):
        return FrozenDict({key: freeze(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return FrozenList(freeze(item) for item in value)
    return value


def thaw(value: Any) -> Any:
    """Return a plain copy of what `freeze` made."""
    if isinstance(value, dict):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, list):
        return [thaw(item) for item in value]
    return value
