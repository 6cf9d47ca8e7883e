"""Owns `@requires_approval`: a function's arguments as a payload, and back."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from datetime import timedelta
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from .asking import AskTerms, fitting_schema

if TYPE_CHECKING:
    from .approval_gate import ApprovalGate

__all__ = ["guarded"]

_Kind = inspect.Parameter


def guarded(
    gate: ApprovalGate,
    function: Callable[..., Any],
    *,
    name: str | None,
    timeout: float | timedelta | None,
    terms: AskTerms,
) -> Callable[..., Any]:
    """Return *function* behind *gate*; see `ApprovalGate.requires_approval`.

    The arguments, defaults included, become the payload and must be strict JSON. The function is
    called with what was decided, so nothing that changed meanwhile can slip in. Where a person
    gave a result in place of the run, that text is returned and the function is not called. A
    method's `self` or `cls` is not part of the payload.

    Where people may edit the arguments, their annotations become the form's JSON Schema.
    """
    # A partial hides the arguments that it was given by place: nobody would decide them.
    if not inspect.iscoroutinefunction(function) or isinstance(function, functools.partial):
        raise TypeError(f"{function!r} is not an async function")
    signature = inspect.signature(function)
    receiver = _receiver(function, signature)
    action = name or function.__name__

    @functools.cache
    def asked() -> AskTerms:
        if not terms.get("editable") or "arguments_schema" in terms:
            return terms
        # At the first call: only then all names in the annotations are sure to be there.
        return {**terms, "arguments_schema": _schema(function, signature, receiver)}

    @functools.wraps(function)
    async def asks_first(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        payload = {
            parameter: list(value) if _kind(signature, parameter) is _Kind.VAR_POSITIONAL else value
            for parameter, value in bound.arguments.items()
            if parameter != receiver
        }
        approval = await gate.require(timeout=timeout, name=action, payload=payload, **asked())
        if approval.proposed_result is not None:
            return approval.proposed_result
        async with gate.release(approval):
            decided = approval.effective_payload
            if not _fits(signature, asked=payload, decided=decided):
                raise TypeError(f"the decided payload does not fit {function.__qualname__}")
            bound.arguments.update(decided)
            return await function(*bound.args, **bound.kwargs)

    return asks_first


def _receiver(function: Callable[..., Any], signature: inspect.Signature) -> str | None:
    """Return the name of a method's first parameter; a plain function's is an argument like any."""
    first = next(iter(signature.parameters), None)
    place = function.__qualname__.rpartition(".")[0]
    return first if first in ("self", "cls") and place and not place.endswith("<locals>") else None


def _schema(
    function: Callable[..., Any], signature: inspect.Signature, receiver: str | None
) -> dict[str, Any] | None:
    """Return a JSON Schema of the arguments; `None` where their annotations make none."""
    shapes: dict[Any, Callable[[Any], Any]] = {
        _Kind.VAR_POSITIONAL: lambda hint: GenericAlias(list, (hint,)),
        _Kind.VAR_KEYWORD: lambda hint: GenericAlias(dict, (str, hint)),
    }
    parameters = [each for each in signature.parameters.values() if each.name != receiver]
    try:
        hints = inspect.get_annotations(function, eval_str=True)
        asked: list[tuple[str, Literal["validation"], TypeAdapter[Any]]] = []
        for each in parameters:
            hint = hints.get(each.name, Any)
            shape = shapes.get(each.kind, lambda plain: plain)
            asked.append((each.name, "validation", TypeAdapter(shape(hint))))
        made, shared = TypeAdapter.json_schemas(asked)
    except Exception:  # noqa: BLE001  (a form is a help; whatever annotations hold, people are asked)
        return None
    schema = shared | {
        "type": "object",
        "properties": {each.name: made[each.name, "validation"] for each in parameters},
        "required": [each.name for each in parameters],
        "additionalProperties": False,
    }
    return fitting_schema(schema)


def _fits(signature: inspect.Signature, *, asked: dict[str, Any], decided: Any) -> bool:
    """Say whether a payload, perhaps edited by a person, has the shape of the arguments."""
    if not isinstance(decided, dict) or decided.keys() != asked.keys():
        return False
    shapes: dict[Any, type] = {_Kind.VAR_POSITIONAL: list, _Kind.VAR_KEYWORD: dict}
    return all(
        isinstance(value, shapes.get(_kind(signature, parameter), object))
        for parameter, value in decided.items()
    )


def _kind(signature: inspect.Signature, parameter: str) -> inspect._ParameterKind:
    return signature.parameters[parameter].kind
