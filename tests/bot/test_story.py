"""The story: one card and one thread per approval, whatever fails, and whoever goes on with it."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from bot.messenger import DeliveryFailed, Posted
from bot.proof import SOUND
from bot.routing import RouteRule
from gate import ApprovalGate, ApprovalStatus, Desk, StoreUnavailable, Undeliverable, refusal
from stores.memory import MemoryStore
from tests.bot.chat import (
    CHANNEL,
    Chat,
    Crash,
    FaultyStore,
    People,
    notifier_of,
    story_of,
    tell_all,
)
from tests.support.factories import ANA
from tests.support.waiting import wait_until

WHOLE = ["Asked", "Approved", "started", "done in"]
"""A word of each reply in the thread of an approval that ran."""


class Life:
    """One approval's life, step by step, and the replicas that tell it."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or FaultyStore()
        self.chat = Chat()
        self.gate = ApprovalGate(self.store, agent="billing")
        self.desk = Desk(self.store)
        self._replicas = (f"replica-{number}" for number in itertools.count())
        self.crashes = 0

    async def ask(self) -> None:
        await self.gate.request(id="x", name="delete-user", payload={"user_id": 42})

    async def approve_as(self, principal: str) -> None:
        await self.desk.decide("x", "approve", approver=principal, seen=True)

    async def approve(self) -> None:
        await self.approve_as(ANA)

    async def run(self) -> None:
        approval = await self.desk.get("x")
        taken = await self.gate.consume(approval, payload={"user_id": 42})
        await self.gate.report(taken.id, seconds=0.1)

    async def tell(self, **changes: Any) -> None:
        """Tell all there is, with a new process after each crash."""
        while True:
            holder = next(self._replicas)
            story = story_of(self.store, self.chat, holder=holder, **changes)
            notifier = notifier_of(self.store, story)
            try:
                await tell_all(self.store, notifier, holder=holder)
            except BaseExceptionGroup as group:
                if group.subgroup(Crash) is None:
                    raise
                self.crashes += 1
            except Crash:
                self.crashes += 1
            else:
                await self.store.release("notifier", holder)
                return
            # A crash gives nothing back: the lease runs out.
            await self.store.release("notifier", holder)

    async def card(self) -> Posted:
        """Return where the noted card is."""
        where, ts, _ = (await self.store.cards("x"))["card"].split(" ")
        return Posted(where, ts)


@pytest.fixture
def life() -> Life:
    return Life()


async def test_a_whole_story(life: Life):
    """One card that follows the record, and one reply per event, in order."""
    await life.ask()
    await life.tell()
    ts = (await life.card()).ts
    assert life.chat.buttons(ts)
    await life.approve()
    await life.tell()
    assert not life.chat.buttons(ts)
    await life.run()
    await life.tell()
    assert [ts] == list(life.chat.cards())
    assert "done" in life.chat.cards()[ts]
    for word, reply in zip(WHOLE, life.chat.thread(ts), strict=True):
        assert word in reply


async def test_telling_again_changes_nothing(life: Life):
    """A reader that begins again at the first event posts nothing and edits nothing."""
    await life.ask()
    await life.approve()
    await life.tell()
    before, updates = dict(life.chat.messages), life.chat.updates
    story = story_of(life.store, life.chat)
    for logged in await life.store.read(""):
        await story.tell("x", logged)
    assert (before, updates) == (life.chat.messages, life.chat.updates)


async def test_decided_before_it_was_posted(life: Life):
    """A card that comes late shows the decision, and cannot be clicked."""
    await life.ask()
    await life.desk.decide("x", "deny", approver=ANA, note="no")
    # Routed by another replica, say, whose card never came.
    await life.tell()
    assert 0 == len(life.chat.messages)

    await life.gate.request(id="y", name="n")
    story = story_of(life.store, life.chat)
    assert await story.route("y") is not None
    await life.desk.decide("y", "deny", approver="slack:T1:UANA", note="no")
    await life.tell()
    [ts] = life.chat.cards()
    assert "Rejected" in life.chat.cards()[ts]
    assert not life.chat.buttons(ts)
    assert 2 == len(life.chat.thread(ts))


