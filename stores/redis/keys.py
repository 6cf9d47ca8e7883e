"""Owns the names of everything that signoff keeps in Redis: every key, its owner and its end.

=============================  ==========  =======================  ================================
key, behind `signoff:`         type        written by               end of life
=============================  ==========  =======================  ================================
`{b}:request:<key>`            string      the gate, once           the retention of the final
                                                                    record
`{b}:state:<key>`              string      whoever routes, decides  with the request
                                           or reports
`{b}:use:<key>`                string      whoever runs, once       with the request
`{b}:card:<key>`               hash        the bot                  with the request
`{b}:bounds`                   hash        the bot, at its start    never
`{b}:asking:<agent>`           sorted set  with the record          as `pending`
`{b}:lately:<agent>`           list        with a new request       its own TTL of a minute
`{b}:pending`                  sorted set  with the record          an entry leaves at the final
                                                                    status
`{b}:deadlines`                sorted set  with the record          as `pending`
`{b}:ended`                    sorted set  with the final status    an entry leaves with its record
`{b}:events`                   stream      with each change         trimmed once sealed
`{b}:audit`                    stream      the lease's holder       retention of sealed entries;
                                                                    the last one never
`{b}:reader:<name>`            string      a reader of the events   never; one per reader
`{b}:lease:<name>`             string      its holder               its own TTL, or release
`{b}:fence:<name>`             string      with a change of holder  never; one per lease
`{b}:checkpoint:<key>`         string      the agent                the agent deletes it
`{b}:checkpoints`              sorted set  with a checkpoint        an entry leaves with it
`{b}:steps:<run>`              list        the run's worker         the run is reset
`meta`                         hash        the first start          never
=============================  ==========  =======================  ================================

`{b}:wake:<key>` is a channel, not a key. `{b}` is the bucket, a hash tag: all keys of a script have
one tag, so that they share a slot of Redis Cluster. `<key>` is the key of the record, and may hold
a slash. A missing `state` means: pending, as it was put.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Final

__all__ = ["META", "SCHEMA", "AgentKeys", "KeyKind", "Keys", "kind_of"]

META: Final = "signoff:meta"
SCHEMA: Final = 1
"""The version of this table. Another one in `signoff:meta` stops the start."""


@dataclass(frozen=True)
class KeyKind:
    """One row of the table: what a key is called, and its Redis type."""

    name: str
    type: str
    named: bool
    """Whether the key ends in the key of a record, or in the name of a reader or a lease."""


_TABLE: Final = (
    KeyKind("request", "string", named=True),
    KeyKind("state", "string", named=True),
    KeyKind("use", "string", named=True),
    KeyKind("card", "hash", named=True),
    KeyKind("bounds", "hash", named=False),
    KeyKind("asking", "zset", named=True),
    KeyKind("lately", "list", named=True),
    KeyKind("pending", "zset", named=False),
    KeyKind("deadlines", "zset", named=False),
    KeyKind("ended", "zset", named=False),
    KeyKind("events", "stream", named=False),
    KeyKind("audit", "stream", named=False),
    KeyKind("reader", "string", named=True),
    KeyKind("lease", "string", named=True),
    KeyKind("fence", "string", named=True),
    KeyKind("checkpoint", "string", named=True),
    KeyKind("checkpoints", "zset", named=False),
    KeyKind("steps", "list", named=True),
)
_META_KIND: Final = KeyKind("meta", "hash", named=False)
_PATTERN: Final = re.compile(r"signoff:\{\d+\}:([a-z]+)(?::(.+))?", re.DOTALL)


def kind_of(name: str) -> KeyKind | None:
    """Return the row of the table that the Redis key *name* belongs to, or `None`."""
    if name == META:
        return _META_KIND
    found = _PATTERN.fullmatch(name)
    if found is None:
        return None
    return next(
        (kind for kind in _TABLE if kind.name == found[1] and kind.named == (found[2] is not None)),
        None,
    )


@dataclass(frozen=True)
class AgentKeys:
    """The names of what is counted of one agent."""

    asking: str
    """What it has pending."""
    lately: str
    """When it asked."""


class Keys:
    """The names in a store of so many buckets."""

    def __init__(self, *, buckets: int = 1) -> None:
        self.buckets = buckets
        self.bounds = self._name(0, "bounds")
        self.pending = self._name(0, "pending")
        self.deadlines = self._name(0, "deadlines")
        self.ended = self._name(0, "ended")
        self.events = self._name(0, "events")
        self.audit = self._name(0, "audit")
        self.checkpoints = self._name(0, "checkpoints")

    def bucket(self, key: str) -> int:
        """Return the bucket of the record under *key*: stable for ever, the same everywhere."""
        return zlib.crc32(key.encode()) % self.buckets

    def request(self, key: str) -> str:
        """Return the name of the request part."""
        return self._name(self.bucket(key), "request", key)

    def state(self, key: str) -> str:
        """Return the name of the state part."""
        return self._name(self.bucket(key), "state", key)

    def use(self, key: str) -> str:
        """Return the name of the consumption."""
        return self._name(self.bucket(key), "use", key)

    def record(self, key: str) -> tuple[str, str, str]:
        """Return the names of the three parts of a record: request, state, use."""
        return self.request(key), self.state(key), self.use(key)

    def card(self, key: str) -> str:
        """Return the name of the record's messages."""
        return self._name(self.bucket(key), "card", key)

    def agent(self, namespace: str, agent: str) -> AgentKeys:
        """Return the names of what is counted of an agent, in each namespace by itself."""
        owner = f"{namespace}/{agent}"
        return AgentKeys(self._name(0, "asking", owner), self._name(0, "lately", owner))

    def wake(self, key: str) -> str:
        """Return the channel on which changes of the record are told."""
        return self._name(self.bucket(key), "wake", key)

    def reader(self, name: str) -> str:
        """Return the name of a reader's position."""
        return self._name(0, "reader", name)

    def lease(self, name: str) -> str:
        """Return the name of a lease."""
        return self._name(0, "lease", name)

    def fence(self, name: str) -> str:
        """Return the name of a lease's counter of holders."""
        return self._name(0, "fence", name)

    def checkpoint(self, key: str) -> str:
        """Return the name of a checkpoint; all of them share a bucket with their index."""
        return self._name(0, "checkpoint", key)

    def steps(self, run_id: str) -> str:
        """Return the name of the log of a run's steps."""
        return self._name(self.bucket(run_id), "steps", run_id)

    @staticmethod
    def _name(bucket: int, kind: str, rest: str | None = None) -> str:
        head = f"signoff:{{{bucket}}}:{kind}"
        return head if rest is None else f"{head}:{rest}"
