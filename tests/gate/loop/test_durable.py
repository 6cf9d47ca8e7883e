"""What is saved when, and going on elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gate import (
    ApprovalGate,
    ConfigError,
    Desk,
    ModelFailed,
    RunNotFound,
    RunTaken,
    RunUnfinished,
    StoreUnavailable,
)
from gate.loop import (
    AgentLoop,
    AgentLoopSnapshot,
    ApprovalRequest,
    FinishReason,
    ToolDecision,
    define_tool,
)
from gate.policy import PermissionPolicy, Rule
from gate.testing import ScratchStore, ScriptedModel
from stores.checkpoints import MemoryCheckpoints
from tests.support.waiting import wait_until

from .bench import Bench, always, told, unwanted

KEY = "agent-loop:agent-1"
DEPLOY = ("deploy", {"env": "prod"})


async def saved(place: MemoryCheckpoints) -> AgentLoopSnapshot:
    found = await place.load(KEY)
    assert found is not None
    return AgentLoopSnapshot.from_text(found.text)


class Keeper(MemoryCheckpoints):
    """Checkpoints that remember every write."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[AgentLoopSnapshot] = []

    async def swap(self, key: str, text: str, *, expected: str) -> str | None:
        version = await super().swap(key, text, expected=expected)
        if version is not None:
            self.written.append(AgentLoopSnapshot.from_text(text))
        return version


async def test_the_answer_and_its_calls_are_one_write(bench: Bench, model: ScriptedModel):
    """The assistant message and its calls are saved in one write, before anything happens."""
    keeper = Keeper()

    async def look_back(name: str, arguments: dict[str, Any]) -> None:
        # The first thing that happens to a call after it was proposed.
        latest = keeper.written[-1]
        assert "assistant" == latest.history.entries[-1].message.role
        assert latest.run is not None
        assert ["proposed", "proposed"] == [call.phase for call in latest.run.calls]

    model.calls(("look", {"at": "a"}), ("look", {"at": "b"})).says("Seen.")
    result = await bench.loop(checkpoint=keeper, tool_guardrails=[look_back]).complete("Look.")
    assert ["done", "done"] == [call.outcome for call in result.report.calls]
    for one, next_one in zip(keeper.written, keeper.written[1:], strict=False):
        added = len(next_one.history.entries) - len(one.history.entries)
        calls = next_one.run.calls if next_one.run is not None else ()
        if added and next_one.history.entries[-1].message.role == "assistant" and calls:
            assert ["proposed", "proposed"] == [call.phase for call in calls]


async def test_the_checkpoint_stands_before_the_approver_is_asked(
    bench: Bench, model: ScriptedModel, place: MemoryCheckpoints
):
    """Whoever is asked, the checkpoint names the pending call with its arguments already."""

    async def approve(_: Any) -> ToolDecision:
        snapshot = await saved(place)
        assert snapshot.pending_tool_calls is not None
        [call] = snapshot.pending_tool_calls
        assert ("deploy", {"env": "prod", "count": 1}) == (call.tool_name, call.arguments)
        return ToolDecision("approve")

    model.calls(DEPLOY).says("Done.")
    await bench.loop(approve=approve, checkpoint=place).complete("Deploy.")
    assert 1 == len(bench.ran)
    snapshot = await saved(place)
    assert not snapshot.unfinished
    assert "pendingToolCalls" not in snapshot.to_wire()


async def test_executing_is_saved_before_the_tool_runs(bench: Bench, model: ScriptedModel):
    """A process that dies in the tool leaves word that it began."""
    keeper = Keeper()
    phases = []

    @define_tool
    async def deploy(env: str) -> str:
        run = keeper.written[-1].run
        assert run is not None
        phases.append(run.calls[0].phase)
        return env

    model.calls(DEPLOY).says("Done.")
    approve = always(ToolDecision("approve"))
    await bench.loop(tools=[deploy], approve=approve, checkpoint=keeper).complete("Deploy.")
    assert ["executing"] == phases


