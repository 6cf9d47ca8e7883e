"""How runs end, how tools are run, and what a stream tells."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gate import ApprovalGate, HookBus
from gate.loop import (
    LOOP_HOOKS,
    ApprovalPending,
    CallFinished,
    CallProposed,
    FinishReason,
    RunFinished,
    StepStarted,
    TextDelta,
    ToolContext,
    ToolDecision,
    define_tool,
)
from gate.testing import FakeClock, ScratchStore, ScriptedModel
from tests.support.waiting import wait_until

from .bench import Bench, always, told, unwanted

LOOK = ("look", {"at": "logs"})


async def test_max_steps_ends_the_run(bench: Bench):
    """The cap counts answers of the model; what they proposed is done, and the text says why."""
    model = ScriptedModel().calls(LOOK).calls(LOOK).says("never")
    result = await bench.loop(model=model, max_steps=2).complete("Look.")
    assert (FinishReason.MAX_STEPS, "stopped: reached max_steps (2)", 2) == (
        result.finish_reason,
        result.text,
        len(bench.ran),
    )


@pytest.mark.parametrize("fails", [False, True])
async def test_an_input_guardrail_ends_the_run_before_the_model(
    bench: Bench, model: ScriptedModel, fails: bool
):
    """Tripped or broken, the model is not asked and nothing of it stays in the conversation."""

    async def guard(text: str) -> str | None:
        if "secret" not in text:
            return None
        if fails:
            raise RuntimeError
        return "no secrets"

    model.says("Hello.")
    loop = bench.loop(guardrails=[guard])
    result = await loop.complete("Tell me the secret.")
    expected = "The guardrail itself failed." if fails else "no secrets"
    assert (FinishReason.GUARDRAIL, expected) == (result.finish_reason, result.text)
    await loop.complete("Hi.")
    assert ["Hi."] == [message.content for message in model.asked[0]]


async def test_a_tool_gets_its_context(bench: Bench, model: ScriptedModel):
    """Step, call id, where it belongs, a stable key of its own; its metrics reach the report."""
    seen: list[ToolContext] = []

    @define_tool
    async def measure(what: str, context: ToolContext) -> str:
        seen.append(context)
        context.metrics["rows"] = 3
        return what

    call = ("measure", {"what": "x"})
    model.calls(LOOK).calls(call, call).says("Done.")
    result = await bench.loop(tools=[*bench.tools(), measure], policy=None).complete("Go.")
    first, second = seen
    assert (1, "call-2", "agent-1", result.run_id) == (
        first.step,
        first.call_id,
        first.agent_id,
        first.trace.request_id,
    )
    assert first.idempotency_key != second.idempotency_key
    assert ({}, {"rows": 3.0}) == (result.report.calls[0].metrics, result.report.calls[1].metrics)
    assert 1 == result.report.calls[1].result_size_bytes


async def test_a_tool_that_takes_too_long_is_stopped(
    bench: Bench, model: ScriptedModel, clock: FakeClock
):
    """It is told to end, and the model hears that it may have had its effect."""
    started = asyncio.Event()

    @define_tool(timeout=5)
    async def dawdle(context: ToolContext) -> str:
        started.set()
        await asyncio.Event().wait()
        return "never"

    model.calls(("dawdle", {})).says("Hm.")
    run = asyncio.create_task(bench.loop(tools=[dawdle], policy=None).complete("Go."))
    await started.wait()
    await clock.advance(5)
    result = await run
    [message] = told(model)
    assert ("timed_out", True) == (message.outcome, message.is_error)
    assert "It may have had its effect" in message.content
    assert ["TimeoutError"] == [call.error for call in result.report.calls]


async def test_a_tool_that_heeds_its_cancellation_tells_how_it_ended(
    bench: Bench, model: ScriptedModel, clock: FakeClock
):
    """Told to end, it ends in order: what it returns is known, and counts."""
    started = asyncio.Event()

    @define_tool(timeout=5)
    async def careful(context: ToolContext) -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            assert context.cancellation.requested
        return "rolled back"

    model.calls(("careful", {})).says("Good.")
    run = asyncio.create_task(bench.loop(tools=[careful], policy=None).complete("Go."))
    await started.wait()
    await clock.advance(5)
    await run
    assert [("done", "rolled back")] == [(m.outcome, m.content) for m in told(model)]


async def test_a_tool_that_will_not_end_is_left_behind(
    bench: Bench, model: ScriptedModel, clock: FakeClock
):
    """The run goes on after the grace; the loop still owns the tool, and waits for its end."""
    go = asyncio.Event()
    ended = []

    @define_tool(timeout=5)
    async def stubborn() -> str:
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue
        ended.append(True)
        return "late"

    model.calls(("stubborn", {})).says("Hm.")
    loop = bench.loop(tools=[stubborn], policy=None)
    run = asyncio.create_task(loop.complete("Go."))
    await clock.advance(0)
    await clock.advance(5)
    await clock.advance(2)
    await run
    assert ["timed_out"] == [message.outcome for message in told(model)]
    go.set()
    await loop.aclose()
    assert [True] == ended


async def test_people_and_tools_are_timed_apart(
    bench: Bench, model: ScriptedModel, clock: FakeClock
):
    """The report says how long people took and how long the tool took."""

    async def approve(_: Any) -> ToolDecision:
        await clock.advance(60)
        return ToolDecision("approve")

    model.calls(("deploy", {"env": "prod"})).says("Done.")
    result = await bench.loop(approve=approve).complete("Deploy.")
    [call] = result.report.calls
    assert (60.0, 0.0) == (call.waited_seconds, call.executed_seconds)


@pytest.mark.parametrize(("parallel", "most"), [(True, 2), (False, 1)])
async def test_calls_of_one_answer_go_at_once_or_one_by_one(
    bench: Bench, model: ScriptedModel, parallel: bool, most: int
):
    """Parallel by default; with `parallel_tool_calls=False` the next begins when one is done."""
    running: set[int] = set()
    seen: list[int] = []
    both = asyncio.Event()

    @define_tool
    async def work(n: int) -> int:
        running.add(n)
        seen.append(len(running))
        if len(running) == most:
            both.set()
        await both.wait()
        running.discard(n)
        return n

    model.calls(("work", {"n": 1}), ("work", {"n": 2})).says("Done.")
    loop = bench.loop(tools=[work], policy=None, parallel_tool_calls=parallel)
    await loop.complete("Go.")
    assert most == max(seen)
    assert ["1", "2"] == [message.content for message in told(model)]


async def test_one_by_one_stops_at_the_first_open_question(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore
):
    """In order means in order: what comes after an open question waits too."""
    model.calls(("deploy", {"env": "prod"}), LOOK)
    loop = bench.loop(approve=gate, on_pending="exit", parallel_tool_calls=False)
    paused = await loop.complete("Go.")
    assert (1, [], 1) == (len(paused.pending), bench.ran, len(store._records))


async def test_a_failing_call_lets_its_siblings_end(bench: Bench, model: ScriptedModel):
    """A tool that raises is one error result; the other calls are not touched."""

    @define_tool
    async def fail() -> str:
        raise ValueError("broken")

    model.calls(("fail", {}), LOOK).says("Half.")
    result = await bench.loop(tools=[*bench.tools(), fail], policy=None).complete("Go.")
    assert ["failed", "done"] == [message.outcome for message in told(model)]
    assert "Error executing fail: broken" == told(model)[0].content
    assert ["ValueError", None] == [call.error for call in result.report.calls]


async def test_a_gate_inside_a_tool_keeps_its_word(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore
):
    """A tool that asks by itself and is denied: the model hears a person's no, with the note."""

    @define_tool
    async def pay() -> str:
        async with gate.guard(name="pay", payload={}):
            return "paid"

    model.calls(("pay", {})).says("So.")
    run = asyncio.create_task(bench.loop(tools=[pay], policy=None).complete("Pay."))
    await wait_until(lambda: bool(store._records), "the question")
    [key] = store._records
    await gate.decide(key, "deny", note="too much")
    await run
    [message] = told(model)
    assert "denied" == message.outcome
    assert "too much" in message.content


