"""What becomes of the calls that a model proposes."""

from __future__ import annotations

from typing import Any

import pytest

from gate import HookBus
from gate.loop import ApprovalRequest, FinishReason, ToolDecision
from gate.testing import ScriptedModel

from .bench import Bench, always, told, unwanted

DEPLOY = ("deploy", {"env": "prod"})


async def test_approve_runs_the_tool_and_the_run_completes(bench: Bench, model: ScriptedModel):
    """Approved, the tool runs once with the approved arguments; the model goes on."""
    model.calls(DEPLOY).says("Deployed to prod.")
    result = await bench.loop(approve=always(ToolDecision("approve"))).complete("Deploy.")
    assert ("Deployed to prod.", FinishReason.DONE, 2) == (
        result.text,
        result.finish_reason,
        result.steps,
    )
    assert [("deploy", {"env": "prod", "count": 1})] == bench.ran
    assert [("deployed prod", False, "done")] == [
        (each.content, each.is_error, each.outcome) for each in told(model)
    ]


async def test_deny_gives_the_model_an_error_with_the_note(bench: Bench, model: ScriptedModel):
    """Denied, nothing runs, the model hears it as an error with the person's words, and goes on."""
    model.calls(DEPLOY).says("Then not.")
    decision = ToolDecision("deny", note="not on a Friday")
    result = await bench.loop(approve=always(decision)).complete("Deploy.")
    [message] = told(model)
    assert ("denied", True, []) == (message.outcome, message.is_error, bench.ran)
    assert "not on a Friday" in message.content
    assert "A person denied this call. It did not run." in message.content
    assert FinishReason.DONE is result.finish_reason


async def test_skip_is_no_error(bench: Bench, model: ScriptedModel):
    """Skipped, nothing runs and the model is told to go on, not that something failed."""
    model.calls(DEPLOY).says("Skipped.")
    result = await bench.loop(approve=always(ToolDecision("skip"))).complete("Deploy.")
    [message] = told(model)
    assert ("skipped", False, []) == (message.outcome, message.is_error, bench.ran)
    [report] = result.report.calls
    assert (True, None) == (report.skipped, report.error)


@pytest.mark.parametrize("text", ["v1 is live already", ""])
async def test_an_override_is_the_result_and_the_tool_does_not_run(
    bench: Bench, model: ScriptedModel, text: str
):
    """A person's result replaces the run, also an empty one, and the model hears whose it is."""
    model.calls(DEPLOY).says("Fine.")
    decision = ToolDecision("approve", override_result=text)
    await bench.loop(approve=always(decision)).complete("Deploy.")
    [message] = told(model)
    assert ("overridden", False, []) == (message.outcome, message.is_error, bench.ran)
    assert message.content.endswith(f"\n{text}")
    assert "A person answered in place of the tool" in message.content


async def test_edited_arguments_run_and_the_model_is_told(bench: Bench, model: ScriptedModel):
    """What a person changed is what runs, and the result says that a person changed it."""
    model.calls(DEPLOY).says("Staging it is.")
    decision = ToolDecision("approve", arguments={"env": "staging", "count": 2})
    result = await bench.loop(approve=always(decision)).complete("Deploy.")
    assert [("deploy", {"env": "staging", "count": 2})] == bench.ran
    [message] = told(model)
    assert message.content.startswith("[A person changed the arguments before it ran. ")
    assert '{"count":2,"env":"staging"}' in message.content
    [report] = result.report.calls
    assert (True, {"env": "staging", "count": 2}) == (report.edited, report.arguments)


async def test_edited_arguments_that_do_not_fit_do_not_run(bench: Bench, model: ScriptedModel):
    """An edit that the tool cannot take runs nothing, and is not put down to the model."""
    model.calls(DEPLOY).says("Oh.")
    decision = ToolDecision("approve", arguments={"env": 7})
    await bench.loop(approve=always(decision)).complete("Deploy.")
    [message] = told(model)
    assert ("invalid", []) == (message.outcome, bench.ran)
    assert "A person changed the arguments, and they do not fit" in message.content


async def test_policy_deny_needs_no_approver_and_ends_no_run(bench: Bench, model: ScriptedModel):
    """Denied by policy: nobody is asked, the word is not a person's no, the run goes on."""
    model.calls(("wipe", {})).says("I may not.")
    result = await bench.loop(approve=unwanted).complete("Wipe.")
    [message] = told(model)
    assert ("not_allowed", True, []) == (message.outcome, message.is_error, bench.ran)
    assert "Never wipe." in message.content
    assert FinishReason.DONE is result.finish_reason
    [report] = result.report.calls
    assert report.policy is not None
    assert ("deny", 1, "Never wipe.") == (
        report.policy.effect,
        report.policy.matched_rule,
        report.policy.reason,
    )


