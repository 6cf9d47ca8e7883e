"""Owns the house of the questions about people: a sandbox, a bot, cards, and who clicks on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from bot.sandbox import SandboxClient
from gate import ApprovalGate
from stores import Store, open_store
from tests.support.house import CHANNEL, House, running_house

from .stage import AGENT, OPEN, Stage

__all__ = ["APPROVE", "CHANNEL", "GROUP", "PEOPLE", "TEAM", "Lodge", "lodge"]

APPROVE: Final = "signoff_approve"
TEAM: Final = "T0SANDBOX"
GROUP: Final = "S0SECURITY"
PEOPLE: Final = tuple(f"U0CREW{number:02}" for number in range(40))
"""All of the group that is asked. In turns: the bot lets nobody click more often than 30 times in
10 s."""
_SMALL: Final = {"account": "acct-000042", "cents": 1250}
"""So that a card shows all of it."""


@dataclass
class Lodge:
    """A house that is up, with a gate and a driver of its people.

    Attributes:
        cards: Approval → the timestamp of its card.
    """

    house: House
    slack: SandboxClient
    store: Store
    gate: ApprovalGate
    cards: dict[str, str] = field(default_factory=dict)

    async def ask(self, ids: Sequence[str]) -> None:
        """Ask; return when each has its card and the bot has nothing left to do."""
        await asyncio.gather(
            *(self.gate.request(id=name, name="pay", payload=_SMALL) for name in ids)
        )
        await self.carded(ids)

    async def carded(self, ids: Sequence[str], seconds: float = 120.0) -> None:
        """Return when each has its card.

        Raises:
            TimeoutError: Some have none.
        """
        async with asyncio.timeout(seconds):
            while not all(name in self.cards for name in ids):
                await asyncio.sleep(0.2)
                await self.look()
        await asyncio.sleep(0.5)

    async def look(self) -> None:
        """Note the cards that are there."""
        state = await self.slack.state(log=False)
        for message in state.messages(CHANNEL):
            for value in _values(message.get("blocks", [])):
                self.cards[value.split("|")[1]] = message["ts"]


def _values(blocks: list[dict[str, Any]]) -> list[str]:
    return [
        element["value"]
        for block in blocks
        for element in block.get("elements", [])
        if isinstance(element, dict) and element.get("action_id") == APPROVE
    ]


@asynccontextmanager
async def lodge(stage: Stage, *, transport: str, bots: int = 1) -> AsyncIterator[Lodge]:
    """Run a house with a bot as an operator would start it."""
    with running_house(
        transport=transport,
        binary=stage.binary,
        bots=bots,
        appendonly=stage.fsync == "always",
    ) as house:
        async with (
            house.slack() as slack,
            open_store(house.redis.url) as store,
            ApprovalGate(store, agent=AGENT, public_keys=[house.public_keys]) as gate,
        ):
            await store.set_bounds(OPEN)
            await slack.edit_workspace(
                users={who: {"name": who.lower(), "real_name": who} for who in PEOPLE},
                usergroups={GROUP: {"users": list(PEOPLE)}},
            )
            await stage.learn(house.redis.port)
            yield Lodge(house, slack, store, gate)
