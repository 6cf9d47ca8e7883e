"""Owns a model of any provider, by `pydantic_ai.direct` (extra `models`); imported only when used.

The provider's own form of each answer is kept with the history and given back as it was, so that
signatures of a model's thinking survive a restart.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..canonical import parse_json
from ..errors import ConfigError
from .model import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    ToolSpec,
    Usage,
    UserMessage,
)
from .words import CallOutcome

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelRequest, ModelRequestPart, ModelResponse
    from pydantic_ai.models import Model as ProviderModel
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

__all__ = ["PydanticAIModel"]


class PydanticAIModel:
    """Asks a model of `pydantic_ai`; it can stream.

    Args:
        model: A name such as `anthropic:claude-sonnet-4-5`, or a model of `pydantic_ai`, with its
            own credentials, retries and timeouts.
        settings: Its settings, such as the temperature.

    Raises:
        ConfigError: The extra `models` is not installed.
    """

    def __init__(
        self, model: ProviderModel | str, *, settings: ModelSettings | None = None
    ) -> None:
        try:
            import pydantic_ai.direct
        except ImportError:
            raise ConfigError("model", "install signoff[models] to use it") from None
        self._direct = pydantic_ai.direct
        self._model = model
        self._settings = settings

    async def __call__(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> AssistantMessage:
        """Return the model's next message."""
        response = await self._direct.model_request(
            self._model,
            _history(messages),
            model_settings=self._settings,
            model_request_parameters=_parameters(tools),
        )
        return _message(response)

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> AsyncIterator[str | AssistantMessage]:
        """Yield pieces of text as they come, then the whole message."""
        from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

        async with self._direct.model_request_stream(
            self._model,
            _history(messages),
            model_settings=self._settings,
            model_request_parameters=_parameters(tools),
        ) as stream:
            async for event in stream:
                if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                    if event.part.content:
                        yield event.part.content
                elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                    yield event.delta.content_delta
            yield _message(stream.get())


def _parameters(tools: Sequence[ToolSpec]) -> ModelRequestParameters:
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.tools import ToolDefinition

    return ModelRequestParameters(
        function_tools=[
            ToolDefinition(
                name=tool.name,
                description=tool.description,
                parameters_json_schema=tool.parameters,
            )
            for tool in tools
        ],
        allow_text_output=True,
    )


def _history(messages: Sequence[Message]) -> list[ModelMessage]:
    """Return the conversation as `pydantic_ai` has it, what stands in a row in one request."""
    from pydantic_ai.messages import ModelRequest

    history: list[ModelMessage] = []
    waiting: list[ModelRequestPart] = []
    for message in messages:
        if not isinstance(message, AssistantMessage):
            waiting.append(_part(message))
            continue
        history += _request(waiting, ModelRequest)
        waiting = []
        history.append(_response(message))
    return [*history, *_request(waiting, ModelRequest)]


def _request(parts: Sequence[ModelRequestPart], kind: type[ModelRequest]) -> Iterable[ModelRequest]:
    return [kind(parts=list(parts))] if parts else []


def _part(message: SystemMessage | UserMessage | ToolMessage) -> ModelRequestPart:
    from pydantic_ai.messages import SystemPromptPart, ToolReturnPart, UserPromptPart

    if isinstance(message, SystemMessage):
        return SystemPromptPart(message.content)
    if isinstance(message, UserMessage):
        return UserPromptPart(message.content)
    outcome: Any = "failed" if message.is_error else "success"
    if message.outcome == CallOutcome.DENIED:
        outcome = "denied"
    return ToolReturnPart(
        tool_name=message.tool_name,
        content=message.content,
        tool_call_id=message.call_id,
        outcome=outcome,
    )


def _response(message: AssistantMessage) -> ModelResponse:
    from pydantic_ai.messages import (
        ModelMessagesTypeAdapter,
        ModelResponse,
        TextPart,
        ToolCallPart,
    )

    if message.raw is not None:
        [kept] = ModelMessagesTypeAdapter.validate_python([message.raw])
        if isinstance(kept, ModelResponse):
            return kept
    calls = [
        ToolCallPart(tool_name=call.tool_name, args=call.arguments, tool_call_id=call.call_id)
        for call in message.tool_calls
    ]
    text = [TextPart(message.content)] if message.content else []
    return ModelResponse(parts=[*text, *calls])


def _message(response: ModelResponse) -> AssistantMessage:
    from pydantic_ai.messages import ModelMessagesTypeAdapter, TextPart, ToolCallPart

    [raw] = ModelMessagesTypeAdapter.dump_python([response], mode="json")
    return AssistantMessage(
        content="".join(part.content for part in response.parts if isinstance(part, TextPart)),
        tool_calls=tuple(
            _call(part.tool_call_id, part.tool_name, part.args)
            for part in response.parts
            if isinstance(part, ToolCallPart)
        ),
        model=response.model_name,
        usage=Usage(
            input_tokens=response.usage.input_tokens, output_tokens=response.usage.output_tokens
        ),
        raw=raw,
    )


def _call(call_id: str, name: str, given: Any) -> ToolCall:
    """Return a proposed call; broken arguments make it one that is answered and not run."""
    try:
        arguments = parse_json(given or "{}") if not isinstance(given, dict) else given
    except ValueError as error:
        return ToolCall(call_id=call_id, tool_name=name, unreadable=str(error))
    if not isinstance(arguments, dict):
        return ToolCall(call_id=call_id, tool_name=name, unreadable="they are no JSON object")
    return ToolCall(call_id=call_id, tool_name=name, arguments=arguments)