async def test_exit_ends_the_run_as_paused_with_the_ids(
    bench: Bench,
    model: ScriptedModel,
    gate: ApprovalGate,
    desk: Desk,
    place: MemoryCheckpoints,
):
    """What needs no decision is done; the rest is listed; a new loop goes on, the model waits."""
    model.calls(("look", {"at": "logs"}), DEPLOY).says("Done.")
    options = bench.options(approve=gate, checkpoint=place, on_pending="exit")
    paused = await AgentLoop(model, **options).complete("Deploy.")
    assert (FinishReason.PAUSED, True) == (paused.finish_reason, paused.paused)
    assert [("look", {"at": "logs"})] == bench.ran
    [call] = paused.pending
    assert ("call-2", "deploy", paused.run_id) == (call.call_id, call.tool_name, call.run_id)
    await desk.decide(str(call.approval_id), "approve")
    loop = AgentLoop(model, **options)
    assert await loop.unfinished()
    assert [call] == list(loop.pending_approvals)
    result = await loop.resume()
    assert ("Done.", 2, paused.run_id) == (result.text, len(model.asked), result.run_id)
    assert ["done", "done"] == [each.outcome for each in told(model)]


async def test_some_decisions_make_some_progress(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, desk: Desk, place: MemoryCheckpoints
):
    """Of two questions one is answered: that call runs, the run pauses again for the other."""
    model.calls(DEPLOY, ("deploy", {"env": "test"})).says("Done.")
    options = bench.options(approve=gate, checkpoint=place, on_pending="exit")
    paused = await AgentLoop(model, **options).complete("Deploy.")
    first, second = paused.pending
    await desk.decide(str(first.approval_id), "approve")
    again = await AgentLoop(model, **options).resume()
    assert ([second], 1) == (list(again.pending), len(bench.ran))
    await desk.decide(str(second.approval_id), "deny")
    await AgentLoop(model, **options).resume()
    assert ["done", "denied"] == [each.outcome for each in told(model)]
    assert 1 == len(bench.ran)


async def test_complete_on_an_unfinished_run_is_an_error(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, place: MemoryCheckpoints
):
    """A second turn is never put over a run that has not ended: not here, not elsewhere."""
    model.calls(DEPLOY)
    options = bench.options(approve=gate, checkpoint=place, on_pending="exit")
    first = AgentLoop(model, **options)
    paused = await first.complete("Deploy.")
    for loop in (first, AgentLoop(model, **options)):
        with pytest.raises(RunUnfinished) as refused:
            await loop.complete("And now something else.")
        assert (paused.run_id, ("call-1",)) == (refused.value.run_id, refused.value.pending)
    assert 1 == len(model.asked)


async def test_resume_without_a_run_is_an_error(bench: Bench, place: MemoryCheckpoints):
    """There is nothing to go on with, and that has its own error."""
    with pytest.raises(RunNotFound):
        await bench.loop(checkpoint=place).resume()


async def test_resume_of_an_ended_run_is_its_result(
    bench: Bench, model: ScriptedModel, place: MemoryCheckpoints
):
    """Who missed the result gets it again; nothing is asked, nothing runs."""
    model.says("Hello.")
    result = await bench.loop(checkpoint=place).complete("Hi.")
    assert result == await bench.loop(checkpoint=place).resume()
    assert 1 == len(model.asked)


async def test_the_conversation_goes_on_in_another_process(
    bench: Bench, model: ScriptedModel, place: MemoryCheckpoints
):
    """After an ended run the next one sees what was said."""
    model.says("Hello.").says("As I said.")
    await bench.loop(checkpoint=place).complete("Hi.")
    await bench.loop(checkpoint=place).complete("Again?")
    assert ["user", "assistant", "user"] == [message.role for message in model.asked[-1]]


