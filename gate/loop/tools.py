"""Owns tools: a typed function, its arguments' schema, and what it is given when it runs."""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticSerializationError

from ..approval import Approval
from ..canonical import canonical_text, parse_json
from .model import ToolSpec

__all__ = [
    "MAX_RESULT",
    "Cancellation",
    "Tool",
    "ToolContext",
    "TraceContext",
    "define_tool",
    "faults",
    "result_text",
]

MAX_RESULT: Final = 256 * 1024
"""Characters of one result that the model is told."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_Kind = inspect.Parameter


@dataclass(frozen=True)
class TraceContext:
    """Where a call belongs, for logs and traces."""

    session_id: str
    """The agent's id."""
    request_id: str
    """The run's id."""
    call_id: str | None = None


class Cancellation:
    """Tells a tool that it is to end: its time is over, or the run ends."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def requested(self) -> bool:
        """Whether the tool is to end. May be read from a tool's thread too."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Return when the tool is to end."""
        await self._event.wait()

    def request(self) -> None:
        """Ask the tool to end."""
        self._event.set()


@dataclass(frozen=True)
class ToolContext:
    """What a tool may know about the call that it serves."""

    step: int
    """The model's step in the run, from 0."""
    call_id: str
    agent_id: str
    run_id: str
    trace: TraceContext
    cancellation: Cancellation
    idempotency_key: str
    """The same whenever this one call is run, also after a restart; no other call has it."""
    approval: Approval | None = None
    """The consumed approval, where people were asked through a gate."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Numbers for the call's report."""


Run = Callable[[Any, ToolContext], Awaitable[Any]]


@dataclass(frozen=True)
class Tool:
    """Something that the model may ask to run. `define_tool` makes one from a function.

    Attributes:
        name: 1 to 64 letters, digits and `_.:-`.
        description: What it does, for the model.
        arguments: The pydantic model of its arguments.
        run: Async; called with the validated arguments and the context.
        idempotent: Whether it may run again where it is not known how the first run ended.
        timeout: Seconds; the loop's `tool_timeout` where it is `None`.
        needs_approval: `True`: people are asked also where the policy allows. `False`: they need
            not be, where there is no policy.
        editable: Whether a person may change the arguments; the loop's terms where it is `None`.
        allow_override: Whether a person may answer in its place; likewise.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    run: Run
    idempotent: bool = False
    timeout: float | None = None
    needs_approval: bool | None = None
    editable: bool | None = None
    allow_override: bool | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name[:80]!r} is not a tool's name")
        if self.timeout is not None and not self.timeout > 0:
            raise ValueError("a tool's timeout is more than 0 seconds")

    @functools.cached_property
    def spec(self) -> ToolSpec:
        """The tool as the model is told about it."""
        return ToolSpec(self.name, self.description, self.arguments.model_json_schema())

    def validate(self, arguments: dict[str, Any]) -> BaseModel:
        """Return the arguments as the tool takes them. Strict: no text is taken for a number.

        Raises:
            ValidationError: They do not fit.
        """
        try:
            return self.arguments.model_validate_json(canonical_text(arguments), strict=True)
        except ValidationError:
            raise
        except Exception as error:
            # A check that fails has found nothing right, whatever it raises.
            why = PydanticCustomError("check_failed", "The arguments could not be checked")
            raise ValidationError.from_exception_data(
                self.name, [InitErrorDetails(type=why, input=None)]
            ) from error

    def complete(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return *arguments* with the defaults of those left out: all of what will run is shown.

        Raises:
            ValidationError: They do not fit.
        """
        valid = self.validate(arguments)
        try:
            whole = parse_json(canonical_text(valid.model_dump(mode="json", by_alias=True)))
        except (PydanticSerializationError, ValueError):
            return arguments
        filled = {**arguments, **{k: v for k, v in whole.items() if k not in arguments}}
        try:
            self.validate(filled)
        except ValidationError:
            return arguments
        return filled


