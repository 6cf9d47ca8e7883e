"""Owns the refusal of a server that may throw approvals away by itself."""

from __future__ import annotations

from gate import ConfigError

from .doctor.store_checks import WithHealth

__all__ = ["refuse_eviction"]

_KEEPS = "noeviction"


async def refuse_eviction(store: object, *, allowed: bool) -> None:
    """Return if the server keeps what it is told, or is allowed not to.

    A server with another `maxmemory-policy` drops pending approvals, notes of runs that were taken
    and the audit chain when its memory is full. A server that does not say is taken as it is.

    Args:
        store: Any store; one without a server keeps what it is told.
        allowed: Whether the operator takes such a server, knowing that.

    Raises:
        ConfigError: It may evict; says what to set.
        StoreUnavailable: It does not answer.
    """
    if allowed or not isinstance(store, WithHealth):
        return
    policy = (await store.health()).eviction
    if policy is not None and policy != _KEEPS:
        raise ConfigError(
            "maxmemory-policy",
            f"is {policy}: the server of SIGNOFF_REDIS_URL may throw approvals away; set it to "
            f"{_KEEPS} there, or SIGNOFF_ALLOW_EVICTION=1 here to start all the same",
        )
