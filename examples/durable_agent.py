"""An agent that survives its process: killed or stopped at any point, it goes on where it was.

Start `signoff run` first, or `signoff demo` and copy the lines that it prints; then, as often as
you like::

    python examples/durable_agent.py ledger.txt

It asks, ends as paused, and says so. Approve in Slack and start it again: the model is not asked
again for what it has answered, and the refund is paid once. `signoff runs` lists what stands still.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gate import ApprovalGate, Checkpoints, RunNotFound
from gate.loop import AgentLoop, LoopOptions, Model, RunResult, Tool, define_tool
from gate.policy import PermissionPolicy, Rule, tool_named
from gate.testing import ScriptedModel
from stores import open_checkpoints, open_store

POLICY = PermissionPolicy(
    [
        Rule(effect="ask", target=tool_named("refund"), reason="Money leaves the house."),
        Rule(effect="allow", target=tool_named("find_order")),
    ]
)


def script() -> Model:
    """Return a model that needs no provider: it looks, asks for the refund, and reports."""
    return (
        ScriptedModel()
        .calls(("find_order", {"customer": "Ada"}))
        .calls(("refund", {"order": "A-1009", "cents": 1250}), text="I refund order A-1009.")
        .says("The refund is settled.")
    )


def tools(ledger: Path) -> list[Tool]:
    """Return the tools; paid refunds are lines of *ledger*."""

    @define_tool(idempotent=True)
    async def find_order(customer: str) -> dict[str, str]:
        """Find the latest order of a customer."""
        return {"customer": customer, "order": "A-1009"}

    @define_tool
    async def refund(order: str, cents: int) -> str:
        """Pay money back."""
        with ledger.open("a", encoding="utf-8") as file:
            file.write(f"{order} {cents}\n")
        return f"paid {cents} cents for {order}"

    return [find_order, refund]


async def work(
    model: Model, *, gate: ApprovalGate, checkpoint: Checkpoints, ledger: Path
) -> RunResult:
    """Begin the run, or go on with it; the same call in every process."""
    options: LoopOptions = {
        "id": "refunds",
        "tools": tools(ledger),
        "policy": POLICY,
        "approve": gate,
        "checkpoint": checkpoint,
        "on_pending": "exit",
    }
    async with AgentLoop(model, **options) as loop:
        try:
            return await loop.resume()
        except RunNotFound:
            return await loop.complete("Refund Ada's latest order.")


async def main(ledger: Path) -> None:
    """Work as far as it goes, and say how far that was."""
    async with (
        open_store() as store,
        open_checkpoints() as checkpoint,
        ApprovalGate(store, agent="billing") as gate,
    ):
        result = await work(script(), gate=gate, checkpoint=checkpoint, ledger=ledger)
    for call in result.pending:
        print(f"waiting for a decision on {call.tool_name}: {call.approval_id}")
    print(f"{result.finish_reason.value}: {result.text}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "ledger.txt")))