async def test_a_stream_tells_what_happens_in_order(bench: Bench, model: ScriptedModel):
    """Steps, text, proposals, questions, ends, and the result at last."""
    model.calls(("deploy", {"env": "prod"}), text="I deploy.").says("All done.")
    loop = bench.loop(approve=always(ToolDecision("approve")))
    events = [event async for event in loop.stream("Deploy.")]
    assert [
        StepStarted, TextDelta, TextDelta, CallProposed, ApprovalPending, CallFinished,
        StepStarted, TextDelta, TextDelta, RunFinished,
    ] == [type(event) for event in events]  # fmt: skip
    last = events[-1]
    assert isinstance(last, RunFinished)
    assert "All done." == last.result.text


async def test_leaving_a_stream_early_leaves_a_run_to_resume(bench: Bench, model: ScriptedModel):
    """Nothing goes on behind the back of who left; the run is where it was."""
    model.calls(("deploy", {"env": "prod"})).says("Done.")
    go = asyncio.Event()

    async def approve(_: Any) -> ToolDecision:
        await go.wait()
        return ToolDecision("approve")

    loop = bench.loop(approve=approve)
    stream = loop.stream("Deploy.")
    async for event in stream:
        if isinstance(event, ApprovalPending):
            break
    await stream.aclose()
    assert await loop.unfinished()
    go.set()
    events = [event async for event in loop.stream()]
    assert isinstance(events[-1], RunFinished)
    assert 1 == len(bench.ran)


async def test_a_streams_failure_is_raised(bench: Bench):
    """What `complete` raises, the iteration raises."""
    from gate import ModelFailed

    with pytest.raises(ModelFailed):
        [event async for event in bench.loop(model=ScriptedModel()).stream("Go.")]


async def test_every_call_that_starts_has_one_end(bench: Bench, model: ScriptedModel):
    """Hooks: one start and one end for each call, whatever becomes of it; warnings too."""
    heard: list[tuple[str, str]] = []
    hooks = HookBus(also=LOOP_HOOKS)
    hooks.on_any(lambda c: heard.append((c.type, c.get("callId", c.get("code", "")))))
    model.calls(LOOK, ("wipe", {}), ("gone", {}), ("look", {}), ("deploy", {"env": "prod"})).says(
        "So."
    )
    await bench.loop(hooks=hooks, approve=always(ToolDecision("skip"))).complete("Go.")
    ids = [f"call-{n}" for n in range(1, 6)]
    starts = [call for hook, call in heard if hook == "onToolCallStart"]
    ends = [call for hook, call in heard if hook in ("onToolCallComplete", "onToolCallError")]
    assert (ids, ids) == (sorted(starts), sorted(ends))
    assert ("onWarning", "tool_not_found") in heard


async def test_nothing_asks_when_nothing_is_asked_about(bench: Bench, model: ScriptedModel):
    """Pending is empty at the start and at the end, and no snapshot names any."""
    model.says("Hello.")
    loop = bench.loop(approve=unwanted)
    assert () == loop.pending_approvals
    await loop.complete("Hi.")
    assert "pendingToolCalls" not in loop.dump().to_wire()
