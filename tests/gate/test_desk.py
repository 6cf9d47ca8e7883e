"""The trusted side: deciding, withdrawing and ending, alone and against each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gate import (
    AlreadyDecided,
    Approval,
    ApprovalAnswer,
    ApprovalGate,
    ApprovalNotFound,
    ApprovalRefused,
    ApprovalResolved,
    ApprovalStore,
    ApprovalVoted,
    Desk,
    InvalidId,
    InvalidVerdict,
    LimitExceeded,
    NotAllowed,
    PayloadNotCanonical,
    Quorum,
    Verdict,
)
from gate.testing import FakeClock, ScratchStore
from stores.memory import MemoryStore
from tests.support.factories import ANA, BEN, START, after, route

from .fakes import FaultyStore, OnceStore, PlainStore


@pytest.fixture
async def asked(gate: ApprovalGate) -> Approval:
    return await gate.request(
        id="a", name="n", payload={"x": 1}, expires_in=60, editable=True, allow_override=True
    )


@pytest.mark.parametrize(
    ("word", "verdict", "status"),
    [
        ("approve", Verdict.APPROVE, "approved"),
        ("approved", Verdict.APPROVE, "approved"),
        (Verdict.APPROVE, Verdict.APPROVE, "approved"),
        ("deny", Verdict.DENY, "rejected"),
        ("rejected", Verdict.DENY, "rejected"),
        ("skip", Verdict.SKIP, "rejected"),
    ],
)
async def test_an_answer_turns_pending_into_final(
    gate: ApprovalGate,
    asked: Approval,
    clock: FakeClock,
    word: str,
    verdict: Verdict,
    status: str,
) -> None:
    """Parity 6: status, time and metadata are kept; the seeds' words are aliases."""
    await clock.advance(5)
    decided = await gate.decide("a", word, {"approver": "ana", "ticket": 7}, note="ok")
    assert (decided.status, decided.verdict, decided.decided_at) == (status, verdict, after(5))
    assert decided.decision_metadata == {"approver": "ana", "ticket": 7}
    assert decided.decision is not None
    assert decided.decision.note == "ok"
    assert await gate.get("a") == decided


@pytest.mark.parametrize(
    "word", ["banana", "", "APPROVE", "yes", "pending", "cancelled", None, True, 1]
)
async def test_only_the_words_of_people_decide(
    gate: ApprovalGate, asked: Approval, word: Any
) -> None:
    """Anything else is refused, and the approval stays pending."""
    with pytest.raises(InvalidVerdict):
        await gate.decide("a", word)
    assert (await gate.get("a")).status == "pending"


async def test_what_is_not_there_cannot_be_decided(gate: ApprovalGate, desk: Desk) -> None:
    """Parity 3, 7: each verb says that there is no such approval."""
    for verb in (
        gate.decide("nope", "approve"),
        gate.cancel("nope"),
        gate.get("nope"),
        desk.expire("nope"),
        desk.route("nope", route()),
    ):
        with pytest.raises(ApprovalNotFound):
            await verb


async def test_a_decision_never_changes(gate: ApprovalGate, asked: Approval) -> None:
    """P1: no second decision, no withdrawal, no revival; the error carries what stands."""
    decided = await gate.decide("a", "deny", approver=ANA)
    for attempt in (
        gate.decide("a", "approve", approver=ANA),
        gate.decide("a", "deny", approver=BEN),
        gate.decide("a", "deny"),
        gate.cancel("a"),
    ):
        with pytest.raises(AlreadyDecided) as caught:
            await attempt
        assert caught.value.approval == decided
    assert await gate.decide("a", "deny", approver=ANA) == decided
    assert await gate.get("a") == decided


async def test_withdrawing_ends_it(
    gate: ApprovalGate, asked: Approval, store: ScratchStore
) -> None:
    """Parity 8: cancelled by its agent, twice is no error, and nobody revives it."""
    ended = await gate.cancel("a", reason="not needed")
    assert ended.status == "cancelled"
    assert ended.cancellation is not None
    assert (ended.cancellation.by, ended.cancellation.reason) == ("billing", "not needed")
    assert await gate.cancel("a", reason="again") == ended
    with pytest.raises(AlreadyDecided):
        await gate.decide("a", "approve")
    assert [event.type for event in store.events] == [
        "onApprovalRequested",
        "onApprovalCancelled",
    ]


