"""Owns the breaks of what holds where one server is not enough: Sentinel, buckets, moving slots."""

from __future__ import annotations

from typing import Final

from .change import Break

__all__ = ["SCALE_BREAKS"]

_MOVES: Final = "tests/stores/test_cluster_moves.py"
_NODES: Final = "tests/stores/test_cluster_nodes.py"

SCALE_BREAKS: Final = (
    Break(
        "a demoted primary is kept",
        "stores/redis/link.py",
        "                    wire.retire()\n",
        "                    pass\n",
        ("tests/stores/test_sentinel.py::test_a_demoted_master_is_left",),
    ),
    Break(
        "what was never sent is in doubt",
        "stores/redis/link.py",
        "self._sent = not (late or wire.ended.done())",
        "self._sent = True",
        ("tests/stores/test_redis_life.py::test_a_connection_that_ends_at_once",),
    ),
    Break(
        "what is too late is sent all the same",
        "stores/redis/link.py",
        "        if late:\n",
        "        if False:\n",
        ("tests/stores/test_redis_life.py::test_what_comes_too_late_is_not_sent",),
    ),
    Break(
        "a node that is away holds up the waiters of all",
        "gate/waiting.py",
        "number = 0 if self._parts is None else self._parts.bucket_of(key)",
        "number = 0",
        ("tests/gate/test_waiting_outage.py::test_a_part_that_is_away_holds_up_nobody_else",),
    ),
    Break(
        "a sentinel's word is enough",
        "stores/redis/sentinel.py",
        'if not role or role[0] != b"master":',
        "if False:",
        ("tests/stores/test_sentinel.py::test_a_demoted_master_is_left",),
    ),
    Break(
        "subscriptions stay where the slot was",
        "stores/redis/cluster/watching.py",
        "if owner != node:",
        "if False:",
        (f"{_MOVES}::test_agents_that_wait_while_a_slot_moves",),
    ),
    Break(
        "a subscription that moved wakes nobody",
        "stores/redis/subscriptions.py",
        "            moved.stood = True\n",
        "            moved.stood = False\n",
        (f"{_MOVES}::test_a_wake_up_that_fell_into_the_move",),
    ),
    Break(
        "a bucket takes a wake-up of its own for one of all nodes",
        "stores/redis/cluster/bucket_link.py",
        "script.sharded,",
        "script,",
        ("tests/stores/test_cluster.py::TestClusterStore::test_a_patch_wakes",),
    ),
    Break(
        "what is refused stays counted",
        "stores/redis/cluster/store.py",
        "await self._accounts.dismiss(approval, moment=moment)\n            raise",
        "raise",
        (f"{_NODES}::test_what_is_refused_is_not_counted",),
    ),
    Break(
        "what was counted and never written stays counted",
        "stores/redis/cluster/accounts.py",
        "if not await self._forget_lost(approval):",
        "if True:",
        (f"{_NODES}::test_a_cap_holds_over_all_buckets",),
    ),
    Break(
        "what is over is counted with each further write",
        "stores/redis/lua/patch.lua",
        "count(-redis.call('ZREM', KEYS[5], ARGV[4]))",
        "redis.call('ZREM', KEYS[5], ARGV[4]) count(-1)",
        ("tests/stores/test_redis.py::TestRedisStore::test_what_is_over_is_counted_no_more_once",),
    ),
    Break(
        "another number of buckets is taken",
        "stores/redis/schema.py",
        '_compare("buckets", str(buckets or _BUCKETS).encode(), count)',
        "pass",
        (f"{_NODES}::test_the_first_start_fixes_the_number_of_buckets",),
    ),
    Break(
        "chains of all buckets are looked for in one folder",
        "bot/cli/chains.py",
        "archive / str(number) if archive is not None and count > 1 else archive",
        "archive",
        ("tests/scenarios/test_cluster.py",),
    ),
)
"""The breaks: each takes one safety away, and names the tests that must turn red without it."""
