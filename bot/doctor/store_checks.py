"""Owns the checks of the store: is it there, does it keep, evict, tell, and know the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

from gate import ConfigError, Leases, SignoffError, StoreClock, StoreUnavailable, Unconfirmed

from .findings import Finding, fail, ok, warn

__all__ = [
    "Echoing",
    "ServerHealth",
    "WithHealth",
    "away",
    "clock",
    "eviction",
    "persistence",
    "pubsub",
    "reached",
    "writes",
]

_LEASE: Final = "doctor"
_CLOCK_WARN: Final = 1.0
_CLOCK_FAIL: Final = 10.0
_SLOW_ECHO: Final = 0.25
_MEMORY_WARN: Final = 0.7
_MEMORY_FAIL: Final = 0.8
"""Where a store refuses new requests; see `stores/redis/lua/put.lua`."""

_ASK_THE_PROVIDER: Final = "look it up with whoever runs the server"
_TESTS_ONLY: Final = "it is for tests: set SIGNOFF_REDIS_URL to a server that keeps what it is told"
_WAYS: Final = {
    "Connection refused": "start the server, or mend SIGNOFF_REDIS_URL",
    "NOAUTH": "put the user and the password into SIGNOFF_REDIS_URL",
    "WRONGPASS": "mend the user or the password in SIGNOFF_REDIS_URL",
    "NOPERM": "let the user of SIGNOFF_REDIS_URL run what signoff needs",
    "LOADING": "wait until the server has read its data",
    "READONLY": "name the primary in SIGNOFF_REDIS_URL, not a replica",
    "MOVED": "this is a node of a cluster: name it as redis+cluster://",
    "OOM": "raise maxmemory, or make room",
    "MISCONF": "mend the server's disk: it refuses writes that it cannot keep",
    "NOREPLICAS": "bring the replicas back that min-replicas-to-write asks for",
}


class ServerHealth(Protocol):
    """What a server says about itself; a part is `None` where it does not say."""

    @property
    def product(self) -> str | None:
        """`Redis` or `Valkey`."""
        ...

    @property
    def version(self) -> str | None:
        """As the product counts."""
        ...

    @property
    def role(self) -> str | None:
        """`master` or `slave`."""
        ...

    @property
    def append_only(self) -> bool | None:
        """Whether it writes an append-only file."""
        ...

    @property
    def fsync(self) -> str | None:
        """`always`, `everysec` or `no`."""
        ...

    @property
    def snapshots(self) -> bool | None:
        """Whether it writes snapshots by itself."""
        ...

    @property
    def writes_fail(self) -> bool | None:
        """Whether its last write to disk failed."""
        ...

    @property
    def eviction(self) -> str | None:
        """Its `maxmemory-policy`."""
        ...

    @property
    def memory_used(self) -> int | None:
        """In bytes."""
        ...

    @property
    def memory_limit(self) -> int | None:
        """In bytes; 0 is none."""
        ...

    @property
    def evicted(self) -> int | None:
        """Keys thrown away since it started."""
        ...


@runtime_checkable
class WithHealth(Protocol):
    """A store on a server that can be asked about itself."""

    async def health(self) -> ServerHealth:
        """Return what the server says; raise `StoreUnavailable` without an answer."""
        ...


@runtime_checkable
class Echoing(Protocol):
    """A store that tells changes through a server."""

    async def echo(self, name: str) -> float:
        """Publish, hear it, return the seconds it took; raise `StoreUnavailable` if not heard."""
        ...


def away(error: SignoffError) -> Sequence[Finding]:
    """Say that the store could not be opened at all."""
    if isinstance(error, ConfigError):
        return [fail("store", f"{error.setting}: {error.reason}", "mend the setting")]
    cause = error.cause if isinstance(error, StoreUnavailable) else error.code
    advice = _way(cause) or "see that the server runs and can be reached from here"
    return [fail("store", f"it cannot be used: {cause}", advice)]


async def reached(store: StoreClock) -> Sequence[Finding]:
    """Say which server it is."""
    try:
        await store.now()
        if not isinstance(store, WithHealth):
            return [warn("store", "it is in the memory of one process", _TESTS_ONLY)]
        health = await store.health()
    except StoreUnavailable as error:
        return away(error)
    if health.product is None:
        return [warn("store", "reached; it does not say what it is", _ASK_THE_PROVIDER)]
    name = f"{health.product} {health.version or 'of an unknown version'}"
    if health.role not in (None, "master"):
        return [fail("store", f"{name} is a replica", _WAYS["READONLY"])]
    return [ok("store", f"{name} answers")]


async def writes(store: Leases) -> Sequence[Finding]:
    """Write through a script as every change is written: take a lease of our own, give it back."""
    check, holder = "store.writes", _LEASE
    try:
        await store.hold(_LEASE, holder, seconds=1.0)
        await store.release(_LEASE, holder)
    except StoreUnavailable as error:
        advice = _way(error.cause) or "see the server's log"
        return [fail(check, f"it takes no writes: {error.cause}", advice)]
    except Unconfirmed:
        return [fail(check, "a write was sent and not answered", "see the server's log")]
    return [ok(check, "a script wrote, and its answer came")]


async def persistence(store: object) -> Sequence[Finding]:
    """Say what a crash of the server would lose."""
    check = "store.persistence"
    if not isinstance(store, WithHealth):
        return [warn(check, "nothing outlives the process", _TESTS_ONLY)]
    health = await store.health()
    if health.writes_fail:
        return [fail(check, "its last write to disk failed", "see the server's log and its disk")]
    if health.append_only is None:
        return [warn(check, "it could not be checked: the server does not say", _ASK_THE_PROVIDER)]
    if not health.append_only:
        lost = "everything since its last snapshot" if health.snapshots else "everything"
        return [fail(check, f"appendonly is off: a crash loses {lost}", "set appendonly yes")]
    if health.fsync is None:
        found = "appendonly is on; whether it waits for the disk could not be checked"
        return [warn(check, found, _ASK_THE_PROVIDER)]
    if health.fsync != "always":
        lost = "the last second" if health.fsync == "everysec" else "what the disk had not taken"
        found = f"appendonly is on, appendfsync {health.fsync}: a crash may lose {lost}"
        return [warn(check, found, "set appendfsync always, or accept that loss")]
    return [ok(check, "appendonly is on, appendfsync always")]


async def eviction(store: object, *, allowed: bool = False) -> Sequence[Finding]:
    """Say whether the server may throw approvals away, and how near it is to its limit.

    Args:
        store: Any store.
        allowed: Whether the bot starts on such a server all the same.
    """
    check = "store.eviction"
    if not isinstance(store, WithHealth):
        return [ok(check, "nothing is evicted from memory")]
    health = await store.health()
    findings: list[Finding] = []
    if health.eviction is None:
        found = "it could not be checked: the server does not say"
        findings.append(warn(check, found, _ASK_THE_PROVIDER))
    elif health.eviction != "noeviction":
        found = f"maxmemory-policy is {health.eviction}: the server may throw approvals away"
        if allowed:
            found += ", and SIGNOFF_ALLOW_EVICTION takes it so"
        say = warn if allowed else fail
        findings.append(say(check, found, "set maxmemory-policy noeviction"))
    if health.evicted:
        found = f"{health.evicted} keys were thrown away since the server started"
        findings.append(warn(check, found, "what is missing counts as not approved; ask again"))
    limit, used = health.memory_limit or 0, health.memory_used or 0
    if limit and used > _MEMORY_WARN * limit:
        found = f"{used / limit:.0%} of maxmemory is in use"
        if used > _MEMORY_FAIL * limit:
            found += ": new requests are refused"
            findings.append(fail(check, found, "raise maxmemory, or make room"))
        else:
            findings.append(warn(check, found, "raise maxmemory: beyond 80 % requests are refused"))
    return findings or [ok(check, "noeviction, and room left")]


async def pubsub(store: object, *, name: str) -> Sequence[Finding]:
    """Publish and listen as a waiting agent does."""
    check = "store.pubsub"
    if not isinstance(store, Echoing):
        return [ok(check, "wake-ups stay in the process")]
    try:
        seconds = await store.echo(name)
    except StoreUnavailable as error:
        found = f"a published wake-up did not come back: {error.cause}"
        advice = "let the user publish and subscribe on signoff:*; waiting agents only poll now"
        return [fail(check, found, advice)]
    found = f"a published wake-up came back after {1000 * seconds:.0f} ms"
    if seconds > _SLOW_ECHO:
        return [warn(check, found, "see what holds up the server or the network")]
    return [ok(check, found)]


async def clock(store: StoreClock, *, now: Callable[[], datetime]) -> Sequence[Finding]:
    """Compare the store's clock with this machine's.

    Approvals expire by the store's. This machine's stamps the logs, and Slack's signatures are
    judged by it.
    """
    check = "store.clock"
    before = now()
    there = await store.now()
    after = now()
    # The store read its clock at some time between the two.
    gap = max((before - there).total_seconds(), (there - after).total_seconds(), 0.0)
    if gap <= _CLOCK_WARN:
        return [ok(check, "within a second of this machine's clock")]
    ahead = "ahead of" if there > after else "behind"
    found = f"the store's clock is {gap:.0f} s {ahead} this machine's"
    advice = "set both by NTP"
    return [fail(check, found, advice) if gap > _CLOCK_FAIL else warn(check, found, advice)]


def _way(cause: str) -> str | None:
    """Return what to do about a store's *cause*: the server's word, or one around it."""
    return next((way for word, way in _WAYS.items() if word in cause), None)
