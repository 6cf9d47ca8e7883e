"""Owns the conditions on one argument that a file can state: plain comparisons, no code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .fit import Fit, all_fit, any_fit
from .globs import TextGlob, fold

__all__ = ["Condition"]

Number = Annotated[int | float, Field(allow_inf_nan=False)]
Scalar = str | bool | int | float


class Condition(BaseModel):
    """What is said of one argument; all of it must hold.

    A value of another type than the condition speaks of may fit: how a tool reads it is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    equals: Scalar | None = None
    one_of: Annotated[list[Scalar], Field(min_length=1, max_length=200)] | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    like: Annotated[list[str], Field(min_length=1, max_length=200)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a condition is empty")
        for pattern in self.like or ():
            TextGlob(pattern)
        return self

    def __call__(self, value: Any) -> Fit:
        """Say whether *value* meets it."""
        said: list[Fit] = []
        if self.equals is not None:
            said.append(_same(value, self.equals))
        if self.one_of is not None:
            said.append(any_fit(_same(value, each) for each in self.one_of))
        if self.like is not None:
            said.append(any_fit(TextGlob(pattern).fits(value) for pattern in self.like))
        if self.at_least is not None:
            said.append(value >= self.at_least if _is_number(value) else None)
        if self.at_most is not None:
            said.append(value <= self.at_most if _is_number(value) else None)
        return all_fit(said)

    @property
    def terms(self) -> dict[str, Any]:
        """What it says, as JSON."""
        return self.model_dump(exclude_unset=True)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(value: Any, wanted: Scalar) -> Fit:
    if type(value) is type(wanted):
        if value == wanted:
            return True
        near = isinstance(value, str) and fold(value) == fold(str(wanted))
        return None if near else False
    return None if not isinstance(value, Sequence) or isinstance(value, str) else False