async def test_nothing_ends_before_its_end(
    desk: Desk, asked: Approval, clock: FakeClock, store: ScratchStore
) -> None:
    """P7: a millisecond early is refused, on time it is written once."""
    await clock.advance(59.999)
    with pytest.raises(NotAllowed) as caught:
        await desk.expire("a")
    assert caught.value.reason == "not_due"
    await clock.advance(0.001)
    ended = await desk.expire("a")
    assert (ended.status, ended.decided_at) == ("expired", after(60))
    assert await desk.expire("a") == ended
    assert [event.type for event in store.events].count("onApprovalExpired") == 1


async def test_an_answer_at_the_end_is_late(
    gate: ApprovalGate, asked: Approval, clock: FakeClock
) -> None:
    """P7: from its end on nobody can decide or withdraw it, though nobody has written that yet."""
    await clock.advance(60)
    for attempt in (gate.decide("a", "approve", approver=ANA), gate.cancel("a")):
        with pytest.raises(AlreadyDecided) as caught:
            await attempt
        assert caught.value.approval.status == "expired"


async def test_an_answer_that_arrives_after_the_end_is_late(clock: FakeClock) -> None:
    """P7: it was in time when the record was read; the store's clock at the write counts."""
    store = FaultyStore(clock=clock)
    desk = Desk(store, clock=clock)
    await ApprovalGate(store, agent="billing", clock=clock).request(id="a", name="n", expires_in=60)
    await clock.advance(59)

    async def slow(call: Callable[[], Awaitable[Any]]) -> Any:
        await clock.advance(1)
        return await call()

    store.next("patch", slow)
    with pytest.raises(AlreadyDecided) as caught:
        await desk.decide("a", "approve", approver=ANA)
    assert caught.value.approval.status == "expired"
    assert (await desk.get("a")).votes == ()


@pytest.mark.parametrize("verb", ["get", "decide", "expire"])
async def test_an_answer_in_time_is_seen_by_whoever_looks_late(verb: str) -> None:
    """P1, P7: while we ask the store for its time, Ben decides just before the end."""
    here, there = FakeClock(), FakeClock()
    store = FaultyStore(clock=there)
    await ApprovalGate(store, agent="billing", clock=here).request(id="a", name="n", expires_in=50)
    desk = Desk(store, clock=here)
    assert (await desk.get("a")).status == "pending"
    await here.advance(55)
    await there.advance(40)

    async def in_time(call: Callable[[], Awaitable[Any]]) -> Any:
        await Desk(store.inner, clock=there).decide("a", "approve", approver=BEN)
        await there.advance(10)
        return await call()

    store.next("now", in_time)
    if verb == "get":
        seen = await desk.get("a")
    else:
        late = desk.decide("a", "deny", approver=ANA) if verb == "decide" else desk.expire("a")
        with pytest.raises(AlreadyDecided) as caught:
            await late
        seen = caught.value.approval
    assert (seen.status, seen.approver, seen.decided_at) == ("approved", BEN, after(40))


