"""Reveals: who is shown what is masked stands on record before, or nothing is shown."""

from __future__ import annotations

from typing import Any

import pytest

from gate import (
    ApprovalAlarm,
    ApprovalGate,
    ApprovalRevealed,
    Desk,
    LimitExceeded,
    NotAllowed,
    Notary,
    Quorum,
    SigningKey,
    StoreUnavailable,
    Tampered,
)
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.support.factories import ANA, BEN, CAT, route

NOTARY = Notary(SigningKey.generate(), secret=b"s" * 32)
TERMS = route(Quorum(of=(ANA, "slack:T1:S1")), excluded=(CAT,))


class Store(MemoryStore):
    """A store that may take no events, and whose records others change."""

    full = False

    async def append(self, events: Any) -> None:
        if self.full:
            raise StoreUnavailable("append", cause="a test")
        await super().append(events)

    async def told(self, kind: type) -> list[Any]:
        return [each.event for each in await self.read("") if isinstance(each.event, kind)]


@pytest.fixture
def store(clock: FakeClock) -> Store:
    return Store(clock=clock)


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Desk:
    return Desk(store, clock=clock, notary=NOTARY)


async def asked(store: Store, desk: Desk, clock: FakeClock, terms: Any = TERMS) -> None:
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await gate.request(id="x", name="act", payload={"token": "a", "env": [{"token": "b"}]})
    if terms is not None:
        await desk.route("x", terms)


async def test_each_value_is_an_event(store: Store, desk: Desk, clock: FakeClock) -> None:
    """Who, which value, when and where; the record stays as it is, and it is no view."""
    await asked(store, desk, clock)
    before = await desk.get("x")
    found = await desk.reveal(
        "x", principal=ANA, paths=["/token", "/env/0/token"], surface="review"
    )
    assert before == found == await desk.get("x")
    told = await store.told(ApprovalRevealed)
    assert [(ANA, "/token", "review"), (ANA, "/env/0/token", "review")] == [
        (event.principal, event.path, event.surface) for event in told
    ]
    assert {before.digest} == {event.digest for event in told}
    with pytest.raises(NotAllowed) as refused:
        await desk.decide("x", "approve", approver=ANA)
    assert "incomplete_view" == refused.value.reason


@pytest.mark.parametrize(
    ("who", "groups", "terms", "reason"),
    [
        (BEN, (), TERMS, "not_approver"),
        (CAT, ("slack:T1:S1",), TERMS, "self_approval"),
        (ANA, (), None, "not_routed"),
        (ANA, (), TERMS.model_copy(update={"reveal": False}), "reveal_forbidden"),
    ],
)
async def test_who_may_not_answer_is_shown_nothing(
    store: Store, desk: Desk, clock: FakeClock, who: str, groups: Any, terms: Any, reason: str
) -> None:
    """P9: a reveal has the rules of an answer, and a route may forbid it to everybody."""
    await asked(store, desk, clock, terms)
    with pytest.raises(NotAllowed) as refused:
        await desk.reveal("x", principal=who, groups=groups, paths=["/token"])
    assert reason == refused.value.reason
    assert [] == await store.told(ApprovalRevealed)


async def test_a_group_counts(store: Store, desk: Desk, clock: FakeClock) -> None:
    """Found in a group of the route just now, also when it has ended."""
    await asked(store, desk, clock)
    await desk.cancel("x")
    await desk.reveal("x", principal=BEN, groups=["slack:T1:S1"], paths=["/token"])
    assert 1 == len(await store.told(ApprovalRevealed))


async def test_not_on_record_is_not_shown(store: Store, desk: Desk, clock: FakeClock) -> None:
    """Where the store takes no event, the caller gets an error and nothing to show."""
    await asked(store, desk, clock)
    store.full = True
    with pytest.raises(StoreUnavailable):
        await desk.reveal("x", principal=ANA, paths=["/token"])


async def test_terms_of_somebody_else(store: Store, desk: Desk, clock: FakeClock) -> None:
    """P10: who writes `reveal` into the store reveals nothing, and raises an alarm."""
    await asked(store, desk, clock, TERMS.model_copy(update={"reveal": False}))
    record = await store.get("x")
    assert record is not None
    assert record.terms is not None
    forged = record.model_copy(update={"terms": record.terms.model_copy(update={"reveal": True})})
    await store.patch("x", record.version, forged)
    with pytest.raises(Tampered):
        await desk.reveal("x", principal=ANA, paths=["/token"])
    assert ["terms"] == [alarm.part for alarm in await store.told(ApprovalAlarm)]
    assert [] == await store.told(ApprovalRevealed)


@pytest.mark.parametrize("wrong", [["/x"] * 1001, ["/" + "x" * 1001]])
async def test_limits(store: Store, desk: Desk, clock: FakeClock, wrong: list[str]) -> None:
    """P19: paths are few and short."""
    await asked(store, desk, clock)
    with pytest.raises(LimitExceeded):
        await desk.reveal("x", principal=ANA, paths=wrong)
