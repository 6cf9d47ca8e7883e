"""What a person makes of the question is told everywhere: cards, direct notes, the thread."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.routing import RouteRule
from gate import ApprovalGate, Desk
from tests.bot.chat import CHANNEL, Chat, FaultyStore, notifier_of, story_of, tell_all

ANA, BEN = "slack:T1:UANA", "slack:T1:UBEN"
RULE = RouteRule(
    channel=CHANNEL, approvers=("UANA", "UBEN"), needed=2, deny_threshold=2, notify=("dm",)
)


class Told:
    """One approval that is asked of two people, and all that is told of it."""

    def __init__(self) -> None:
        self.store = FaultyStore()
        self.chat = Chat()
        self.desk = Desk(self.store)

    async def ask(self) -> None:
        gate = ApprovalGate(self.store, agent="billing")
        asked: dict[str, Any] = {"id": "x", "name": "refund", "payload": {"amount": 1250}}
        await gate.request(**asked, editable=True, allow_override=True)
        await self.tell()

    async def approve(self, who: str, **what: Any) -> None:
        shown = await self.desk.get("x")
        await self.desk.decide("x", "approve", approver=who, seen=True, shown=shown, **what)
        await self.tell()

    async def tell(self) -> None:
        story = story_of(self.store, self.chat, routes=(RULE,))
        await tell_all(self.store, notifier_of(self.store, story))

    def shown(self, where: str) -> str:
        """Return the blocks of the one message at a place, outside of threads."""
        [message] = [
            message
            for channel, thread, message in self.chat.messages.values()
            if channel == where and thread is None
        ]
        return str(message.blocks)

    def replies(self) -> list[str]:
        [ts] = self.chat.cards()
        return self.chat.thread(ts)


@pytest.fixture
async def told() -> Told:
    told = Told()
    await told.ask()
    return told


@pytest.mark.parametrize("where", [CHANNEL, "UANA", "UBEN"])
async def test_every_card_asks_for_the_edit_from_then_on(told: Told, where: str):
    """The card in the channel and each person's own follow the record, with other buttons."""
    before = told.shown(where)
    await told.approve(ANA, payload={"amount": 125})
    after = told.shown(where)
    assert "amount: 1250'" in before
    assert "amount: 125'" in after
    assert "amount: 1250'" not in after
    assert "signoff_approve" in after


async def test_the_thread_tells_the_change_and_the_answer(told: Told):
    """One reply for what was changed, one for the answer that changed it."""
    await told.approve(ANA, payload={"amount": 125})
    await told.approve(BEN)
    words = ["Asked", "Edited", "approve", "Approved"]
    found = told.replies()
    assert [True] * len(words) == [word in text for word, text in zip(words, found, strict=True)]


async def test_a_change_that_is_taken_back_is_told(told: Told):
    """The thread says that it is back to what the agent asked, and the card asks for that."""
    await told.approve(ANA, payload={"amount": 125})
    await told.approve(BEN, payload={"amount": 1250})
    assert "amount: 1250'" in told.shown(CHANNEL)
    assert 1 == sum("Back" in text for text in told.replies())


async def test_a_second_change_is_told_without_an_invented_diff(told: Told):
    """Who reads late tells that it was changed again, not what nobody knows any more."""
    shown = await told.desk.get("x")
    for who, amount in ((ANA, 125), (BEN, 12)):
        shown = await told.desk.decide(
            "x", "approve", approver=who, seen=True, shown=shown, payload={"amount": amount}
        )
    await told.tell()
    [edited] = (text for text in told.replies() if "Edited" in text)
    assert ("UANA" in edited, "UBEN" in edited) == (False, True)
    [gone] = (text for text in told.replies() if "change of the request that is not on" in text)
    assert "UANA" not in gone


async def test_one_who_decides_alone_is_told_once(told: Told):
    """Where the edit decides there is the change, and the decision."""
    alone = replace(RULE, needed=1)
    story = story_of(told.store, told.chat, routes=(alone,))
    gate = ApprovalGate(told.store, agent="other")
    await gate.request(id="y", name="other", payload={"n": 1}, editable=True)
    await tell_all(told.store, notifier_of(told.store, story))
    await told.desk.decide("y", "approve", approver=ANA, seen=True, payload={"n": 2})
    await tell_all(told.store, notifier_of(told.store, story))
    _, ts = told.chat.cards()
    assert [True] * 3 == [
        word in text
        for word, text in zip(["Asked", "Edited", "Approved"], told.chat.thread(ts), strict=True)
    ]
