"""Owns the questions about the server itself: what it is, whether it keeps, evicts, and tells."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gate import StoreUnavailable

from .subscriptions import PLAIN, Words
from .way import Watching, Way

__all__ = ["Health", "ask_health", "echo"]

_SECTIONS: Final = ("server", "persistence", "memory", "stats", "replication")
_SETTINGS: Final = ("appendonly", "appendfsync", "save", "maxmemory-policy")
_REFUSALS: Final = frozenset({"ERR", "NOPERM"})
"""Words of a server that is there and does not answer this question: a hosted one forbids CONFIG,
an access list forbids more."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """What a server says about itself; a part is `None` where the server does not say.

    Attributes:
        product: `Redis` or `Valkey`.
        version: As the product counts.
        role: `master` or `slave`, in Redis's words.
        append_only: Whether it writes an append-only file.
        fsync: `always`, `everysec` or `no`: when that file is really on disk.
        snapshots: Whether it writes its whole data by itself from time to time.
        writes_fail: Whether its last try to write the file or a snapshot failed.
        eviction: Its `maxmemory-policy`.
        memory_used: In bytes.
        memory_limit: In bytes; 0 is none.
        evicted: Keys that it threw away since it started.
        refused: The questions that it refused.
    """

    product: str | None = None
    version: str | None = None
    role: str | None = None
    append_only: bool | None = None
    fsync: str | None = None
    snapshots: bool | None = None
    writes_fail: bool | None = None
    eviction: str | None = None
    memory_used: int | None = None
    memory_limit: int | None = None
    evicted: int | None = None
    refused: tuple[str, ...] = ()


async def ask_health(link: Way) -> Health:
    """Return what the server says about itself.

    Raises:
        StoreUnavailable: It does not answer. A question that it refuses is no such case.
    """
    facts: dict[str, str] = {}
    options: dict[str, str] = {}
    refused: list[str] = []
    # One at a time: a server of 6.2 takes one section or setting in a call, and a refusal of one
    # must not take the others' answers with it.
    for section in _SECTIONS:
        try:
            [answer] = await link.read(["INFO", section], operation="health")
        except StoreUnavailable as error:
            refused.append(_refusal(error, "INFO"))
        else:
            facts |= _facts(answer)
    for setting in _SETTINGS:
        try:
            [answer] = await link.read(["CONFIG", "GET", setting], operation="health")
        except StoreUnavailable as error:
            refused.append(_refusal(error, "CONFIG"))
        else:
            if len(answer) == 2:
                options[setting] = answer[1].decode(errors="replace")
    return _health(facts, options, refused=tuple(dict.fromkeys(refused)))


async def echo(link: Way, subscriptions: Watching, channel: str, *, words: Words = PLAIN) -> float:
    """Publish on *channel*, hear it on the listening connection, and return how long that took.

    Returns:
        Seconds from sending to hearing.

    Raises:
        StoreUnavailable: It was not subscribed, not published, or not heard in time.
    """
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[None] = loop.create_future()

    def wake(content: bytes | None) -> None:
        # `None` is the word of a repaired connection, not of the message.
        if content is not None and not heard.done():
            heard.set_result(None)

    leave = await subscriptions.watch(channel, wake)
    try:
        began = loop.time()
        await link.read([words.publish, channel, "echo"], operation="echo")
        async with asyncio.timeout(link.timeout):
            await heard
        return loop.time() - began
    except TimeoutError:
        raise StoreUnavailable("echo", cause="what was published was not heard") from None
    finally:
        leave()


def _refusal(error: StoreUnavailable, command: str) -> str:
    """Return *command*, if *error* is the server's no to it; else raise *error*."""
    if error.cause not in _REFUSALS:
        raise error
    return command


def _facts(answer: bytes) -> dict[str, str]:
    lines = answer.decode(errors="replace").splitlines()
    return {name: value for name, found, value in (line.partition(":") for line in lines) if found}


def _health(
    facts: Mapping[str, str], options: Mapping[str, str], *, refused: tuple[str, ...]
) -> Health:
    appended = {"1": True, "0": False}.get(facts.get("aof_enabled", ""))
    if appended is None:
        appended = {"yes": True, "no": False}.get(options.get("appendonly", ""))
    outcomes = [
        facts[name]
        for name in (
            "aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"
        )
        if name in facts
    ]  # fmt: skip
    valkey = facts.get("valkey_version")
    return Health(
        product="Valkey" if valkey else "Redis" if "redis_version" in facts else None,
        version=valkey or facts.get("redis_version"),
        role=facts.get("role"),
        append_only=appended,
        fsync=options.get("appendfsync"),
        snapshots=bool(options["save"]) if "save" in options else None,
        writes_fail=any(outcome != "ok" for outcome in outcomes) if outcomes else None,
        eviction=options.get("maxmemory-policy") or facts.get("maxmemory_policy"),
        memory_used=_number(facts.get("used_memory")),
        memory_limit=_number(facts.get("maxmemory")),
        evicted=_number(facts.get("evicted_keys")),
        refused=refused,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
