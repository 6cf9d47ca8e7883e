"""`@requires_approval`: the arguments are the payload, and what was decided is what runs."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any

import pytest

from gate import (
    AlreadyConsumed,
    Approval,
    ApprovalDenied,
    ApprovalGate,
    Desk,
    PayloadNotCanonical,
)
from gate.testing import FakeClock, ScratchStore, ScriptedApprover


@pytest.fixture
def approver(clock: FakeClock) -> ScriptedApprover:
    return ScriptedApprover(clock=clock)


@pytest.fixture
def asking(approver: ScriptedApprover) -> ApprovalGate:
    return approver.gate


def only(approver: ScriptedApprover) -> Approval:
    (asked,) = approver.asked
    return asked


async def test_the_arguments_become_the_payload(
    asking: ApprovalGate, approver: ScriptedApprover
) -> None:
    """By name, defaults included, whether given by place or by name."""

    @asking.requires_approval
    async def pay(account: str, amount: int, *, urgent: bool = False) -> str:
        """Pay."""
        return f"{account}:{amount}:{urgent}"

    approver.approve("pay")
    assert await pay("ana", amount=5) == "ana:5:False"
    assert (only(approver).name, only(approver).payload) == (
        "pay",
        {"account": "ana", "amount": 5, "urgent": False},
    )
    assert (pay.__name__, pay.__doc__) == ("pay", "Pay.")
    assert inspect.iscoroutinefunction(pay)
    assert list(inspect.signature(pay).parameters) == ["account", "amount", "urgent"]


async def test_the_rest_of_the_arguments_is_part_of_it(
    asking: ApprovalGate, approver: ScriptedApprover
) -> None:
    """*args as a list, **kwargs as an object, positional-only ones by name."""

    @asking.requires_approval(name="run-tool", reason="I must")
    async def run(tool: str, /, *args: Any, **options: Any) -> Any:
        return tool, args, options

    approver.approve()
    assert await run("ls", "-l", ["x"], tool={"a": 1}, deep=True) == (
        "ls",
        ("-l", ["x"]),
        {"tool": {"a": 1}, "deep": True},
    )
    assert only(approver).payload == {
        "tool": "ls",
        "args": ["-l", ["x"]],
        "options": {"tool": {"a": 1}, "deep": True},
    }
    assert (only(approver).name, only(approver).reason) == ("run-tool", "I must")


async def test_methods_leave_their_object_out(
    asking: ApprovalGate, approver: ScriptedApprover
) -> None:
    """`self` and `cls` are not data."""

    class Users:
        table = "users"

        @asking.requires_approval
        async def delete(self, user_id: int) -> str:
            return f"{self.table}:{user_id}"

        @classmethod
        @asking.requires_approval
        async def purge(cls, before: str) -> str:
            return f"{cls.table}:{before}"

        @staticmethod
        @asking.requires_approval
        async def count(table: str) -> str:
            return table

    approver.approve("delete")
    approver.approve("purge")
    approver.approve("count")
    assert await Users().delete(42) == "users:42"
    assert await Users.purge("2020") == "users:2020"
    assert await Users.count("x") == "x"
    assert [asked.payload for asked in approver.asked] == [
        {"user_id": 42},
        {"before": "2020"},
        {"table": "x"},
    ]


async def test_a_plain_functions_arguments_are_all_decided(
    asking: ApprovalGate, approver: ScriptedApprover
) -> None:
    """P6: an argument that is only called `self` or `cls` is not left out."""

    @asking.requires_approval
    async def drop(cls: str, self: str) -> str:
        return cls + self

    approver.approve()
    assert await drop("a", "b") == "ab"
    assert only(approver).payload == {"cls": "a", "self": "b"}


@pytest.mark.parametrize("argument", [(1, 2), {1}, b"x", object(), float("nan"), {1: 2}])
async def test_what_is_no_json_is_refused_before_anything_is_asked(
    asking: ApprovalGate, approver: ScriptedApprover, argument: Any
) -> None:
    """No half-described action ever reaches a person."""

    @asking.requires_approval
    async def act(value: Any) -> None:
        raise AssertionError

    with pytest.raises(PayloadNotCanonical) as caught:
        await act(argument)
    assert caught.value.path == "/value"
    assert approver.asked == []


async def test_wrong_arguments_are_refused_before_anything_is_asked(
    asking: ApprovalGate, approver: ScriptedApprover
) -> None:
    """As the function itself would refuse them."""

    @asking.requires_approval
    async def act(value: int) -> None:
        raise AssertionError

    with pytest.raises(TypeError):
        await act()  # type: ignore[call-arg]  # that is the point
    assert approver.asked == []


async def test_what_was_decided_runs_whatever_happened_to_the_objects(
    gate: ApprovalGate, store: ScratchStore, clock: FakeClock
) -> None:
    """P6: the caller changes its list while people look at it; the decided one runs."""
    seen = []

    @gate.requires_approval(id="a")
    async def delete(users: list[int]) -> None:
        seen.append(users)

    users = [1]
    running = asyncio.create_task(delete(users))
    await clock.advance(0)
    users.append(2)
    await Desk(store, clock=clock).decide("a", "approve")
    await asyncio.wait_for(running, 5)
    assert seen == [[1]]


async def test_a_no_does_not_run_it(asking: ApprovalGate, approver: ScriptedApprover) -> None:
    """The caller gets the person's note."""
    ran = []

    @asking.requires_approval
    async def act() -> None:
        ran.append(1)

    approver.deny("act", note="not today")
    with pytest.raises(ApprovalDenied) as caught:
        await act()
    assert caught.value.note == "not today"
    assert ran == []
    assert only(approver).payload == {}


