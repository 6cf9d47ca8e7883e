"""A gate as the approver: one approval for one call of one run, consumed before it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gate import (
    ApprovalGate,
    ApprovalStatus,
    Desk,
    Notary,
    SigningKey,
    action_digest,
)
from gate.loop import AgentLoop, FinishReason, RunResult, ToolDecision, define_tool
from gate.testing import FakeClock, ScratchStore, ScriptedModel
from stores.checkpoints import MemoryCheckpoints
from tests.gate.fakes import AWAY, FaultyStore, applied_unheard, lost
from tests.support.waiting import wait_until

from .bench import Bench, told

DEPLOY = ("deploy", {"env": "prod"})


async def pending(store: ScratchStore) -> list[str]:
    return [key for key, record in store._records.items() if not record.final]


async def with_answer(
    loop: AgentLoop, store: ScratchStore, desk: Desk, verdict: str, **answer: object
) -> RunResult:
    """Run *loop* while a person answers its first question."""
    run = asyncio.create_task(loop.complete("Deploy."))
    await wait_until(lambda: pending(store), "a question")
    [key] = await pending(store)
    await desk.decide(key, verdict, approver="cli:ana", **answer)  # type: ignore[arg-type]  # as given
    return await run


async def test_the_approval_says_what_would_run_and_is_consumed_for_it(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """Name, arguments with defaults, run and the policy's sentence; consumed and reported once."""
    model.calls(DEPLOY).says("Done.")
    result = await with_answer(bench.loop(approve=gate), store, desk, "approve", note="go")
    [record] = store._records.values()
    assert ("deploy", {"env": "prod", "count": 1}, result.run_id) == (
        record.name,
        record.payload,
        record.run,
    )
    assert record.reason is None
    assert record.policy is not None
    assert "Deployments need a person." in record.policy
    assert record.consumption is not None
    assert record.outcome is not None
    assert "done" == record.outcome.status
    [context] = bench.contexts
    assert context.approval is not None
    assert "cli:ana" == context.approval.approver
    [report] = result.report.calls
    assert ("cli:ana", "go", record.id) == (report.approver, report.note, report.approval_id)
    assert "[The person's note: go]\ndeployed prod" == told(model)[0].content


@pytest.mark.parametrize(
    ("verdict", "word", "said"),
    [("deny", "denied", "too late"), ("skip", "skipped", "too late")],
)
async def test_a_no_reaches_the_model_as_a_persons(
    bench: Bench,
    model: ScriptedModel,
    gate: ApprovalGate,
    store: ScratchStore,
    desk: Desk,
    verdict: str,
    word: str,
    said: str,
):
    """Deny and skip are different words, with the person's note; nothing is consumed."""
    model.calls(DEPLOY).says("Well.")
    await with_answer(bench.loop(approve=gate), store, desk, verdict, note=said)
    [message] = told(model)
    assert (word, []) == (message.outcome, bench.ran)
    assert said in message.content
    [record] = store._records.values()
    assert None is record.consumption


async def test_expired_is_nobodys_no(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, clock: FakeClock
):
    """Nobody answered in time: the model hears that, and not that somebody refused."""
    model.calls(DEPLOY).says("Later.")
    loop = bench.loop(approve=gate, terms={"expires_in": 60})
    run = asyncio.create_task(loop.complete("Deploy."))
    await wait_until(lambda: pending(store), "a question")
    await clock.advance(61)
    await run
    [message] = told(model)
    assert ("expired", []) == (message.outcome, bench.ran)
    assert "Nobody said no" in message.content


@pytest.mark.parametrize(
    ("undeliverable", "word"), [("channel_not_found", "undeliverable"), (None, "cancelled")]
)
async def test_cancelled_and_undeliverable_are_other_words(
    bench: Bench,
    model: ScriptedModel,
    gate: ApprovalGate,
    store: ScratchStore,
    desk: Desk,
    undeliverable: str | None,
    word: str,
):
    """A Slack that cannot deliver is never told to the model as a person's no."""
    model.calls(DEPLOY).says("So.")
    run = asyncio.create_task(bench.loop(approve=gate).complete("Deploy."))
    await wait_until(lambda: pending(store), "a question")
    [key] = await pending(store)
    await desk.cancel(key, by="bot", undeliverable=undeliverable)
    await run
    [message] = told(model)
    assert (word, []) == (message.outcome, bench.ran)
    assert "denied" not in message.content


