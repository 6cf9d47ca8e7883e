"""Asking: one approval per id, whatever happens between the calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from gate import (
    ApprovalConflict,
    ApprovalGate,
    ApprovalNotFound,
    ApprovalStore,
    Desk,
    InvalidId,
    LimitExceeded,
    PayloadNotCanonical,
)
from gate.asking import MAX_EXPIRY
from gate.testing import FakeClock, ScratchStore
from stores.memory import MemoryStore
from tests.support.factories import START, after, route

from .fakes import FaultyStore, OnceStore, PlainStore


async def test_the_first_request_is_a_pending_record(gate: ApprovalGate) -> None:
    """Parity 1, 2, 4: it has the given name and payload, and can be read back."""
    asked = await gate.request(id="delete-42", name="delete-user", payload={"user_id": 42})
    assert (asked.status, asked.name, asked.payload) == (
        "pending",
        "delete-user",
        {"user_id": 42},
    )
    assert (asked.created_at, asked.expires_at) == (START, after(24 * 3600))
    assert (asked.agent, asked.namespace, asked.version) == ("billing", "default", 1)
    assert await gate.get("delete-42") == asked
    with pytest.raises(ApprovalNotFound):
        await gate.get("delete-43")


async def test_the_same_question_is_the_same_approval(
    gate: ApprovalGate, store: ScratchStore, clock: FakeClock
) -> None:
    """Parity 5, P8: the first record comes back, and nothing is written or told again."""
    first = await gate.request(id="a", name="n", payload={"x": 1, "y": 2}, reason="please")
    await clock.advance(60)
    again = await gate.request(id="a", name="n", payload={"y": 2, "x": 1}, reason="I beg you")
    assert again == first
    assert [event.type for event in store.events] == ["onApprovalRequested"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"payload": {"x": 2}}, "action"),
        ({"payload": {"x": 1.0}}, "action"),
        ({"name": "other"}, "action"),
        ({"expires_in": 61}, "expires_in"),
        ({"editable": True}, "editable"),
        ({"allow_override": True}, "allow_override"),
        ({"not_by": ["bob"]}, "not_by"),
    ],
)
async def test_the_same_id_for_anything_else_is_a_conflict(
    gate: ApprovalGate, store: ScratchStore, change: dict[str, Any], field: str
) -> None:
    """P8: with both digests, and nothing changed."""
    base: dict[str, Any] = {"id": "a", "name": "n", "payload": {"x": 1}, "expires_in": 60}
    first = await gate.request(**base)
    with pytest.raises(ApprovalConflict) as caught:
        await gate.request(**(base | change))
    assert caught.value.field == field
    assert caught.value.stored == first.digest
    assert (caught.value.asked == first.digest) is (field != "action")
    assert await gate.get("a") == first
    assert len(store.events) == 1


async def test_another_agent_or_namespace_does_not_share_the_id(
    gate: ApprovalGate, store: ScratchStore, clock: FakeClock
) -> None:
    """Another agent conflicts, another namespace has ids of its own."""
    await gate.request(id="a", name="n")
    with pytest.raises(ApprovalConflict):
        await ApprovalGate(store, agent="other", clock=clock).request(id="a", name="n")
    prod = ApprovalGate(store, agent="billing", namespace="prod", clock=clock)
    assert (await prod.request(id="a", name="n")).key == "prod/a"
    assert (await gate.get("a")).namespace == "default"


async def test_without_an_id_every_request_is_new(gate: ApprovalGate) -> None:
    """Two equal calls are two approvals."""
    one, other = [await gate.request(name="n") for _ in range(2)]
    assert one.id != other.id
    assert one.digest == other.digest


async def test_a_request_says_what_was_decided_or_that_it_expired(
    gate: ApprovalGate, clock: FakeClock
) -> None:
    """Asking again for something old tells how it ended."""
    await gate.request(id="a", name="n", expires_in=60)
    await gate.request(id="b", name="n", expires_in=60)
    await gate.decide("b", "approve")
    await clock.advance(60)
    assert (await gate.request(id="a", name="n", expires_in=60)).status == "expired"
    assert (await gate.request(id="b", name="n", expires_in=60)).status == "approved"


@pytest.mark.parametrize("kind", ["plain", "once", "memory"])
async def test_fifty_at_once_with_one_id_are_one_record(kind: str, clock: FakeClock) -> None:
    """P8: one creates, all get that record, one event is told."""
    scratch, memory = ScratchStore(clock=clock), MemoryStore(clock=clock)
    stores: dict[str, ApprovalStore] = {
        "plain": PlainStore(scratch),
        "once": OnceStore(scratch),
        "memory": memory,
    }
    gates = [ApprovalGate(stores[kind], agent="billing", clock=clock) for _ in range(50)]
    records = await asyncio.gather(*(gate.request(id="a", name="n") for gate in gates))
    assert len({record.nonce for record in records}) == 1
    told = [entry.event for entry in await memory.read("")] or scratch.events
    assert [event.type for event in told] == ["onApprovalRequested"]


async def test_fifty_at_once_with_two_payloads_have_one_winner(
    store: ScratchStore, clock: FakeClock
) -> None:
    """P8: nobody gets an approval of something that it did not ask for."""
    gate = ApprovalGate(OnceStore(store), agent="billing", clock=clock)
    asked = await asyncio.gather(
        *(gate.request(id="a", name="n", payload=number % 2) for number in range(50)),
        return_exceptions=True,
    )
    stored = await gate.get("a")
    for number, got in enumerate(asked):
        if number % 2 == stored.payload:
            assert got == stored
        else:
            assert isinstance(got, ApprovalConflict)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"id": "a/b"}, InvalidId),
        ({"id": ""}, InvalidId),
        ({"id": "a" * 129}, InvalidId),
        ({"name": ""}, InvalidId),
        ({"name": "n" * 201}, LimitExceeded),
        ({"name": "\ud800"}, PayloadNotCanonical),
        ({"run": ""}, InvalidId),
        ({"reason": "r" * 3001}, LimitExceeded),
        ({"expires_in": 0}, LimitExceeded),
        ({"expires_in": -1}, LimitExceeded),
        ({"expires_in": float("nan")}, LimitExceeded),
        ({"expires_in": float("inf")}, LimitExceeded),
        ({"expires_in": MAX_EXPIRY + 1}, LimitExceeded),
        ({"expires_in": timedelta(days=91)}, LimitExceeded),
        ({"payload": (1, 2)}, PayloadNotCanonical),
        ({"payload": {"a": b""}}, PayloadNotCanonical),
        ({"payload": float("nan")}, PayloadNotCanonical),
        ({"payload": "x" * 300_000}, LimitExceeded),
        ({"not_by": "bob"}, InvalidId),
        ({"not_by": [""]}, InvalidId),
        ({"not_by": ["x"] * 101}, LimitExceeded),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_any_effect(
    gate: ApprovalGate, store: ScratchStore, bad: dict[str, Any], error: type[Exception]
) -> None:
    """P19: a typed error, and nothing stored."""
    with pytest.raises(error):
        await gate.request(**({"name": "n"} | bad))
    assert store.events == []


async def test_every_limit_is_reached_by_what_fits(gate: ApprovalGate) -> None:
    """The longest id in the longest namespace, the longest name, the longest time."""
    store = ScratchStore()
    wide = ApprovalGate(store, agent="a" * 200, namespace="n" * 128)
    asked = await wide.request(
        id="i" * 128,
        name="☃" * 200,
        reason="r" * 3000,
        expires_in=timedelta(days=90),
        payload="x" * (256 * 1024 - 2),
        not_by=[f"slack:T1:U{number}" for number in range(100)],
    )
    assert (await wide.get("i" * 128)) == asked


async def test_a_gate_may_allow_smaller_payloads(store: ScratchStore) -> None:
    """`max_payload` lowers the limit and never raises it."""
    small = ApprovalGate(store, agent="a", max_payload=10)
    await small.request(name="n", payload="x" * 8)
    with pytest.raises(LimitExceeded):
        await small.request(name="n", payload="x" * 9)
    with pytest.raises(LimitExceeded):
        await ApprovalGate(store, agent="a", max_payload=10**9).request(
            name="n", payload="x" * 300_000
        )


@pytest.mark.parametrize(("agent", "namespace"), [("", "default"), ("a", "a/b"), ("a", "")])
def test_a_gate_needs_usable_names(store: ScratchStore, agent: str, namespace: str) -> None:
    """Agent and namespace are checked where they are given."""
    with pytest.raises(InvalidId):
        ApprovalGate(store, agent=agent, namespace=namespace)


async def test_what_the_caller_changes_later_was_not_asked(gate: ApprovalGate) -> None:
    """P6: the record keeps its own copy, in the store and in what is returned."""
    payload: dict[str, Any] = {"users": [1]}
    asked = await gate.request(id="a", name="n", payload=payload)
    payload["users"].append(2)
    asked.payload["users"].append(3)
    assert (await gate.get("a")).payload == {"users": [1]}


async def test_what_changes_on_the_way_to_the_store_was_not_asked(clock: FakeClock) -> None:
    """P6: not even while the record is being written."""
    store = FaultyStore(clock=clock)
    gate = ApprovalGate(store, agent="billing", clock=clock)
    payload: dict[str, Any] = {"users": [1]}

    async def meddle(call: Callable[[], Awaitable[Any]]) -> Any:
        payload["users"].append(2)
        return await call()

    store.next("put", meddle)
    asked = await gate.request(id="a", name="n", payload=payload)
    assert (await gate.get("a")).payload == {"users": [1]}
    assert asked.digest == asked.digest_of({"users": [1]})


async def test_a_resumed_run_finds_its_approvals(store: ScratchStore, clock: FakeClock) -> None:
    """A second equal call of one run is a second approval; a new process finds both, in order."""

    async def work() -> list[str]:
        gate = ApprovalGate(store, agent="billing", clock=clock)
        asked = [
            await gate.request(name="n", payload=payload, run=run)
            for run, payload in (("job-7", 1), ("job-7", 1), ("job-7", 2), ("job-8", 1))
        ]
        return [approval.id for approval in asked]

    first = await work()
    assert len(set(first)) == 4
    assert await work() == first
    assert {event.id for event in store.events} == set(first)


async def test_two_processes_of_one_run_share_its_approvals(
    store: ScratchStore, clock: FakeClock
) -> None:
    """The same step of the same run is one question, whoever asks first."""
    gates = [ApprovalGate(store, agent="billing", clock=clock) for _ in range(2)]
    asked = await asyncio.gather(*(gate.request(name="n", run="job-7") for gate in gates))
    assert asked[0] == asked[1]


async def test_the_route_may_shorten_the_end(
    gate: ApprovalGate, desk: Desk, clock: FakeClock
) -> None:
    """What the operator allows counts, also for reading."""
    asked = await gate.request(id="a", name="n", expires_in=3600)
    await desk.route(asked.key, route(expires_at=after(60)))
    await clock.advance(59.999)
    assert (await gate.get("a")).status == "pending"
    await clock.advance(0.001)
    assert (await gate.get("a")).status == "expired"


async def test_what_helps_people_to_read_is_kept_and_may_differ(gate: ApprovalGate) -> None:
    """The policy's words and the schema go along; asked with others it is the same."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    asked = await gate.request(
        id="a", name="n", payload={"n": 1}, policy="rule 3", arguments_schema=schema
    )
    schema["type"] = "array"
    assert ("rule 3", "object") == (asked.policy, (asked.arguments_schema or {})["type"])
    again = await gate.request(id="a", name="n", payload={"n": 1}, policy="rule 4")
    assert asked == again


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("policy", "x" * 1001, LimitExceeded),
        ("policy", 7, InvalidId),
        ("arguments_schema", [], InvalidId),
        ("arguments_schema", {"a": float("nan")}, PayloadNotCanonical),
        ("arguments_schema", {"a": "x" * 17_000}, LimitExceeded),
        ("arguments_schema", {1: "x"}, PayloadNotCanonical),
    ],
)
async def test_what_helps_people_to_read_is_bounded(
    gate: ApprovalGate, field: str, value: Any, error: type[Exception]
) -> None:
    """A wrong or overlong help is refused, and nothing is asked."""
    with pytest.raises(error):
        await gate.request(id="a", name="n", **{field: value})
    with pytest.raises(ApprovalNotFound):
        await gate.get("a")
