"""Any provider, through pydantic_ai; offline, with its own test models."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel
from pydantic_ai.models.test import TestModel

from gate import ApprovalGate, Desk, ModelFailed
from gate.loop import (
    AgentLoop,
    CallProposed,
    RunFinished,
    TextDelta,
    ToolDecision,
    define_tool,
)
from gate.loop.pydantic_ai_model import PydanticAIModel
from stores.checkpoints import MemoryCheckpoints

from .bench import Bench, always


async def test_the_official_test_model_plays_a_whole_run(bench: Bench):
    """`TestModel` calls every tool with made-up arguments that fit, then speaks."""
    calls = []

    @define_tool
    async def lookup(number: int, label: str = "x") -> str:
        """Look a number up."""
        calls.append((number, label))
        return f"found {number}"

    loop = bench.loop(model=PydanticAIModel(TestModel()), tools=[lookup], policy=None)
    result = await loop.complete("Look it up.")
    assert [(0, "x")] == calls
    assert json.loads(result.text) == {"lookup": "found 0"}
    assert result.report.usage.input_tokens > 0


async def test_thinking_survives_a_restart(
    bench: Bench, gate: ApprovalGate, desk: Desk, place: MemoryCheckpoints
):
    """What the provider signed comes back to it unchanged, from another process's memory."""
    seen: list[list[ModelMessage]] = []

    def provider(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.append(messages)
        if len(messages) > 1:
            return ModelResponse(parts=[TextPart("Deployed.")])
        thought = ThinkingPart("hm", signature="sealed", provider_name="someone")
        call = ToolCallPart("deploy", '{"env": "prod"}', tool_call_id="c-1")
        return ModelResponse(parts=[thought, TextPart("I deploy."), call])

    options = bench.options(approve=gate, checkpoint=place, on_pending="exit", system="Be brief.")
    first = AgentLoop(PydanticAIModel(FunctionModel(provider)), **options)
    paused = await first.complete("Deploy.")
    assert "I deploy." == paused.text
    await desk.decide(str(paused.pending[0].approval_id), "approve")
    second = AgentLoop(PydanticAIModel(FunctionModel(provider)), **options)
    assert "Deployed." == (await second.resume()).text
    assert 2 == len(seen)
    request, answer, results = seen[1]
    assert ["system-prompt", "user-prompt"] == [part.part_kind for part in request.parts]
    assert isinstance(answer, ModelResponse)
    assert ThinkingPart("hm", signature="sealed", provider_name="someone") == answer.parts[0]
    assert isinstance(results, ModelRequest)
    [told] = results.parts
    assert isinstance(told, ToolReturnPart)
    assert ("c-1", "deployed prod", "success") == (told.tool_call_id, told.content, told.outcome)


@pytest.mark.parametrize("broken", ['{"env": "prod"', "[1]", '{"env": 1, "env": 2}'])
async def test_broken_arguments_are_answered_and_not_run(bench: Bench, broken: str):
    """A call whose JSON is broken runs nothing; the model hears why."""
    outcomes = []

    def provider(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if len(messages) == 1:
            return ModelResponse(parts=[ToolCallPart("deploy", broken, tool_call_id="c-1")])
        outcomes.extend(part.outcome for part in messages[-1].parts)  # type: ignore[union-attr]  # a tool's return
        return ModelResponse(parts=[TextPart("Sorry.")])

    approve = always(ToolDecision("approve"))
    loop = bench.loop(model=PydanticAIModel(FunctionModel(provider)), approve=approve)
    result = await loop.complete("Deploy.")
    assert (["failed"], []) == (outcomes, bench.ran)
    assert ["invalid"] == [call.outcome for call in result.report.calls]


async def test_streaming_tells_text_as_it_comes(bench: Bench):
    """Pieces of text are yielded; the saved message is the whole."""

    async def provider(messages: list[ModelMessage], info: AgentInfo):
        if len(messages) == 1:
            yield {0: DeltaToolCall("look", '{"at": ', tool_call_id="c-1")}
            yield {0: DeltaToolCall(json_args='"logs"}')}
        else:
            yield "All "
            yield "quiet."

    model = PydanticAIModel(FunctionModel(stream_function=provider))
    events = [event async for event in bench.loop(model=model).stream("Look.")]
    assert ["All ", "quiet."] == [e.text for e in events if isinstance(e, TextDelta)]
    [proposed] = [e for e in events if isinstance(e, CallProposed)]
    assert ("look", {"at": "logs"}) == (proposed.call.tool_name, proposed.call.arguments)
    assert isinstance(events[-1], RunFinished)
    assert "All quiet." == events[-1].result.text


async def test_a_provider_that_fails_leaves_the_run_resumable(bench: Bench):
    """Its error is the cause of `ModelFailed`; asked again, the run goes on."""
    tries = []

    def provider(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("sk-secret")
        return ModelResponse(parts=[TextPart("Here.")])

    loop = bench.loop(model=PydanticAIModel(FunctionModel(provider)))
    with pytest.raises(ModelFailed) as failed:
        await loop.complete("Hello.")
    assert "sk-secret" not in str(failed.value)
    assert "Here." == (await loop.resume()).text


def test_without_the_extra_it_says_what_to_install():
    """Importing the module needs nothing; making the model names the extra."""
    told = subprocess.run(
        [
            sys.executable, "-c",
            "import sys; sys.modules['pydantic_ai'] = None\n"
            "from gate.loop.pydantic_ai_model import PydanticAIModel\n"
            "PydanticAIModel('test')",
        ],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "ConfigError: model: install signoff[models] to use it" in told.stderr
