"""Owns telling how a run ended: done, or failed with the class of the error and never its text."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from .approval import MAX_NAME, Approval, Outcome, check_text
from .commands import Report
from .errors import InvalidId, LimitExceeded
from .records import Records

__all__ = ["Reports"]

_BUDGET: Final = 5.0
_LONGEST: Final = 1e9
"""Seconds: a run of thirty years."""


class Reports:
    """Writes the outcomes of one gate's runs.

    Args:
        records: Where the approvals are.
        log: A structured logger, for reports that could not be written.
    """

    def __init__(self, records: Records, *, log: Any) -> None:
        self._records = records
        self._log = log

    async def report(self, key: str, *, seconds: float, error: str | None) -> Approval:
        """Write the outcome; see `ApprovalGate.report`."""
        if error is not None:
            check_text(error, field="error", limit=MAX_NAME)
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise InvalidId(field="seconds", reason=f"it is {type(seconds).__name__}, not a number")
        if not seconds <= _LONGEST:
            raise LimitExceeded(field="seconds", value=int(_LONGEST) + 1, limit=int(_LONGEST))
        outcome = Outcome(
            status="done" if error is None else "failed",
            error=error,
            seconds=max(0.0, round(seconds, 6)),
            at=await self._records.about_now(),
        )
        return await self._records.commit(key, Report(outcome=outcome))

    async def attempt(
        self, approval: Approval, *, seconds: float, error: BaseException | None
    ) -> None:
        """Write the outcome if that can be done soon; the run's own end stands in any case."""
        kind = type(error).__name__[:MAX_NAME] if error is not None else None
        try:
            async with asyncio.timeout(_BUDGET):
                await self.report(approval.key, seconds=seconds, error=kind)
        except Exception as trouble:  # noqa: BLE001  (the run has ended; whatever a store raises)
            self._log.warning(
                "gate.report_failed", approval_id=approval.id, error=type(trouble).__name__
            )
