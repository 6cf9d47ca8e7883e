"""No event that somebody made up is told beside a true record (P10, P20)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.bearing import Bearing, bearing
from gate import (
    Approval,
    ApprovalAmended,
    ApprovalEvent,
    ApprovalGate,
    ApprovalVoted,
    Desk,
    Quorum,
)
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.support.factories import ANA, BEN, CAT, route

DEE = "slack:T1:UDEE"
THREE = route(Quorum(of=(ANA, BEN, CAT, DEE), needed=3), deny_threshold=2)
MINUTE = timedelta(seconds=60)


class Run:
    """One approval, answered by several people a minute after each other."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.store = MemoryStore(clock=clock)
        self.desk = Desk(self.store, clock=clock)
        self.gate = ApprovalGate(self.store, agent="billing", clock=clock)

    async def ask(self) -> None:
        await self.gate.request(
            id="x", name="n", payload={"n": 1}, editable=True, allow_override=True
        )
        await self.desk.route("x", THREE)

    async def answer(self, who: str, verdict: str = "approve", **what: Any) -> Approval:
        await self.clock.advance(60)
        shown = await self.desk.get("x")
        return await self.desk.decide("x", verdict, approver=who, seen=True, shown=shown, **what)

    async def end(self, how: str) -> None:
        if how == "cancelled":
            await self.gate.cancel("x", reason="no longer needed")
        elif how == "expired":
            await self.clock.advance(86_400)
            await self.desk.expire("x")
        else:
            await self.answer(ANA, payload={"n": 2})
            await self.answer(BEN, note="fine")
            await self.answer(CAT)
            await self.gate.consume(await self.gate.wait("x"), payload={"n": 2})
            await self.gate.report("x", seconds=0.5)

    async def events(self) -> list[ApprovalEvent]:
        return [logged.event for logged in await self.store.read("", limit=100)]

    async def says(self, event: ApprovalEvent) -> Bearing:
        return bearing(await self.desk.get("x"), event)

    async def holds(self, event: ApprovalEvent) -> bool:
        return await self.says(event) is Bearing.HELD


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def run(clock: FakeClock) -> Run:
    run = Run(clock)
    await run.ask()
    return run


@pytest.mark.parametrize("how", ["cancelled", "expired", "approved"])
async def test_what_happened_is_told_and_what_did_not_is_not(run: Run, how: str):
    """Each true event is borne out by its record, and no change of what it says is."""
    await run.end(how)
    changed: dict[str, Any] = {
        "principal": DEE,
        "verdict": "deny",
        "channel": "C2",
        "by": "slack:T1:UBOSS",
        "reason": "Ask Dee for the password",
        "undeliverable": "no_route",
        "operation_id": "other",
        "status": "failed",
        "seconds": 9.0,
    }
    kinds = {"onApprovalRequested"}  # changes nothing that a thread tells
    for event in await run.events():
        assert await run.holds(event), event.type
        fields = set(changed) & set(type(event).model_fields)
        assert fields or event.type in kinds | {"onApprovalExpired"}, event.type
        for field in fields:
            forged = event.model_copy(update={field: changed[field]})
            assert not await run.holds(forged), (event.type, field)


@pytest.mark.parametrize("how", ["cancelled", "expired", "approved"])
async def test_no_end_is_told_before_it(run: Run, how: str):
    """An end of another approval, written into the log of this one, is no end."""
    other = Run(FakeClock())
    await other.ask()
    await other.end(how)
    began = {"onApprovalRequested", "onApprovalRouted"}
    ended = [event for event in await other.events() if event.type not in began]
    assert {Bearing.UNTRUE} == {await run.says(event) for event in ended}


async def test_no_words_are_put_into_the_mouth_of_who_answered(run: Run):
    """The note is the one on record, and the time that of the answer."""
    await run.answer(ANA, note="looks fine")
    [event] = [event for event in await run.events() if isinstance(event, ApprovalVoted)]
    assert await run.holds(event)
    for forged in ({"note": "Approve it, Ben"}, {"note": None}, {"at": event.at + MINUTE}):
        assert Bearing.UNTRUE is await run.says(event.model_copy(update=forged))


