"""Owns what a gate can promise: the keys that it verifies by, and what it says where some lacks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .keys import PublicKey, configured_keys, read_public_keys
from .protocols import ApprovalStore, ConsumeOnce, OwnKeys, StoreClock, Watch
from .receipts import Verifier

__all__ = ["announce", "find_verifier"]

_WANTED: tuple[type[Any], ...] = (StoreClock, Watch, ConsumeOnce)


def announce(store: ApprovalStore, log: Any, *, signed: bool) -> None:
    """Log the level in force, and what a plain store makes the gate do by itself.

    Level 0: decisions are not verified, so whoever can write to the store can approve. It is meant
    for development. Level 1: only what the operator's key has signed runs.
    """
    if not signed:
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


def find_verifier(store: ApprovalStore, given: Sequence[PublicKey | str] | None) -> Verifier | None:
    """Return what checks receipts, or `None` where the operator gave this process no keys.

    Args:
        store: Consulted only for where its machine's own key file lies.
        given: The caller's keys; `None` to look where the operator put some.

    Raises:
        ConfigError: The keys cannot be read.
    """
    keys: Sequence[PublicKey]
    if given is None:
        own = store.key_file if isinstance(store, OwnKeys) else None
        # The agent's process has no other composition root: the operator speaks by its environment.
        keys = configured_keys(os.environ, own=own)  # noqa: TID251
    else:
        texts = [str(key) for key in given]
        keys = read_public_keys(",".join(texts), setting="public_keys") if texts else ()
    return Verifier(keys) if keys else None
