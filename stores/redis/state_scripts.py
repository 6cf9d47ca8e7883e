"""Owns the typed front of the scripts that keep an agent's own state: checkpoints and steps."""

from __future__ import annotations

from gate import StepRow, StoreCorrupt

from .keys import Keys
from .scripts import script
from .way import Way

__all__ = ["append_step", "drop_checkpoint", "drop_steps", "keep_checkpoint"]


async def keep_checkpoint(
    link: Way, keys: Keys, key: str, *, version: str, text: str, expected: str | None
) -> bool:
    """Keep a text, on a condition; return whether it was written.

    Raises:
        StoreCorrupt: What stands has no version.
    """
    answer = await link.run(
        script("keep_checkpoint"),
        [keys.checkpoint(key), keys.checkpoints],
        [key, version, text, 0 if expected is None else 1, expected or ""],
        operation="keep_checkpoint",
    )
    return _done(answer, key=key)


async def drop_checkpoint(link: Way, keys: Keys, key: str, *, expected: str | None) -> bool:
    """Remove a text, on a condition; return whether it was removed.

    Raises:
        StoreCorrupt: What stands has no version.
    """
    answer = await link.run(
        script("drop_checkpoint"),
        [keys.checkpoint(key), keys.checkpoints],
        [key, 0 if expected is None else 1, expected or ""],
        operation="drop_checkpoint",
    )
    return _done(answer, key=key)


async def append_step(
    link: Way, keys: Keys, run_id: str, *, row: StepRow, after: str | None
) -> bool:
    """Add a row to a run's log, if its worker has the run; return whether it was added.

    Raises:
        StoreCorrupt: The last row has not worker and id in front.
    """
    answer = await link.run(
        script("append_step"),
        [keys.steps(run_id)],
        [row.worker, row.id, row.to_text(), 0 if after is None else 1, after or ""],
        operation="append_step",
    )
    return _done(answer, key=run_id)


async def drop_steps(link: Way, keys: Keys, run_id: str) -> bool:
    """Remove a run's log; return whether there was one."""
    answer = await link.run(script("drop_steps"), [keys.steps(run_id)], [], operation="drop_steps")
    return bool(answer)


def _done(answer: object, *, key: str) -> bool:
    if answer == b"corrupt":
        raise StoreCorrupt(key, reason="nothing of ours in front")
    return bool(answer)
