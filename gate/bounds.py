"""Owns the operator's bounds: how much one agent may ask, and how long what is over is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from .errors import InvalidId, LimitExceeded
from .notary import USE_WITHIN

__all__ = ["MAX_RETENTION", "MIN_RETENTION", "MOST_ASKED", "Bounds"]

MIN_RETENTION: Final = 2 * USE_WITHIN
"""A record and its consumption outlive the receipt: else what was used up could be asked anew while
the receipt still counts."""
MAX_RETENTION: Final = timedelta(days=3650)
MOST_ASKED: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a store holds every agent to.

    Attributes:
        pending: Approvals of one agent in one namespace that may be pending at once, up to a
            million.
        per_minute: New approvals of one agent in one namespace within any minute, up to a million.
        retention: Seconds for which a final record is kept after the last thing that happened to
            it: 2 days to 10 years.

    Raises:
        LimitExceeded: One of them is out of its limits.
        InvalidId: One of them is no number.
    """

    pending: int = 10_000
    per_minute: int = 6_000
    retention: float = 90 * 86400.0

    def __post_init__(self) -> None:
        for field, value in (("pending", self.pending), ("per_minute", self.per_minute)):
            if type(value) is not int:
                raise InvalidId(field=field, reason=f"it is {type(value).__name__}, not int")
            if not 1 <= value <= MOST_ASKED:
                shown = max(-1, min(value, MOST_ASKED + 1))
                raise LimitExceeded(field=field, value=shown, limit=MOST_ASKED)
        if type(self.retention) not in (int, float):
            kind = type(self.retention).__name__
            raise InvalidId(field="retention", reason=f"it is {kind}, not a number of seconds")
        low, high = MIN_RETENTION.total_seconds(), MAX_RETENTION.total_seconds()
        if not low <= self.retention <= high:
            limit = int(low if self.retention < low else high)
            shown = int(min(self.retention, high + 1)) if self.retention >= 0 else 0
            raise LimitExceeded(field="retention seconds", value=shown, limit=limit)
