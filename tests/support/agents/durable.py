"""The example's agent as a process that kills itself at a moment: `python -m … LEDGER [MOMENT]`.

Moments are counted around every save and every answer of the model, and around each payment. The
answers that the model gave are lines in `<ledger>.answers`. The last line printed is the result.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from examples import durable_agent
from gate import ApprovalGate, Checkpoint, Checkpoints
from gate.loop import AssistantMessage, Message, ToolSpec
from stores import open_checkpoints, open_store


class _Moments:
    def __init__(self, deadly: int) -> None:
        self._deadly = deadly
        self.passed = 0

    def tick(self) -> None:
        self.passed += 1
        if self.passed == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)


class _Watched:
    """Checkpoints with two moments around each save."""

    def __init__(self, inner: Checkpoints, moments: _Moments) -> None:
        self._inner = inner
        self._moments = moments

    async def load(self, key: str) -> Checkpoint | None:
        return await self._inner.load(key)

    async def save(self, key: str, text: str) -> str:
        return await self._inner.save(key, text)

    async def swap(self, key: str, text: str, *, expected: str) -> str | None:
        self._moments.tick()
        version = await self._inner.swap(key, text, expected=expected)
        self._moments.tick()
        return version

    async def delete(self, key: str, *, expected: str | None = None) -> bool:
        return await self._inner.delete(key, expected=expected)

    async def keys(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Sequence[str]:
        return await self._inner.keys(prefix, after=after, limit=limit)


class _Ledger(type(Path())):  # type: ignore[misc]  # the platform's own class of paths
    """A ledger with a moment before a payment and one after it."""

    moments: _Moments

    def open(self, *args: Any, **kwargs: Any) -> Any:
        self.moments.tick()
        return _Closing(super().open(*args, **kwargs), self.moments)


class _Closing:
    def __init__(self, file: Any, moments: _Moments) -> None:
        self._file = file
        self._moments = moments

    def __enter__(self) -> Any:
        return self._file.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)
        self._moments.tick()


def _add_line(file: Path) -> None:
    with file.open("a", encoding="utf-8") as lines:
        lines.write(f"{os.getpid()}\n")


async def _main(ledger: str, deadly: int) -> None:
    moments = _Moments(deadly)
    script = durable_agent.script()
    answers = Path(f"{ledger}.answers")

    async def model(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AssistantMessage:
        moments.tick()
        answer = await script(messages, tools)
        _add_line(answers)
        moments.tick()
        return answer

    paid = _Ledger(ledger)
    paid.moments = moments
    async with (
        open_store() as store,
        open_checkpoints() as checkpoint,
        ApprovalGate(store, agent="billing") as gate,
    ):
        result = await durable_agent.work(
            model, gate=gate, checkpoint=_Watched(checkpoint, moments), ledger=paid
        )
    told = {
        "reason": result.finish_reason.value,
        "text": result.text,
        "pending": [call.approval_id for call in result.pending],
        "outcomes": [call.outcome.value for call in result.report.calls],
        "moments": moments.passed,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
