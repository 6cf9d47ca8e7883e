"""Whatever is written into the store: what was asked stays so, and who answered (P6, P10)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gate import Approval, ApprovalGate, Desk, Notary, Quorum, ReceiptInvalid, SigningKey
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.support.factories import ANA, BEN, CAT, route
from tests.support.waiting import wait_until

KEY = SigningKey.generate()
NOTARY = Notary(KEY, secret=b"s" * 32)
ONE = route(Quorum(of=(ANA, BEN)))
TWO = route(Quorum(of=(ANA, BEN), needed=2))


class Open(MemoryStore):
    """A store whose password somebody else has."""

    async def change(self, key: str, **changes: Any) -> None:
        """Write into any part of the record, that of the gate's too."""
        record = await self.get(key)
        assert record is not None
        self._write(key, record.model_copy(update=changes), ())

    def waited_for(self) -> list[str]:
        return [key for key, wakes in self._wakes.items() if wakes]


@pytest.fixture
def store(clock: FakeClock) -> Open:
    return Open(clock=clock)


@pytest.fixture
def desk(store: Open, clock: FakeClock) -> Desk:
    return Desk(store, clock=clock, notary=NOTARY)


@pytest.fixture
def gate(store: Open, clock: FakeClock) -> ApprovalGate:
    return ApprovalGate(store, agent="billing", clock=clock, public_keys=[KEY.public])


async def changed_before_it_is_shown(
    gate: ApprovalGate,
    desk: Desk,
    store: Open,
    *,
    changes: dict[str, Any],
    answer: dict[str, Any],
    editable: bool = False,
) -> list[int]:
    """Return what ran of a guarded action whose record somebody changes before it is routed."""
    ran: list[int] = []

    async def act() -> None:
        async with gate.guard(id="x", name="delete", payload={"user": 42}, editable=editable):
            ran.append(42)

    acting = asyncio.create_task(act())
    await wait_until(store.waited_for, "the gate waits")
    asked = await desk.get("x")
    if "payload" in changes:
        changes["digest"] = asked.digest_of(changes["payload"])
    await store.change("x", **changes)
    await desk.route("x", ONE)
    await desk.decide("x", "approve", approver=ANA, seen=True, **answer)
    await asyncio.wait({acting})
    with pytest.raises(ReceiptInvalid) as caught:
        acting.result()
    assert "digest" == caught.value.reason
    return ran


@pytest.mark.parametrize("editable", [False, True])
async def test_another_action_than_the_one_that_was_asked_releases_nothing(
    gate: ApprovalGate, desk: Desk, store: Open, editable: bool
) -> None:
    """People were shown, and approved, the deletion of somebody else."""
    assert [] == await changed_before_it_is_shown(
        gate, desk, store, changes={"payload": {"user": 1}}, answer={}, editable=editable
    )


async def test_an_edit_that_was_not_allowed_releases_nothing(
    gate: ApprovalGate, desk: Desk, store: Open
) -> None:
    """Who asked without `editable` runs what was asked, not what somebody let people edit."""
    assert [] == await changed_before_it_is_shown(
        gate, desk, store, changes={"editable": True}, answer={"payload": {"user": 1}}
    )


async def _asked(gate: ApprovalGate, desk: Desk, **terms: Any) -> Approval:
    await gate.request(id="x", name="n", payload={"n": 1}, **terms)
    return await desk.route("x", TWO)


async def test_a_result_that_was_not_asked_for_is_not_handed_out(
    gate: ApprovalGate, desk: Desk, store: Open
) -> None:
    """Who asked without `allow_override` gets no text in place of the run."""
    delete = gate.requires_approval(name="delete")(_delete)
    acting = asyncio.create_task(delete(user=42))
    await wait_until(store.waited_for, "the gate waits")
    [key] = store.waited_for()
    await store.change(key, allow_override=True)
    await desk.route(key, ONE)
    await desk.decide(key, "approve", approver=ANA, seen=True, override_result="deleted")
    with pytest.raises(ReceiptInvalid) as caught:
        await acting
    assert "result_hash" == caught.value.reason


async def _delete(user: int) -> str:
    return f"{user} is gone"


@pytest.mark.parametrize("metadata", [None, {"approver": CAT}, {"ticket": 1}])
async def test_who_approved_is_signed(
    gate: ApprovalGate, desk: Desk, store: Open, metadata: dict[str, Any] | None
) -> None:
    """The approver on record is the one of the receipt; another name proves nothing."""
    await _asked(gate, desk)
    for who in (ANA, BEN):
        approved = await desk.decide("x", "approve", approver=who, seen=True)
    assert (BEN, None) == (approved.approver, desk.flaw(approved))
    await store.change("x", decision_metadata=metadata)
    assert "receipt" == desk.flaw(await desk.get("x"))
    with pytest.raises(ReceiptInvalid) as caught:
        await gate.wait("x")
    assert "approver" == caught.value.reason


KEPT: dict[str, Any] = {"ticket": 7, "labels": ["a", {"b": 1.5}]}
NAMED = {"approver": ANA}


