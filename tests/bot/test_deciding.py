"""Deciding: whose answer counts, in bounded time, with every refusal said and put on record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.deciding import Answers, Attempt, Budgets, Voter, why_not
from bot.directory import CachedDirectory
from gate import (
    AlreadyDecided,
    Approval,
    ApprovalNotFound,
    ApprovalRefused,
    ApprovalResolved,
    ApprovalStatus,
    Desk,
    NotAllowed,
    Offer,
    Quorum,
    Rung,
    StoreUnavailable,
    Terms,
    Unconfirmed,
    Verdict,
)
from gate.testing import FakeClock
from tests.bot.chat import TEAM, FaultyStore, People
from tests.support.factories import pending, route

ANA = Voter(principal="slack:T1:UANA", team=TEAM, user="UANA")
BEN = Voter(principal="slack:T1:UBEN", team=TEAM, user="UBEN")
DAN = Voter(principal="slack:T1:UDAN", team=TEAM, user="UDAN")
SHORT = Budgets(read=0.01, lookup=0.01, write=0.01, record=0.01)


def by(voter: Voter, surface: str = "card") -> Attempt:
    """Return a use of a button by somebody who is told in a channel."""
    return Attempt(voter, surface, place="C1" if voter.user else None, id=f"use of {surface}")


class Desktop:
    """One approval before people who answer."""

    def __init__(self, *, budgets: Budgets | None = None) -> None:
        self.clock = FakeClock()
        self.store = FaultyStore(clock=self.clock)
        self.people = People()
        self.desk = Desk(self.store, clock=self.clock)
        self.answers = Answers(
            self.desk,
            directory=CachedDirectory(self.people, now=self.clock.monotonic),
            budgets=budgets or Budgets(),
        )

    async def ask(self, terms: Terms | None = None, **fields: Any) -> Approval:
        asked = await self.store.put(pending(**fields))
        return await self.desk.route(asked.key, terms or route())

    async def refusals(self) -> list[tuple[str | None, str, str]]:
        self.store.fault = None
        return [
            (logged.event.principal, logged.event.reason, logged.event.surface)
            for logged in await self.store.read("")
            if isinstance(logged.event, ApprovalRefused)
        ]


@pytest.fixture
def at() -> Desktop:
    return Desktop()


@pytest.fixture
def hurried() -> Desktop:
    return Desktop(budgets=SHORT)


async def never(_: str) -> None:
    """A store that takes the question and never answers."""
    await asyncio.Event().wait()


def only(verb: str) -> Any:
    """Return a fault that never answers one verb."""

    async def fault(asked: str) -> None:
        if asked == verb:
            await asyncio.Event().wait()

    return fault


async def test_a_listed_person_decides(at: Desktop):
    """A live person on the list decides; nothing is refused."""
    answer = await at.answers.answer(await at.ask(), by(ANA), Verdict.APPROVE, seen=True)
    assert answer.refused is None
    assert answer.approval is not None
    assert (ApprovalStatus.APPROVED, ANA.principal) == (
        answer.approval.status,
        answer.approval.approver,
    )
    assert [] == await at.refusals()


async def test_repeating_ones_own_answer_is_no_refusal(at: Desktop):
    """A doubled click has one effect and the same answer twice."""
    asked = await at.ask()
    first = await at.answers.answer(asked, by(ANA), Verdict.APPROVE, seen=True)
    second = await at.answers.answer(asked, by(ANA), Verdict.APPROVE, seen=True)
    assert first == second
    assert [(ANA.principal, "already_answered", "card")] == await at.refusals()


async def test_somebody_else_is_refused_and_recorded(at: Desktop):
    """Who is not on the list changes nothing, and it is on record who tried."""
    asked = await at.ask()
    answer = await at.answers.answer(asked, by(DAN), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, NotAllowed)
    assert "not_approver" == answer.refused.reason
    assert [(DAN.principal, "not_approver", "card")] == await at.refusals()
    assert ApprovalStatus.PENDING is (await at.desk.get(asked.key)).status


async def test_a_late_answer_learns_the_winner(at: Desktop):
    """The loser of a race gets the record that won, and the attempt is on record."""
    asked = await at.ask()
    await at.desk.decide(asked.key, "deny", approver="slack:T1:UBEN")
    answer = await at.answers.answer(asked, by(ANA, "modal"), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, AlreadyDecided)
    assert ApprovalStatus.REJECTED is answer.refused.approval.status
    assert [(ANA.principal, "already_decided", "modal")] == await at.refusals()


async def test_an_answer_after_the_end_is_refused(at: Desktop):
    """Past its end an approval is expired, whether somebody wrote that down or not."""
    asked = await at.ask()
    await at.clock.advance(3600)
    answer = await at.answers.answer(asked, by(ANA), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, AlreadyDecided)
    assert ApprovalStatus.EXPIRED is answer.refused.approval.status


async def test_an_unrouted_approval_is_not_decided(at: Desktop):
    """Before the operator's side has said who may answer, nobody may."""
    asked = await at.store.put(pending())
    for answer in (
        await at.answers.answer(asked, by(ANA), Verdict.APPROVE, seen=True),
        await at.answers.admit(asked, by(ANA)),
    ):
        assert isinstance(answer.refused, NotAllowed)
        assert "not_routed" == answer.refused.reason


