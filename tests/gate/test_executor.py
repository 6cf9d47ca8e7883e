"""The executor: a hostile agent gains nothing by skipping the gate."""

from __future__ import annotations

from typing import Any

import pytest

from gate import (
    AlreadyConsumed,
    ApprovalDenied,
    ApprovalGate,
    ApprovalNotFound,
    ApprovalStatus,
    ConfigError,
    Decision,
    Desk,
    DigestMismatch,
    Executor,
    InvalidId,
    NotAllowed,
    Notary,
    ReceiptInvalid,
    SigningKey,
    Verdict,
)
from gate.testing import FakeClock
from stores.memory import MemoryStore
from tests.support.factories import ANA, START

KEY = SigningKey.generate()
ACTION: dict[str, Any] = {"agent": "billing", "name": "pay", "payload": {"eur": 5}}


@pytest.fixture
def store(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock=clock)


@pytest.fixture
def desk(store: MemoryStore, clock: FakeClock) -> Desk:
    return Desk(store, clock=clock, notary=Notary(KEY, secret=b"s" * 32))


@pytest.fixture
def executor(store: MemoryStore, clock: FakeClock) -> Executor:
    return Executor(store, agents=["billing"], public_keys=[str(KEY.public)], clock=clock)


@pytest.fixture(autouse=True)
async def asked(store: MemoryStore, clock: FakeClock) -> None:
    gate = ApprovalGate(store, agent="billing", clock=clock)
    await gate.request(id="x", name="pay", payload={"eur": 5})


async def test_a_signed_decision_releases_one_run(desk: Desk, executor: Executor) -> None:
    """P5: the same operation may repeat its call, any other is refused."""
    await desk.decide("x", "approve", approver=ANA)
    for _ in range(2):
        taken = await executor.verify_and_consume("x", **ACTION, operation_id="op-1")
        assert taken.consumption is not None
        assert "op-1" == taken.consumption.operation_id
    with pytest.raises(AlreadyConsumed):
        await executor.verify_and_consume("x", **ACTION)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"payload": {"eur": 500}}, DigestMismatch),
        ({"name": "pay-all"}, DigestMismatch),
        ({"agent": "shipping"}, NotAllowed),
        ({"agent": ""}, InvalidId),
        ({"operation_id": "a b"}, InvalidId),
    ],
)
async def test_another_action_is_not_released(
    desk: Desk, executor: Executor, changed: dict[str, Any], error: type[Exception]
) -> None:
    """P6: what is about to run is what was decided, for the agent that asked; nothing is taken."""
    decided = await desk.decide("x", "approve", approver=ANA)
    with pytest.raises(error):
        await executor.verify_and_consume("x", **(ACTION | changed))
    assert decided == await desk.get("x")


async def test_what_the_operator_did_not_sign_is_not_released(
    store: MemoryStore, executor: Executor, desk: Desk
) -> None:
    """P4, P10: undecided, denied, forged and unknown approvals release nothing."""
    with pytest.raises(NotAllowed, match="not_approved"):
        await executor.verify_and_consume("x", **ACTION)
    record = await desk.get("x")
    forged = record.model_copy(
        update={
            "status": ApprovalStatus.APPROVED,
            "decided_at": START,
            "decision": Decision(verdict=Verdict.APPROVE),
        }
    )
    await store.patch("x", record.version, forged)
    with pytest.raises(ReceiptInvalid, match="missing"):
        await executor.verify_and_consume("x", **ACTION)
    with pytest.raises(ApprovalNotFound):
        await executor.verify_and_consume("y", **ACTION)
    with pytest.raises(InvalidId):
        await executor.verify_and_consume("../x", **ACTION)


async def test_a_no_is_a_no(desk: Desk, executor: Executor) -> None:
    """A denial keeps its own class."""
    await desk.decide("x", "deny", approver=ANA)
    with pytest.raises(ApprovalDenied):
        await executor.verify_and_consume("x", **ACTION)


def test_without_keys_there_is_no_executor(store: MemoryStore) -> None:
    """It could not verify: it does not start."""
    with pytest.raises(ConfigError, match="SIGNOFF_PUBLIC_KEYS"):
        Executor(store, public_keys=[])
