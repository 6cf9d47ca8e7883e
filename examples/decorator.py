"""A function that runs only with an approval of its arguments.

Start `signoff run` first, or `signoff demo` and copy the lines that it prints; then::

    python examples/decorator.py
"""

from __future__ import annotations

import asyncio

from gate import ApprovalDenied, ApprovalGate, Refused
from stores import open_store


async def main() -> None:
    """Call two functions that ask first."""
    async with open_store() as store, ApprovalGate(store, agent="shop") as gate:

        @gate.requires_approval
        async def refund(order: str, amount: int, currency: str = "EUR") -> str:
            return f"refunded {amount} {currency} for {order}"

        @gate.requires_approval(name="ship-it", expires_in=600, timeout=900)
        async def deploy(*, service: str, version: str) -> str:
            return f"deployed {service} {version}"

        try:
            print(await refund("A-1009", 1250))
            print(await deploy(service="checkout", version="2.14.0"))
        except ApprovalDenied as denied:
            print(f"{denied.approver} said no: {denied.note or 'no reason given'}")
        except Refused as refused:  # skipped, expired, cancelled, undeliverable
            print(f"it did not run: {refused.code}")


if __name__ == "__main__":
    asyncio.run(main())
