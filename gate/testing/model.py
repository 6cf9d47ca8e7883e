"""Owns a model that answers as a script says: for tests of loops, also across processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from ..loop import AssistantMessage, Message, ToolSpec

__all__ = ["ScriptedModel"]


class ScriptedModel:
    """Answers each step with that line of the script which the conversation has come to.

    The line is found by how many answers the conversation holds already, so that a model in a new
    process goes on where the run stands. Use it as a context manager, or call `check` at the end:
    lines that nobody came to are a failure, and so is a step beyond the last line.

    Attributes:
        asked: The messages of each call in this process, oldest first.
        tools: The names of the tools at the latest call.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[Message, ...]] = []
        self.tools: tuple[str, ...] = ()
        self._lines: list[tuple[str, tuple[tuple[str, str, dict[str, Any]], ...]]] = []
        self._came_to = 0
        self._beyond = 0

    def says(self, text: str) -> Self:
        """Let the model's next answer be *text*."""
        self._lines.append((text, ()))
        return self

    def calls(self, *calls: tuple[str, dict[str, Any]], text: str = "") -> Self:
        """Let the next answer propose *calls*: tool and arguments; ids are `call-<n>` in order."""
        before = sum(len(line[1]) for line in self._lines)
        named = [(f"call-{before + i + 1}", tool, given) for i, (tool, given) in enumerate(calls)]
        self._lines.append((text, tuple(named)))
        return self

    def calls_as(self, *calls: tuple[str, str, dict[str, Any]], text: str = "") -> Self:
        """Let the next answer propose *calls*: id, tool and arguments."""
        self._lines.append((text, calls))
        return self

    async def __call__(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> AssistantMessage:
        """Return the line that the conversation has come to.

        Raises:
            AssertionError: There is none.
        """
        from ..loop import AssistantMessage, ToolCall

        self.asked.append(tuple(messages))
        self.tools = tuple(tool.name for tool in tools)
        place = sum(message.role == "assistant" for message in messages)
        self._came_to = max(self._came_to, place + 1)
        if place >= len(self._lines):
            self._beyond += 1
            raise AssertionError(f"the script has {len(self._lines)} lines, step {place} has none")
        text, calls = self._lines[place]
        proposed = tuple(
            ToolCall(call_id=call_id, tool_name=tool, arguments=given)
            for call_id, tool, given in calls
        )
        return AssistantMessage(content=text, tool_calls=proposed, model="scripted")

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> AsyncIterator[str | AssistantMessage]:
        """Yield the line's text word by word, then the whole message."""
        message = await self(messages, tools)
        for word in message.content.split():
            yield word
        yield message

    def check(self) -> None:
        """Fail if the script and what happened differ.

        Raises:
            AssertionError: Lines were left over, or a step came that no line was written for.
        """
        left = len(self._lines) - self._came_to
        if left > 0 or self._beyond:
            raise AssertionError(
                f"{max(left, 0)} lines of the script were never asked for, "
                f"{self._beyond} steps had none"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.check()
