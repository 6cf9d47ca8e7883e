"""A tool server that trusts no agent: it verifies the decision and takes the run by itself.

The agent has no credential. It sends what it wants done and the id of an approval; the server looks
up the decision, checks the operator's signature for exactly this action, and only then acts.

Start `signoff run` first, or `signoff demo` and copy the lines that it prints; then::

    python examples/executor.py
"""

from __future__ import annotations

import asyncio
from typing import Any

from gate import ApprovalGate, ConfigError, Executor, NotAllowed, Refused
from stores import Store, open_store


class PaymentServer:
    """Holds the bank's credential, and uses it only for what people have approved."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.paid: list[dict[str, Any]] = []

    async def pay(self, approval_id: str, order: dict[str, Any]) -> str:
        """Pay *order*, once, if somebody approved exactly that."""
        try:
            await self._executor.verify_and_consume(
                approval_id, agent="billing", name="pay", payload=order
            )
        except (Refused, NotAllowed) as error:
            return f"refused: {error.code}"
        self.paid.append(order)
        return "paid"


async def ask(store: Store, order: dict[str, Any]) -> str:
    """Be the agent: ask, wait for people, and return the approval's id."""
    async with ApprovalGate(store, agent="billing") as gate:
        asked = await gate.request(name="pay", payload=order)
        return (await gate.wait(asked.id)).id


async def main() -> None:
    """Ask for one payment, then try to get another one for it."""
    async with open_store() as store:
        try:
            server = PaymentServer(Executor(store, agents=["billing"]))
        except ConfigError as error:
            print(error)
            return
        order = {"to": "DE02 1203 0000 0000 2020 51", "eur": 120}
        approval_id = await ask(store, order)
        print(await server.pay(approval_id, order | {"eur": 120_000}))
        print(await server.pay(approval_id, order))
        print(await server.pay(approval_id, order))


if __name__ == "__main__":
    asyncio.run(main())
