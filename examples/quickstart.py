"""An agent that asks before it deletes, in three ways: one block, three steps, and a run's name.

Start `signoff run` first, or `signoff demo` and copy the lines that it prints; then::

    python examples/quickstart.py
"""

from __future__ import annotations

import asyncio

from gate import ApprovalGate, Refused
from stores import open_store


async def in_one_block(gate: ApprovalGate, user_id: int) -> str:
    """Ask, wait, take the run, and tell how it ended."""
    try:
        async with gate.guard(
            name="delete-user", payload={"user_id": user_id}, reason="ticket 1873"
        ) as approval:
            return f"deleted {user_id}, approved by {approval.approver}"
    except Refused as refused:
        return f"kept {user_id}: {refused.code}"


async def in_three_steps(gate: ApprovalGate, user_id: int) -> str:
    """Do the same by hand, with an id: started again, it finds the same approval."""
    payload = {"user_id": user_id}
    asked = await gate.request(id=f"delete-{user_id}", name="delete-user", payload=payload)
    approval = await gate.wait(asked.id, timeout=3600)
    if approval.status != "approved":
        return f"kept {user_id}: {approval.status.value}"
    await gate.consume(approval, payload=payload, operation_id=f"worker-1-{user_id}")
    return f"deleted {user_id}, approved by {approval.approver}"


async def in_a_run(gate: ApprovalGate, user_ids: list[int], *, run: str) -> list[str]:
    """Ask for many at once. The same run, started again, finds all of its approvals."""

    async def one(user_id: int) -> str:
        approval = await gate.require(name="delete-user", payload={"user_id": user_id}, run=run)
        return f"may delete {user_id}, says {approval.approver}"

    return list(await asyncio.gather(*(one(user_id) for user_id in user_ids)))


async def main() -> None:
    """Ask in all three ways."""
    async with open_store() as store, ApprovalGate(store, agent="billing") as gate:
        print(await in_one_block(gate, 42))
        print(await in_three_steps(gate, 43))
        for line in await in_a_run(gate, [44, 45], run="job-7"):
            print(line)


if __name__ == "__main__":
    asyncio.run(main())
