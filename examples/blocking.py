"""A script without an event loop of its own.

Start `signoff run` first, or `signoff demo` and copy the lines that it prints; then::

    python examples/blocking.py
"""

from __future__ import annotations

from gate import BlockingGate, Refused
from stores import open_store


def main() -> None:
    """Ask, and block until somebody answers."""
    with BlockingGate(open_store, agent="nightly") as gate:
        try:
            with gate.guard(name="drop-table", payload={"table": "sessions_2023"}) as approval:
                print(f"dropped, approved by {approval.approver}")
        except Refused as refused:
            print(f"kept: {refused.code}")


if __name__ == "__main__":
    main()
