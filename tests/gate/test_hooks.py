"""Hooks: everybody hears, in order; nobody can say anything."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from gate import (
    AlreadyConsumed,
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalExpiredEvent,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalResolved,
    Consumption,
    HookBus,
    HookContext,
    InvalidId,
    NotAllowed,
    PermissionPolicy,
    PermissionTarget,
    ReceiptInvalid,
    Rule,
    SignoffError,
    Verdict,
    hook_context,
)
from gate.hooks import APPROVAL_HOOKS
from gate.telling import Told
from tests.support.factories import ANA, START, approved, cancelled, expired, pending, rejected
from tests.support.waiting import wait_until

ASKED = "onApprovalRequested"
RESOLVED = "onApprovalResolved"


class Heard:
    """Handlers that note what they heard."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.contexts: list[HookContext] = []

    def __call__(self, name: str) -> Callable[[HookContext], None]:
        def handler(context: HookContext) -> None:
            self.told.append(name)
            self.contexts.append(context)

        return handler


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def bus() -> HookBus:
    return HookBus(patience=0.2)


async def test_in_the_order_of_registration(bus: HookBus, heard: Heard):
    """Each is called and awaited before the next, whatever it registered for."""

    async def slow(context: HookContext) -> None:
        await asyncio.sleep(0)
        heard.told.append("slow")

    bus.on(ASKED, heard("first"))
    bus.on_any(slow)
    bus.on("on_approval_requested", heard("third"))
    bus.on(RESOLVED, heard("other"))
    await bus.emit(ASKED, {})
    assert ["first", "slow", "third"] == heard.told


async def test_once_and_off(bus: HookBus, heard: Heard):
    """`once` is called once, also by two at a time; what was returned, and `off`, end it."""
    bus.once(ASKED, heard("once"))
    leave = bus.on(ASKED, heard("left"))
    handler = heard("off")
    bus.on(ASKED, handler)
    bus.on(RESOLVED, handler)
    bus.on(ASKED, heard("stays"))
    leave()
    leave()
    bus.off(ASKED, handler)
    await asyncio.gather(bus.emit(ASKED, {}), bus.emit(ASKED, {}))
    assert ["once", "stays", "stays"] == heard.told
    await bus.emit(RESOLVED, {})
    assert "off" == heard.told[-1]


async def test_off_forgets_one_name_or_all(bus: HookBus, heard: Heard):
    """`off(name)` forgets the handlers of one hook, `off()` all, catch-all ones too."""
    bus.on(ASKED, heard("asked"))
    bus.on(RESOLVED, heard("resolved"))
    bus.on_any(heard("any"))
    assert (2, 2, 1, 3) == (
        bus.handler_count(ASKED), bus.handler_count(RESOLVED),
        bus.handler_count("onApprovalExpired"), bus.handler_count(),
    )  # fmt: skip
    bus.off(ASKED)
    await bus.emit(ASKED, {})
    assert ["any"] == heard.told
    bus.off()
    assert (False, 0) == (bus.has(RESOLVED), bus.handler_count())


def test_both_spellings_of_every_name(bus: HookBus, heard: Heard):
    """The seeds' names and ours are the same hooks."""
    assert {
        "onApprovalRequested", "onApprovalResolved", "onApprovalExpired", "onApprovalCancelled",
        "onApprovalRefused", "onApprovalConsumed",
    } <= set(APPROVAL_HOOKS)  # fmt: skip
    for name in APPROVAL_HOOKS:
        snake = "".join(f"_{each.lower()}" if each.isupper() else each for each in name)
        bus.on(name, heard(name))
        bus.on(snake, heard(snake))
        assert 2 == bus.handler_count(snake)


@pytest.mark.parametrize(
    "name", ["onApprovalAsked", "", "OnApprovalRequested", "onapprovalrequested", "on-approval"]
)
async def test_unknown_names(bus: HookBus, heard: Heard, name: str):
    """A name with a mistake in it is refused, not listened to for ever."""
    for call in (
        lambda: bus.on(name, heard("x")),
        lambda: bus.once(name, heard("x")),
        lambda: bus.off(name),
        lambda: bus.has(name),
        lambda: bus.emit_nowait(name, {}),
    ):
        with pytest.raises(InvalidId):
            call()
    with pytest.raises(InvalidId):
        await bus.emit(name, {})


async def test_more_names(heard: Heard):
    """A loop adds its own hooks."""
    bus = HookBus(also=["onToolCallStart"])
    bus.on("on_tool_call_start", heard("start"))
    await bus.emit("onToolCallStart", {"tool_name": "deploy"})
    assert "deploy" == heard.contexts[0].toolName


def test_a_handler_is_callable(bus: HookBus):
    """A mistake is told where it is made."""
    with pytest.raises(TypeError):
        bus.on(ASKED, "handler")  # type: ignore[arg-type]  # a careless caller's


