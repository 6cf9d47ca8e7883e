"""No event that somebody made up is told beside a true record (P10, P20)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.bearing import bears_out
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

    async def told(self, event: ApprovalEvent) -> bool:
        return bears_out(await self.desk.get("x"), event)


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
        assert await run.told(event), event.type
        fields = set(changed) & set(type(event).model_fields)
        assert fields or event.type in kinds | {"onApprovalExpired"}, event.type
        for field in fields:
            if field == "principal" and isinstance(event, ApprovalAmended):
                continue  # after the decision no record says whose change it was
            forged = event.model_copy(update={field: changed[field]})
            assert not await run.told(forged), (event.type, field)


@pytest.mark.parametrize("how", ["cancelled", "expired", "approved"])
async def test_no_end_is_told_before_it(run: Run, how: str):
    """An end of another approval, written into the log of this one, is no end."""
    other = Run(FakeClock())
    await other.ask()
    await other.end(how)
    began = {"onApprovalRequested", "onApprovalRouted"}
    ended = [event for event in await other.events() if event.type not in began]
    assert [] == [event.type for event in ended if await run.told(event)]


async def test_no_words_are_put_into_the_mouth_of_who_answered(run: Run):
    """The note is the one on record, and the time that of the answer."""
    await run.answer(ANA, note="looks fine")
    [event] = [event for event in await run.events() if isinstance(event, ApprovalVoted)]
    assert await run.told(event)
    for forged in ({"note": "Approve it, Ben"}, {"note": None}, {"at": event.at + MINUTE}):
        assert not await run.told(event.model_copy(update=forged))


async def test_an_amendment_makes_no_answers_up(run: Run):
    """It voids yeses that were given before it: no no is among them, and nothing after it."""
    voided = await run.answer(BEN)
    amended = await run.answer(ANA, payload={"n": 2})
    at = voided.votes[0].at
    say = {"id": "x", "principal": BEN, "at": at}
    assert await run.told(ApprovalVoted(**say, verdict="approve"))
    assert not await run.told(ApprovalVoted(**say, verdict="deny"))
    assert amended.amendment is not None
    later = {**say, "at": amended.amendment.at + MINUTE}
    assert not await run.told(ApprovalVoted(**later, verdict="approve"))


async def test_a_change_is_told_as_the_one_who_made_it(run: Run):
    """Neither another person nor another change can be told at the time of one on record."""
    await run.answer(ANA, payload={"n": 2})
    [event] = [event for event in await run.events() if isinstance(event, ApprovalAmended)]
    assert await run.told(event)
    for forged in ({"principal": BEN}, {"override": True}, {"digest": "0" * 64}):
        assert not await run.told(event.model_copy(update=forged))
    assert not await run.told(event.model_copy(update={"at": event.at + MINUTE}))


async def test_nothing_is_changed_after_the_decision(run: Run):
    """Who could write events could else tell of answers to what is decided."""
    await run.end("approved")
    at = run.clock.now() + MINUTE
    forged = ApprovalAmended(id="x", at=at, principal=DEE, digest="0" * 64)
    assert not await run.told(forged)
    assert not await run.told(ApprovalVoted(id="x", at=at, principal=DEE, verdict="approve"))
