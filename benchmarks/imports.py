"""Row 10: what `import gate` costs."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from typing import Final

from .report import Row
from .stage import Stage

__all__ = ["imports"]

_SAID: Final = """
import time
began = time.monotonic_ns()
{what}
took = time.monotonic_ns() - began
import json, sys
status = open('/proc/self/status').read()
print(json.dumps([took, int(status.split('VmRSS:')[1].split()[0]), sorted(sys.modules)]))
"""
_SIDES: Final = {
    "ours": "import gate",
    "used": "from gate import ApprovalGate",
    "floor": "import asyncio, pydantic",
    "models": "import asyncio, structlog\nfrom pydantic import BaseModel",
}
_UNWANTED: Final = ("redis", "aiohttp", "slack_sdk", "slack_bolt", "stores", "bot")


async def imports(stage: Stage) -> list[Row]:
    """Measure row 10."""
    times: dict[str, list[float]] = defaultdict(list)
    memory: dict[str, list[float]] = defaultdict(list)
    heavy: set[str] = set()
    for side in _SIDES:
        await _import(side)  # the file cache
    for _, side in list(stage.shuffled(list(_SIDES))) * stage.some(3, 1):
        took, kib, modules = await _import(side)
        times[side].append(took / 1e6)
        memory[side].append(kib / 1024)
        if side == "used":
            heavy |= {name for name in modules if name in _UNWANTED}
    setting = f"[python {sys.version.split()[0]}]"
    return [
        Row(
            number="10",
            what=f"{_SIDES[side]}, {what}",
            unit=unit,
            ours=tuple(found[side]),
            against=tuple(found["floor"]),
            versus="import asyncio, pydantic",
            # Names are loaded when they are used: what the first one costs is told beside.
            goal=1.3 if side == "ours" else None,
            setting=setting,
            more={
                "with BaseModel and structlog in place of that": tuple(
                    sorted(found["models"])[len(found["models"]) // 2 :][:1]
                ),
                "loaded and unwanted": ", ".join(sorted(heavy)) or "nothing",
            },
        )
        for side in ("ours", "used")
        for what, unit, found in (("time", "ms", times), ("memory", "MiB", memory))
    ]


async def _import(side: str) -> tuple[int, int, list[str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SAID.format(what=_SIDES[side]), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    took, kib, modules = json.loads(out)
    return took, kib, modules
