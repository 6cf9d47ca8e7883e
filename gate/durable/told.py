"""Owns what an observer of a run hears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["StepEvent"]


@dataclass(frozen=True)
class StepEvent:
    """One moment of a step. It holds no result and no text of an error."""

    type: Literal["step:start", "step:success", "step:failure", "step:pause", "step:replay"]
    run_id: str
    step_id: str
    name: str
    attempt: int
    seconds: float | None = None
    """How long the function took, where it has ended."""
    error: str | None = None
    """The class of what it raised."""
