"""Amendments: what a person makes of the question is what the others are asked (P6, P11, P13)."""

from __future__ import annotations

from typing import Any

import pytest

from gate import (
    AlreadyDecided,
    Approval,
    ApprovalAmended,
    ApprovalGate,
    ApprovalResolved,
    ApprovalVoted,
    Desk,
    NotAllowed,
    Notary,
    Quorum,
    SigningKey,
    Tampered,
    Terms,
)
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.support.factories import ANA, BEN, CAT, route

KEY = SigningKey.generate()
NOTARY = Notary(KEY, secret=b"s" * 32)
TWO = route(Quorum(of=(ANA, BEN, CAT), needed=2), deny_threshold=2)


class Open(MemoryStore):
    """A store whose password somebody else has."""

    async def forge(self, key: str, **changes: Any) -> None:
        record = await self.get(key)
        assert record is not None
        forged = record.model_copy(update=changes)
        assert "applied" == await self.patch(key, record.version, forged)


@pytest.fixture
def store(clock: FakeClock) -> Open:
    return Open(clock=clock)


@pytest.fixture
def desk(store: Open, clock: FakeClock) -> Desk:
    return Desk(store, clock=clock, notary=NOTARY)


@pytest.fixture
def gate(store: Open, clock: FakeClock) -> ApprovalGate:
    return ApprovalGate(store, agent="billing", clock=clock, public_keys=[KEY.public])


async def ask(gate: ApprovalGate, desk: Desk, terms: Terms = TWO) -> Approval:
    await gate.request(id="x", name="n", payload={"n": 1}, editable=True, allow_override=True)
    return await desk.route("x", terms)


async def told(store: MemoryStore) -> list[object]:
    return [logged.event for logged in await store.read("0", limit=100)]


async def test_an_edit_is_asked_of_the_others(gate: ApprovalGate, desk: Desk) -> None:
    """Two of three agree to the edited payload, and only that runs."""
    await ask(gate, desk)
    edited = await desk.decide("x", "approve", approver=ANA, seen=True, payload={"n": 2})
    assert ("pending", {"n": 2}) == (edited.status, edited.effective_payload)
    assert {"n": 1} == edited.payload
    agreed = await desk.decide("x", "approve", approver=BEN, seen=True, shown=edited)
    assert ("approved", {"n": 2}, None) == (
        agreed.status,
        agreed.effective_payload,
        agreed.amendment,
    )
    consumed = await gate.consume(await gate.wait("x"), payload={"n": 2})
    assert consumed.consumption is not None


async def test_an_edit_voids_the_yeses_before_it(gate: ApprovalGate, desk: Desk) -> None:
    """Who approved the action as asked has not approved what Ben made of it; a no stays one."""
    await ask(gate, desk, route(Quorum(of=(ANA, BEN, CAT), needed=2), deny_threshold=2))
    await desk.decide("x", "deny", approver=CAT)
    await desk.decide("x", "approve", approver=ANA, seen=True)
    edited = await desk.decide("x", "approve", approver=BEN, seen=True, payload={"n": 2})
    assert [(CAT, "deny"), (BEN, "approve")] == [
        (vote.principal, vote.verdict.value) for vote in edited.votes
    ]
    assert "pending" == edited.status


async def test_a_result_in_place_of_the_run_is_asked_of_the_others(
    gate: ApprovalGate, desk: Desk
) -> None:
    """Both agree to the same words; nothing can be consumed, and the agent hears why."""
    await ask(gate, desk)
    said = await desk.decide("x", "approve", approver=ANA, seen=True, override_result="by hand")
    assert ("pending", "by hand") == (said.status, said.proposed_result)
    agreed = await desk.decide("x", "approve", approver=BEN, seen=True, shown=said)
    assert ("approved", "by hand") == (agreed.status, agreed.proposed_result)
    with pytest.raises(NotAllowed, match="overridden"):
        await gate.consume(await gate.wait("x"), payload={"n": 1})


async def test_a_yes_is_to_what_was_shown(gate: ApprovalGate, desk: Desk) -> None:
    """A card from before the edit is stale, and so is a caller who does not say what it saw."""
    asked = await ask(gate, desk)
    edited = await desk.decide("x", "approve", approver=ANA, seen=True, payload={"n": 2})
    for shown in (asked, None):
        with pytest.raises(NotAllowed, match="stale_card"):
            await desk.decide("x", "approve", approver=BEN, seen=True, shown=shown)
    assert edited == await desk.get("x")


async def test_a_view_is_of_what_was_asked_then(gate: ApprovalGate, desk: Desk) -> None:
    """Who saw the action as asked has not seen it as edited."""
    await ask(gate, desk)
    seen = await desk.view("x", principal=BEN)
    assert seen.seen_by(BEN)
    edited = await desk.decide("x", "approve", approver=ANA, seen=True, payload={"n": 2})
    assert not edited.seen_by(BEN)
    with pytest.raises(NotAllowed, match="incomplete_view"):
        await desk.decide("x", "approve", approver=BEN, shown=edited)
    again = await desk.view("x", principal=BEN, shown=edited)
    assert again.seen_by(BEN)
    agreed = await desk.decide("x", "approve", approver=BEN, shown=again)
    assert "approved" == agreed.status


