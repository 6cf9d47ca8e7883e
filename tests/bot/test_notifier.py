"""The outbox's reader: order per channel, nothing lost, nobody blocked for ever."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.messenger import DeliveryFailed
from bot.notifier import READER
from bot.routing import RouteRule
from gate import (
    ApprovalStatus,
    StoreUnavailable,
)
from stores.memory import MemoryStore
from tests.bot.chat import (
    CHANNEL,
    notifier_of,
    story_of,
    tell_all,
    told,
)
from tests.bot.reader import OTHER, RULES, Office, Refusing
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


async def test_a_channel_is_told_in_order(office: Office):
    """Cards stand in the order of the requests, though the first one had to be tried again."""
    for number in range(5):
        await office.ask(f"id-{number}")
    fails = itertools.count()

    def fail(verb: str, _: int) -> None:
        if next(fails) < 3:
            raise DeliveryFailed("internal_error")

    office.chat.before = fail
    await tell_all(office.store, office.notifier)
    for number, text in enumerate(office.chat.cards().values()):
        assert f"act-id-{number}" in text
    assert 5 == len(office.chat.cards())


async def test_the_chats_own_pause_is_kept(office: Office):
    """After a rate limit the same message comes next, after the time that the chat asked for."""
    await office.ask("x")
    at: list[float] = []
    loop = asyncio.get_running_loop()

    def limit(verb: str, number: int) -> None:
        at.append(loop.time())
        if number == 1:
            raise DeliveryFailed("ratelimited", retry_after=0.1)

    office.chat.before = limit
    await tell_all(office.store, office.notifier)
    assert at[1] - at[0] >= 0.1
    assert 1 == len(office.chat.cards())


async def test_one_channel_does_not_hold_up_another(office: Office):
    """While one channel's message hangs, the other channel goes on."""
    await office.ask("slow")
    await office.ask("quick", agent="other")
    office.chat.holds[CHANNEL] = asyncio.Event()
    await tell_all(office.store, office.notifier, until=lambda: len(office.chat.messages) == 2)
    assert {} == office.chat.cards()
    assert 1 == len(office.chat.cards(OTHER))
    assert "" == await office.store.position(READER), "nothing behind the slow one is noted"


async def test_the_place_moves_only_behind_what_is_told(office: Office):
    """Events that are told out of turn are not noted before the older ones are."""
    await office.ask("slow")
    await office.ask("quick", agent="other")
    office.chat = Refusing()
    office.chat.before = lambda verb, number: None
    office.notifier = office.reader()
    office.chat.refused = {CHANNEL: "is_archived"}
    looks: list[str] = []

    async def look(verb: str) -> None:
        if verb == "read" and len(office.chat.messages) == 2:
            looks.append(verb)

    # Behind each look it notes how far it is: after some of them it would have noted the quick one.
    office.store.fault = look
    await tell_all(office.store, office.notifier, until=lambda: len(looks) >= 5)
    assert "" == await office.store.position(READER)
    office.chat.refused = {}
    await tell_all(office.store, office.notifier)
    assert 1 == len(office.chat.cards())
    assert 1 == len(office.chat.cards(OTHER)), "what was told is not told again"


async def test_a_channel_that_refuses_for_good(refusing: Office):
    """Within the patience it is tried again; after it the approval ends, with the chat's word."""
    await refusing.ask("x")
    refusing.chat.refused = {CHANNEL: "is_archived"}
    tries = refusing.chat.tries
    await tell_all(refusing.store, refusing.notifier, until=lambda: len(tries) >= 3)
    assert ApprovalStatus.PENDING is (await refusing.desk.get("x")).status
    assert {CHANNEL: "is_archived"} == refusing.notifier.refused

    async def in_time() -> bool:
        refusing.ticks.now += 200
        return await told(refusing.store)

    await tell_all(refusing.store, refusing.notifier, until=in_time)
    assert "is_archived" == await refusing.undeliverable("x")
    assert {} == refusing.chat.messages


async def test_a_hundred_wait_no_longer_than_one(refusing: Office):
    """The patience is the channel's: those behind do not each wait for it again."""
    for number in range(20):
        await refusing.ask(f"id-{number}")
    refusing.chat.refused = {CHANNEL: "not_in_channel"}
    tries = refusing.chat.tries
    await tell_all(refusing.store, refusing.notifier, until=lambda: len(tries) >= 2)
    moments = itertools.count()

    def over() -> Any:
        # The clock moves once, by the whole patience.
        refusing.ticks.now = 601.0 if next(moments) else refusing.ticks.now
        return told(refusing.store)

    await tell_all(refusing.store, refusing.notifier, until=over)
    for number in range(20):
        assert "not_in_channel" == await refusing.undeliverable(f"id-{number}")
    assert {CHANNEL: "not_in_channel"} == refusing.notifier.refused, "nothing was taken since"