async def test_two_workers_resuming_one_run(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, desk: Desk, place: MemoryCheckpoints
):
    """One goes on, the other gets a typed error; one effect."""
    model.calls(DEPLOY).says("Done.")
    options = bench.options(approve=gate, checkpoint=place, on_pending="exit")
    paused = await AgentLoop(model, **options).complete("Deploy.")
    await desk.decide(str(paused.pending[0].approval_id), "approve")
    workers = [AgentLoop(model, **options) for _ in range(3)]
    for worker in workers:
        assert await worker.unfinished()  # all have read the same state
    ends = await asyncio.gather(*(worker.resume() for worker in workers), return_exceptions=True)
    assert 2 == sum(isinstance(end, RunTaken) for end in ends)
    assert ["Done."] == [end.text for end in ends if not isinstance(end, BaseException)]
    assert (1, 2) == (len(bench.ran), len(model.asked))


async def test_a_worker_that_was_overtaken_stops(
    bench: Bench,
    model: ScriptedModel,
    gate: ApprovalGate,
    store: ScratchStore,
    desk: Desk,
    place: MemoryCheckpoints,
):
    """One waits, another takes the run over: after the yes only the second one acts."""
    model.calls(DEPLOY).says("Done.")
    waiting = asyncio.create_task(bench.loop(approve=gate, checkpoint=place).complete("Deploy."))
    await wait_until(lambda: bool(store._records), "the question")
    other = asyncio.create_task(bench.loop(approve=gate, checkpoint=place).resume())

    async def taken() -> bool:
        found = await saved(place)
        return found.revision >= 4

    await wait_until(taken, "the second worker")
    [key] = store._records
    await desk.decide(key, "approve")
    with pytest.raises(RunTaken):
        await waiting
    assert "Done." == (await other).text
    assert 1 == len(bench.ran)


async def test_a_recorded_policy_outcome_is_not_widened(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, desk: Desk, place: MemoryCheckpoints
):
    """Asked under the old policy stays asked under one that allows; the record says which."""
    model.calls(DEPLOY, ("wipe", {})).says("Done.")
    options = bench.options(approve=gate, checkpoint=place, on_pending="exit")
    await AgentLoop(model, **options).complete("Deploy.")
    options["policy"] = PermissionPolicy([Rule(effect="allow")])
    paused = await AgentLoop(model, **options).resume()
    assert (1, []) == (len(paused.pending), bench.ran)
    await desk.decide(str(paused.pending[0].approval_id), "approve")
    result = await AgentLoop(model, **options).resume()
    assert ["done", "not_allowed"] == [call.outcome for call in result.report.calls]
    assert ["ask", "deny"] == [call.policy.effect for call in result.report.calls if call.policy]


async def test_a_policy_that_became_stricter_counts_at_once(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, desk: Desk, place: MemoryCheckpoints
):
    """Denied meanwhile: an approved call does not run, and is not told as a person's no."""
    model.calls(DEPLOY).says("Oh.")
    options = bench.options(approve=gate, checkpoint=place, on_pending="exit")
    paused = await AgentLoop(model, **options).complete("Deploy.")
    await desk.decide(str(paused.pending[0].approval_id), "approve")
    options["policy"] = PermissionPolicy([Rule(effect="deny", reason="Freeze.")])
    await AgentLoop(model, **options).resume()
    [message] = told(model)
    assert ("not_allowed", []) == (message.outcome, bench.ran)


async def test_a_fed_answer_is_kept_for_its_call_and_used_once(
    bench: Bench, model: ScriptedModel, place: MemoryCheckpoints
):
    """`resume_with_approval` without a gate: saved, survives the process, clears the pending."""
    model.calls(DEPLOY).calls(DEPLOY)
    options = bench.options(approve=unwanted, checkpoint=place, on_pending="exit")
    await AgentLoop(model, **options).complete("Deploy.")
    loop = AgentLoop(model, **options)
    assert await loop.resume_with_approval("call-1", ToolDecision("approve", note="go"))
    assert () == loop.pending_approvals
    assert not await loop.resume_with_approval("call-1", "approve")
    again = await AgentLoop(model, **options).resume()
    # The second, equal call is asked for itself.
    assert (1, ["call-2"]) == (len(bench.ran), [call.call_id for call in again.pending])


