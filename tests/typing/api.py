"""How users call the API, for the type checkers; never executed.

Each ignore proves that the mistake on its line is seen: an ignore that is not needed is an error.
Run `mypy --strict` and `pyright` on this file.
"""

from __future__ import annotations

# pyright: reportUnnecessaryTypeIgnoreComment=true
import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, assert_type

from gate import (
    Approval,
    ApprovalDenied,
    ApprovalGate,
    ApprovalStatus,
    ApprovalStore,
    BlockingGate,
    Desk,
    Verdict,
)
from gate.testing import FakeClock, ScratchStore, ScriptedApprover


async def gate_verbs(store: ApprovalStore) -> None:
    async with ApprovalGate(store, agent="billing", expires_in=timedelta(hours=1)) as gate:
        assert_type(gate, ApprovalGate)
        asked = await gate.request(name="delete-user", payload={"user_id": 42}, not_by=["a"])
        assert_type(asked, Approval)
        assert_type(asked.status, ApprovalStatus)
        assert_type(await gate.wait(asked.id, timeout=timedelta(minutes=5)), Approval)
        assert_type(await gate.require(name="n", id="a", timeout=3), Approval)
        async with gate.guard(name="n", payload=[1], editable=True, timeout=3) as approval:
            assert_type(approval, Approval)
        assert_type(await gate.consume(asked, payload=None, operation_id="op"), Approval)
        assert_type(await gate.decide("a", "approved", {"approver": "ana"}), Approval)
        assert_type(await gate.cancel("a", reason="why"), Approval)
        assert_type(await gate.report("a", seconds=1, error="OSError"), Approval)


async def gate_mistakes(gate: ApprovalGate, store: ApprovalStore) -> None:
    ApprovalGate(store)  # type: ignore[call-arg]
    await gate.request(payload=1)  # type: ignore[call-arg]
    await gate.request(name="n", nmae="n")  # type: ignore[call-arg]
    await gate.require(payload=1)  # type: ignore[call-arg]
    await gate.require(name="n", paylaod=1)  # type: ignore[call-arg]
    await gate.require(name=1)  # type: ignore[arg-type]
    gate.guard(name="n", expires_in="1h")  # type: ignore[arg-type]
    await gate.consume("a")  # type: ignore[call-arg]
    await gate.wait(1)  # type: ignore[arg-type]


async def decorated(gate: ApprovalGate) -> None:
    @gate.requires_approval
    async def delete_user(user_id: int, *, hard: bool = False) -> str:
        return f"{user_id} {hard}"

    @gate.requires_approval(name="rename", timeout=60, expires_in=timedelta(hours=1))
    async def rename_user(user_id: int, name: str) -> None: ...

    assert_type(await delete_user(42, hard=True), str)
    await rename_user(42, name="ana")
    task = asyncio.create_task(delete_user(42))
    assert_type(await task, str)
    kept: Callable[..., Coroutine[Any, Any, str]] = delete_user
    await kept(1)

    await delete_user("42")  # type: ignore[arg-type]
    await delete_user(42, True)  # type: ignore[call-arg]
    await delete_user()  # type: ignore[call-arg]
    await rename_user(42, name=7)  # type: ignore[arg-type]


class Users:
    def __init__(self, gate: ApprovalGate) -> None:
        self.delete = gate.requires_approval(self._delete)

    async def _delete(self, user_id: int) -> int:
        return user_id

    async def use(self) -> None:
        assert_type(await self.delete(42), int)
        await self.delete("42")  # type: ignore[arg-type]


def blocking(store: Callable[[], Any]) -> None:
    with BlockingGate(store, agent="script") as gate:
        assert_type(gate.request(name="n"), Approval)
        assert_type(gate.wait("a", timeout=timedelta(seconds=1)), Approval)
        with gate.guard(name="n", payload=1) as approval:
            assert_type(approval, Approval)
        gate.request(nmae="n")  # type: ignore[call-arg]


async def trusted(desk: Desk) -> None:
    assert_type(await desk.decide("a", Verdict.DENY, approver="ana"), Approval)
    await desk.decide("a", "approve", "ana")  # type: ignore[call-arg]


def kit() -> None:
    clock = FakeClock()
    store: ApprovalStore = ScratchStore(clock=clock)
    approver = ScriptedApprover("test:ana", clock=clock)
    assert_type(approver.gate, ApprovalGate)
    ApprovalGate(store, agent="a", clock=clock)


def errors(error: ApprovalDenied) -> None:
    assert_type(error.note, str | None)
    assert_type(error.code, str)
    permission: PermissionError = error
    raise permission