async def test_a_later_request_has_its_own_patience(refusing: Office):
    """A channel that has refused for an hour is still given time for what is asked now."""
    refusing.chat.refused = {CHANNEL: "is_archived"}
    await refusing.ask("old")
    task = asyncio.create_task(
        refusing.notifier.run(await refusing.store.hold(READER, "a", seconds=60) or 0)
    )
    await wait_until(lambda: refusing.chat.tries, "the first one was tried")
    refusing.ticks.now = 3600
    await wait_until(lambda: _is_over(refusing, "old"), "the first one is given up")
    tried = len(refusing.chat.tries)
    await refusing.ask("new")
    await wait_until(lambda: len(refusing.chat.tries) > tried + 2, "the second one is tried")
    assert await refusing.undeliverable("new") is None
    refusing.chat.refused = {}
    await wait_until(lambda: len(refusing.chat.cards()) == 1, "the second one is posted")
    await wait_until(lambda: not refusing.notifier.refused, "the channel is well again")
    task.cancel()
    await asyncio.wait({task})


async def _is_over(office: Office, approval_id: str) -> bool:
    return (await office.desk.get(approval_id)).final


async def test_a_message_that_nobody_would_take_waits_for_nothing(refusing: Office):
    """What the chat will never take ends at once, and holds up nobody: not a lever to stop all."""
    refusing.chat.unfit = "act-bad"
    await refusing.ask("bad")
    await refusing.ask("good")
    await tell_all(refusing.store, refusing.notifier)
    assert "invalid_blocks" == await refusing.undeliverable("bad")
    assert 1 == len(refusing.chat.cards())
    assert {} == refusing.notifier.refused


async def test_an_outage_is_never_for_good(office: Office):
    """However long the chat is away, the approval waits for it."""
    await office.ask("x")
    tries: list[int] = []

    def away(verb: str, number: int) -> None:
        office.ticks.now += 600
        tries.append(number)
        if number < 6:
            raise DeliveryFailed("unreachable")

    office.chat.before = away
    await tell_all(office.store, office.notifier)
    assert ApprovalStatus.PENDING is (await office.desk.get("x")).status
    assert 1 == len(office.chat.cards())


async def test_giving_up_survives_a_store_that_is_away(refusing: Office):
    """An approval is not forgotten because the store was away when it was to be ended."""
    await refusing.ask("x")
    story = story_of(refusing.store, refusing.chat, routes=RULES)
    assert await story.route("x") is not None
    refusing.chat.unfit = "act-x"
    fails = itertools.count()

    async def away(verb: str) -> None:
        if verb == "patch" and next(fails) < 3:
            raise StoreUnavailable(verb, cause="gone")

    refusing.store.fault = away
    await tell_all(refusing.store, refusing.notifier)
    assert "invalid_blocks" == await refusing.undeliverable("x")


async def test_a_record_that_cannot_be_shown_stops_nobody(office: Office):
    """What cannot be rendered cannot be approved: it ends, and the next one is told."""
    from dataclasses import replace

    from tests.bot.chat import RENDERING

    def broken(approval: Any, *more: Any) -> Any:
        if approval.id == "bad":
            raise TypeError("s3cret")
        return RENDERING.card(approval, *more)

    story = story_of(
        office.store, office.chat, routes=RULES, rendering=replace(RENDERING, card=broken)
    )
    await office.ask("bad")
    await office.ask("good")
    await tell_all(office.store, notifier_of(office.store, story))
    assert "cannot_be_shown" == await office.undeliverable("bad")
    assert 1 == len(office.chat.cards())


async def test_a_record_that_cannot_be_routed_stops_nobody(office: Office):
    """A record with a time at the end of all times does not end the bot."""
    rules = (RouteRule(channel=CHANNEL, approvers=("UANA",), expires_in=60.0),)
    far = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    await office.ask("bad")
    await office.ask("good")
    _rewrite(office.store, "bad", createdAt=far.isoformat(), expiresAt=far.isoformat())
    story = story_of(office.store, office.chat, routes=rules)
    await tell_all(office.store, notifier_of(office.store, story))
    assert "cannot_be_routed" == await office.undeliverable("bad")
    assert 1 == len(office.chat.cards())


async def test_an_unreadable_record_stops_nobody(office: Office):
    """A record with a foreign digest is passed over, before and after it was routed."""
    await office.ask("bad")
    await office.ask("good")
    _rewrite(office.store, "bad", payload={"another": "thing"})
    await tell_all(office.store, office.notifier)
    assert 1 == len(office.chat.cards())


def _rewrite(store: MemoryStore, key: str, **fields: Any) -> None:
    """Change a stored record behind everybody's back, as a holder of the password could."""
    import json

    store._records[key] = json.dumps(json.loads(store._records[key]) | fields)


