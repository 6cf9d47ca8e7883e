"""A store, a chat that may refuse, and one reader of the outbox between them."""

from __future__ import annotations

from typing import Any

from bot.messenger import DeliveryFailed, Posted
from bot.notifier import Notifier
from bot.routing import RouteRule
from gate import ApprovalGate, Desk, Undeliverable, refusal
from gate.testing import FakeClock
from tests.bot.chat import CHANNEL, Chat, FaultyStore, notifier_of, story_of

OTHER = "C2"
RULES = (
    RouteRule(agents=("other",), channel=OTHER, approvers=("UANA",)),
    RouteRule(channel=CHANNEL, approvers=("UANA",)),
)


class Ticks:
    """A timer that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Office:
    """A store, a chat, and one reader between them."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        self.store = FaultyStore(clock=self.clock)
        self.chat = Chat()
        self.ticks = Ticks()
        self.desk = Desk(self.store, clock=self.clock)
        self.notifier = self.reader(**options)

    def reader(self, *, holder: str = "a", **options: Any) -> Notifier:
        story = story_of(self.store, self.chat, routes=RULES, holder=holder)
        return notifier_of(self.store, story, **({"now": self.ticks} | options))

    async def ask(self, approval_id: str, *, agent: str = "billing", **fields: Any) -> None:
        gate = ApprovalGate(self.store, agent=agent, clock=self.clock)
        await gate.request(id=approval_id, name=f"act-{approval_id}", **fields)

    async def undeliverable(self, approval_id: str) -> str | None:
        error = refusal(await self.desk.get(approval_id))
        return error.reason if isinstance(error, Undeliverable) else None


class Refusing(Chat):
    """A chat that refuses channels for good, or messages with a word in them."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, str] = {}
        self.unfit = "\0"
        self.tries: list[str] = []

    async def post(self, channel: str, message: Any, **more: Any) -> Posted:
        self.tries.append(channel)
        if channel in self.refused:
            raise DeliveryFailed(self.refused[channel], permanent=True)
        if self.unfit in message.text:
            raise DeliveryFailed("invalid_blocks", permanent=True, unfit=True)
        return await super().post(channel, message, **more)
