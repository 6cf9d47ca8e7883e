"""A workbench: tools that count their runs, and loops around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gate.loop import (
    AgentLoop,
    ApprovalRequest,
    LoopOptions,
    Tool,
    ToolContext,
    ToolDecision,
    ToolMessage,
    define_tool,
)
from gate.policy import PermissionPolicy, Rule, tool_named
from gate.testing import FakeClock, ScriptedModel

ASK_DEPLOY = PermissionPolicy(
    [
        Rule(effect="ask", target=tool_named("deploy"), reason="Deployments need a person."),
        Rule(effect="deny", target=tool_named("wipe"), reason="Never wipe."),
        Rule(effect="allow"),
    ]
)


class Bench:
    """Makes loops whose tools are `deploy` (asked), `look` (allowed) and `wipe` (denied).

    Attributes:
        ran: What the tools were called with, in order.
        contexts: The contexts they got.
    """

    def __init__(self, *, clock: FakeClock, model: ScriptedModel) -> None:
        self.clock = clock
        self.model = model
        self.ran: list[tuple[str, dict[str, Any]]] = []
        self.contexts: list[ToolContext] = []

    def tools(self, **options: Any) -> list[Tool]:
        """Return the tools; *options* are those of `deploy`."""

        @define_tool(**options)
        async def deploy(env: str, context: ToolContext, count: int = 1) -> str:
            """Deploy."""
            self.ran.append(("deploy", {"env": env, "count": count}))
            self.contexts.append(context)
            return f"deployed {env}"

        @define_tool
        async def look(at: str) -> str:
            """Look."""
            self.ran.append(("look", {"at": at}))
            return f"saw {at}"

        @define_tool
        async def wipe() -> str:
            """Wipe."""
            self.ran.append(("wipe", {}))
            return "wiped"

        return [deploy, look, wipe]

    def loop(self, **options: Any) -> AgentLoop:
        """Return a loop; *options* are those of `AgentLoop`, and `model`."""
        model = options.pop("model", self.model)
        return AgentLoop(model, **self.options(**options))

    def options(self, **options: Any) -> LoopOptions:
        """Return the usual configuration with *options*."""
        usual: dict[str, Any] = {
            "id": "agent-1",
            "tools": options.pop("tools", None) or self.tools(),
            "policy": ASK_DEPLOY,
            "clock": self.clock,
        }
        merged: Any = usual | options
        return merged


def told(model: ScriptedModel) -> list[ToolMessage]:
    """Return the results that the model was told at its latest step."""
    return [message for message in model.asked[-1] if isinstance(message, ToolMessage)]


def always(decision: ToolDecision | Any) -> Callable[[ApprovalRequest], Awaitable[Any]]:
    """Return an approver that answers with *decision*."""

    async def approve(_: ApprovalRequest) -> Any:
        return decision

    return approve


async def unwanted(_: ApprovalRequest) -> ToolDecision:
    """An approver whom nobody may ask."""
    raise AssertionError("nobody may be asked")