@pytest.mark.parametrize("verdict", ["approve", "deny", "skip"])
@pytest.mark.parametrize(
    ("given", "written"),
    [
        (None, NAMED | {"ticket": 1}),
        (KEPT, NAMED),
        (KEPT, NAMED | KEPT | {"ticket": 8}),
        (KEPT, NAMED | KEPT | {"ticket": 7.0}),
        (KEPT, NAMED | KEPT | {"more": None}),
        (KEPT, NAMED | KEPT | {"labels": ["a"]}),
    ],
)
async def test_all_of_the_metadata_is_signed(
    gate: ApprovalGate,
    desk: Desk,
    store: Open,
    verdict: str,
    given: dict[str, Any] | None,
    written: dict[str, Any],
) -> None:
    """What is kept with a decision is what the trusted side said, on a no as on a yes."""
    await gate.request(id="x", name="n", payload={"n": 1})
    await desk.route("x", ONE)
    decided = await desk.decide("x", verdict, approver=ANA, seen=True, metadata=given)
    assert (NAMED | (given or {}), None) == (decided.decision_metadata, desk.flaw(decided))
    assert decided == await gate.wait("x")
    await store.change("x", decision_metadata=written)
    assert "receipt" == desk.flaw(await desk.get("x"))
    with pytest.raises(ReceiptInvalid) as caught:
        await gate.wait("x")
    assert "metadata_hash" == caught.value.reason
    if verdict == "approve":
        with pytest.raises(ReceiptInvalid, match="metadata_hash"):
            await gate.consume("x", payload={"n": 1})


@pytest.mark.parametrize(
    "written", [{"approver": 7}, {"approver": None}, {"approver": None, "ticket": 1}, {"ticket": 1}]
)
async def test_an_unnamed_decision_says_nothing_either(
    gate: ApprovalGate, desk: Desk, store: Open, written: dict[str, Any]
) -> None:
    """Where trusted code decided without a person, nothing that is no name passes for one."""
    await gate.request(id="x", name="n", payload={"n": 1})
    await desk.decide("x", "approve")
    await store.change("x", decision_metadata=written)
    with pytest.raises(ReceiptInvalid, match="metadata_hash"):
        await gate.wait("x")


async def test_metadata_that_has_no_text_proves_nothing(
    gate: ApprovalGate, desk: Desk, store: Open
) -> None:
    """What is too deep or too large to be signed is refused, not an error of another kind."""
    deep: Any = 1
    for _ in range(70):
        deep = [deep]
    await gate.request(id="x", name="n", payload={"n": 1})
    await desk.decide("x", "approve", metadata=KEPT)
    for value in (deep, "y" * 300_000, {1: 2}):
        await store.change("x", decision_metadata=KEPT | {"more": value})
        with pytest.raises(ReceiptInvalid, match="metadata_hash"):
            await gate.wait("x")


async def test_metadata_that_anybody_may_write_where_nothing_is_signed(
    clock: FakeClock, store: Open
) -> None:
    """Level 0 stays what it is: the record is believed."""
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await gate.request(id="x", name="n", payload={"n": 1})
    await gate.decide("x", "approve", {"approver": "ana"})
    await store.change("x", decision_metadata=KEPT)
    assert KEPT == (await gate.wait("x")).decision_metadata


async def test_nobody_is_named_as_approver_by_metadata_that_is_signed(
    gate: ApprovalGate, desk: Desk
) -> None:
    """Trusted code without a person stays unnamed where decisions are signed."""
    await gate.request(id="x", name="n", payload={"n": 1})
    approved = await desk.decide("x", "approve", metadata={"approver": ANA, "ticket": 7})
    assert {"ticket": 7} == approved.decision_metadata
    assert (await gate.consume(await gate.wait("x"), payload={"n": 1})).consumption is not None


@pytest.mark.parametrize("part", ["votes", "views", "amendment"])
@pytest.mark.parametrize("end", ["cancelled", "expired"])
async def test_answers_written_into_what_has_ended_are_a_flaw(
    gate: ApprovalGate, desk: Desk, store: Open, clock: FakeClock, part: str, end: str
) -> None:
    """Nobody decided; still no answer is told that nobody gave."""
    await _asked(gate, desk, editable=True)
    await desk.view("x", principal=ANA)
    amended = await desk.decide("x", "approve", approver=ANA, payload={"n": 2}, seen=True)
    if end == "cancelled":
        await gate.cancel("x")
    else:
        await clock.advance(amended.expires_in + 1)
        await desk.expire("x")
    ended = await desk.get("x")
    assert (end, None) == (ended.status, desk.flaw(ended))
    found = getattr(ended, part)
    forged = (
        tuple(each.model_copy(update={"principal": BEN}) for each in found)
        if isinstance(found, tuple)
        else found.model_copy(update={"principal": BEN})
    )
    await store.change("x", **{part: forged})
    assert part == desk.flaw(await desk.get("x"))
