"""Owns what agents have pending in all buckets together: an account of each, in one of them.

A record and its agent's account are in two slots, so they are written one after the other: first
counted, then written; first ended, then counted no more. Whoever is killed in between leaves a
record that is counted and not there. Such ones are looked for when an agent has reached its bound.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

import structlog

from gate import Approval, Bounds, LimitExceeded, SignoffError

from ..keys import Keys, bucket_of
from ..scripts import script
from ..way import Way

__all__ = ["Accounts"]

_UNSET: Final = Bounds()
_LOOKED_AT: Final = 100
"""Counted records that are looked at, the oldest first: they are the likeliest to be gone."""
_UNDER_WAY: Final = 10_000_000
"""Microseconds for which a counted record may still be about to be written."""
_PATIENCE: Final = 0.25
"""Seconds for which a write that is done waits for the account."""

_log = structlog.get_logger("signoff.stores")


class Accounts:
    """Counts for every agent, in each namespace by itself.

    Args:
        buckets: The way and the names of each bucket.
        read: Reads many records.
    """

    def __init__(
        self,
        buckets: Sequence[tuple[Way, Keys]],
        *,
        read: Callable[[Sequence[str]], Awaitable[list[Approval | Exception | None]]],
    ) -> None:
        self._buckets = buckets
        self._read = read

    async def admit(self, approval: Approval) -> str | None:
        """Count *approval*; return the moment, `None` if it is counted already.

        Raises:
            LimitExceeded: It would be one too many.
            StoreUnavailable: It is not counted.
            Unconfirmed: It is not known whether it is.
        """
        try:
            return await self._admit(approval)
        except LimitExceeded:
            if not await self._forget_lost(approval):
                raise
        return await self._admit(approval)

    async def dismiss(self, approval: Approval, *, moment: str = "") -> None:
        """Count *approval* no more; with *moment* it was never asked for.

        What fails here is found later: nothing depends on it.
        """
        async with _later(approval):
            await self._dismiss(approval, [approval.key], moment=moment)

    async def note(self, approval: Approval) -> None:
        """Count *approval*, if it is not counted: it was written past this store."""
        async with _later(approval):
            link, keys = self._home(approval)
            await link.run(
                script("note"),
                [keys.account(_owner(approval)).asking],
                [approval.key],
                operation="note",
            )

    async def place_of(self, approval: Approval) -> int:
        """See `gate.Bounded.place_of`."""
        link, keys = self._home(approval)
        account = keys.account(_owner(approval)).asking
        before, all_of_them = await link.read(
            ["ZRANK", account, approval.key],
            ["ZCARD", account],
            operation="place_of",
            key=approval.key,
        )
        return int(all_of_them if before is None else before) + 1

    def _home(self, approval: Approval) -> tuple[Way, Keys]:
        return self._buckets[bucket_of(_owner(approval), len(self._buckets))]

    async def _admit(self, approval: Approval) -> str | None:
        link, keys = self._home(approval)
        account = keys.account(_owner(approval))
        answer = await link.run(
            script("admit"),
            [keys.bounds, account.asking, account.lately],
            [approval.key, _UNSET.pending, _UNSET.per_minute],
            operation="put",
            key=approval.key,
        )
        if answer[0] == -2:
            field = {b"pending": "pending approvals"}.get(answer[1], "requests within a minute")
            raise LimitExceeded(field=field, value=answer[2] + 1, limit=answer[2])
        return answer[1].decode() if answer[0] == 1 else None

    async def _forget_lost(self, approval: Approval) -> bool:
        """Count what is over, or was never written, no more; say whether there was any."""
        link, keys = self._home(approval)
        [[seconds, _]] = await link.read(["TIME"], operation="put")
        before = int(seconds) * 1_000_000 - _UNDER_WAY
        [names] = await link.read(
            ["ZRANGEBYSCORE", keys.account(_owner(approval)).asking, "-inf", before,
             "LIMIT", 0, _LOOKED_AT],
            operation="put",
        )  # fmt: skip
        counted = [name.decode() for name in names]
        found = await self._read(counted) if counted else []
        lost = [
            key
            for key, record in zip(counted, found, strict=True)
            if record is None or (isinstance(record, Approval) and record.final)
        ]
        return bool(lost) and await self._dismiss(approval, lost) > 0

    async def _dismiss(self, approval: Approval, lost: Sequence[str], *, moment: str = "") -> int:
        link, keys = self._home(approval)
        account = keys.account(_owner(approval))
        gone: int = await link.run(
            script("dismiss"),
            [account.asking, account.lately],
            [moment, *lost],
            operation="dismiss",
        )
        return gone


@contextlib.asynccontextmanager
async def _later(approval: Approval) -> AsyncIterator[None]:
    """Let what fails or takes long go: the write that it is about is done."""
    try:
        async with asyncio.timeout(_PATIENCE):
            yield
    except SignoffError as error:
        _log.info("account_behind", approval=approval.key, error=error.code)
    except TimeoutError:
        _log.info("account_behind", approval=approval.key, error="late")


def _owner(approval: Approval) -> str:
    return f"{approval.namespace}/{approval.agent}"