async def test_allow_runs_without_a_question(bench: Bench, model: ScriptedModel):
    """Allowed by policy: nobody is asked."""
    model.calls(("look", {"at": "logs"})).says("Seen.")
    await bench.loop(approve=unwanted).complete("Look.")
    assert [("look", {"at": "logs"})] == bench.ran


async def test_without_policy_and_approver_tools_run(bench: Bench, model: ScriptedModel):
    """Nothing was set up to ask, so nothing asks."""
    model.calls(DEPLOY).says("Done.")
    await bench.loop(policy=None).complete("Deploy.")
    assert 1 == len(bench.ran)


async def test_an_approver_without_a_policy_is_asked_about_every_call(
    bench: Bench, model: ScriptedModel
):
    """Who gives an approver and no policy wants to be asked; a tool may say that it need not be."""
    model.calls(("look", {"at": "logs"}), DEPLOY).says("Done.")
    tools = bench.tools(needs_approval=False)
    loop = bench.loop(policy=None, tools=tools, approve=always(ToolDecision("deny")))
    await loop.complete("Look.")
    assert ["denied", "done"] == [each.outcome for each in told(model)]


async def test_a_tool_may_ask_for_itself(bench: Bench, model: ScriptedModel):
    """`needs_approval` asks also where the policy allows, and where there is none."""
    asking = bench.tools(needs_approval=True)[0]
    model.calls(DEPLOY).says("No.")
    from gate.policy import PermissionPolicy, Rule

    allow = PermissionPolicy([Rule(effect="allow")])
    await bench.loop(tools=[asking], policy=allow, approve=None).complete("Deploy.")
    assert ["no_approver"] == [each.outcome for each in told(model)]


async def test_ask_without_approver_does_not_run(bench: Bench, model: ScriptedModel):
    """No way to ask is a refusal with its own word, and the run goes on."""
    model.calls(DEPLOY).says("Nobody there.")
    await bench.loop().complete("Deploy.")
    [message] = told(model)
    assert ("no_approver", True, []) == (message.outcome, message.is_error, bench.ran)
    assert "Nobody said no." in message.content


async def test_the_approver_gets_the_whole_request(bench: Bench, model: ScriptedModel):
    """Call id, tool, arguments with defaults, the rule's reason, step 0, and where it belongs."""
    asked: list[ApprovalRequest] = []

    async def approve(request: ApprovalRequest) -> ToolDecision:
        asked.append(request)
        request.arguments["env"] = "everywhere"
        return ToolDecision("approve")

    model.calls(DEPLOY).says("Done.")
    result = await bench.loop(approve=approve).complete("Deploy.")
    [request] = asked
    assert ("call-1", "deploy", "Deployments need a person.", 0) == (
        request.call_id,
        request.tool_name,
        request.reason,
        request.step,
    )
    assert ("agent-1", result.run_id, "call-1") == (
        request.trace.session_id,
        request.trace.request_id,
        request.trace.call_id,
    )
    # Its arguments are a copy: changing them changed nothing.
    assert [("deploy", {"env": "prod", "count": 1})] == bench.ran


@pytest.mark.parametrize("answer", [None, "approve", True, {"verdict": "approve"}])
async def test_an_approver_without_a_decision_denies(
    bench: Bench, model: ScriptedModel, answer: Any
):
    """Anything but a decision is no approval, with its own word; nothing stays pending."""
    model.calls(DEPLOY).says("Hm.")
    loop = bench.loop(approve=always(answer))
    result = await loop.complete("Deploy.")
    [message] = told(model)
    assert ("approver_failed", []) == (message.outcome, bench.ran)
    assert () == loop.pending_approvals
    assert ["approver_failed"] == [call.outcome for call in result.report.calls]


async def test_an_approver_that_raises_denies(bench: Bench, model: ScriptedModel):
    """Its failure is a refusal with its own word, never a person's no; its text goes nowhere."""

    async def approve(_: ApprovalRequest) -> ToolDecision:
        raise ConnectionError("secret address")

    model.calls(DEPLOY).says("Hm.")
    loop = bench.loop(approve=approve)
    await loop.complete("Deploy.")
    [message] = told(model)
    assert ("approver_failed", []) == (message.outcome, bench.ran)
    assert "ConnectionError" in message.content
    assert "secret" not in message.content
    assert "Nobody said no." in message.content
    assert () == loop.pending_approvals