@pytest.mark.parametrize("how", ["expire", "cancel"])
async def test_ended_before_it_was_posted(how: str):
    """What nobody can decide any more is not posted."""
    from gate.testing import FakeClock

    clock = FakeClock()
    life = Life(FaultyStore(clock=clock))
    await life.ask()
    assert await story_of(life.store, life.chat).route("x") is not None
    if how == "cancel":
        await life.desk.cancel("x")
    else:
        await clock.advance(86400)
        await life.desk.expire("x")
    await life.tell()
    assert {} == life.chat.messages
    assert {} == await life.store.cards("x")


async def test_no_route_is_said_to_the_agent(life: Life):
    """Where no rule fits, the approval ends with a reason instead of waiting for nobody."""
    await life.ask()
    await life.tell(routes=(RouteRule(agents=("ops",), channel=CHANNEL, approvers=("UANA",)),))
    error = refusal(await life.desk.get("x"))
    assert isinstance(error, Undeliverable)
    assert "no_route" == error.reason
    assert {} == life.chat.messages


async def _all_steps(life: Life) -> None:
    for step in (life.ask, life.approve, life.run):
        await step()
        await life.tell()


def _crash_at(number: int) -> Any:
    def hook(_: str, call: int) -> None:
        if call == number:
            raise Crash

    return hook


def _check_whole(life: Life, ts: str) -> None:
    """The noted card is final, its thread complete and in order; one message too many at most."""
    assert "done" in life.chat.cards()[ts]
    assert not life.chat.buttons(ts)
    thread = life.chat.thread(ts)
    places = [next(n for n, word in enumerate(WHOLE) if word in reply) for reply in thread]
    assert sorted(places) == places
    assert set(range(len(WHOLE))) == set(places)
    assert len(life.chat.messages) <= 1 + len(WHOLE) + 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 8))
async def test_a_crash_at_any_message(life: Life, number: int, when: str):
    """Killed before or after any call of the chat, the next replica ends the story right."""
    setattr(life.chat, when, _crash_at(number))
    await _all_steps(life)
    assert 1 == life.crashes
    _check_whole(life, (await life.card()).ts)
    if when == "before":
        # What was never sent is not doubled.
        assert 1 + len(WHOLE) == len(life.chat.messages)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 8))
async def test_a_crash_at_any_message_doubles_nothing_where_history_may_be_read(
    life: Life, number: int, when: str
):
    """The next replica looks for the message that was under way, card or reply, and takes it."""
    life.chat.remembers = True
    setattr(life.chat, when, _crash_at(number))
    await _all_steps(life)
    assert 1 == life.crashes
    _check_whole(life, (await life.card()).ts)
    assert 1 + len(WHOLE) == len(life.chat.messages)


@pytest.mark.parametrize("number", range(1, 8))
async def test_an_answer_that_is_lost_doubles_nothing_where_history_may_be_read(
    life: Life, number: int
):
    """Taken and not known to be taken: it is looked for before it is posted again."""
    life.chat.remembers = True

    def lose(_: str, call: int) -> None:
        if call == number:
            raise DeliveryFailed("timeout", uncertain=True)

    life.chat.after = lose
    await _all_steps(life)
    _check_whole(life, (await life.card()).ts)
    assert 1 + len(WHOLE) == len(life.chat.messages)


async def test_what_was_refused_for_certain_is_not_looked_for(life: Life):
    """A rate limit costs one call and not two."""

    def limit(_: str, call: int) -> None:
        if call <= 3:
            raise DeliveryFailed("ratelimited", retry_after=0.0)

    life.chat.before = limit
    await life.ask()
    await life.tell()
    assert (0, 2) == (life.chat.looks, len(life.chat.messages))


async def test_a_card_that_was_lost_and_is_over_ends_final(life: Life):
    """Posted, not noted, then withdrawn: the next replica finds it and takes its buttons away."""
    life.chat.remembers = True
    life.chat.after = _crash_at(1)
    await life.ask()
    story = story_of(life.store, life.chat, holder="first")
    assert await story.route("x") is not None
    [_, routed] = await life.store.read("")
    with pytest.raises(Crash):
        await story.tell("x", routed)
    [lost] = life.chat.cards()
    assert life.chat.buttons(lost)
    await life.desk.cancel("x")
    await life.tell()
    assert [lost] == list(life.chat.cards())
    assert not life.chat.buttons(lost)


