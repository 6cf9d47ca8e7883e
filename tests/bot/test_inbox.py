"""The inbox: what is asked of one person, and nothing that is asked of others."""

from __future__ import annotations

from typing import Any

import pytest

from bot.deciding import Voter
from bot.directory import CachedDirectory, LookupFailed
from bot.inbox import MOST, Inbox, Inboxes
from bot.notifier import READER
from gate import Approval, Desk, Quorum, Terms, Verdict
from gate.testing import FakeClock
from tests.bot.chat import TEAM, FaultyStore, People
from tests.support.factories import pending, route

ANA = Voter(principal="slack:T1:UANA", team=TEAM, user="UANA")
BEN = Voter(principal="slack:T1:UBEN", team=TEAM, user="UBEN")
DAN = Voter(principal="slack:T1:UDAN", team=TEAM, user="UDAN")
BOTH = Terms(channel="C1", quorums=(Quorum(of=(ANA.principal, BEN.principal), needed=2),))


class Office:
    """A store with approvals, and people who look."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FaultyStore(clock=self.clock)
        self.people = People()
        self.desk = Desk(self.store, clock=self.clock)
        self.directory = CachedDirectory(self.people, now=self.clock.monotonic)
        self.inboxes = Inboxes(self.store, self.directory, reader=READER)

    async def ask(self, approval_id: str, terms: Terms | None = None, **fields: Any) -> Approval:
        asked = await self.store.put(pending(id=approval_id, **fields))
        return await self.desk.route(asked.key, terms or route())

    async def look(self, voter: Voter) -> Inbox:
        return await self.inboxes.of(voter, await self.inboxes.pending())


@pytest.fixture
def at() -> Office:
    return Office()


def ids(approvals: tuple[Approval, ...]) -> list[str]:
    return [approval.id for approval in approvals]


async def test_what_needs_somebody(at: Office):
    """Those who are asked see it; nobody else does."""
    await at.ask("x")
    assert ["x"] == ids((await at.look(ANA)).needs_you)
    assert Inbox() == await at.look(DAN)


async def test_what_is_ones_own_is_asked_of_others(at: Office):
    """Whose agent it is does not find it among what needs an answer."""
    await at.ask("x", route(excluded=(ANA.principal,)))
    assert Inbox() == await at.look(ANA)
    assert ["x"] == ids((await at.look(BEN)).needs_you)


async def test_people_of_another_workspace(at: Office):
    """They see what asks them, where the route admits their workspace."""
    eve = Voter(principal="slack:T2:UEVE", team="T2", user="UEVE")
    await at.ask("x", route(Quorum(of=(eve.principal,)), teams=("T2",)))
    await at.ask("y", route(Quorum(of=(eve.principal,))))
    assert ["x"] == ids((await at.look(eve)).needs_you)


async def test_what_somebody_else_wrote_is_left_out(at: Office):
    """Neither asked nor told: what cannot be vouched for is in nobody's inbox."""
    await at.ask("x")
    await at.ask("y")
    flawed = Inboxes(
        at.store,
        at.directory,
        reader=READER,
        flaw=lambda approval: "votes" if approval.id == "x" else None,
    )
    assert ["y"] == ids((await flawed.of(ANA, await flawed.pending())).needs_you)


async def test_what_somebody_has_answered_waits_for_others(at: Office):
    """One's own answer moves it; the other one is still asked."""
    await at.ask("x", BOTH)
    await at.desk.decide("x", Verdict.APPROVE, approver=ANA.principal, seen=True)
    ana, ben = await at.look(ANA), await at.look(BEN)
    assert ([], ["x"]) == (ids(ana.needs_you), ids(ana.waiting))
    assert (["x"], []) == (ids(ben.needs_you), ids(ben.waiting))


async def test_what_was_decided(at: Office):
    """Ended ones come last, the newest first, to those who were asked."""
    for name in ("a", "b", "c"):
        await at.ask(name)
    await at.desk.decide("a", Verdict.DENY, approver=BEN.principal)
    assert ["a"] == ids((await at.look(ANA)).decided)
    await at.desk.cancel("c")
    seen = await at.look(ANA)
    assert (["b"], ["c", "a"]) == (ids(seen.needs_you), ids(seen.decided))
    assert () == (await at.look(DAN)).decided


async def test_what_expired_is_not_asked(at: Office):
    """Past its end nothing waits, though nobody has written the end down yet."""
    await at.ask("x")
    await at.clock.advance(3600)
    assert () == (await at.look(ANA)).needs_you


async def test_through_a_group(at: Office):
    """Who is in a listed group now is asked; a group that is gone asks nobody."""
    at.people.groups = {"SFIN": frozenset({"UDAN"})}
    terms = Terms(channel="C1", quorums=(Quorum(of=("slack:T1:SFIN", "slack:T1:SGONE")),))
    await at.ask("x", terms)
    assert ["x"] == ids((await at.look(DAN)).needs_you)
    assert () == (await at.look(ANA)).needs_you


async def test_who_is_excluded(at: Office):
    """Whom the request itself excludes it does not ask."""
    await at.ask("x", not_by=(ANA.principal,))
    assert Inbox() == await at.look(ANA)
    assert ["x"] == ids((await at.look(BEN)).needs_you)


async def test_more_than_fit(at: Office):
    """Each part is bounded, and how many more there are is counted."""
    for number in range(MOST + 3):
        await at.ask(f"x{number}")
    seen = await at.look(ANA)
    assert (MOST, 3) == (len(seen.needs_you), seen.more)


async def test_whose_answers_cannot_count(at: Office):
    """Somebody of another workspace has an empty inbox; who cannot be looked up has none."""
    await at.ask("x", Terms(channel="C1", quorums=(Quorum(of=("slack:T2:UANA",)),)))
    stranger = Voter(principal="slack:T2:UANA", team="T2", user="UANA")
    assert Inbox() == await at.look(stranger)
    at.people.away = True
    with pytest.raises(LookupFailed):
        await at.look(ANA)


async def test_a_long_log(at: Office):
    """Of a log that is longer than anybody reads, the end is what counts."""
    await at.ask("x")
    for number in range(1100):
        await at.desk.refuse("x", reason="not_approver", principal=f"p{number}", surface="card")
    events = await at.store.read("", limit=10_000)
    fence = await at.store.hold(READER, "a", seconds=60)
    await at.store.advance(READER, events[-1].cursor, fence=fence)
    assert () == (await at.look(ANA)).decided
    await at.desk.cancel("x")
    assert ["x"] == ids((await at.look(ANA)).decided)


async def test_names_that_are_known(at: Office):
    """Only people who were looked up before have names; nobody is looked up for one."""
    asked = await at.ask("x")
    assert {} == at.inboxes.names([asked])
    await at.look(ANA)
    assert {ANA.principal: "UANA"} == at.inboxes.names([asked])
    assert ["UANA"] == at.people.asked
