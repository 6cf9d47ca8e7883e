"""Owns one step as it was asked for: what to call, what it is known by, how its result is kept."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ..approval import MAX_NAME, check_text
from ..canonical import canonical_text, parse_json
from ..errors import LimitExceeded
from .rows import MAX_RESULT

__all__ = ["StepCodec", "Work", "check_attempts", "fingerprint_of", "holds", "name_of"]

T = TypeVar("T")


class StepCodec(Protocol[T]):
    """Turns results into JSON values and back."""

    def dump(self, value: T, /) -> Any:
        """Return the strict JSON value of *value*."""
        ...

    def load(self, kept: Any, /) -> T:
        """Return the value of what `dump` returned."""
        ...


@dataclass(frozen=True)
class Work:
    """A step of this call."""

    step_id: str
    name: str
    fingerprint: str
    fn: Callable[[], Any]
    idempotent: bool
    max_attempts: int
    codec: StepCodec[Any] | None

    def dumped(self, value: Any) -> Any:
        """Return the JSON value of a result, a copy.

        Raises:
            PayloadNotCanonical: It is no JSON value.
            LimitExceeded: It is too large.
        """
        plain = value if self.codec is None else self.codec.dump(value)
        return _copy(plain)

    def loaded(self, kept: Any) -> Any:
        """Return the result of a JSON value; changes of it do not reach what is kept."""
        plain = _copy(kept)
        return plain if self.codec is None else self.codec.load(plain)


def _copy(value: Any) -> Any:
    return parse_json(canonical_text(value, max_size=MAX_RESULT), max_size=MAX_RESULT)


def name_of(fn: Callable[..., Any]) -> str:
    """Return the name of a function, of what a `partial` calls, or of the object's class."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return check_text(
        getattr(fn, "__name__", type(fn).__name__), field="name of the function", limit=MAX_NAME
    )


def fingerprint_of(name: str, inputs: Any) -> str:
    """Return what a step does, as far as it can be told: its name and its inputs.

    Raises:
        PayloadNotCanonical: The inputs are not strict JSON.
        LimitExceeded: They are too large.
    """
    text = canonical_text([name, inputs])
    return hashlib.sha256(f"signoff/step/v1\n{text}".encode()).hexdigest()


def check_attempts(count: int) -> int:
    """Return *count* if it can be a number of attempts.

    Raises:
        LimitExceeded: Below 1.
    """
    if count < 1:
        raise LimitExceeded(field="max_attempts", value=count, limit=1)
    return count


def holds(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    """Return whether *error* is one of *kinds*, or a group with such a one anywhere in it."""
    if isinstance(error, BaseExceptionGroup):
        return any(holds(each, kinds) for each in error.exceptions)
    return isinstance(error, kinds)