async def test_all_copies_that_crashes_left_are_found_and_end_final(life: Life):
    """The oldest becomes the card; the others are noted as copies and follow it."""
    await life.ask()
    for holder in ("one", "two"):
        life.chat.after = _crash_at(life.chat.calls + 1)
        story = story_of(life.store, life.chat, holder=holder)
        assert await story.route("x") is not None
        [_, routed] = await life.store.read("")
        with pytest.raises(Crash):
            await story.tell("x", routed)
    oldest, other = life.chat.cards()
    life.chat.remembers = True
    await life.tell()
    assert oldest == (await life.card()).ts
    await life.desk.cancel("x")
    await life.tell()
    assert [oldest, other] == list(life.chat.cards())
    assert [False, False] == [life.chat.buttons(ts) for ts in (oldest, other)]


async def test_marks_hold_opaque_ids_only(life: Life):
    """What a message tells programs is which approval and which slot, nothing of the request."""
    await _all_steps(life)
    approval = await life.desk.get("x")
    marks = list(life.chat.marks.values())
    assert all(mark is not None for mark in marks)
    assert ["card", *["reply"] * len(WHOLE)] == [mark.kind for mark in marks if mark]
    assert {("x", approval.nonce)} == {(mark.key, mark.nonce) for mark in marks if mark}
    assert 1 + len(WHOLE) == len({mark.slot for mark in marks if mark})


@pytest.mark.parametrize(
    ("verb", "number"),
    [("keep", number) for number in range(1, 9)] + [("advance", number) for number in range(1, 4)],
)
async def test_a_crash_at_any_note(life: Life, verb: str, number: int):
    """Killed before any note in the store, the next replica ends the story right."""
    calls = itertools.count(1)

    async def crash(asked: str) -> None:
        if asked.startswith(verb) and next(calls) == number:
            raise Crash

    life.store.fault = crash
    await _all_steps(life)
    assert 1 == life.crashes
    _check_whole(life, (await life.card()).ts)


@pytest.mark.parametrize("number", range(1, 8))
async def test_a_failure_that_passes_doubles_nothing(life: Life, number: int):
    """A chat that refuses one call and takes the next hears everything once, in order."""

    def fail(_: str, call: int) -> None:
        if call == number:
            raise DeliveryFailed("internal_error")

    life.chat.before = fail
    await _all_steps(life)
    _check_whole(life, (await life.card()).ts)
    assert 1 + len(WHOLE) == len(life.chat.messages)


@pytest.mark.parametrize("number", range(1, 9))
async def test_a_note_that_is_not_taken_doubles_nothing(life: Life, number: int):
    """A store that takes no writes for a while makes no replica post the same again and again."""
    calls = itertools.count(1)

    async def refuse(verb: str) -> None:
        # Every note of ours is refused three times in a row.
        if verb.startswith("keep") and number <= next(calls) < number + 3:
            raise StoreUnavailable(verb, cause="read-only")

    life.store.fault = refuse
    await _all_steps(life)
    _check_whole(life, (await life.card()).ts)
    assert 1 + len(WHOLE) == len(life.chat.messages)


async def test_a_deleted_card_comes_back_while_it_can_be_decided(life: Life):
    """While people can decide they must be able to see; afterwards a deleted card stays away."""
    await life.ask()
    await life.tell()
    first = (await life.card()).ts
    # The route and its reply are told; what makes the card change next is a second replica's look.
    del life.chat.messages[first]
    story = story_of(life.store, life.chat, rendering=_other_words())
    [*_, routed] = await life.store.read("")
    await story.tell("x", routed)
    second = (await life.card()).ts
    assert first != second
    assert life.chat.buttons(second)
    del life.chat.messages[second]
    await life.approve()
    await life.tell()
    assert not life.chat.cards()


def _other_words() -> Any:
    from dataclasses import replace

    from bot.messenger import Message
    from tests.bot.chat import RENDERING

    return replace(
        RENDERING,
        card=lambda *shown: Message(
            "new " + RENDERING.card(*shown).text, RENDERING.card(*shown).blocks
        ),
    )


async def test_a_thread_that_is_gone_ends_nothing(life: Life):
    """Where the thread cannot be written to, the approval goes on."""
    await life.ask()

    def gone(verb: str, call: int) -> None:
        if call == 2:
            raise DeliveryFailed("thread_not_found", permanent=True, gone=True)

    life.chat.before = gone
    await life.tell()
    assert ApprovalStatus.PENDING is (await life.desk.get("x")).status
    assert 1 == len(life.chat.messages)


