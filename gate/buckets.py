"""Owns the contract of a store in several parts: what is one record's is in one part, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from .protocols import ApprovalStore

__all__ = ["Bucketed"]


@runtime_checkable
class Bucketed(Protocol):
    """A store in one part or several, each with a log, a chain and leases of its own.

    A record and all that belongs to it is in one bucket for ever, which follows from its key. A
    bucket is a store too, for its own records. A store in one part is its only bucket.
    """

    @property
    def buckets(self) -> Sequence[ApprovalStore]:
        """The parts, always in the same order."""
        ...

    def bucket_of(self, key: str) -> int:
        """Return the number of the part, from 0, in which the record under *key* is or would be."""
        ...