async def _raises(context: HookContext) -> None:
    raise ValueError(context.arguments)


async def _hangs(context: HookContext) -> None:
    await asyncio.Event().wait()


async def _cancels(context: HookContext) -> None:
    raise asyncio.CancelledError


def _stops_early(context: HookContext) -> None:
    raise StopIteration


@pytest.mark.parametrize("handler", [_raises, _hangs, _cancels, _stops_early])
async def test_a_handler_that_fails(
    bus: HookBus, heard: Heard, caplog: pytest.LogCaptureFixture, handler: Any
):
    """It is logged without its words, and counted; the next one hears."""
    bus.on(ASKED, handler)
    bus.on(ASKED, heard("next"))
    with caplog.at_level(logging.WARNING):
        await bus.emit(ASKED, {"arguments": {"password": "hunter2"}})
    assert (["next"], {ASKED: 1}) == (heard.told, dict(bus.failures))
    assert "hook.failed" in caplog.text
    assert handler.__qualname__ in caplog.text
    assert "hunter2" not in caplog.text


async def test_the_callers_own_cancellation_goes_through(bus: HookBus, heard: Heard):
    """Whoever cancels the caller cancels it, also while a handler runs."""
    slow = HookBus(patience=60)
    begun = asyncio.Event()

    async def waits(context: HookContext) -> None:
        begun.set()
        await asyncio.Event().wait()

    slow.on(ASKED, waits)
    slow.on(ASKED, heard("next"))
    task = asyncio.create_task(slow.emit(ASKED, {}))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ([], {}) == (heard.told, dict(slow.failures))


async def test_what_a_handler_returns_is_thrown_away(bus: HookBus):
    """No answer of a handler has a meaning: there is nothing to skip or override with."""
    bus.on(ASKED, lambda _: {"skip": True, "overrideResult": "yes"})  # type: ignore[arg-type,return-value]  # what it tries
    assert None is await bus.emit(ASKED, {})  # type: ignore[func-returns-value]  # that is the promise


async def test_handlers_that_change_the_list(bus: HookBus, heard: Heard):
    """Who registers or leaves in a handler changes the next time, not this one."""

    def registers(context: HookContext) -> None:
        bus.on(ASKED, heard("late"))
        bus.off(ASKED, leaves)

    leaves = heard("leaves")
    bus.on(ASKED, registers)
    bus.on(ASKED, leaves)
    await bus.emit(ASKED, {})
    assert ["leaves"] == heard.told


async def test_without_waiting(bus: HookBus, heard: Heard):
    """`emit_nowait` returns at once; `aclose` waits for what it began."""
    begun = asyncio.Event()

    async def waits(context: HookContext) -> None:
        await begun.wait()
        heard.told.append("done")

    bus.on(ASKED, waits)
    bus.emit_nowait(ASKED, {})
    assert [] == heard.told
    begun.set()
    await bus.aclose()
    assert (["done"], 0) == (heard.told, bus.handler_count())


async def test_without_waiting_has_a_limit(heard: Heard):
    """What nobody waits for does not pile up without end."""
    bus = HookBus(patience=60)
    release = asyncio.Event()

    async def waits(context: HookContext) -> None:
        await release.wait()
        heard.told.append("done")

    bus.on(ASKED, waits)
    for _ in range(1005):
        bus.emit_nowait(ASKED, {})
    assert 5 == bus.failures[ASKED]
    release.set()
    await wait_until(lambda: len(heard.told) == 1000, "all that began have ended")
    await bus.aclose()


def test_a_context_is_read_only():
    """Every field under both spellings, and no way to change one."""
    context = HookContext(ASKED, {"tool_name": "deploy", "arguments": {"list": [1]}})
    assert ("deploy", "deploy") == (context["toolName"], context["tool_name"])
    assert ("deploy", "deploy") == (context.tool_name, context.toolName)
    assert {"toolName": "deploy", "arguments": {"list": [1]}} == dict(context)
    assert '{"list": [1]}' == json.dumps(context["arguments"])
    for change in (
        lambda: setattr(context, "tool_name", "x"),
        lambda: setattr(context, "type", "x"),
        lambda: delattr(context, "type"),
        lambda: context["arguments"].update(x=1),
        lambda: context["arguments"]["list"].append(2),
        lambda: context.arguments["list"].__iadd__([2]),
    ):
        with pytest.raises((AttributeError, TypeError)):
            change()
    assert not hasattr(context, "nothing")
    assert "x" not in context
    assert "list" not in repr(context)


