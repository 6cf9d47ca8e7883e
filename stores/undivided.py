"""Owns what a store in one part says about its parts."""

from __future__ import annotations

from typing import Self

__all__ = ["Undivided"]


class Undivided:
    """The members of `gate.Bucketed` for a store that is its own only bucket, to inherit."""

    @property
    def buckets(self) -> tuple[Self]:
        """See `gate.Bucketed.buckets`: there is one."""
        return (self,)

    def bucket_of(self, key: str) -> int:  # noqa: ARG002  (the contract's)
        """See `gate.Bucketed.bucket_of`."""
        return 0
