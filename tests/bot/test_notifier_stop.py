"""The outbox's reader at a stop in order: it finishes what it has begun, and begins nothing."""

from __future__ import annotations

import asyncio

import pytest

from bot.messenger import DeliveryFailed
from bot.notifier import READER
from gate import StoreUnavailable
from tests.bot.chat import CHANNEL, tell_all
from tests.bot.test_notifier import Office
from tests.support.waiting import wait_until


@pytest.fixture
def office() -> Office:
    return Office()


async def _reading(office: Office) -> asyncio.Task[None]:
    fence = await office.store.hold(READER, "a", seconds=60)
    return asyncio.create_task(office.notifier.run(fence or 0))


async def test_winding_up_ends_what_is_under_way_and_begins_nothing(office: Office):
    """The message that is being sent is sent and noted; the next ones are the next reader's."""
    for number in range(3):
        await office.ask(f"id-{number}")
    office.chat.holds[CHANNEL] = asyncio.Event()
    task = await _reading(office)
    await wait_until(lambda: office.chat.calls == 1, "the first card is under way")
    stop = asyncio.create_task(office.notifier.wind_up(patience=5))
    done, _ = await asyncio.wait({stop}, timeout=0.05)
    assert set() == done, "it waits for the card"
    office.chat.holds[CHANNEL].set()
    async with asyncio.timeout(1):
        await stop
    assert 1 == len(office.chat.cards())
    assert CHANNEL == (await office.store.cards("id-0"))["card"].split(" ")[0]
    task.cancel()
    await asyncio.wait({task})
    await office.store.release(READER, "a")
    await tell_all(office.store, office.reader(holder="b"), holder="b")
    assert 3 == len(office.chat.cards())


async def test_winding_up_waits_for_a_note_that_the_store_does_not_take(office: Office):
    """Sent and refused by the store, a card is noted before the lease is given up."""
    await office.ask("x")
    refused: list[str] = []
    back = asyncio.Event()

    async def away(verb: str) -> None:
        if verb == f"keep card {CHANNEL}" and not back.is_set():
            refused.append(verb)
            raise StoreUnavailable(verb, cause="read-only")

    office.store.fault = away
    task = await _reading(office)
    await wait_until(lambda: refused, "the note is refused")
    stop = asyncio.create_task(office.notifier.wind_up(patience=5))
    done, _ = await asyncio.wait({stop}, timeout=0.02)
    assert set() == done, "it waits for the note"
    back.set()
    async with asyncio.timeout(2):
        await stop
    task.cancel()
    await asyncio.wait({task})
    await office.store.release(READER, "a")
    await tell_all(office.store, office.reader(holder="b"), holder="b")
    assert 1 == len(office.chat.cards())


async def test_winding_up_has_an_end(office: Office):
    """A chat that never answers does not keep the bot from stopping."""
    await office.ask("x")
    office.chat.holds[CHANNEL] = asyncio.Event()
    task = await _reading(office)
    await wait_until(lambda: office.chat.calls == 1, "a card is under way")
    async with asyncio.timeout(1):
        await office.notifier.wind_up(patience=0.02)
    task.cancel()
    await asyncio.wait({task})


async def test_winding_up_where_nothing_is_under_way(office: Office):
    """It does not wait for what waits itself for a chat that is away."""
    await office.ask("x")

    def away(verb: str, number: int) -> None:
        raise DeliveryFailed("unreachable", retry_after=60)

    office.chat.before = away
    task = await _reading(office)
    await wait_until(lambda: office.chat.calls == 1, "a card was tried")
    async with asyncio.timeout(1):
        await office.notifier.wind_up(patience=60)
    task.cancel()
    await asyncio.wait({task})