def test_the_seeds_fields_of_a_request():
    """`onApprovalRequested` has what the seeds' hook had."""
    record = pending("delete-42", run="job-7", reason="ticket 1873")
    event = ApprovalRequested(
        id=record.id, at=START, agent=record.agent, name=record.name, digest=record.digest
    )
    context = hook_context(event, record)
    assert ASKED == context.type
    assert {
        "callId": "delete-42", "toolName": "delete-user", "arguments": {"user_id": 42},
        "reason": "ticket 1873", "step": None, "runId": "job-7", "agentId": "billing",
        "trace": {"sessionId": "billing", "requestId": "job-7", "callId": "delete-42"},
    }.items() <= dict(context).items()  # fmt: skip


def test_the_seeds_fields_of_a_resolution():
    """`onApprovalResolved` has the seeds' fields, and the approver too."""
    record = rejected(pending("delete-42", run="job-7"))
    event = ApprovalResolved(id=record.id, at=START, principal=ANA, verdict=Verdict.DENY, note="no")
    context = hook_context(event, record)
    assert ("deny", "no", ANA) == (context.decision, context.note, context.principal)
    assert {"callId", "toolName", "runId", "agentId", "step", "decision", "note", "trace"} <= set(
        context
    )
    assert "arguments" not in context


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (ApprovalExpiredEvent(id="a", at=START), {}),
        (ApprovalCancelledEvent(id="a", at=START, by="billing"), {"by": "billing"}),
        (ApprovalConsumed(id="a", at=START, operation_id="op"), {"operationId": "op"}),
        (ApprovalRefused(id="a", at=START, principal=ANA, reason="not_by"), {"reason": "not_by"}),
    ],
)
def test_the_other_hooks(event: Any, fields: dict[str, Any]):
    """Each tells which approval, when, and what is its own; also without a record."""
    context = hook_context(event)
    assert (event.type, "a", None) == (context.type, context.call_id, context.tool_name)
    assert fields.items() <= dict(context).items()
    assert context.at.startswith("2026-01-01T12:00:00")


@pytest.fixture
def told(bus: HookBus) -> Told:
    return Told(bus, namespace="default", now=lambda: START)


async def test_what_a_gate_tells(bus: HookBus, told: Told, heard: Heard):
    """Asked if it was new, ended once, consumed."""
    bus.on_any(lambda context: heard.told.append(context.type))
    record = pending("a")
    await told.asked(record, new=False)
    await told.asked(record, new=True)
    assert record is await told.ended(record)
    for final in (approved(pending("b")), expired(pending("c")), cancelled(pending("d"))):
        assert final is await told.ended(final)
        await told.ended(final)
    taken = Consumption(operation_id="op-1", digest=record.digest, at=START)
    consumed = record.model_copy(update={"consumption": taken})
    assert consumed is await told.consumed(consumed)
    assert [
        "onApprovalRequested", "onApprovalResolved", "onApprovalExpired", "onApprovalCancelled",
        "onApprovalConsumed",
    ] == heard.told  # fmt: skip


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NotAllowed("a", reason="not_approver", principal=ANA), "not_approver"),
        (AlreadyConsumed(pending("a"), operation_id="op"), "already_consumed"),
        (ReceiptInvalid(pending("a"), reason="expired"), "expired"),
    ],
)
async def test_what_a_gate_refuses(
    bus: HookBus, told: Told, heard: Heard, error: SignoffError, reason: str
):
    """A refusal is told with its word, and raised all the same."""
    bus.on("onApprovalRefused", heard("refused"))
    with pytest.raises(type(error)):
        async with told.refusals("a", pending("a")):
            raise error
    assert [reason] == [context.reason for context in heard.contexts]
    with pytest.raises(ValueError, match="not ours"):
        async with told.refusals("a"):
            raise ValueError("not ours")
    assert 1 == len(heard.told)


async def test_nobody_listens(heard: Heard):
    """Without a bus nothing is told and everything goes on."""
    silent = Told(None, namespace="default", now=lambda: START)
    record = approved(pending("b"))
    await silent.asked(record, new=True)
    assert record is await silent.ended(record)
    with pytest.raises(NotAllowed):
        async with silent.refusals("b"):
            raise NotAllowed("b", reason="not_approver")


async def test_no_hook_goes_round_a_policy(bus: HookBus):
    """A handler that tries to change the arguments changes nothing of what is asked."""
    target = PermissionTarget.tool("drop", {"table": "users"})
    policy = PermissionPolicy([Rule(effect="deny", target=lambda each: each.tool_name == "drop")])

    def tries(context: HookContext) -> None:
        context["arguments"]["table"] = "scratch"

    bus.on(ASKED, tries)
    await bus.emit(ASKED, {"tool_name": target.tool_name, "arguments": target.arguments})
    assert {"table": "users"} == target.arguments
    assert Verdict.DENY.value == policy.check("agent", target).effect.value
    assert 1 == bus.failures[ASKED]