@pytest.mark.parametrize("away", [True, False])
async def test_who_cannot_be_checked_is_refused(hurried: Desktop, away: bool):
    """A directory that fails, or never answers, is a refusal within the budget."""
    asked = await hurried.ask()
    hurried.people.away = away
    hurried.people.hold = None if away else asyncio.Event()
    answer = await hurried.answers.answer(asked, by(ANA), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, NotAllowed)
    assert "not_checked" == answer.refused.reason
    assert [(ANA.principal, "not_checked", "card")] == await hurried.refusals()
    assert ApprovalStatus.PENDING is (await hurried.desk.get(asked.key)).status


async def test_a_person_without_a_directory_is_refused(at: Desktop):
    """Somebody from the chat is never taken unchecked."""
    asked = await at.ask()
    answer = await Answers(at.desk).answer(asked, by(ANA), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, NotAllowed)
    assert "not_checked" == answer.refused.reason


async def test_nobody_from_outside(at: Desktop):
    """Who is no member of the workspace is refused, also if the list should name them."""
    stranger = Voter(principal="slack:T2:UEVE", team="T2", user="UEVE")
    asked = await at.ask(route(Quorum(of=("slack:T2:UEVE",))))
    answer = await at.answers.answer(asked, by(stranger), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, NotAllowed)
    assert "not_member" == answer.refused.reason


async def test_groups_count_at_click_time(at: Desktop):
    """Who is in a listed group may answer; who is in none of them may not."""
    at.people.groups = {"SFIN": frozenset({"UANA"})}
    asked = await at.ask(route(Quorum(of=("slack:T1:SFIN",))))
    answer = await at.answers.answer(asked, by(DAN), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, NotAllowed)
    answer = await at.answers.answer(asked, by(ANA), Verdict.APPROVE, seen=True)
    assert answer.refused is None
    assert answer.approval is not None
    assert ("slack:T1:SFIN",) == answer.approval.votes[0].groups


async def test_who_is_listed_by_name_needs_no_group(at: Desktop):
    """A group that cannot be looked up keeps nobody out who is listed beside it."""
    asked = await at.ask(route(Quorum(of=("slack:T1:UANA", "slack:T1:SGONE"))))
    answer = await at.answers.answer(asked, by(DAN), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, NotAllowed)
    assert "not_checked" == answer.refused.reason
    answer = await at.answers.answer(asked, by(ANA), Verdict.APPROVE, seen=True)
    assert answer.refused is None


