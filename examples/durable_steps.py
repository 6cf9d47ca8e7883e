"""A run whose steps are done once, also when the process dies: an approval, an action, a message.

Start `signoff run` first, or `signoff demo` and copy the lines that it prints; then::

    python examples/durable_steps.py order-1009

Run it twice with the same order: the second time nothing is asked and nothing is paid again.
"""

import asyncio
import sys

from gate import ApprovalGate, DurableRunner
from stores import open_step_log, open_store


async def main(order: str = "order-1009") -> None:
    async with (
        open_store() as store,
        open_step_log() as log,
        ApprovalGate(store, agent="billing") as gate,
    ):
        runner = DurableRunner(log, order)

        async def quote() -> dict[str, int]:
            print("asking for the price")
            return {"cents": 125_000}

        price = await runner.step("quote", quote, idempotent=True)

        async def pay() -> str:
            async with gate.guard(
                id=runner.approval_id("pay"), name="pay", payload={"order": order, **price}
            ) as approval:
                print(f"paying {approval.payload['cents']} cents")
                return f"receipt of {order}"

        # The gate releases the payment once, so the step may be begun again after a crash: who was
        # asked already is not asked a second time.
        receipt = await runner.step("pay", pay, inputs=price, idempotent=True)
        print(f"paid: {receipt}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