async def test_a_lost_lease_moves_nothing(office: Office):
    """Who has lost the lease can no longer move the reader's place."""
    await office.ask("x")
    old = await office.store.hold(READER, "a", seconds=60)
    assert old is not None
    await office.clock.advance(61)
    assert await office.store.hold(READER, "b", seconds=60) == old + 1
    task = asyncio.create_task(office.notifier.run(old))
    await wait_until(lambda: len(office.chat.messages) == 2, "the old one has told all")
    await asyncio.wait({task}, timeout=0.05)
    assert "" == await office.store.position(READER)
    task.cancel()
    await asyncio.wait({task})
    await tell_all(office.store, office.reader(holder="b"), holder="b")
    assert 1 == len(office.chat.cards())


async def test_a_store_that_is_away_is_waited_for(office: Office):
    """Reading, routing and noting go on when the store is back; nothing is doubled."""
    await office.ask("x")
    calls = itertools.count()

    async def flaky(verb: str) -> None:
        if next(calls) % 5 == 1:
            raise StoreUnavailable(verb, cause="gone")

    office.store.fault = flaky
    await tell_all(office.store, office.notifier)
    assert 2 == len(office.chat.messages)


async def test_the_backlog_is_bounded():
    """However much is asked, only so many events are held at once, and all are told."""
    office = Office(outstanding=5)
    for number in range(30):
        await office.ask(f"id-{number}")
    read: list[str] = []

    async def note(verb: str) -> None:
        if verb == "read":
            read.append(verb)

    office.store.fault = note
    office.chat.holds[CHANNEL] = asyncio.Event()
    task = asyncio.create_task(
        office.notifier.run(await office.store.hold(READER, "a", seconds=60) or 0)
    )
    await wait_until(lambda: office.chat.calls == 1, "the first message hangs")
    await asyncio.wait({task}, timeout=0.05)
    assert len(read) <= 5
    office.chat.holds[CHANNEL].set()
    await wait_until(lambda: told(office.store), "all is told")
    task.cancel()
    await asyncio.wait({task})
    assert 30 == len(office.chat.cards())


async def test_a_full_backlog_survives_a_store_that_is_away():
    """If everything is told while the place cannot be noted, the reader does not wait for ever."""
    office = Office(outstanding=3)
    for number in range(6):
        await office.ask(f"id-{number}")
    refused = itertools.count()

    async def away(verb: str) -> None:
        # Longer than it takes to tell all that is under way.
        if verb == "advance" and next(refused) < 6:
            raise StoreUnavailable(verb, cause="gone")

    office.store.fault = away
    await tell_all(office.store, office.notifier)
    assert 6 == len(office.chat.cards())


async def test_refused_clicks_are_told_nowhere(office: Office):
    """A refusal is private and on record; it makes no noise in the channel."""
    await office.ask("x")
    await tell_all(office.store, office.notifier)
    before = dict(office.chat.messages)
    for _ in range(3):
        await office.desk.refuse(
            "x",
            reason="not_approver",
            principal="slack:T1:UDAN",
            surface="c",
        )
    await tell_all(office.store, office.notifier)
    assert before == office.chat.messages


async def test_a_stop_is_a_stop(office: Office):
    """Cancelled in the middle of a message, the reader ends, and so do its lanes."""
    await office.ask("x")
    office.chat.holds[CHANNEL] = asyncio.Event()
    task = asyncio.create_task(
        office.notifier.run(await office.store.hold(READER, "a", seconds=60) or 0)
    )
    await wait_until(lambda: office.chat.calls == 1, "a message is under way")
    task.cancel()
    await asyncio.wait({task}, timeout=1)
    assert task.cancelled()
    assert not [each for each in asyncio.all_tasks() if "lane" in each.get_name()]


async def test_a_stop_waits_until_a_message_under_way_is_noted(office: Office):
    """Posted and not noted would be posted again by the next replica: a stop is no crash."""
    await office.ask("x")
    reached, hold = asyncio.Event(), asyncio.Event()

    async def slow_note(verb: str) -> None:
        if verb == f"keep card {CHANNEL}":
            reached.set()
            await hold.wait()

    office.store.fault = slow_note
    task = asyncio.create_task(
        office.notifier.run(await office.store.hold(READER, "a", seconds=60) or 0)
    )
    async with asyncio.timeout(1):
        await reached.wait()
    task.cancel()
    await asyncio.sleep(0)
    hold.set()
    await asyncio.wait({task}, timeout=1)
    assert task.cancelled()
    await office.store.release(READER, "a")
    await tell_all(office.store, office.reader(holder="b"), holder="b")
    assert 1 == len(office.chat.cards())