Race = Callable[[Desk, int], Awaitable[Approval]]
RACERS: list[Race] = [
    lambda desk, number: desk.decide("a", "approve", approver=f"p{number}"),
    lambda desk, number: desk.decide("a", "deny", approver=f"p{number}"),
    lambda desk, number: desk.cancel("a", by=f"p{number}"),
    lambda desk, number: desk.decide("a", "skip", approver=f"p{number}"),
]


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("kind", ["plain", "once", "memory"])
async def test_fifty_answers_at_once_have_one_winner(
    kind: str, first: int, clock: FakeClock
) -> None:
    """P2: approve, deny, skip and cancel; every loser learns the same winner."""
    scratch = ScratchStore(clock=clock)
    stores: dict[str, ApprovalStore] = {
        "plain": PlainStore(scratch),
        "once": OnceStore(scratch),
        "memory": MemoryStore(clock=clock),
    }
    store = stores[kind]
    await ApprovalGate(store, agent="billing", clock=clock).request(id="a", name="n")
    desks = [Desk(store, clock=clock) for _ in range(50)]
    results = await asyncio.gather(
        *(RACERS[(first + n) % 4](desk, n) for n, desk in enumerate(desks)),
        return_exceptions=True,
    )
    stored = await desks[0].get("a")
    winners = [result for result in results if isinstance(result, Approval)]
    # Withdrawing what is withdrawn is no error: then every cancel tells the same end.
    assert len(winners) == 1 or stored.status == "cancelled"
    assert all(winner == stored for winner in winners)
    for result in results:
        if not isinstance(result, Approval):
            assert isinstance(result, AlreadyDecided)
            assert result.approval == stored
    assert stored.version == 2


async def test_deciding_races_the_end(
    store: ScratchStore, asked: Approval, clock: FakeClock
) -> None:
    """P2, P7: at the end every decision loses against the expiry, and learns of it."""
    desk = Desk(OnceStore(store), clock=clock)
    await clock.advance(60)
    results = await asyncio.gather(
        *(desk.decide("a", "approve", approver=f"p{n}") for n in range(25)),
        *(desk.expire("a") for _ in range(25)),
        return_exceptions=True,
    )
    stored = await desk.get("a")
    assert stored.status == "expired"
    for result in results[:25]:
        assert isinstance(result, AlreadyDecided)
        assert result.approval.status == "expired"
    assert all(result == stored for result in results[25:])


async def test_fifty_people_of_a_quorum_at_once_all_count(
    store: ScratchStore, gate: ApprovalGate, clock: FakeClock
) -> None:
    """P11: no vote is lost to another, and the fiftieth decides."""
    desk = Desk(OnceStore(store), clock=clock)
    people = [f"slack:T1:U{number}" for number in range(50)]
    await gate.request(id="q", name="n")
    await desk.route("q", route(Quorum(of=tuple(people), needed=50)))
    await asyncio.gather(*(desk.decide("q", "approve", approver=who, seen=True) for who in people))
    decided = await desk.get("q")
    assert decided.status == "approved"
    assert {vote.principal for vote in decided.votes} == set(people)


async def test_an_edit_is_checked_copied_and_bound(
    desk: Desk, gate: ApprovalGate, asked: Approval
) -> None:
    """P6: what a person made of the payload has its own digest; no change is no edit."""
    same = await desk.decide("a", "approve", payload={"x": 1}, approver=ANA)
    assert same.decision is not None
    assert same.decision.digest is None
    await gate.request(id="b", name="n", payload={"x": 1}, editable=True)
    edited = await desk.decide("b", "approve", payload=None)
    assert edited.effective_payload is None
    assert edited.effective_digest == edited.digest_of(None)
    await gate.request(id="c", name="n", payload={"x": 1}, editable=True)
    with pytest.raises(PayloadNotCanonical):
        await desk.decide("c", "approve", payload={"x": {1}})
    with pytest.raises(LimitExceeded):
        await desk.decide("c", "approve", payload="x" * 300_000)
    assert (await desk.get("c")).status == "pending"


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"approver": ""}, InvalidId),
        ({"approver": "p" * 201}, LimitExceeded),
        ({"approver": "\ud800"}, PayloadNotCanonical),
        ({"note": "n" * 3001}, LimitExceeded),
        ({"override_result": "x" * 30_001}, LimitExceeded),
        ({"metadata": {"x": object()}}, PayloadNotCanonical),
        ({"metadata": {"x": "y" * 20_000}}, LimitExceeded),
        ({"groups": "S1"}, InvalidId),
        ({"groups": ["g" * 201]}, LimitExceeded),
        ({"groups": ["g"] * 1001}, LimitExceeded),
        ({"surface": ""}, InvalidId),
    ],
)
async def test_an_answer_out_of_bounds_changes_nothing(
    desk: Desk, asked: Approval, bad: dict[str, Any], error: type[Exception]
) -> None:
    """P19: a typed error before any effect."""
    with pytest.raises(error):
        await desk.decide("a", "approve", **bad)
    assert await desk.get("a") == asked


