"""Floods: what came past the gate's own cap ends undelivered, and its agent is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.crowding import TOO_MANY, Crowding
from bot.slack.render.status import undeliverable_words
from gate import (
    ApprovalGate,
    ApprovalStatus,
    Bounds,
    Desk,
    LimitExceeded,
    Undeliverable,
    refusal,
)
from stores.memory import MemoryStore
from tests.bot.chat import Chat, notifier_of, story_of, tell_all
from tests.support.factories import pending

TWO = Bounds(pending=2)


class Flood(MemoryStore):
    """A store into which somebody writes requests without asking whether they may."""

    async def write(self, *ids: str, agent: str = "billing") -> None:
        allowed, self._bounds = self._bounds, Bounds()
        for approval_id in ids:
            now = self._clock.now()
            await self.put(
                pending(
                    approval_id, agent=agent, created_at=now, expires_at=now + timedelta(hours=1)
                )
            )
        self._bounds = allowed


@pytest.fixture
async def store() -> Flood:
    store = Flood()
    await store.set_bounds(TWO)
    return store


async def test_one_too_many_is_never_shown(store: Flood):
    """Nobody is asked about it; it is cancelled with a word of its own, before it is routed."""
    await store.write("a", "b", "c")
    story = story_of(store, Chat(), crowding=Crowding(store, TWO))
    assert await story.route("c") is None
    ended = await store.get("c")
    assert ended is not None
    assert ApprovalStatus.CANCELLED is ended.status
    assert ended.terms is None
    assert ended.cancellation is not None
    assert TOO_MANY == ended.cancellation.undeliverable
    error = refusal(ended)
    assert isinstance(error, Undeliverable)
    assert TOO_MANY == error.reason
    assert "too many" in str(undeliverable_words(TOO_MANY))


async def test_the_others_are_asked_about(store: Flood):
    """As many as may be pending are routed, and other agents' are not touched."""
    await store.write("a", "b", "c")
    await store.write("m", agent="mailing")
    story = story_of(store, Chat(), crowding=Crowding(store, TWO))
    assert await story.route("c") is None
    for approval_id in ("a", "b", "m"):
        routed = await story.route(approval_id)
        assert routed is not None
        assert routed.terms is not None
    # What is routed stays, also when later ones push in.
    await store.write("d")
    assert await story.route("a") is not None


async def test_the_operators_bounds_count_not_the_stores(store: Flood):
    """Whoever writes other bounds into the store changes nothing here."""
    await store.write("a", "b", "c")
    await store.set_bounds(Bounds(pending=1_000_000))
    story = story_of(store, Chat(), crowding=Crowding(store, TWO))
    assert await story.route("c") is None


async def test_a_decided_one_makes_room(store: Flood):
    """Only what is pending counts."""
    await store.write("a", "b", "c")
    await Desk(store).cancel("a")
    story = story_of(store, Chat(), crowding=Crowding(store, TWO))
    assert await story.route("c") is not None


async def test_the_gate_is_refused_before_anything_happens(store: Flood):
    """An honest agent gets LimitExceeded, and nobody hears of the request."""
    chat = Chat()
    async with ApprovalGate(store, agent="billing", public_keys=[]) as gate:
        for number in range(2):
            await gate.request(name="delete-user", payload={"user_id": number})
        with pytest.raises(LimitExceeded) as caught:
            await gate.request(name="delete-user", payload={"user_id": 3}, run="job-7")
        assert ("pending approvals", 3, 2) == (
            caught.value.field,
            caught.value.value,
            caught.value.limit,
        )
        story = story_of(store, chat, crowding=Crowding(store, TWO))
        await tell_all(store, notifier_of(store, story))
        assert 2 == len(chat.cards())
        # Once there is room, the run comes to the place that it was refused.
        [first, _] = await store.pending()
        await Desk(store).cancel(first)
        asked = await gate.request(name="delete-user", payload={"user_id": 3}, run="job-7")
        await Desk(store).cancel(asked.key)
        again = ApprovalGate(store, agent="billing", public_keys=[])
        found = await again.request(name="delete-user", payload={"user_id": 3}, run="job-7")
        assert asked.id == found.id