async def test_a_guardrail_stops_a_call_before_anybody_is_asked(bench: Bench, model: ScriptedModel):
    """A tripped tool guardrail answers that one call; one that passes leads on to approval."""

    def no_prod(name: str, arguments: dict[str, Any]) -> str | None:
        return "not prod" if arguments.get("env") == "prod" else None

    model.calls(DEPLOY, ("deploy", {"env": "test"})).says("Half.")
    loop = bench.loop(tool_guardrails=[no_prod], approve=always(ToolDecision("approve")))
    await loop.complete("Deploy.")
    assert ["blocked", "done"] == [each.outcome for each in told(model)]
    assert "not prod" in told(model)[0].content
    assert [("deploy", {"env": "test", "count": 1})] == bench.ran


async def test_a_guardrail_that_fails_stops_the_call(bench: Bench, model: ScriptedModel):
    """A guard that raises lets nobody pass."""

    async def broken(name: str, arguments: dict[str, Any]) -> str | None:
        raise RuntimeError("oh")

    model.calls(("look", {"at": "logs"})).says("Hm.")
    await bench.loop(tool_guardrails=[broken], approve=unwanted).complete("Look.")
    assert (["blocked"], []) == ([each.outcome for each in told(model)], bench.ran)


async def test_hooks_hear_the_question_before_and_the_answer_after(
    bench: Bench, model: ScriptedModel
):
    """`onApprovalRequested` comes before the approver, `onApprovalResolved` after with the note."""
    heard: list[tuple[str, Any]] = []
    hooks = HookBus()
    hooks.on_any(lambda context: heard.append((context.type, context)))

    async def approve(_: ApprovalRequest) -> ToolDecision:
        heard.append(("approver", None))
        return ToolDecision("approve", note="go")

    model.calls(DEPLOY).says("Done.")
    await bench.loop(approve=approve, hooks=hooks).complete("Deploy.")
    assert ["onApprovalRequested", "approver", "onApprovalResolved"] == [name for name, _ in heard]
    asked, answered = heard[0][1], heard[2][1]
    assert ("call-1", "deploy", 0, "agent-1") == (
        asked["callId"],
        asked["toolName"],
        asked["step"],
        asked["agentId"],
    )
    assert "Deployments need a person." == asked["reason"]
    assert ("approve", "go") == (answered["decision"], answered["note"])


async def test_a_hook_that_fails_changes_nothing(bench: Bench, model: ScriptedModel):
    """Hooks observe: one that raises neither ends the run nor stops the tool."""

    def broken(_: Any) -> None:
        raise RuntimeError("slack is down")

    hooks = HookBus()
    hooks.on_any(broken)
    model.calls(DEPLOY).says("Done.")
    result = await bench.loop(approve=always(ToolDecision("approve")), hooks=hooks).complete("Go.")
    assert ("Done.", 1) == (result.text, len(bench.ran))


async def test_an_unknown_tool_is_answered(bench: Bench, model: ScriptedModel):
    """The model learns which tools there are; the policy is not asked; a warning says so."""
    model.calls(("drop", {})).says("Sorry.")
    loop = bench.loop(approve=unwanted)
    await loop.complete("Drop.")
    [message] = told(model)
    assert "Tool 'drop' is not available. Available tools: deploy, look, wipe" in message.content
    assert ["tool_not_found"] == [warning.code for warning in loop.warnings]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"env": 7}, {"env": "prod", "force": True}, {"env": "prod", "count": "2"}],
    ids=["missing", "wrong type", "unknown", "text for a number"],
)
async def test_arguments_that_do_not_fit_are_answered(
    bench: Bench, model: ScriptedModel, arguments: dict[str, Any]
):
    """Checked strictly, before anybody is asked: what is shown is what would run."""
    model.calls(("deploy", arguments)).says("Sorry.")
    await bench.loop(approve=unwanted).complete("Deploy.")
    assert (["invalid"], []) == ([each.outcome for each in told(model)], bench.ran)


async def test_two_calls_with_one_id_in_one_answer(bench: Bench, model: ScriptedModel):
    """The first counts; the second is answered and not run."""
    model.calls_as(("c", "look", {"at": "a"}), ("c", "look", {"at": "b"})).says("Hm.")
    await bench.loop().complete("Look.")
    assert ["done", "invalid"] == [each.outcome for each in told(model)]
    assert [("look", {"at": "a"})] == bench.ran


async def test_results_and_reports_keep_the_order_of_the_calls(bench: Bench, model: ScriptedModel):
    """Whatever ends first, the model and the report get the calls in its order."""
    model.calls(DEPLOY, ("look", {"at": "a"}), ("wipe", {}), ("look", {"at": "b"})).says("So.")
    result = await bench.loop(approve=always(ToolDecision("approve"))).complete("Go.")
    expected = ["done", "done", "not_allowed", "done"]
    assert expected == [each.outcome for each in told(model)]
    assert expected == [call.outcome.value for call in result.report.calls]
    assert ["call-1", "call-2", "call-3", "call-4"] == [c.call_id for c in result.report.calls]