async def test_an_amendment_makes_no_answers_up(run: Run):
    """It voids yeses that were given before it: no no is among them, and nothing after it.

    Whether one was given nobody can say.
    """
    voided = await run.answer(BEN)
    amended = await run.answer(ANA, payload={"n": 2})
    at = voided.votes[0].at
    say = {"id": "x", "principal": BEN, "at": at}
    assert Bearing.GONE is await run.says(ApprovalVoted(**say, verdict="approve"))
    assert Bearing.GONE is await run.says(
        ApprovalVoted(**say | {"principal": DEE}, verdict="approve")
    )
    assert Bearing.UNTRUE is await run.says(ApprovalVoted(**say, verdict="deny"))
    assert amended.amendment is not None
    later = {**say, "at": amended.amendment.at + MINUTE}
    assert Bearing.UNTRUE is await run.says(ApprovalVoted(**later, verdict="approve"))


async def test_an_answer_that_was_changed_is_on_no_record(run: Run):
    """Before the one that stands its person may have said anything; after it nothing."""
    await run.answer(ANA)
    denied = await run.answer(ANA, "deny")
    say = {"id": "x", "principal": ANA, "verdict": "approve"}
    at = denied.votes[0].at
    assert Bearing.GONE is await run.says(ApprovalVoted(**say, at=at - MINUTE))
    assert Bearing.UNTRUE is await run.says(ApprovalVoted(**say, at=at))
    assert Bearing.UNTRUE is await run.says(ApprovalVoted(**say, at=at + MINUTE))


async def test_a_change_is_told_as_the_one_who_made_it(run: Run):
    """Neither another person nor another change can be told at the time of one on record."""
    await run.answer(ANA, payload={"n": 2})
    [event] = [event for event in await run.events() if isinstance(event, ApprovalAmended)]
    assert await run.holds(event)
    for forged in (
        {"principal": BEN},
        {"override": True},
        {"digest": "0" * 64},
        {"at": event.at + MINUTE},
    ):
        assert Bearing.UNTRUE is await run.says(event.model_copy(update=forged))


async def test_a_change_that_was_changed_is_on_no_record(run: Run):
    """Only the last one is known: who made one before it, and of what, nobody can say."""
    await run.answer(ANA, payload={"n": 2})
    [first] = [event for event in await run.events() if isinstance(event, ApprovalAmended)]
    await run.answer(BEN, override_result="by hand")
    assert Bearing.GONE is await run.says(first)
    assert Bearing.GONE is await run.says(first.model_copy(update={"principal": DEE}))


async def test_going_back_to_what_was_asked_is_held_by_the_yes_to_it(run: Run):
    """Then no amendment is left; the yes that came with it says who asked again, and when."""
    await run.answer(ANA, payload={"n": 2})
    await run.answer(BEN, payload={"n": 1})
    _, back = [event for event in await run.events() if isinstance(event, ApprovalAmended)]
    assert await run.holds(back)
    assert Bearing.UNTRUE is await run.says(back.model_copy(update={"principal": DEE}))
    earlier = back.model_copy(update={"at": back.at - MINUTE})
    assert Bearing.GONE is await run.says(earlier)


async def test_whose_edit_was_decided_is_signed(run: Run):
    """The decision has no amendment; its editor said the first yes to it."""
    await run.end("approved")
    [event] = [event for event in await run.events() if isinstance(event, ApprovalAmended)]
    assert await run.holds(event)
    for forged in ({"principal": BEN}, {"digest": "0" * 64}, {"at": event.at - MINUTE}):
        assert Bearing.GONE is await run.says(event.model_copy(update=forged))
    votes = (await run.desk.get("x")).votes
    for vote in votes[1:]:
        joined = event.model_copy(update={"principal": vote.principal, "at": vote.at})
        assert Bearing.UNTRUE is await run.says(joined)


async def test_nothing_is_changed_after_the_decision(run: Run):
    """Who could write events could else tell of answers to what is decided."""
    await run.end("approved")
    at = run.clock.now() + MINUTE
    forged = ApprovalAmended(id="x", at=at, principal=DEE, digest="0" * 64)
    assert Bearing.UNTRUE is await run.says(forged)
    said = ApprovalVoted(id="x", at=at, principal=DEE, verdict="approve")
    assert Bearing.UNTRUE is await run.says(said)
