"""Owns the operator's bounds in Redis: what they are, how much an agent has open, what may go."""

from __future__ import annotations

from gate import Approval, Bounds, LimitExceeded

from . import scripts
from .keys import Keys
from .way import Way

__all__ = ["BoundsVerbs"]


class BoundsVerbs:
    """The verbs of `gate.Bounded`, for the store to inherit; the script of `put` does the rest."""

    _link: Way
    _keys: Keys

    async def bounds(self) -> Bounds:
        """See `gate.Bounded.bounds`. What is no bound there counts as not set."""
        [texts] = await self._link.read(
            ["HMGET", self._keys.bounds, "pending", "minute", "retention"], operation="bounds"
        )
        fields = ("pending", "per_minute", "retention")
        given = {
            field: int(text)
            for field, text in zip(fields, texts, strict=True)
            if text is not None and text.isdigit() and len(text) < 19
        }
        bounds = {}
        for field, value in given.items():
            try:
                Bounds(**{field: value})
            except LimitExceeded:
                continue
            bounds[field] = value
        return Bounds(**bounds)

    async def set_bounds(self, bounds: Bounds) -> None:
        """See `gate.Bounded.set_bounds`."""
        await scripts.set_bounds(self._link, self._keys, bounds)

    async def place_of(self, approval: Approval) -> int:
        """See `gate.Bounded.place_of`."""
        agent = self._keys.agent(approval.namespace, approval.agent)
        count, before = await self._link.read(
            ["GET", agent.asking],
            ["ZRANK", self._keys.pending, approval.key],
            operation="place_of",
            key=approval.key,
        )
        all_of_them = int(count) if count is not None and count.isdigit() else 0
        return all_of_them + 1 if before is None else min(all_of_them, int(before) + 1)

    async def forget(self, *, limit: int = 100) -> int:
        """See `gate.Bounded.forget`."""
        retention = (await self.bounds()).retention
        [[seconds, _]] = await self._link.read(["TIME"], operation="forget")
        [keys] = await self._link.read(
            ["ZRANGEBYSCORE", self._keys.ended, "-inf", int(seconds) - int(retention),
             "LIMIT", 0, limit],
            operation="forget",
        )  # fmt: skip
        gone = 0
        for key in keys:
            # The script looks again: it may have been consumed meanwhile.
            gone += await scripts.forget(self._link, self._keys, key.decode(), retention=retention)
        return gone