async def test_an_edit_can_be_taken_back(gate: ApprovalGate, desk: Desk) -> None:
    """The action as it was asked can be asked again: that voids the yes to the edit."""
    await ask(gate, desk)
    edited = await desk.decide("x", "approve", approver=ANA, seen=True, payload={"n": 2})
    back = await desk.decide(
        "x", "approve", approver=BEN, seen=True, payload={"n": 1}, shown=edited
    )
    assert (None, {"n": 1}, [BEN]) == (
        back.amendment,
        back.effective_payload,
        [vote.principal for vote in back.votes],
    )


async def test_the_change_is_told_before_the_answer(
    gate: ApprovalGate, desk: Desk, store: Open
) -> None:
    """One event says what is asked from now on, the next one who answered."""
    await ask(gate, desk)
    edited = await desk.decide("x", "approve", approver=ANA, seen=True, payload={"n": 2})
    agreed = await desk.decide("x", "approve", approver=BEN, seen=True, shown=edited)
    amended, voted, resolved = (await told(store))[-3:]
    assert isinstance(amended, ApprovalAmended)
    assert (ANA, agreed.effective_digest, False) == (
        amended.principal,
        amended.digest,
        amended.override,
    )
    assert isinstance(voted, ApprovalVoted)
    assert isinstance(resolved, ApprovalResolved)


async def test_one_who_decides_alone_decides_with_the_edit(gate: ApprovalGate, desk: Desk) -> None:
    """Nothing is left pending, and the decision carries what runs."""
    await ask(gate, desk, route())
    done = await desk.decide("x", "approve", approver=ANA, seen=True, payload={"n": 2})
    assert ("approved", {"n": 2}, None) == (done.status, done.effective_payload, done.amendment)
    again = await desk.decide("x", "approve", approver=ANA, seen=True, payload={"n": 2})
    assert done == again
    with pytest.raises(AlreadyDecided):
        await desk.decide("x", "approve", approver=ANA, seen=True, payload={"n": 3})


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"verdict": "approve", "payload": {"n": 2}}, "edit_not_allowed"),
        ({"verdict": "approve", "override_result": ""}, "override_not_allowed"),
        ({"verdict": "skip"}, "skip_not_allowed"),
        ({"verdict": "deny", "payload": {"n": 2}}, "edit_not_allowed"),
    ],
)
async def test_a_route_offers_no_more_than_it_says(
    gate: ApprovalGate, desk: Desk, answer: dict[str, Any], word: str
) -> None:
    """What the route does not list is refused on every surface, whatever the request allows."""
    asked = await ask(gate, desk, route(answers=()))
    with pytest.raises(NotAllowed, match=word):
        await desk.decide("x", approver=ANA, seen=True, **answer)
    assert asked == await desk.get("x")


@pytest.mark.parametrize(
    "change",
    [
        {"digest": None, "payload": None},
        {"override_result": "forged"},
        {"principal": BEN},
        {"mac": None},
    ],
)
async def test_a_forged_amendment_is_an_alarm(
    gate: ApprovalGate, desk: Desk, store: Open, change: dict[str, Any]
) -> None:
    """Nobody is asked what somebody else wrote into the store, and nothing of it is signed."""
    await ask(gate, desk)
    edited = await desk.decide("x", "approve", approver=ANA, seen=True, payload={"n": 2})
    assert edited.amendment is not None
    await store.forge("x", amendment=edited.amendment.model_copy(update=change))
    forged = await desk.get("x")
    assert "amendment" == desk.flaw(forged)
    with pytest.raises(Tampered):
        await desk.decide("x", "approve", approver=BEN, seen=True, shown=forged)


async def test_a_forged_amendment_of_a_decided_record_is_a_flaw(
    gate: ApprovalGate, desk: Desk, store: Open
) -> None:
    """What was refused is told as it was, or not at all."""
    await ask(gate, desk, route(Quorum(of=(ANA, BEN), needed=2)))
    await desk.decide("x", "approve", approver=ANA, seen=True, override_result="by hand")
    denied = await desk.decide("x", "deny", approver=BEN)
    assert desk.flaw(denied) is None
    assert denied.amendment is not None
    forged = denied.amendment.model_copy(update={"override_result": "other"})
    await store.forge("x", amendment=forged)
    assert "amendment" == desk.flaw(await desk.get("x"))


async def test_a_new_field_of_the_terms_leaves_old_marks_valid(
    gate: ApprovalGate, desk: Desk
) -> None:
    """A mark covers what is said, not what is left at its default."""
    asked = await ask(gate, desk)
    read = Approval.from_wire(asked.to_wire())
    NOTARY.check(read)
    assert read.terms is not None
    narrower = read.terms.model_copy(update={"answers": ()})
    with pytest.raises(Tampered):
        NOTARY.check(read.model_copy(update={"terms": narrower}))
