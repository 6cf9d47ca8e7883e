"""Owns `@requires_approval`: a function's arguments as a payload, and back."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .approval_gate import ApprovalGate

__all__ = ["guarded"]


def guarded(
    gate: ApprovalGate,
    function: Callable[..., Any],
    *,
    name: str | None,
    timeout: float | timedelta | None,
    terms: Mapping[str, Any],
) -> Callable[..., Any]:
    """Return *function* behind *gate*; see `ApprovalGate.requires_approval`."""
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{function.__qualname__} is not an async function")
    signature = inspect.signature(function)
    first = next(iter(signature.parameters), None)
    receiver = first if first in ("self", "cls") else None

    @functools.wraps(function)
    async def asks_first(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        payload = {
            parameter: list(value)
            if isinstance(value, tuple) and _variadic(signature, parameter)
            else value
            for parameter, value in bound.arguments.items()
            if parameter != receiver
        }
        request = {"name": name or function.__name__, "payload": payload, **terms}
        async with gate.guard(timeout=timeout, **request) as approval:
            decided = approval.effective_payload
            if not isinstance(decided, dict) or decided.keys() != payload.keys():
                raise TypeError(f"the decided payload does not fit {function.__qualname__}")
            bound.arguments.update(decided)
            return await function(*bound.args, **bound.kwargs)

    return asks_first


def _variadic(signature: inspect.Signature, parameter: str) -> bool:
    return signature.parameters[parameter].kind is inspect.Parameter.VAR_POSITIONAL
