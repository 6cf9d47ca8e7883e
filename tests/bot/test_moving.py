"""The ladder in the chat: asked again, asked wider, moved; whatever fails, and whoever goes on."""

from __future__ import annotations

from typing import Any

import pytest

from bot.messenger import DeliveryFailed
from bot.proof import SOUND
from bot.routing import AgentRule, RouteRule, Step
from gate import Desk
from gate.testing import FakeClock
from tests.bot.chat import CHANNEL, RENDERING, SEAL, Crash, FaultyStore, People, story_of
from tests.bot.test_story import Life, _crash_at
from tests.support.factories import ANA

SECOND = "C2"
THIRD = "C3"
CHO = "slack:T1:UCHO"
REMIND = Step(after=60, action="remind")
WIDEN = Step(after=120, action="widen", also=("UCHO",))
MOVE = Step(after=180, action="move", channel=SECOND)
ON = Step(after=240, action="move", channel=THIRD)
BACK = Step(after=240, action="move", channel=CHANNEL)


class Climb(Life):
    """An approval with a ladder, asked at the beginning of its clock."""

    def __init__(self, *steps: Step, **rule: Any) -> None:
        self.clock = FakeClock()
        super().__init__(FaultyStore(clock=self.clock))
        self.desk = Desk(self.store, clock=self.clock)
        fields: dict[str, Any] = {"channel": CHANNEL, "approvers": ("UANA", "UBEN")}
        self.rule = RouteRule(**(fields | {"ladder": steps} | rule))

    async def tell(self, **changes: Any) -> None:
        await super().tell(**{"routes": (self.rule,)} | changes)

    async def climb(self, *, rungs: int = 1) -> None:
        """Wait for the next rungs, and take them."""
        for _ in range(rungs):
            rung = (await self.desk.get("x")).rung
            assert rung is not None
            age = (self.clock.now() - (await self.desk.get("x")).created_at).total_seconds()
            await self.clock.advance(rung.after - age)
            await self.desk.climb("x")

    def value(self, ts: str) -> str:
        """Return the sealed value of a card's first button."""
        return next(
            str(block["elements"][0]["value"])
            for block in self.chat.messages[ts][2].blocks
            if block["type"] == "actions"
        )

    def check_moved(self) -> tuple[str, str]:
        """Assert that it is asked in the second channel only; return both cards."""
        [old], [new] = self.chat.cards(), self.chat.cards(SECOND)
        assert not self.chat.buttons(old)
        assert "<#C2>" in self.chat.cards()[old]
        assert SEAL.open(self.value(new), surface="card", place=SECOND)
        assert "Moved" in self.chat.thread(old)[-1]
        assert 1 == sum("Moved" in reply for reply in self.chat.thread(old))
        assert 1 == sum("Moved here" in reply for reply in self.chat.thread(new))
        return old, new


async def test_a_reminder_calls_people_in_the_thread():
    """A reply, once, that mentions who may answer; the card stays where and as it is."""
    life = Climb(REMIND)
    await life.ask()
    await life.tell()
    [ts] = life.chat.cards()
    before = life.chat.cards()
    await life.climb()
    await life.tell()
    await life.tell()
    assert before == life.chat.cards()
    asked, reminded = life.chat.thread(ts)
    assert "Asked" in asked
    assert "<@UANA>" in reminded
    assert "<@UBEN>" in reminded


async def test_widening_shows_the_further_people_and_lets_them_decide():
    """The reply and the card mention them; their answer counts from then on, and not before."""
    life = Climb(WIDEN, notify=("dm", "mention"))
    await life.ask()
    await life.tell()
    [ts] = life.chat.cards()
    assert "<@UCHO>" not in life.chat.cards()[ts]
    await life.climb()
    await life.tell()
    assert "<@UCHO>" in life.chat.cards()[ts]
    assert "<@UCHO>" in life.chat.thread(ts)[-1]
    direct = [where for where, _, _ in life.chat.messages.values() if where.startswith("U")]
    assert ["UANA", "UBEN", "UCHO"] == direct
    await life.approve_as(CHO)
    await life.tell()
    assert "Approved" in life.chat.cards()[ts]


async def test_moving_asks_in_the_other_channel():
    """A new card with buttons for there; the old one points to it; the story goes on in one."""
    life = Climb(MOVE)
    await life.ask()
    await life.tell()
    await life.climb()
    await life.tell()
    old, new = life.check_moved()
    await life.tell()
    assert (old, new) == life.check_moved(), "told again, nothing is doubled"
    await life.approve()
    await life.run()
    await life.tell()
    for ts, text in (life.chat.cards() | life.chat.cards(SECOND)).items():
        assert "done" in text, ts
        assert not life.chat.buttons(ts)
    assert 2 == len(life.chat.thread(old))
    words = ("Moved here", "Approved", "started", "done")
    for word, reply in zip(words, life.chat.thread(new), strict=True):
        assert word in reply


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(3, 9))
async def test_a_crash_at_any_message_of_a_move(number: int, when: str):
    """Killed before or after any call, the next replica ends the move: one card asks."""
    life = Climb(MOVE)
    life.chat.remembers = True
    await life.ask()
    await life.tell()
    setattr(life.chat, when, _crash_at(number))
    await life.climb()
    await life.tell()
    life.check_moved()
    await life.approve()
    await life.tell()
    for ts, text in (life.chat.cards() | life.chat.cards(SECOND)).items():
        assert "Approved" in text, ts
    assert 1 == life.crashes