async def test_groups_of_another_team_are_not_looked_into(at: Desktop):
    """A group id counts only in its own workspace."""
    at.people.groups = {"SFIN": frozenset({"UANA"})}
    asked = await at.ask(route(Quorum(of=("slack:T2:SFIN",))))
    answer = await at.answers.answer(asked, by(ANA), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, NotAllowed)
    assert ["UANA"] == at.people.asked


EVE = Voter(principal="slack:T2:UEVE", team="T2", user="UEVE")


@pytest.mark.parametrize("named", [EVE.principal, "slack:T1:SFIN"])
async def test_people_of_another_workspace_count_where_the_route_admits_it(at: Desktop, named: str):
    """A stranger is refused, asked or not, unless the route lists the stranger's workspace."""
    at.people.groups = {"SFIN": frozenset({"UEVE"})}
    for number, (teams, may) in enumerate([((), False), (("T3",), False), (("T2",), True)]):
        asked = await at.ask(route(Quorum(of=(named,)), teams=teams), approval_id=f"a{number}")
        answer = await at.answers.answer(asked, by(EVE), Verdict.APPROVE, seen=True)
        assert may is (answer.refused is None), teams
        if not may:
            assert isinstance(answer.refused, NotAllowed)
            assert "not_member" == answer.refused.reason


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.DENY])
async def test_whose_agent_it_is_may_not_decide(at: Desktop, verdict: Verdict):
    """The owner is refused by that word, at the button and at the form, listed or not."""
    asked = await at.ask(route(excluded=(ANA.principal,)))
    for answer in (
        await at.answers.admit(asked, by(ANA)),
        await at.answers.answer(asked, by(ANA, "form"), verdict, seen=True),
    ):
        assert isinstance(answer.refused, NotAllowed)
        assert "self_approval" == answer.refused.reason
    assert ["card", "form"] == [surface for _, _, surface in await at.refusals()]


def test_why_not_knows_people_in_every_workspace():
    """What a person is told before they answer is what their answer would get."""
    elsewhere = ANA.principal.replace(":T", ":T9")
    asked = pending(terms=route(Quorum(of=(elsewhere,)), excluded=(ANA.principal,)))
    assert "self_approval" == why_not(asked, elsewhere, ())
    asked = pending(terms=route(Quorum(of=(elsewhere,))), not_by=(ANA.principal,))
    assert "not_by" == why_not(asked, elsewhere, ())


async def test_whom_the_ladder_added_may_decide(at: Desktop):
    """Nobody else before its time; from then on, also at the first look."""
    ladder = (Rung(after=60, action="widen", also=(DAN.principal,)),)
    asked = await at.ask(route(ladder=ladder))
    refused = (await at.answers.admit(asked, by(DAN))).refused
    assert isinstance(refused, NotAllowed)
    await at.clock.advance(60)
    wider = await at.desk.climb(asked.key)
    assert (await at.answers.admit(wider, by(DAN))).refused is None
    answer = await at.answers.answer(wider, by(DAN), Verdict.APPROVE, seen=True)
    assert answer.refused is None


@pytest.mark.parametrize("surface", ["form", "review"])
async def test_who_left_while_a_form_was_open_is_refused(at: Desktop, surface: str):
    """P9: a form is judged by who somebody is when it is sent, not when it was opened."""
    at.people.groups = {"SFIN": frozenset({"UANA"})}
    asked = await at.ask(route(Quorum(of=("slack:T1:SFIN",))))
    assert (await at.answers.admit(asked, by(ANA))).refused is None
    at.people.groups = {"SFIN": frozenset()}
    answer = await at.answers.answer(asked, by(ANA, surface), Verdict.DENY)
    assert isinstance(answer.refused, NotAllowed)
    assert "not_approver" == answer.refused.reason


