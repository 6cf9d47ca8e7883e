"""Row 13: many ask at once; every card is posted, and people's decisions do not wait for it."""

from __future__ import annotations

import asyncio
from functools import partial

from .house import APPROVE, CHANNEL, PEOPLE, Lodge, lodge
from .report import Row, percentile
from .stage import Stage, name_of, now, until

__all__ = ["cards"]

_LATE = 300.0


async def cards(stage: Stage) -> list[Row]:
    """Measure row 13."""
    count = stage.some(1000, 60)
    async with lodge(stage, transport="socket") as there:
        single = []
        for at in range(stage.some(10, 3)):
            name = name_of(at, kind="o")
            began = now()
            await there.gate.request(id=name, name="pay", payload={"cents": 1250})
            await until(partial(_carded, there, name), seconds=30, every=0.002)
            single.append((now() - began) / 1e6)
        await there.ask([name_of(at, kind="q") for at in range(stage.some(30, 6))])
        ready = [name for name in there.cards if "-q-" in name]
        burst = [name_of(at, kind="b") for at in range(count)]
        began = now()
        asked = asyncio.gather(
            *(there.gate.request(id=name, name="pay", payload={"cents": 1250}) for name in burst)
        )
        calm = []
        for at, name in enumerate(ready):
            clicked = await there.slack.click(
                PEOPLE[at % len(PEOPLE)], action_id=APPROVE, channel=CHANNEL, ts=there.cards[name]
            )
            assert clicked.ok, clicked.error
            calm.append(clicked.latency_ms)
            await asyncio.sleep(0.1)
        await asked
        await there.carded(burst, _LATE)
        took = (now() - began) / 1e9
        setting = stage.setting(1)
    return [
        Row(number="13", what="request to card, sandbox, one at a time, p50", unit="ms",
            ours=(percentile(single, 0.5),), setting=setting),
        Row(number="13", what=f"{count:,} requests at once, until every card stands", unit="s",
            ours=(took,), setting=setting,
            more={"pacing": "none towards a sandbox on this machine; Slack's own is one a second"}),
        Row(number="13", what="click to ack meanwhile, p50", unit="ms",
            ours=(percentile(calm, 0.5),), setting=setting,
            more={"p99 ms": percentile(calm, 0.99)}),
    ]  # fmt: skip


async def _carded(there: Lodge, name: str) -> bool:
    return bool(await there.store.cards(name))
