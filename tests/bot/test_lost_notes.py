"""Cards whose notes a failover of the store took back: P14 holds all the same."""

from __future__ import annotations

import pytest

from bot.messenger import Message
from gate import ApprovalGate
from stores.memory import MemoryStore
from tests.bot.chat import CHANNEL, Chat, story_of


class Survivor(MemoryStore):
    """A store after a failover that took back the last writes."""

    async def lose_notes(self, key: str, *, intent: str | None) -> None:
        """Lose what is noted of the messages about *key*; an earlier note of the card may stay."""
        for slot in await self.cards(key):
            del self._cards[key][slot]
        if intent is not None:
            await self.keep_card(key, "card", intent)


async def noted(store: MemoryStore) -> str:
    """Return the timestamp of the noted card."""
    return (await store.cards("x"))["card"].split(" ")[1]


@pytest.mark.parametrize("intent", [None, "posting replica-a"])
async def test_a_card_whose_note_was_lost_is_brought_up_to_date(intent: str | None):
    """P14: the replica that posted it knows where it is, though the store does not any more."""
    store = Survivor()
    chat = Chat()
    story = story_of(store, chat, holder="replica-a")
    await ApprovalGate(store, agent="billing").request(id="x", name="delete-user")
    await story.route("x")
    for logged in await store.read(""):
        await story.tell("x", logged)
    [ts] = chat.cards()
    await store.lose_notes("x", intent=intent)
    chat.messages[ts] = (CHANNEL, None, Message(text="Approved", blocks=[]))
    await story.look("x")
    assert [ts] == list(chat.cards())
    assert chat.buttons(ts)
    assert ts == await noted(store)


async def test_a_deleted_card_whose_note_was_lost_is_posted_again():
    """What a person deleted and what the store lost are told apart by asking the chat."""
    store = Survivor()
    chat = Chat()
    story = story_of(store, chat, holder="replica-a")
    await ApprovalGate(store, agent="billing").request(id="x", name="delete-user")
    await story.route("x")
    for logged in await store.read(""):
        await story.tell("x", logged)
    [first] = chat.cards()
    await store.lose_notes("x", intent=None)
    del chat.messages[first]
    await story.look("x")
    await story.look("x")
    [ts] = chat.cards()
    assert first != ts
    assert ts == await noted(store)