async def test_a_store_that_never_answers_a_look(hurried: Desktop):
    """Reading is bounded, and nothing was changed."""
    asked = await hurried.ask()
    hurried.store.fault = never
    with pytest.raises(StoreUnavailable):
        await hurried.answers.look(asked.key)


async def test_a_write_without_an_answer_is_unconfirmed(hurried: Desktop):
    """What may have been written is neither a yes nor a no."""
    asked = await hurried.ask()
    hurried.store.fault = only("patch")
    answer = await hurried.answers.answer(asked, by(ANA), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, Unconfirmed)
    assert [] == await hurried.refusals()


async def test_a_store_that_is_away_is_said(at: Desktop):
    """Where nothing was written, that is what the person hears."""
    asked = await at.ask()

    async def away(verb: str) -> None:
        raise StoreUnavailable(verb, cause="gone")

    at.store.fault = away
    answer = await at.answers.answer(asked, by(ANA), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, StoreUnavailable)


async def test_a_refusal_stands_where_it_cannot_be_recorded(hurried: Desktop):
    """The log being away makes nobody's answer count."""
    asked = await hurried.ask()
    hurried.store.fault = only("append")
    answer = await hurried.answers.answer(asked, by(DAN), Verdict.APPROVE, seen=True)
    assert isinstance(answer.refused, NotAllowed)


async def test_what_is_not_there_is_said(at: Desktop):
    """An approval that vanished between look and answer is not found."""
    answer = await at.answers.answer(pending(), by(ANA), Verdict.APPROVE, seen=True)
    # Unrouted as it is passed here; a directory that fails must not hide it either.
    assert isinstance(answer.refused, ApprovalNotFound)
    assert answer.approval is None
    with pytest.raises(ApprovalNotFound):
        await at.answers.look("nowhere")


async def test_admission_before_anything_is_decided(at: Desktop):
    """Who may answer leaves no trace; who may not is on record, and told from there."""
    asked = await at.ask(not_by=("slack:T1:UBEN",))
    before = len(await at.store.read(""))
    assert (await at.answers.admit(asked, by(ANA))).refused is None
    assert before == len(await at.store.read(""))
    ben = Voter(principal="slack:T1:UBEN", team=TEAM, user="UBEN")
    for voter in (DAN, ben):
        refused = await at.answers.admit(asked, by(voter))
        assert isinstance(refused.refused, NotAllowed)
        assert refused.recorded
    await at.desk.cancel(asked.key)
    late = await at.answers.admit(await at.desk.get(asked.key), by(ANA))
    assert isinstance(late.refused, AlreadyDecided)
    assert [
        (DAN.principal, "not_approver", "card"),
        (ben.principal, "not_by", "card"),
        (ANA.principal, "already_decided", "card"),
    ] == await at.refusals()


async def test_what_was_not_seen_is_not_approved(at: Desktop):
    """Without all of it beside the button there is no approval; the surface says so, no event."""
    asked = await at.ask()
    answer = await at.answers.answer(asked, by(ANA), Verdict.APPROVE)
    assert isinstance(answer.refused, NotAllowed)
    assert ("incomplete_view", False) == (answer.refused.reason, answer.recorded)
    assert [(ANA.principal, "incomplete_view", "card")] == await at.refusals()
    refused = [e.event for e in await at.store.read("") if isinstance(e.event, ApprovalRefused)]
    assert [None] == [event.place for event in refused]
    answer = await at.answers.answer(asked, by(ANA), Verdict.DENY)
    assert answer.refused is None


async def test_what_was_seen_page_by_page_is_approved_and_on_record(at: Desktop):
    """The view goes on record before the answer, by the same person, from the same surface."""
    asked = await at.ask()
    answer = await at.answers.answer(asked, by(ANA, "review"), Verdict.APPROVE, viewed=True)
    assert answer.refused is None
    assert ["ApprovalRouted", "ApprovalViewed", "ApprovalResolved"] == [
        type(logged.event).__name__ for logged in await at.store.read("")
    ]
    found = await at.desk.get(asked.key)
    assert [(ANA.principal, asked.digest)] == [(v.principal, v.digest) for v in found.views]