@pytest.mark.parametrize("number", range(1, 8))
async def test_a_crash_at_any_note_of_a_move(number: int):
    """Killed before any note in the store, the next replica ends the move."""
    life = Climb(MOVE)
    life.chat.remembers = True
    await life.ask()
    await life.tell()
    calls = iter(range(1, 100))

    async def crash(verb: str) -> None:
        if verb.startswith("keep") and next(calls) == number:
            raise Crash

    life.store.fault = crash
    await life.climb()
    await life.tell()
    assert 1 == life.crashes
    life.check_moved()


async def test_two_moves_at_once_lead_to_the_last_channel():
    """After an outage the channels in between are passed over."""
    life = Climb(MOVE, ON)
    await life.ask()
    await life.tell()
    await life.climb(rungs=2)
    await life.tell()
    assert {} == life.chat.cards(SECOND)
    [old], [new] = life.chat.cards(), life.chat.cards(THIRD)
    assert [False, True] == [life.chat.buttons(ts) for ts in (old, new)]


async def test_a_move_back_is_a_new_card():
    """Moved there and back: the first card stays behind, a fresh one asks."""
    life = Climb(MOVE, BACK)
    life.chat.remembers = True
    await life.ask()
    await life.tell()
    for _ in range(2):
        await life.climb()
        await life.tell()
    first, last = life.chat.cards()
    [between] = life.chat.cards(SECOND)
    assert [False, False, True] == [life.chat.buttons(ts) for ts in (first, between, last)]
    await life.approve()
    await life.tell()
    assert all("Approved" in text for text in life.chat.cards().values())
    assert all("Approved" in text for text in life.chat.cards(SECOND).values())


async def test_first_told_after_the_move():
    """A bot that was down meanwhile asks where the approval is now, and nowhere else."""
    life = Climb(MOVE)
    await life.ask()
    assert await story_of(life.store, life.chat, routes=(life.rule,)).route("x") is not None
    await life.climb()
    await life.tell()
    assert {} == life.chat.cards()
    [new] = life.chat.cards(SECOND)
    assert life.chat.buttons(new)


async def test_decided_before_the_move_was_told():
    """What is over does not move: the card ends where it was asked."""
    life = Climb(MOVE)
    await life.ask()
    await life.tell()
    await life.climb()
    await life.approve()
    await life.tell()
    assert {} == life.chat.cards(SECOND)
    [old] = life.chat.cards()
    assert "Approved" in life.chat.cards()[old]


async def test_decided_while_the_other_channel_takes_nothing():
    """The old card can be used until the new one is there, and then it ends itself."""
    life = Climb(MOVE)
    await life.ask()
    await life.tell()
    [old] = life.chat.cards()
    refusals = 0

    def refuse(verb: str, _: int) -> None:
        nonlocal refusals
        if verb == "post" and refusals < 3:
            refusals += 1
            raise DeliveryFailed("service_unavailable")

    life.chat.before = refuse
    await life.climb()

    async def decide(verb: str) -> None:
        # In the middle of the attempts somebody answers on the old card.
        if verb == "get" and refusals == 2:
            life.store.fault = None
            assert SEAL.open(life.value(old), surface="card", place=CHANNEL)
            await life.approve()

    life.store.fault = decide
    await life.tell()
    assert {} == life.chat.cards(SECOND)
    assert "Approved" in life.chat.cards()[old]
    assert "Approved" in " ".join(life.chat.thread(old))


async def test_who_may_not_decide_is_written_to_by_nobody():
    """A direct message says "you can decide this": whose agent it is gets none."""
    life = Climb(notify=("dm",))
    await life.ask()
    await life.tell(agents={"billing": AgentRule(owner="UANA")}, directory=People())
    assert ["UBEN"] == [w for w, _, _ in life.chat.messages.values() if w.startswith("U")]


async def test_a_click_on_a_copy_in_the_old_channel_makes_it_a_pointer():
    """A copy that a crash left in the channel before follows the move."""
    life = Climb(MOVE)
    await life.ask()
    await life.tell()
    approval = await life.desk.get("x")
    copy = await life.chat.post(CHANNEL, RENDERING.card(approval, CHANNEL, SOUND))
    await life.climb()
    await life.tell()
    story = story_of(life.store, life.chat)
    await story.adopt("x", copy)
    assert not life.chat.buttons(copy.ts)
    await life.desk.decide("x", "deny", approver=ANA)
    await life.tell()
    assert "Rejected" in life.chat.cards()[copy.ts]