async def test_an_edit_runs_and_is_announced(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """The edited payload is what is consumed and what runs; the model hears that it was changed."""
    model.calls(DEPLOY).says("Staging.")
    loop = bench.loop(approve=gate, terms={"editable": True})
    edited = {"env": "staging", "count": 1}
    await with_answer(loop, store, desk, "approve", payload=edited)
    assert [("deploy", edited)] == bench.ran
    [record] = store._records.values()
    assert record.consumption is not None
    assert record.digest_of(edited) == record.consumption.digest
    assert "A person changed the arguments" in told(model)[0].content


async def test_a_policy_has_the_last_word_on_an_edit(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """Arguments that the policy denies do not run, whoever wrote them."""
    from gate.policy import PermissionPolicy, Rule, with_args

    policy = PermissionPolicy(
        [
            Rule(effect="deny", target=with_args("env", lambda env: env == "live")),
            Rule(effect="ask"),
        ]
    )
    model.calls(DEPLOY).says("No.")
    loop = bench.loop(approve=gate, policy=policy, terms={"editable": True})
    await with_answer(loop, store, desk, "approve", payload={"env": "live", "count": 1})
    assert ("not_allowed", []) == (told(model)[0].outcome, bench.ran)
    [record] = store._records.values()
    assert None is record.consumption


async def test_a_result_in_place_of_the_run(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """With an override nothing is consumed; the model gets the result and whose it is."""
    model.calls(DEPLOY).says("Fine.")
    loop = bench.loop(tools=bench.tools(allow_override=True), approve=gate)
    await with_answer(loop, store, desk, "approve", override_result="done by hand")
    [message] = told(model)
    assert ("overridden", []) == (message.outcome, bench.ran)
    assert "done by hand" in message.content


async def test_a_tool_that_fails_is_reported_by_its_class_only(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """The thread gets the error's class, the model its text."""

    @define_tool
    async def deploy(env: str) -> str:
        raise RuntimeError(f"no host in {env}")

    model.calls(DEPLOY).says("Failed.")
    await with_answer(bench.loop(tools=[deploy], approve=gate), store, desk, "approve")
    [record] = store._records.values()
    assert record.outcome is not None
    assert ("failed", "RuntimeError") == (record.outcome.status, record.outcome.error)
    assert "Error executing deploy: no host in prod" == told(model)[0].content


async def test_equal_calls_of_one_answer_are_two_questions(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """Call, place and step are part of the id: no yes counts for a second call."""
    model.calls(DEPLOY, DEPLOY).says("Half.")
    run = asyncio.create_task(bench.loop(approve=gate).complete("Deploy twice."))

    async def two() -> bool:
        return len(await pending(store)) == 2

    await wait_until(two, "two questions")
    first, second = await pending(store)
    await desk.decide(first, "approve")
    await desk.decide(second, "deny")
    await run
    assert {"done", "denied"} == {each.outcome for each in told(model)}
    assert 1 == len(bench.ran)


async def test_a_provider_that_repeats_call_ids_is_asked_about_anew(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """`call_0` of the next answer, with the same arguments, is another question."""
    model.calls_as(("call_0", *DEPLOY)).calls_as(("call_0", *DEPLOY)).says("Done.")
    run = asyncio.create_task(bench.loop(approve=gate).complete("Deploy."))
    for verdict in ("approve", "deny"):
        await wait_until(lambda: pending(store), "a question")
        [key] = await pending(store)
        await desk.decide(key, verdict)
    await run
    assert ["done", "denied"] == [each.outcome for each in told(model)]
    assert 2 == len(store._records)


async def test_without_a_receipt_that_verifies_nothing_runs(
    bench: Bench, model: ScriptedModel, store: ScratchStore, desk: Desk, clock: FakeClock
):
    """With public keys an unsigned yes has its own word, and is not a person's no."""
    keys = [SigningKey.generate().public]
    gate = ApprovalGate(store, agent="billing", clock=clock, public_keys=keys)
    model.calls(DEPLOY).says("Hm.")
    await with_answer(bench.loop(approve=gate), store, desk, "approve")
    assert ("not_verified", []) == (told(model)[0].outcome, bench.ran)


@pytest.mark.parametrize("phase", ["approved", "executing", "allowed"])
async def test_a_checkpoint_alone_releases_nothing(
    bench: Bench, gate: ApprovalGate, place: MemoryCheckpoints, phase: str
):
    """Whoever writes `approved` into a checkpoint gets no run: the gate is asked again."""
    model = ScriptedModel().calls(DEPLOY).says("Hm.")
    options = bench.options(
        tools=bench.tools(idempotent=True), approve=gate, checkpoint=place, on_pending="exit"
    )
    await AgentLoop(model, **options).complete("Deploy.")
    found = await place.load("agent-loop:agent-1")
    assert found is not None
    forged = found.text.replace('"phase":"asked"', f'"phase":"{phase}"')
    forged = forged.replace('"operationId":null', '"operationId":"op-1"')
    await place.save("agent-loop:agent-1", forged)
    loop = AgentLoop(model, **options)
    result = await loop.resume()
    assert [] == bench.ran
    if result.paused:
        result = await loop.abandon()
    assert "done" not in [call.outcome for call in result.report.calls]


async def test_an_approval_of_somebody_elses_making_is_not_used(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """An id that stands for another action releases nothing."""
    model.calls(DEPLOY).says("Hm.")
    loop = bench.loop(approve=gate, on_pending="exit")
    paused = await loop.complete("Deploy.")
    [call] = paused.pending
    assert call.approval_id is not None
    # Somebody with the store's password swaps the record for one of a harmless action.
    record = store._records[call.approval_id]
    given = call.arguments
    digest = action_digest(namespace="default", agent="billing", name="look", payload=given)
    store._records[call.approval_id] = record.model_copy(
        update={"name": "look", "payload": given, "digest": digest}
    )
    await desk.decide(call.approval_id, "approve")
    await loop.resume()
    assert ("not_verified", []) == (told(model)[0].outcome, bench.ran)


async def test_an_approval_that_was_consumed_elsewhere_is_unknown(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """Another worker has its one run: here it does not run, and the model is told to ask."""
    model.calls(DEPLOY).says("Hm.")
    loop = bench.loop(approve=gate, on_pending="exit")
    [call] = (await loop.complete("Deploy.")).pending
    approved = await desk.decide(str(call.approval_id), "approve")
    await gate.consume(approved, payload=call.arguments)
    await loop.resume()
    assert ("unconfirmed", []) == (told(model)[0].outcome, bench.ran)


async def test_a_store_that_is_away_before_the_question_is_no_persons_no(
    bench: Bench, model: ScriptedModel, clock: FakeClock
):
    """Nothing could be stored: the call is refused with a word of its own, and the run goes on."""
    store = FaultyStore(clock=clock)
    store.states.add(f"{AWAY}:put")
    model.calls(DEPLOY).says("Hm.")
    async with ApprovalGate(store, agent="billing", clock=clock) as gate:
        await bench.loop(approve=gate, store_patience=0).complete("Deploy.")
    [message] = told(model)
    assert ("approver_failed", []) == (message.outcome, bench.ran)
    assert "Nobody said no." in message.content


async def test_a_store_that_goes_away_while_people_think_pauses_the_run(
    bench: Bench, model: ScriptedModel, clock: FakeClock
):
    """The question stands and its answer cannot be read: nothing is guessed, the run can go on."""
    store = FaultyStore(clock=clock)
    desk = Desk(store.inner, clock=clock)
    model.calls(DEPLOY).says("Done.")
    async with ApprovalGate(store, agent="billing", clock=clock, store_patience=0) as gate:
        loop = bench.loop(approve=gate, store_patience=0)
        store.states |= {f"{AWAY}:get", f"{AWAY}:watch"}
        run = asyncio.create_task(loop.complete("Deploy."))
        await wait_until(lambda: "watch" in store.calls, "the wait")
        await clock.advance(5)
        paused = await run
        assert (FinishReason.PAUSED, 1) == (paused.finish_reason, len(paused.pending))
        store.states.clear()
        await desk.decide(str(paused.pending[0].approval_id), "approve")
        result = await loop.resume()
    assert ("Done.", 1) == (result.text, len(bench.ran))


@pytest.mark.parametrize("fault", [lost, applied_unheard])
async def test_a_consumption_in_doubt_is_repeated_before_anything_runs(
    bench: Bench, model: ScriptedModel, clock: FakeClock, fault: Callable[..., object]
):
    """`Unconfirmed` is settled with the same operation id; then the tool runs once."""
    store = FaultyStore(clock=clock)
    desk = Desk(store.inner, clock=clock)
    model.calls(DEPLOY).says("Done.")
    async with ApprovalGate(store, agent="billing", clock=clock) as gate:
        loop = bench.loop(approve=gate, on_pending="exit")
        [call] = (await loop.complete("Deploy.")).pending
        await desk.decide(str(call.approval_id), "approve")
        store.next("consume_once", fault)  # type: ignore[arg-type]  # a fault
        await loop.resume()
    assert ("done", 1) == (told(model)[0].outcome, len(bench.ran))


async def test_what_was_executing_is_told_to_the_thread_as_unknown(
    bench: Bench,
    model: ScriptedModel,
    gate: ApprovalGate,
    store: ScratchStore,
    desk: Desk,
    place: MemoryCheckpoints,
):
    """A run that died in the tool: the model and the card hear that nobody knows how it ended."""
    stuck = asyncio.Event()

    @define_tool
    async def deploy(env: str) -> str:
        bench.ran.append(("deploy", {"env": env}))
        stuck.set()
        await asyncio.Event().wait()
        return "never"

    model.calls(DEPLOY).says("I do not know.")
    options = bench.options(tools=[deploy], approve=gate, checkpoint=place, on_pending="exit")
    loop = AgentLoop(model, **options)
    [call] = (await loop.complete("Deploy.")).pending
    await desk.decide(str(call.approval_id), "approve")
    run = asyncio.create_task(loop.resume())
    await stuck.wait()
    run.cancel()
    await asyncio.wait({run})
    result = await AgentLoop(model, **options).resume()
    [message] = told(model)
    assert ("unconfirmed", 1) == (message.outcome, len(bench.ran))
    assert "its outcome is not known" in message.content
    assert ["unconfirmed"] == [call.outcome for call in result.report.calls]
    [record] = store._records.values()
    assert record.outcome is not None
    assert ("failed", "OutcomeUnknown") == (record.outcome.status, record.outcome.error)


async def test_signed_decisions_run(
    bench: Bench, model: ScriptedModel, store: ScratchStore, clock: FakeClock
):
    """With keys, what the operator's side signs is what runs."""
    key = SigningKey.generate()
    desk = Desk(store, clock=clock, notary=Notary(key, secret=b"s" * 32))
    gate = ApprovalGate(store, agent="billing", clock=clock, public_keys=[key.public])
    model.calls(DEPLOY).says("Done.")
    loop = bench.loop(approve=gate, on_pending="exit")
    [call] = (await loop.complete("Deploy.")).pending
    await desk.decide(str(call.approval_id), "approve", approver="cli:ana")
    await loop.resume()
    assert ("done", 1) == (told(model)[0].outcome, len(bench.ran))


async def test_bringing_an_answer_through_the_gate_is_deciding(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore
):
    """`resume_with_approval` becomes the approval's decision: final, and on record."""
    model.calls(DEPLOY).says("Done.")
    loop = bench.loop(approve=gate, on_pending="exit")
    await loop.complete("Deploy.")
    assert await loop.resume_with_approval("call-1", ToolDecision("approve", approver="cli:ana"))
    assert () == loop.pending_approvals
    [record] = store._records.values()
    assert (ApprovalStatus.APPROVED, "cli:ana") == (record.status, record.approver)
    await loop.resume()
    assert 1 == len(bench.ran)


async def test_two_loops_of_one_dump_have_one_effect(bench: Bench, gate: ApprovalGate, desk: Desk):
    """Without a checkpoint nothing keeps them apart but the approval: one of them consumes it."""
    model = ScriptedModel().calls(DEPLOY).says("Hm.")
    loop = bench.loop(model=model, approve=gate, on_pending="exit")
    [call] = (await loop.complete("Deploy.")).pending
    await desk.decide(str(call.approval_id), "approve")
    dump = loop.dump().to_text().replace('"phase":"asked"', '"phase":"approved"')
    dump = dump.replace('"operationId":null', '"operationId":"op-1"')
    options = bench.options(approve=gate)
    results = [await AgentLoop.restore(dump, model, **options).resume() for _ in range(2)]
    ends = [call.outcome.value for result in results for call in result.report.calls]
    assert (["done", "unconfirmed"], 1) == (ends, len(bench.ran))


async def test_only_an_approval_proves_a_result(
    bench: Bench, model: ScriptedModel, gate: ApprovalGate, store: ScratchStore, desk: Desk
):
    """A result on a record that has no receipt is nobody's: the model does not hear it."""
    model.calls(DEPLOY).says("Fine.")
    loop = bench.loop(approve=gate, terms={"allow_override": True})
    await with_answer(loop, store, desk, "skip", override_result="trust me")
    [message] = told(model)
    assert "skipped" == message.outcome
    assert "trust me" not in message.content