@pytest.mark.parametrize(
    "bad", [{"by": "b" * 201}, {"reason": "r" * 3001}, {"undeliverable": "u" * 201}]
)
async def test_a_withdrawal_out_of_bounds_changes_nothing(
    desk: Desk, asked: Approval, bad: dict[str, str]
) -> None:
    """P19: a typed error before any effect."""
    with pytest.raises(LimitExceeded):
        await desk.cancel("a", **bad)
    assert await desk.get("a") == asked


async def test_a_refused_try_is_on_record_where_there_is_a_log(clock: FakeClock) -> None:
    """P15: the event is kept, and a store without a log is no error."""
    memory = MemoryStore(clock=clock)
    for store in (memory, ScratchStore(clock=clock)):
        desk = Desk(store, clock=clock)
        asked = await ApprovalGate(store, agent="billing", clock=clock).request(name="n")
        await desk.refuse(asked.key, reason="not_approver", principal=BEN, surface="card")
    told = [entry.event for entry in await memory.read("")]
    assert [event.type for event in told] == ["onApprovalRequested", "onApprovalRefused"]
    assert told[1].at == START


async def test_a_view_is_on_record_once_and_lets_its_person_approve(clock: FakeClock) -> None:
    """P13: who was shown all of it may say yes on a surface that shows a part; nobody else."""
    store = MemoryStore(clock=clock)
    desk = Desk(store, clock=clock)
    await ApprovalGate(store, agent="billing", clock=clock).request(id="v", name="n")
    await desk.route("v", route(Quorum(of=(ANA, BEN), needed=2)))
    for _ in range(2):
        await desk.view("v", principal=ANA, surface="review")
    assert [(ANA, "review")] == [
        (view.principal, view.surface) for view in (await desk.get("v")).views
    ]
    assert (await desk.decide("v", "approve", approver=ANA)).votes[0].principal == ANA
    with pytest.raises(NotAllowed, match="incomplete_view"):
        await desk.decide("v", "approve", approver=BEN)
    with pytest.raises(NotAllowed, match="not_approver"):
        await desk.view("v", principal="slack:T1:UEVE")
    with pytest.raises(LimitExceeded):
        await desk.view("v", principal=ANA, surface="x" * 201)
    told = [entry.event.type for entry in await store.read("")]
    assert 1 == told.count("onApprovalViewed")


async def test_an_answer_from_the_chat_always_leaves_an_event_that_says_where(
    clock: FakeClock,
) -> None:
    """P15: vote, decision and repeat each name the place and the click; without a place none does.

    A repeat changes nothing, and only who must be told of it leaves an event.
    """
    store = MemoryStore(clock=clock)
    desk = Desk(store, clock=clock)
    await ApprovalGate(store, agent="billing", clock=clock).request(id="v", name="n")
    await desk.route("v", route(Quorum(of=(ANA, BEN), needed=2)))
    for who, click in ((ANA, "1"), (ANA, "2"), (BEN, "3"), (BEN, "4")):
        await desk.decide("v", "approve", approver=who, seen=True, place="C1", attempt=click)
    await desk.decide("v", "approve", approver=BEN, seen=True)
    answers = [
        (type(entry.event), entry.event.attempt, entry.event.place)
        for entry in await store.read("")
        if isinstance(entry.event, ApprovalAnswer)
    ]
    assert [
        (ApprovalVoted, "1", "C1"),
        (ApprovalRefused, "2", "C1"),
        (ApprovalResolved, "3", "C1"),
        (ApprovalRefused, "4", "C1"),
    ] == answers


async def test_the_metadata_is_a_copy(gate: ApprovalGate, asked: Approval) -> None:
    """What the caller does to its own dictionary later is not part of the decision."""
    metadata: dict[str, Any] = {"list": [1]}
    await gate.decide("a", "approve", metadata)
    metadata["list"].append(2)
    assert (await gate.get("a")).decision_metadata == {"list": [1]}