async def test_an_unknown_call_id_warns_and_does_nothing(bench: Bench, model: ScriptedModel):
    """The warning has the seed's code and says how many are pending."""
    model.calls(DEPLOY)
    loop = bench.loop(approve=unwanted, on_pending="exit")
    await loop.complete("Deploy.")
    assert not await loop.resume_with_approval("call-9", "approve")
    [warning] = loop.warnings
    assert ("approval_callid_not_found", "call-9") == (warning.code, warning.call_id)
    assert "1 are pending" in warning.message
    assert 1 == len(loop.pending_approvals)


async def test_an_answer_may_be_brought_while_the_run_waits(bench: Bench, model: ScriptedModel):
    """A waiting approver is overtaken by the answer that somebody brings, each for its own call."""
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def slow(request: ApprovalRequest) -> ToolDecision:
        asked.put_nowait(request.call_id)
        await asyncio.Event().wait()
        raise AssertionError

    model.calls(DEPLOY).calls(DEPLOY).says("Done.")
    loop = bench.loop(approve=slow)
    run = asyncio.create_task(loop.complete("Deploy."))
    for _ in range(2):
        call_id = await asked.get()
        await bench.clock.advance(0)
        assert [call_id] == [call.call_id for call in loop.pending_approvals]
        assert not run.done()
        assert await loop.resume_with_approval(call_id, "approve")
    assert ("Done.", 2) == ((await run).text, len(bench.ran))


class FullPlace(MemoryCheckpoints):
    """Takes no state in which something is at work."""

    async def swap(self, key: str, text: str, *, expected: str) -> str | None:
        if '"phase":"executing"' in text:
            raise StoreUnavailable("swap", cause="full")
        return await super().swap(key, text, expected=expected)


async def test_trouble_of_one_call_ends_the_wait_of_the_others(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate
):
    """What cannot be saved does not run; nobody goes on waiting in a run that has failed."""
    model.calls(DEPLOY, ("look", {"at": "logs"}))
    loop = bench.loop(approve=gate, checkpoint=FullPlace(), store_patience=0)
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(loop.complete("Deploy."), 5)
    assert [] == bench.ran


async def test_abandoning_withdraws_and_answers_every_call(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore
):
    """The questions are cancelled, the history stays whole, and a new run may begin."""
    model.calls(DEPLOY, ("look", {"at": "a"})).says("Hello.")
    loop = bench.loop(approve=gate, on_pending="exit")
    await loop.complete("Deploy.")
    result = await loop.abandon(reason="superseded")
    assert FinishReason.ABORTED is result.finish_reason
    assert ["cancelled", "done"] == [call.outcome for call in result.report.calls]
    [record] = store._records.values()
    assert "cancelled" == record.status
    await loop.complete("Hi.")
    assert ["cancelled", "done"] == [each.outcome for each in told(model)]


