"""An agent whose calls go through a policy first: some run, some are asked about, some are refused.

Start `signoff run` first, or `signoff demo` and copy the lines that it prints; then::

    python examples/policy.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gate import ApprovalGate, PermissionTarget, PolicyFile, Refused
from stores import open_store

POLICY = Path(__file__).with_name("policy.toml")

TOOLS: dict[str, Callable[..., str]] = {
    "read_file": lambda path: f"read {path}",
    "write_file": lambda path, text: f"wrote {len(text)} characters to {path}",
    "shell": lambda command: f"ran {command}",
}


async def call(gate: ApprovalGate, policy: PolicyFile, tool: str, arguments: dict[str, Any]) -> str:
    """Call a tool if the policy lets it, or if people do where the policy says that they decide."""
    decision = policy.check(gate.agent, PermissionTarget.tool(tool, arguments))
    if decision.allow:
        return TOOLS[tool](**arguments)
    if not decision.ask:
        return decision.sentence()
    try:
        async with gate.guard(name=tool, payload=arguments, policy=decision.sentence()) as approval:
            return TOOLS[tool](**approval.effective_payload)
    except Refused as refused:
        return f"{tool} did not run: {refused.code}"


async def work(gate: ApprovalGate) -> None:
    """Call some tools as a model might."""
    policy = PolicyFile(POLICY)
    policy.reload()
    for tool, arguments in (
        ("read_file", {"path": "src/app.py"}),
        ("read_file", {"path": "src/../../../etc/passwd"}),
        ("write_file", {"path": "Makefile", "text": "all:"}),
        ("shell", {"command": "git status"}),
        ("shell", {"command": "git status; rm -rf build"}),
    ):
        print(await call(gate, policy, tool, arguments))


async def main() -> None:
    """Work on the store that the environment names."""
    async with open_store() as store, ApprovalGate(store, agent="release-bot") as gate:
        await work(gate)


if __name__ == "__main__":
    asyncio.run(main())