async def test_an_edit_by_a_person_is_what_runs(
    asking: ApprovalGate, approver: ScriptedApprover
) -> None:
    """Values may change, also those behind * and **."""

    @asking.requires_approval(editable=True)
    async def act(value: int, *rest: int, **more: int) -> Any:
        return value, rest, more

    approver.approve(payload={"value": 2, "rest": [3], "more": {"x": 4}})
    assert await act(1, y=0) == (2, (3,), {"x": 4})


@pytest.mark.parametrize(
    "edited",
    [
        None,
        [],
        {},
        {"value": 2, "rest": []},
        {"value": 2, "rest": [], "more": {}, "extra": 1},
        {"value": 2, "rest": "34", "more": {}},
        {"value": 2, "rest": {"a": 1}, "more": {}},
        {"value": 2, "rest": [], "more": []},
        {"value": 2, "rest": [], "more": {"value": 3}},
    ],
)
async def test_an_edit_that_does_not_fit_does_not_run(
    asking: ApprovalGate, approver: ScriptedApprover, edited: Any
) -> None:
    """Other names, or another shape of * and **, is an error and no call."""
    ran = []

    @asking.requires_approval(editable=True)
    async def act(value: int, *rest: int, **more: int) -> None:
        ran.append(1)

    approver.approve(payload=edited)
    with pytest.raises(TypeError):
        await act(1)
    assert ran == []
    ended = (await asking.get(only(approver).id)).outcome
    assert ended is not None
    assert (ended.status, ended.error) == ("failed", "TypeError")


async def test_each_call_is_asked_for_anew(
    asking: ApprovalGate, approver: ScriptedApprover
) -> None:
    """Unless an id or a run says otherwise; then one approval still releases one run."""

    @asking.requires_approval
    async def act() -> None:
        pass

    @asking.requires_approval(id="fixed")
    async def once() -> None:
        pass

    for _ in range(3):
        approver.approve()
    await act()
    await act()
    await once()
    with pytest.raises(AlreadyConsumed):
        await once()
    approver.check()


def test_only_async_functions_can_be_guarded(asking: ApprovalGate) -> None:
    """Others would run unseen, or with arguments that nobody saw."""

    def plain() -> None: ...

    async def act(value: int) -> None: ...

    async def generator() -> Any:
        yield 1

    for function in (plain, generator, functools.partial(plain), functools.partial(act, 1)):
        with pytest.raises(TypeError):
            asking.requires_approval(function)  # type: ignore[arg-type]  # that is the point


async def test_the_payload_is_always_the_arguments(asking: ApprovalGate) -> None:
    """Nobody can ask for one thing and run another by a term of the decorator."""

    @asking.requires_approval(payload={"harmless": True})  # type: ignore[call-overload, untyped-decorator]  # that is the point
    async def act(value: int) -> None:
        raise AssertionError

    with pytest.raises(TypeError, match="payload"):
        await act(1)


async def test_a_result_in_place_of_the_run_is_what_the_caller_gets(
    asking: ApprovalGate, approver: ScriptedApprover
) -> None:
    """The function is not called, and nothing is consumed."""
    ran = []

    @asking.requires_approval(allow_override=True)
    async def act(value: int) -> Any:
        ran.append(value)

    approver.approve(override_result="done by hand")
    assert "done by hand" == await act(1)
    assert [] == ran
    assert (await asking.get(only(approver).id)).consumption is None


async def test_annotations_make_the_schema_of_the_form(
    asking: ApprovalGate, approver: ScriptedApprover
) -> None:
    """Where people may edit, and only there; `self` is no argument."""

    class Tool:
        @asking.requires_approval(editable=True)
        async def act(self, value: int, copy: bool = False, *rest: str, **more: float) -> None:
            pass

        @asking.requires_approval
        async def plain(self, value: int) -> None:
            pass

    approver.approve()
    await Tool().act(1)
    asked = await asking.get(only(approver).id)
    assert {
        "type": "object",
        "properties": {
            "value": {"type": "integer"},
            "copy": {"type": "boolean"},
            "rest": {"type": "array", "items": {"type": "string"}},
            "more": {"type": "object", "additionalProperties": {"type": "number"}},
        },
        "required": ["value", "copy", "rest", "more"],
        "additionalProperties": False,
    } == asked.arguments_schema
    approver.approve()
    await Tool().plain(2)
    [unasked] = [each for each in approver.asked if each.name == "plain"]
    assert unasked.arguments_schema is None


async def test_annotations_that_make_no_schema_are_no_obstacle(
    asking: ApprovalGate, approver: ScriptedApprover
) -> None:
    """People are asked all the same; they are just offered no form made from it."""

    @asking.requires_approval(editable=True)
    async def act(value: Thing) -> None:  # type: ignore[name-defined]  # noqa: F821  (no such name)
        pass

    approver.approve()
    await act(1)
    assert (await asking.get(only(approver).id)).arguments_schema is None