async def test_stop_leaves_questions_open(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """`stop` while people think: nothing runs, nothing is lost, `resume` goes on."""
    model.calls(DEPLOY).says("Done.")
    loop = bench.loop(approve=gate)
    run = asyncio.create_task(loop.complete("Deploy."))
    await wait_until(lambda: bool(store._records), "the question")
    loop.stop()
    stopped = await run
    assert (FinishReason.STOPPED, 1, []) == (
        stopped.finish_reason,
        len(stopped.pending),
        bench.ran,
    )
    await desk.decide(str(stopped.pending[0].approval_id), "approve")
    assert "Done." == (await loop.resume()).text


async def test_a_cancelled_run_can_be_resumed(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """Cancelling the task that waits loses nothing, in the same object or another."""
    model.calls(DEPLOY).says("Done.")
    loop = bench.loop(approve=gate)
    run = asyncio.create_task(loop.complete("Deploy."))
    await wait_until(lambda: bool(store._records), "the question")
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    [key] = store._records
    await desk.decide(key, "approve")
    assert ("Done.", 1) == ((await loop.resume()).text, len(bench.ran))


async def test_a_model_that_fails_is_asked_again_by_resume(
    bench: Bench, model: ScriptedModel, place: MemoryCheckpoints
):
    """The failure is typed, without its text; completed steps are not repeated."""
    model.calls(("look", {"at": "a"})).says("Seen.")
    fails = [False, True]

    async def shaky(messages, tools):
        if fails and fails.pop(0):
            raise ConnectionError("key=sk-1")
        return await model(messages, tools)

    loop = bench.loop(model=shaky, checkpoint=place)
    with pytest.raises(ModelFailed) as failed:
        await loop.complete("Look.")
    assert (1, "ConnectionError") == (failed.value.step, failed.value.error)
    assert "sk-1" not in str(failed.value)
    assert "Seen." == (await bench.loop(checkpoint=place).resume()).text
    assert (1, 2) == (len(bench.ran), len(model.asked))


async def test_two_runs_of_one_object_at_once(bench: Bench, model: ScriptedModel):
    """A loop does one run at a time, and says so."""
    asked = asyncio.Event()
    go = asyncio.Event()

    async def slow(messages, tools):
        asked.set()
        await go.wait()
        return await model(messages, tools)

    model.says("Hello.")
    loop = bench.loop(model=slow)
    run = asyncio.create_task(loop.complete("Hi."))
    await asked.wait()
    with pytest.raises(RunUnfinished) as refused:
        await loop.complete("Hi again.")
    assert refused.value.running
    go.set()
    assert "Hello." == (await run).text


@pytest.mark.parametrize(
    "options",
    [{"max_steps": 0}, {"tool_timeout": 0}, {"on_pending": "hope"}, {"approve": "yes"}],
)
def test_options_that_cannot_be(bench: Bench, options: dict[str, Any]):
    """They stop the start."""
    with pytest.raises(ConfigError):
        bench.loop(**options)


async def test_what_is_handed_out_is_a_copy(bench: Bench, model: ScriptedModel):
    """Changing what a result, a dump, an event or a hook shows changes nothing that will run."""
    heard: list[Any] = []

    class Bus:
        def has(self, hook: str) -> bool:
            return True

        async def emit(self, hook: str, fields: Any) -> None:
            if "arguments" in fields:
                fields["arguments"]["env"] = "everywhere"
                heard.append(hook)

    model.calls(DEPLOY).says("Done.")
    loop = bench.loop(approve=unwanted, on_pending="exit", hooks=Bus())
    async for event in loop.stream("Deploy."):
        for shown in ("call", "result"):
            given = getattr(event, shown, None)
            for call in getattr(given, "pending", [given]):
                if hasattr(call, "arguments"):
                    call.arguments["env"] = "everywhere"
    dumped = loop.dump().run
    assert dumped is not None
    for call in (*loop.pending_approvals, *dumped.calls):
        call.arguments["env"] = "everywhere"
    await loop.resume_with_approval("call-1", "approve")
    await loop.resume()
    assert [("deploy", {"env": "prod", "count": 1})] == bench.ran
    assert {"onToolCallStart", "onApprovalRequested"} == set(heard)


async def test_an_approver_that_is_cancelled_from_inside_is_no_approval(
    bench: Bench, model: ScriptedModel
):
    """Its own cancellation does not look like the run's."""

    async def approve(_: Any) -> ToolDecision:
        raise asyncio.CancelledError

    model.calls(DEPLOY).says("Hm.")
    await bench.loop(approve=approve).complete("Deploy.")
    assert (["approver_failed"], []) == ([each.outcome for each in told(model)], bench.ran)