async def test_who_may_not_answer_leaves_no_view(at: Desktop):
    """A view counts only for those who are asked."""
    asked = await at.ask()
    answer = await at.answers.answer(asked, by(DAN, "review"), Verdict.APPROVE, viewed=True)
    assert isinstance(answer.refused, NotAllowed)
    assert () == (await at.desk.get(asked.key)).views


async def test_an_answer_says_where_it_is_told(at: Desktop):
    """Place and attempt stand in the event, from which the person is told."""
    asked = await at.ask()
    answer = await at.answers.answer(asked, by(ANA), Verdict.APPROVE, seen=True)
    assert answer.recorded
    [event] = [e.event for e in await at.store.read("") if isinstance(e.event, ApprovalResolved)]
    assert ("C1", "use of card") == (event.place, event.attempt)


async def test_an_edit_is_a_yes_to_what_was_edited(at: Desktop):
    """The edited arguments are what is decided, and the surface is one that is looked up anew."""
    asked = await at.ask(editable=True)
    attempt = by(ANA, "edit")
    answer = await at.answers.answer(
        asked, attempt, Verdict.APPROVE, seen=True, payload={"user_id": 43}
    )
    assert answer.approval is not None
    assert (ApprovalStatus.APPROVED, {"user_id": 43}) == (
        answer.approval.status,
        answer.approval.effective_payload,
    )


async def test_a_result_in_place_of_the_run(at: Desktop):
    """It is decided with a yes, and a race with an edit is refused as out of date."""
    asked = await at.ask(
        route(Quorum(of=(ANA.principal, "slack:T1:UBEN"), needed=2)),
        editable=True,
        allow_override=True,
    )
    said = await at.answers.answer(
        asked, by(ANA, "answer"), Verdict.APPROVE, seen=True, override_result="by hand"
    )
    assert said.approval is not None
    assert "by hand" == said.approval.proposed_result
    late = await at.answers.answer(asked, by(BEN), Verdict.APPROVE, seen=True)
    assert isinstance(late.refused, NotAllowed)
    assert ("stale_card", True) == (late.refused.reason, late.recorded)


@pytest.mark.parametrize("further", ["edit", "override", "skip"])
async def test_a_further_answer_has_to_be_offered(at: Desktop, further: Offer):
    """Request and route both have to allow it, and the word of the refusal says which answer."""
    allowing = {"editable": True, "allow_override": True}
    for terms, fields in ((route(answers=()), allowing), (route(answers=("edit", "override")), {})):
        asked = await at.ask(terms, id=f"x{len(fields)}", **fields)
        refused = (await at.answers.admit(asked, by(ANA), further=further)).refused
        assert isinstance(refused, NotAllowed)
        assert f"{further}_not_allowed" == refused.reason
        assert (await at.answers.admit(asked, by(ANA))).refused is None
    asked = await at.ask(route(), id="open", **allowing)
    assert (await at.answers.admit(asked, by(ANA), further=further)).refused is None


async def test_the_command_line_asks_no_directory(at: Desktop):
    """A login name counts where the route lists it."""
    voter = Voter(principal="cli:ana")
    asked = await at.ask(route(Quorum(of=("cli:ana",))))
    answer = await Answers(at.desk).answer(asked, by(voter, "cli"), Verdict.DENY, note="no")
    assert answer.refused is None
    assert answer.approval is not None
    assert ApprovalStatus.REJECTED is answer.approval.status


def test_the_budgets_fit_into_what_slack_waits():
    """All steps of the longest way together end before Slack's 3 seconds."""
    budgets = Budgets()
    assert 3.0 > budgets.read + budgets.lookup + budgets.write + budgets.record + 0.5