async def test_both_cards_of_two_replicas_end_in_the_final_state(life: Life):
    """A replica that lost its lease while posting leaves a copy, which follows the record too."""
    await life.ask()
    slow = story_of(life.store, life.chat, holder="slow")
    assert await slow.route("x") is not None
    [_, routed] = await life.store.read("")

    async def overtake(verb: str) -> None:
        # While the slow one notes where its card is, another replica has taken the card over.
        if verb.startswith("keep card C"):
            life.store.fault = None
            await story_of(life.store, life.chat, holder="quick").tell("x", routed)

    life.store.fault = overtake
    await slow.tell("x", routed)
    assert 2 == len(life.chat.cards())
    assert all(life.chat.buttons(ts) for ts in life.chat.cards())
    await life.approve()
    await life.run()
    await life.tell()
    assert 2 == len(life.chat.cards())
    for ts, text in life.chat.cards().items():
        assert "done" in text
        assert not life.chat.buttons(ts)
    _, quick = life.chat.cards()
    assert quick == (await life.card()).ts
    assert 4 == len(life.chat.thread(quick))


async def test_direct_notes_reach_each_person_once(life: Life):
    """With `dm` everybody who is asked gets one note, groups opened; a failure stops nobody's."""
    rule = RouteRule(
        channel=CHANNEL, approvers=("UANA", "SFIN", "SGONE", "cli:ana"), notify=("dm",)
    )
    people = People(SFIN=("UBEN", "UANA", "UCHO"))

    def refuse(verb: str, call: int) -> None:
        if call == 3:
            raise DeliveryFailed("cannot_dm_bot", permanent=True)

    life.chat.before = refuse
    await life.ask()
    await life.tell(routes=(rule,), directory=people)
    reached = [where for where, _, _ in life.chat.messages.values() if where.startswith("U")]
    assert ["UANA", "UCHO"] == reached
    await life.approve_as("slack:T1:UANA")
    await life.tell(routes=(rule,), directory=people)
    assert 2 == sum(where.startswith("U") for where, _, _ in life.chat.messages.values())


async def test_a_slow_replica_is_given_time_to_note_its_card(life: Life):
    """Who takes over from one that is only slow waits for its note, and posts no second card."""
    await life.ask()
    slow = story_of(life.store, life.chat, holder="slow", patience=1.0)
    next_one = story_of(life.store, life.chat, holder="next", patience=1.0)
    assert await slow.route("x") is not None
    [_, routed] = await life.store.read("")
    life.chat.holds[CHANNEL] = asyncio.Event()
    posting = asyncio.create_task(slow.tell("x", routed))
    await wait_until(lambda: life.chat.calls == 1, "the slow one posts")
    taking_over = asyncio.create_task(next_one.tell("x", routed))
    await asyncio.wait({taking_over}, timeout=0.05)
    assert 1 == life.chat.calls, "the next one waits"
    life.chat.holds[CHANNEL].set()
    async with asyncio.timeout(5):
        await asyncio.gather(posting, taking_over)
    assert 1 == len(life.chat.cards())


async def test_a_copy_that_two_change_at_once_ends_in_the_newest_state(life: Life):
    """A click on a copy makes it follow the record; an older change that comes late is mended."""
    await life.ask()
    await life.tell()
    drawn = _other_words().card(await life.desk.get("x"), CHANNEL, SOUND)
    copy = await life.chat.post(CHANNEL, drawn)
    story = story_of(life.store, life.chat)
    held = asyncio.Event()
    reached = asyncio.Event()
    change = life.chat.update
    changes = itertools.count(1)

    async def late(posted: Posted, message: Any) -> None:
        if posted == copy and next(changes) == 1:
            reached.set()
            await held.wait()  # on its way to the chat while a newer one overtakes it
        await change(posted, message)

    life.chat.update = late  # type: ignore[method-assign]  # the fake's own verb
    adopting = asyncio.create_task(story.adopt("x", copy))
    async with asyncio.timeout(1):
        await reached.wait()
    await life.desk.cancel("x")
    await life.tell()
    assert not life.chat.buttons(copy.ts)
    held.set()
    async with asyncio.timeout(1):
        await adopting
    assert not life.chat.buttons(copy.ts)
