"""Tools from typed functions."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from gate import ConfigError, PayloadNotCanonical
from gate.loop import ToolContext, define_tool
from gate.loop.tools import MAX_RESULT, result_text
from stores.checkpoints import MemoryCheckpoints

from .bench import Bench


class Address(BaseModel):
    street: str
    number: int = 1


def broken_check(value: int) -> int:
    raise KeyError(value)


async def test_arguments_and_their_schema_come_from_the_annotations():
    """Types, limits and descriptions; the context is not told to the model."""

    @define_tool(name="ship-it", idempotent=True)
    async def ship(
        to: Address,
        count: Annotated[int, Field(gt=0, description="how many")],
        context: ToolContext,
        schema: Literal["slow", "fast"] = "slow",
    ) -> str:
        """Ship something."""
        return f"{to.street} {count} {schema} {context.call_id}"

    assert ("ship-it", "Ship something.", True) == (ship.name, ship.description, ship.idempotent)
    parameters = ship.spec.parameters
    assert {"to", "count", "schema"} == set(parameters["properties"])
    assert ["to", "count"] == parameters["required"]
    assert "how many" == parameters["properties"]["count"]["description"]
    assert not parameters["additionalProperties"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 1},
        {"to": {"street": "A"}, "count": 0},
        {"to": {"street": "A"}, "count": "1"},
        {"to": {"street": "A"}, "count": 1, "more": 1},
        {"to": {"street": "A"}, "count": 1, "argument_1": 1},
        {"to": {"street": "A"}, "count": True},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any]):
    """Strictly: a text is no number, a truth is no number, nothing may be added."""

    @define_tool
    async def ship(to: Address, count: Annotated[int, Field(gt=0)]) -> None:
        """Ship."""

    with pytest.raises(ValidationError):
        ship.validate(wrong)


def test_defaults_are_shown_before_they_run():
    """What the model left out is filled in, so that people see all of what would run."""

    @define_tool
    async def ship(to: str, since: dt.date = dt.date(2026, 1, 1), force: bool = False) -> None:
        """Ship."""

    assert {"to": "A", "since": "2026-01-01", "force": False} == ship.complete({"to": "A"})
    given = {"to": "A", "since": "2025-05-05", "force": True}
    assert given == ship.complete(given)


async def test_plain_functions_run_in_a_thread(bench: Bench):
    """A function that blocks does not block the loop."""
    import threading

    threads = []

    def work(n: int) -> int:
        threads.append(threading.current_thread() is threading.main_thread())
        return n + 1

    model = bench.model.calls(("work", {"n": 1})).says("2")
    result = await bench.loop(model=model, tools=[work], policy=None).complete("Go.")
    assert ("2", [False]) == (result.text, threads)


def test_functions_that_cannot_be_tools():
    """An argument without a type, of one that nobody knows, many at once, or by place only."""

    class Local(BaseModel):
        n: int

    def hidden(x: Local): ...

    def bare(x): ...

    def many(*x: int): ...

    def placed(x: int, /): ...

    for function in (bare, many, placed, hidden):
        with pytest.raises(TypeError):
            define_tool(function)


def test_names_are_checked(bench: Bench):
    """Providers take few characters; two tools of one name are an error, or a warning."""
    with pytest.raises(ValueError, match="not a tool's name"):
        define_tool(name="a b")(lambda: None)
    twice = [*bench.tools(), bench.tools()[0]]
    with pytest.raises(ConfigError, match="two tools are named 'deploy'"):
        bench.loop(tools=twice)
    loop = bench.loop(tools=twice, on_tool_collision="warn")
    assert ["tool_name_collision"] == [warning.code for warning in loop.warnings]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (None, None),
        ({"a": [1, 2.5, None]}, '{"a":[1,2.5,null]}'),
        (Address(street="A"), '{"street":"A","number":1}'),
        (dt.date(2026, 1, 1), '"2026-01-01"'),
        (object(), "The tool ran. Its result, a object, has no JSON form."),
        ("\ud800", "?"),
    ],
)
def test_results_become_text(value: Any, text: str | None):
    """Text stays, data becomes JSON, and what has none says so."""
    assert text == result_text(value)


def test_long_results_are_cut_and_say_so():
    """No tool can fill the conversation."""
    text = result_text("x" * (MAX_RESULT + 1)) or ""
    assert text.endswith(f"[cut: the result has {MAX_RESULT + 1} characters]")
    assert len(text) < MAX_RESULT + 100


def test_a_validator_that_fails_has_found_nothing_right():
    """Whatever a developer's check raises, the call does not run, and the run goes on."""

    @define_tool
    async def ship(count: Annotated[int, AfterValidator(broken_check)]) -> None:
        """Ship."""

    with pytest.raises(ValidationError, match="could not be checked"):
        ship.validate({"count": 1})


async def test_what_no_json_can_hold_never_stops_a_run(bench: Bench):
    """Lone surrogates and numbers without end come from anywhere; each is met before a save."""

    @define_tool
    async def odd(context: ToolContext) -> str:
        context.metrics.update({"nan": float("nan"), "rows": 2, "\ud800": 1})
        return "\ud800"

    model = bench.model.calls(("odd", {}), text="\ud800").says("Done.")
    loop = bench.loop(
        model=model, tools=[odd], policy=None, checkpoint=MemoryCheckpoints(),
        tool_guardrails=[lambda name, given: None],
    )  # fmt: skip
    result = await loop.complete("Go.")
    [call] = result.report.calls
    assert ("done", {"rows": 2.0, "?": 1.0}) == (call.outcome, call.metrics)
    with pytest.raises(PayloadNotCanonical):
        await loop.complete("\ud800")
    assert not await loop.unfinished()
