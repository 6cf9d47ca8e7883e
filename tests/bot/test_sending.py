"""Sending once: looked for where it may be there already, and not where it is certain."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.messenger import DeliveryFailed, Mark, Message, Posted
from bot.sending import Sending
from tests.bot.chat import CHANNEL, Chat

MARK = Mark("card", "x", "nonce", "card")
HELLO = Message("hello")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


class Closed(Chat):
    """A chat whose search fails."""

    async def find(self, *_: object, **__: object) -> list[Posted]:
        self.looks += 1
        raise DeliveryFailed("internal_error", uncertain=True)


async def test_a_search_that_never_works_is_given_up():
    """Twice it is tried again; then people are asked, even if it were the second time."""
    chat = Closed()
    sending = Sending(chat)
    for _ in range(2):
        with pytest.raises(DeliveryFailed):
            await sending.find(CHANNEL, mark=MARK, since=SINCE)
    assert () == await sending.find(CHANNEL, mark=MARK, since=SINCE)
    assert 3 == chat.looks


async def test_an_uncertain_failure_is_looked_for_again():
    """Only the last attempt counts: certain at first, uncertain then."""
    chat = Chat()
    chat.remembers = True
    sending = Sending(chat)
    failures = [
        DeliveryFailed("ratelimited", retry_after=0.0),
        DeliveryFailed("timeout", uncertain=True),
    ]

    def fail(_: str, number: int) -> None:
        raise failures[number - 1]

    chat.after = fail
    with pytest.raises(DeliveryFailed):
        await sending.post(CHANNEL, HELLO, mark=MARK)
    assert () == await sending.find(CHANNEL, mark=MARK, since=SINCE)
    with pytest.raises(DeliveryFailed):
        await sending.post(CHANNEL, HELLO, mark=MARK)
    assert 2 == len(await sending.find(CHANNEL, mark=MARK, since=SINCE))


async def test_what_is_given_up_is_forgotten():
    """Nothing is remembered for ever of approvals that ended."""
    chat = Chat()
    sending = Sending(chat)

    def fail(_: str, number: int) -> None:
        raise DeliveryFailed("is_archived", permanent=True)

    chat.before = fail
    with pytest.raises(DeliveryFailed):
        await sending.post(CHANNEL, HELLO, mark=MARK)
    sending.forget("x")
    chat.remembers = True
    await sending.find(CHANNEL, mark=MARK, since=SINCE)
    assert 1 == chat.looks
