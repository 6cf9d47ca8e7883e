"""Private answers: one for each attempt, from the event, whatever else is missing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.answering import PrivateAnswers, owed_at
from bot.messenger import DeliveryFailed, Message
from bot.slack.render import notice
from gate import (
    ApprovalAnswer,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalResolved,
    ApprovalVoted,
    Desk,
    LoggedEvent,
    Quorum,
    StoreUnavailable,
    Verdict,
)
from gate.testing import FakeClock
from tests.bot.chat import Chat, FaultyStore
from tests.support.factories import BEN, START, pending, route

ANA = "slack:T1:UANA"


class Ear(Chat):
    """A chat that keeps what single people are told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str, str]] = []
        self.fails: DeliveryFailed | None = None

    async def tell(self, channel: str, person: str, message: Message) -> None:
        if self.fails is not None:
            raise self.fails
        self.told.append((channel, person, message.text))


class Desktop:
    """A record, a chat, and what tells its events."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FaultyStore(clock=self.clock)
        self.chat = Ear()
        self.desk = Desk(self.store, clock=self.clock)
        self.named: list[set[str]] = []
        self.answers = PrivateAnswers(self.chat, self.desk, notice, self._names)

    def _names(self, principals: Any) -> dict[str, str]:
        self.named.append(set(principals))
        return {"slack:T1:UBEN": "Ben the second"}


@pytest.fixture
def at() -> Desktop:
    return Desktop()


def refused(cursor: str = "1", **changes: Any) -> LoggedEvent:
    fields = {
        "id": "x",
        "at": START,
        "principal": ANA,
        "reason": "not_approver",
        "surface": "card",
        "place": "C1",
        "attempt": "a",
    }
    return LoggedEvent(cursor, ApprovalRefused(**fields | changes))


async def test_one_message_for_an_attempt(at: Desktop):
    """However many events an attempt leaves, its person hears of it once."""
    await at.answers.tell(refused("1"))
    await at.answers.tell(refused("2", reason="already_answered"))
    await at.answers.tell(refused("3", attempt="b"))
    assert [("C1", "UANA")] * 2 == [told[:2] for told in at.chat.told]


async def test_without_an_attempt_each_event_counts(at: Desktop):
    """An event without an attempt is its own."""
    await at.answers.tell(refused("1", attempt=None))
    await at.answers.tell(refused("1", attempt=None))
    await at.answers.tell(refused("2", attempt=None))
    assert 2 == len(at.chat.told)


async def test_the_record_gives_the_words(at: Desktop):
    """Who may answer is said, by names that are known and without asking anybody."""
    asked = await at.store.put(pending(id="x"))
    await at.desk.route(asked.key, route())
    await at.answers.tell(refused())
    [(_, _, text)] = at.chat.told
    assert "not among" in text
    assert at.named[-1] == {of for quorum in route().quorums for of in quorum.of}


async def test_a_record_that_is_gone(at: Desktop):
    """The answer is given all the same."""
    await at.answers.tell(refused(reason="approval_not_found"))
    [(_, _, text)] = at.chat.told
    assert "not known" in text


async def test_a_personal_place_is_a_direct_message(at: Desktop):
    """Who used something of their own is written to directly."""
    await at.answers.tell(refused(place="UANA"))
    assert [] == at.chat.told
    assert ["UANA"] == [channel for channel, _, _ in at.chat.messages.values()]


@pytest.mark.parametrize(
    "logged",
    [
        refused(place=None),
        refused(principal=None),
        LoggedEvent("1", ApprovalRequested(id="x", at=START, agent="a", name="n", digest="0" * 64)),
    ],
)
async def test_what_is_owed_to_nobody(at: Desktop, logged: LoggedEvent):
    """Events of others, and of the command line, are told to nobody in private."""
    assert owed_at(logged) is None
    await at.answers.tell(logged)
    assert [] == at.chat.told


async def test_nobody_in_the_chat(at: Desktop):
    """A principal that is no person of the chat is told nothing."""
    await at.answers.tell(refused(principal="cli:ana"))
    assert [] == at.chat.told


async def test_what_fails_may_be_told_again(at: Desktop):
    """The caller learns of it; the attempt counts as told only when the chat has taken it."""
    at.chat.fails = DeliveryFailed("ratelimited", retry_after=1)
    with pytest.raises(DeliveryFailed):
        await at.answers.tell(refused())
    at.chat.fails = None
    await at.answers.tell(refused())
    assert 1 == len(at.chat.told)


async def test_a_store_that_is_away(at: Desktop):
    """Words are not made without the record while it may be there."""

    async def away(verb: str) -> None:
        raise StoreUnavailable(verb, cause="gone")

    at.store.fault = away
    with pytest.raises(StoreUnavailable):
        await at.answers.tell(refused())


def test_what_an_answer_is():
    """Votes, decisions and refusals alike say where they are told."""
    event = refused().event
    assert isinstance(event, ApprovalAnswer)
    assert "C1" == owed_at(refused())


@pytest.mark.parametrize("kind", [ApprovalVoted, ApprovalResolved])
@pytest.mark.parametrize(
    ("principal", "verdict", "told"),
    [(ANA, "deny", 1), (ANA, "approve", 0), ("slack:T1:UBEN", "deny", 0)],
)
async def test_an_answer_is_told_only_if_the_record_holds_it(
    at: Desktop,
    kind: type[ApprovalVoted | ApprovalResolved],
    principal: str,
    verdict: Verdict,
    told: int,
):
    """Who can write into the log makes nobody believe that their answer counts."""
    asked = await at.store.put(pending(id="x"))
    await at.desk.route(asked.key, route())
    event = kind(id="x", at=START, principal=principal, verdict=verdict, place="C1", attempt="a")
    await at.answers.tell(LoggedEvent("1", event))
    assert [] == at.chat.told
    await at.desk.decide(asked.key, Verdict.DENY, approver=ANA)
    await at.answers.tell(LoggedEvent("1", event))
    assert told == len(at.chat.told)


async def test_each_of_two_answers_of_one_person_is_told_once(at: Desktop):
    """Yes, then no, before anybody was told: two clicks, two answers, the first one as replaced."""
    asked = await at.store.put(pending(id="x"))
    await at.desk.route(asked.key, route(Quorum(of=(ANA, BEN), needed=2), deny_threshold=2))
    for verdict, attempt in ((Verdict.APPROVE, "a"), (Verdict.DENY, "b")):
        await at.clock.advance(1)
        await at.desk.decide(
            asked.key, verdict, approver=ANA, seen=True, place="C1", attempt=attempt
        )
    for _ in range(2):
        for logged in await at.store.read(""):
            await at.answers.tell(logged)
    first, second = (text for _, _, text in at.chat.told)
    assert "Your answer was recorded: *approve*. You have changed it since" in first
    assert "what counts is *reject*" in first
    assert "Your answer is recorded: *reject*" in second


async def test_an_answer_that_was_made_up_is_not_told_as_replaced(at: Desktop):
    """Only one from before the person's own can have been replaced by it."""
    asked = await at.store.put(pending(id="x"))
    await at.desk.route(asked.key, route(Quorum(of=(ANA, BEN), needed=2), deny_threshold=2))
    await at.desk.decide(asked.key, Verdict.DENY, approver=ANA)
    later = (await at.desk.get("x")).votes[0].at + timedelta(seconds=1)
    for kind, when in ((ApprovalVoted, later), (ApprovalResolved, START - timedelta(seconds=1))):
        event = kind(id="x", at=when, principal=ANA, verdict=Verdict.APPROVE, place="C1")
        await at.answers.tell(LoggedEvent("1", event))
    assert [] == at.chat.told


@pytest.mark.parametrize("kind", [ApprovalVoted, ApprovalResolved])
async def test_an_answer_without_a_record_is_told_to_nobody(
    at: Desktop, kind: type[ApprovalVoted | ApprovalResolved]
):
    """What no record holds is not said to be recorded."""
    event = kind(id="y", at=START, principal=ANA, verdict=Verdict.DENY, place="C1")
    await at.answers.tell(LoggedEvent("1", event))
    assert [] == at.chat.told
