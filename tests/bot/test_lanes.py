"""The lanes: cards in order, what follows beside them, looks at what stands or refuses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.messenger import DeliveryFailed, Posted
from bot.notifier import READER
from gate import ApprovalStatus
from tests.bot.chat import CHANNEL, notifier_of, story_of, tell_all
from tests.bot.reader import RULES, Office, Refusing
from tests.support.waiting import wait_until


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def refusing() -> Office:
    office = Office()
    office.chat = Refusing()
    office.notifier = office.reader()
    return office


async def _is_over(office: Office, approval_id: str) -> bool:
    return (await office.desk.get(approval_id)).final


async def test_what_follows_on_a_card_does_not_wait_behind_cards_still_to_come(office: Office):
    """Decided while hundreds are still to be posted in the same channel: its card says so now."""
    await office.ask("first")
    await tell_all(office.store, office.notifier)
    for number in range(20):
        await office.ask(f"id-{number}")
    blocked = asyncio.Event()
    post = office.chat.post

    async def slow(channel: str, message: Any, **more: Any) -> Posted:
        if more.get("thread") is None:
            await blocked.wait()
        return await post(channel, message, **more)

    office.chat.post = slow  # type: ignore[method-assign]  # the fake's own verb
    [first] = office.chat.cards()

    async def told_first() -> bool:
        return not office.chat.buttons(first) and len(office.chat.thread(first)) == 2

    await office.desk.cancel("first")
    await tell_all(office.store, office.notifier, until=told_first)
    assert 1 == len(office.chat.cards())
    blocked.set()
    await tell_all(office.store, office.notifier)
    assert 21 == len(office.chat.cards())


async def test_what_follows_waits_for_its_own_card(office: Office):
    """Decided before its card came: the card first, once, and its thread in order."""
    for number in range(5):
        await office.ask(f"id-{number}")
    office.chat.holds[CHANNEL] = asyncio.Event()
    reached = asyncio.create_task(
        tell_all(office.store, office.notifier, until=lambda: len(office.chat.cards()) == 5)
    )
    await wait_until(lambda: office.chat.calls == 1, "the first card is under way")
    await office.desk.decide("id-3", "deny", approver="slack:T1:UANA", note="no")
    office.chat.holds[CHANNEL].set()
    await reached
    await tell_all(office.store, office.notifier)
    assert 5 == len(office.chat.cards())
    [ts] = [ts for ts, text in office.chat.cards().items() if "act-id-3" in text]
    assert ["Asked", "Rejected"] == [
        word for reply in office.chat.thread(ts) for word in ("Asked", "Rejected") if word in reply
    ]


async def test_a_channel_that_takes_messages_again_is_found_well(refusing: Office):
    """With nothing more to tell there, the channel is asked whether it still refuses."""
    refusing.notifier = refusing.reader(recheck=0.005)
    refusing.chat.refused = {CHANNEL: "is_archived"}
    refusing.chat.troubles = {CHANNEL: "is_archived"}
    await refusing.ask("x")
    task = asyncio.create_task(
        refusing.notifier.run(await refusing.store.hold(READER, "a", seconds=60) or 0)
    )
    await wait_until(lambda: refusing.notifier.refused, "it refuses")
    refusing.ticks.now = 601.0
    await wait_until(lambda: _is_over(refusing, "x"), "given up")
    await asyncio.wait({task}, timeout=0.05)
    assert {CHANNEL: "is_archived"} == refusing.notifier.refused, "it still does"
    refusing.chat.troubles = {CHANNEL: "not_in_channel"}
    await wait_until(
        lambda: {CHANNEL: "not_in_channel"} == refusing.notifier.refused, "the word it says now"
    )
    refusing.chat.troubles = {}
    await wait_until(lambda: not refusing.notifier.refused, "it is well again")
    task.cancel()
    await asyncio.wait({task})


async def test_an_hours_backlog_posts_only_what_still_lives(office: Office):
    """After an hour without the chat: cards that ask for what can be decided, and no others.

    What expired or was withdrawn is not posted; what was decided elsewhere comes without buttons.
    """
    story = story_of(office.store, office.chat, routes=RULES, desk=office.desk)
    office.notifier = notifier_of(office.store, story, now=office.ticks)
    expires = {"short": 1800.0, "gone": None, "decided": None, "live": None, "long": 7200.0}
    for approval_id, seconds in expires.items():
        await office.ask(approval_id, **({} if seconds is None else {"expires_in": seconds}))
    away = [True]

    def fail(verb: str, number: int) -> None:
        if away[0]:
            raise DeliveryFailed("unreachable")

    office.chat.before = fail
    tries = office.chat
    await tell_all(office.store, office.notifier, until=lambda: tries.calls >= 3)
    # Nobody sweeps: what has run out counts as expired all the same.
    await office.clock.advance(3600)
    await office.desk.cancel("gone")
    await office.desk.decide("decided", "deny", approver="slack:T1:UANA", note="no")
    away[0] = False
    await tell_all(office.store, office.notifier)
    cards = {
        name: office.chat.buttons(ts)
        for ts, text in office.chat.cards().items()
        for name in expires
        if f"act-{name}" in text
    }
    assert {"decided": False, "live": True, "long": True} == cards


async def test_a_card_that_was_deleted_comes_back(office: Office):
    """The patrol finds that it is gone and posts it again; what still stands it leaves alone."""
    reader = office.reader(pending=office.store, patrol=0.005)
    for approval_id in ("stays", "goes"):
        await office.ask(approval_id)
    await tell_all(office.store, office.notifier)
    [stays] = [ts for ts, text in office.chat.cards().items() if "act-stays" in text]
    [goes] = [ts for ts, text in office.chat.cards().items() if "act-goes" in text]
    before = office.chat.messages[stays]
    del office.chat.messages[goes]

    def back() -> bool:
        return len(office.chat.cards()) == 2

    await tell_all(office.store, reader, until=back)
    [again] = [ts for ts in office.chat.cards() if ts != stays]
    assert office.chat.buttons(again)
    assert before == office.chat.messages[stays]
    del office.chat.messages[again]
    await office.desk.cancel("goes")
    await tell_all(office.store, reader)
    assert [stays] == list(office.chat.cards()), "what is over stays away"


async def test_a_patrol_that_fails_ends_nothing(office: Office):
    """A channel that refuses is told by readiness; the approval stays, and the patrol goes on."""
    await office.ask("x")
    await tell_all(office.store, office.notifier)
    reader = office.reader(pending=office.store, patrol=0.005)

    def refuse(verb: str, number: int) -> None:
        raise DeliveryFailed("is_archived", permanent=True)

    office.chat.before = refuse
    calls = office.chat.calls
    await tell_all(office.store, reader, until=lambda: office.chat.calls > calls + 2)
    assert {CHANNEL: "is_archived"} == reader.refused
    assert ApprovalStatus.PENDING is (await office.desk.get("x")).status