@overload
def define_tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def define_tool(
    function: None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    idempotent: bool = False,
    timeout: float | None = None,
    needs_approval: bool | None = None,
    editable: bool | None = None,
    allow_override: bool | None = None,
) -> Callable[[Callable[..., Any]], Tool]: ...


def define_tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    **options: Any,
) -> Any:
    """Make a tool from a function with annotated arguments.

    An argument annotated with `ToolContext` gets the context and is not told to the model. The
    others are told with their types, which pydantic checks, and are passed by name. Say more about
    one with `Annotated[int, Field(gt=0, description="...")]`. A plain function runs in a thread,
    where it cannot be stopped if it takes too long.

    Args:
        function: The function, when used without arguments.
        name: The function's own by default.
        description: The function's docstring by default.
        options: See `Tool`.

    Raises:
        TypeError: An argument has no annotation, cannot be passed by name, or takes many.
        ValueError: *name* is no tool's name.
    """

    def make(inner: Callable[..., Any]) -> Tool:
        arguments, places, context = _signature(inner)
        return Tool(
            name=name or inner.__name__,
            description=description or inspect.getdoc(inner) or "",
            arguments=arguments,
            run=_caller(inner, places, context),
            **options,
        )

    return make if function is None else make(function)


def _signature(
    function: Callable[..., Any],
) -> tuple[type[BaseModel], dict[str, str], str | None]:
    """Return the model of the arguments, its field for each of them, and where the context goes."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        # Annotations that are kept as text can only name what the module knows.
        raise TypeError(f"an annotation of a tool names {error.name!r}, unknown there") from None
    fields: dict[str, Any] = {}
    places: dict[str, str] = {}
    context = None
    for parameter in inspect.signature(function).parameters.values():
        if hints.get(parameter.name) is ToolContext:
            context = parameter.name
            continue
        if parameter.kind not in (_Kind.POSITIONAL_OR_KEYWORD, _Kind.KEYWORD_ONLY):
            raise TypeError(f"argument {parameter.name!r} of a tool cannot be passed by name")
        if parameter.name not in hints or isinstance(parameter.default, FieldInfo):
            raise TypeError(f"argument {parameter.name!r} of a tool needs a plain annotation")
        # Under names of our own: an argument may be called like a method of pydantic's.
        place = f"argument_{len(places)}"
        places[parameter.name] = place
        default = ... if parameter.default is _Kind.empty else parameter.default
        fields[place] = (
            Annotated[hints[parameter.name], Field(alias=parameter.name)],
            default,
        )
    model = create_model(
        f"{function.__name__}_arguments",
        __config__=ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True),
        **fields,
    )
    return model, places, context


def _caller(function: Callable[..., Any], places: dict[str, str], context: str | None) -> Run:
    async def call(arguments: BaseModel, about: ToolContext) -> Any:
        given = {name: getattr(arguments, place) for name, place in places.items()}
        if context is not None:
            given[context] = about
        if inspect.iscoroutinefunction(function):
            return await function(**given)
        return await asyncio.to_thread(function, **given)

    return call


def faults(error: ValidationError) -> str:
    """Return what is wrong with arguments, for the model: places and rules, not the values."""
    told = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in told[:20]]
    return "; ".join(lines)[:2000]


def result_text(value: Any) -> str | None:
    """Return a tool's result as the model is told; `None` where there was none.

    Text stays as it is; anything else becomes JSON. What is too long is cut, and says so.
    """
    if value is None:
        return None
    if isinstance(value, str):
        text = value
    else:
        try:
            text = TypeAdapter(Any).dump_json(value, by_alias=True).decode()
        except (PydanticSerializationError, ValueError):
            text = f"The tool ran. Its result, a {type(value).__name__}, has no JSON form."
    text = text.encode("utf-8", "replace").decode()
    if len(text) > MAX_RESULT:
        text = f"{text[:MAX_RESULT]}\n[cut: the result has {len(text)} characters]"
    return text
