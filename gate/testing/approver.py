"""Owns a person who answers as a script says: for tests of an agent's own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..answers import Verdict
from ..approval import Approval
from ..approval_gate import ApprovalGate
from ..clock import Clock
from ..desk import Desk
from ..events import ApprovalEvent
from .store import ScratchStore

__all__ = ["ScriptedApprover"]


@dataclass(frozen=True)
class _Line:
    name: str | None
    verdict: Verdict | None
    answer: dict[str, Any]


class _AnsweringStore(ScratchStore):
    """A store in which the answer follows the question at once."""

    def __init__(self, approver: ScriptedApprover, *, clock: Clock | None) -> None:
        super().__init__(clock=clock)
        self._approver = approver

    async def put(self, approval: Approval, events: Sequence[ApprovalEvent] = ()) -> Approval:
        before = len(self.events)
        stored = await super().put(approval, events)
        if len(self.events) > before:
            await self._approver.answer(stored)
        return stored


class ScriptedApprover:
    """Answers each request with the next line of the script that fits it.

    A request that no line fits stays pending; `check` then fails and names it, as it does for lines
    that nobody needed.

    Args:
        principal: Whom the decisions name.
        clock: Time for gate and store.

    Attributes:
        gate: The gate to hand to the code under test.
        asked: Every approval that was requested, in order.
    """

    def __init__(self, principal: str = "test:approver", *, clock: Clock | None = None) -> None:
        self.principal = principal
        self.asked: list[Approval] = []
        self.store: ScratchStore = _AnsweringStore(self, clock=clock)
        self.gate = ApprovalGate(self.store, agent="test", clock=clock)
        self._desk = Desk(self.store, clock=clock)
        self._script: list[_Line] = []
        self._unscripted: list[str] = []

    def approve(self, name: str | None = None, **answer: Any) -> None:
        """Approve the next request, or the next one called *name*; *answer* is `Desk.decide`'s."""
        self._script.append(_Line(name, Verdict.APPROVE, answer))

    def deny(self, name: str | None = None, **answer: Any) -> None:
        """Deny it; `note=` is the reason."""
        self._script.append(_Line(name, Verdict.DENY, answer))

    def skip(self, name: str | None = None, **answer: Any) -> None:
        """Let the agent leave it out."""
        self._script.append(_Line(name, Verdict.SKIP, answer))

    def ignore(self, name: str | None = None) -> None:
        """Never answer it."""
        self._script.append(_Line(name, None, {}))

    async def answer(self, approval: Approval) -> None:
        """Answer *approval* as the script says."""
        self.asked.append(approval)
        for line in self._script:
            if line.name in (None, approval.name):
                self._script.remove(line)
                if line.verdict is not None:
                    await self._desk.decide(
                        approval.key, line.verdict, approver=self.principal, **line.answer
                    )
                return
        self._unscripted.append(approval.name)

    def check(self) -> None:
        """Fail if the script and what happened differ.

        Raises:
            AssertionError: Lines were left over, or requests came that no line fitted.
        """
        left = [line.name or "any" for line in self._script]
        if left or self._unscripted:
            raise AssertionError(
                f"never asked: {left}; asked without a line in the script: {self._unscripted}"
            )
