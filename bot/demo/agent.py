"""Owns the demonstration's agent: `python -m bot.demo.agent`, a process that asks and goes on.

It prints one JSON object a line: what it asked, what it ran, what it was refused.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from gate import ApprovalGate, Refused
from stores import open_store

__all__ = ["ACTIONS"]

ACTIONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "delete": (
        "delete-user",
        {"user_id": 42, "email": "kim@example.com", "erase_backups": False},
        "Kim asked support to close the account (ticket 1873).",
    ),
    "refund": (
        "refund",
        {"order": "A-1009", "amount": 1250, "currency": "EUR"},
        "The parcel never arrived.",
    ),
    "deploy": (
        "deploy",
        {"service": "checkout", "version": "2.14.0", "regions": ["eu-west", "us-east"]},
        "All checks are green.",
    ),
}
_EDITABLE = frozenset({"refund"})
"""What the person may approve with other arguments."""


def _say(**line: Any) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201  (the protocol with the stage)


async def _ask(gate: ApprovalGate, action: str, *, marks: Path) -> None:
    name, payload, reason = ACTIONS[action]
    editable = action in _EDITABLE
    asked = await gate.request(name=name, payload=payload, reason=reason, editable=editable)
    _say(event="asked", action=action, name=name, id=asked.id)
    try:
        async with gate.guard(
            id=asked.id, name=name, payload=payload, reason=reason, editable=editable
        ) as approval:
            # The side effect that must happen after a yes, and only then.
            (marks / action).write_text(approval.id, encoding="utf-8")
            _say(event="ran", action=action, name=name, id=approval.id, by=approval.approver)
    except Refused as refused:
        note = getattr(refused, "note", None)
        _say(event="refused", action=action, id=asked.id, code=refused.code, note=note)


async def _main(options: argparse.Namespace) -> None:
    async with open_store() as store, ApprovalGate(store, agent="billing") as gate:
        while True:
            for action in options.actions:
                await _ask(gate, action, marks=options.marks)
            if not options.forever:
                return


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot.demo.agent", description=__doc__)
    parser.add_argument("actions", nargs="+", choices=sorted(ACTIONS))
    parser.add_argument("--marks", type=Path, required=True, help="folder for the side effects")
    parser.add_argument("--forever", action="store_true", help="begin again at the end")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_main(_options()))
