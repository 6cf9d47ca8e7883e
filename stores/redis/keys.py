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
`{b}:asking:<agent>`           string      with the record          with the last of `deadlines`
`{b}:lately:<agent>`           list        with a new request       its own TTL of a minute
`{b}:account:<agent>`          sorted set  in a cluster, before     as `pending`, or once it is seen
                                           the record               that there is no such record
`{b}:minute:<agent>`           list        as `account`             its own TTL of a minute
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
a slash. `asking` and `lately` count an agent's records in one bucket, `account` and `minute` those
in all of them, in the bucket that the agent's name has. A missing `state` means: pending, as it was
put.
"""

from __future__ import annotations

import binascii
import re
import zlib
from dataclasses import dataclass
from typing import Final

__all__ = ["META", "SCHEMA", "AgentKeys", "KeyKind", "Keys", "bucket_of", "kind_of", "slot_of"]

META: Final = "signoff:meta"
SLOTS: Final = 16384
"""Of Redis Cluster."""
SCHEMA: Final = 2
"""The version of this table. An older one in `signoff:meta` is brought up to it, any other stops
the start."""


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
    KeyKind("asking", "string", named=True),
    KeyKind("lately", "list", named=True),
    KeyKind("account", "zset", named=True),
    KeyKind("minute", "list", named=True),
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
    """How many it has pending; of an account, which."""
    lately: str
    """When it asked."""


def bucket_of(key: str, buckets: int) -> int:
    """Return which of so many buckets has the record under *key*: stable for ever, everywhere."""
    return zlib.crc32(key.encode()) % buckets


def slot_of(name: str) -> int:
    """Return the slot of Redis Cluster in which the key or channel *name* is.

    See "Hash tags" in the specification of Redis Cluster.
    """
    _, brace, rest = name.partition("{")
    tag, end, _ = rest.partition("}")
    return binascii.crc_hqx((tag if brace and end and tag else name).encode(), 0) % SLOTS


class Keys:
    """The names in one bucket.

    Args:
        bucket: Which; a store on one server has one, number 0.
    """

    def __init__(self, bucket: int = 0) -> None:
        self._bucket = bucket
        self.bounds = self._name("bounds")
        self.pending = self._name("pending")
        self.deadlines = self._name("deadlines")
        self.ended = self._name("ended")
        self.events = self._name("events")
        self.audit = self._name("audit")
        self.checkpoints = self._name("checkpoints")

    def request(self, key: str) -> str:
        """Return the name of the request part."""
        return self._name("request", key)

    def state(self, key: str) -> str:
        """Return the name of the state part."""
        return self._name("state", key)

    def use(self, key: str) -> str:
        """Return the name of the consumption."""
        return self._name("use", key)

    def record(self, key: str) -> tuple[str, str, str]:
        """Return the names of the three parts of a record: request, state, use."""
        return self.request(key), self.state(key), self.use(key)

    def card(self, key: str) -> str:
        """Return the name of the record's messages."""
        return self._name("card", key)

    def agent(self, namespace: str, agent: str) -> AgentKeys:
        """Return the names of what is counted here of an agent, in each namespace by itself."""
        owner = f"{namespace}/{agent}"
        return AgentKeys(self._name("asking", owner), self._name("lately", owner))

    def account(self, owner: str) -> AgentKeys:
        """Return the names of what is counted in all buckets of *owner*, `namespace/agent`."""
        return AgentKeys(self._name("account", owner), self._name("minute", owner))

    def wake(self, key: str) -> str:
        """Return the channel on which changes of the record are told."""
        return self._name("wake", key)

    def reader(self, name: str) -> str:
        """Return the name of a reader's position."""
        return self._name("reader", name)

    def lease(self, name: str) -> str:
        """Return the name of a lease."""
        return self._name("lease", name)

    def fence(self, name: str) -> str:
        """Return the name of a lease's counter of holders."""
        return self._name("fence", name)

    def checkpoint(self, key: str) -> str:
        """Return the name of a checkpoint; its index has those of its bucket."""
        return self._name("checkpoint", key)

    def steps(self, run_id: str) -> str:
        """Return the name of the log of a run's steps."""
        return self._name("steps", run_id)

    def _name(self, kind: str, rest: str | None = None) -> str:
        head = f"signoff:{{{self._bucket}}}:{kind}"
        return head if rest is None else f"{head}:{rest}"
