"""Owns what a model is to the loop: one function, and the messages that go in and come out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import Field

from ..wire import WireModel

__all__ = [
    "AssistantMessage",
    "Message",
    "Model",
    "StreamingModel",
    "SystemMessage",
    "ToolCall",
    "ToolMessage",
    "ToolSpec",
    "Usage",
    "UserMessage",
]


class ToolCall(WireModel, frozen=True):
    """A call that the model proposes. Nothing has run."""

    call_id: str
    """The provider's name for it; providers repeat them from one answer to the next."""
    tool_name: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    unreadable: str | None = None
    """Why the arguments could not be read, if so: such a call is answered, not run."""


class Usage(WireModel, frozen=True):
    """Tokens, as the provider counts them."""

    input_tokens: int = 0
    output_tokens: int = 0


class SystemMessage(WireModel, frozen=True):
    """The developer's instructions."""

    role: Literal["system"] = "system"
    content: str


class UserMessage(WireModel, frozen=True):
    """What the model is to do."""

    role: Literal["user"] = "user"
    content: str


class AssistantMessage(WireModel, frozen=True):
    """One answer of the model: text, proposed calls, or both."""

    role: Literal["assistant"] = "assistant"
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    model: str | None = None
    usage: Usage | None = None
    raw: Any = None
    """The backend's own form, as strict JSON: kept with the history, read by that backend only."""


class ToolMessage(WireModel, frozen=True):
    """What became of one proposed call, as the model is told."""

    role: Literal["tool"] = "tool"
    call_id: str
    tool_name: str
    content: str
    is_error: bool = False
    outcome: str = "done"
    """The word of `CallOutcome`."""


Message = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


@dataclass(frozen=True)
class ToolSpec:
    """A tool as the model is told about it."""

    name: str
    description: str
    parameters: dict[str, Any]
    """The JSON Schema of the arguments."""


class Model(Protocol):
    """A model is one function. It is called once for each step, and never for a step it completed.

    Whatever it raises leaves the run as it was, as `ModelFailed`.
    """

    async def __call__(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> AssistantMessage:
        """Return the model's next message."""
        ...


@runtime_checkable
class StreamingModel(Protocol):
    """A model that can also tell its text as it comes."""

    def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> AsyncIterator[str | AssistantMessage]:
        """Yield pieces of text, and at the end the whole message."""
        ...
