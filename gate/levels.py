"""Owns what a gate cannot promise, and how it says so, once."""

from __future__ import annotations

from typing import Any

from .protocols import ApprovalStore, ConsumeOnce, StoreClock, Watch

__all__ = ["announce"]

_WANTED: tuple[type[Any], ...] = (StoreClock, Watch, ConsumeOnce)


def announce(store: ApprovalStore, log: Any) -> None:
    """Log the level in force, and what a plain store makes the gate do by itself.

    Level 0: decisions are not signed, so whoever can write to the store can approve. It is meant
    for development.
    """
    log.warning(
        "gate.level_zero",
        detail="decisions are not signed: whoever can write to the store can approve",
    )
    missing = [kind.__name__ for kind in _WANTED if not isinstance(store, kind)]
    if missing:
        log.warning(
            "gate.plain_store",
            missing=missing,
            detail="the gate polls, uses its own clock or consumes by compare-and-set",
        )
