"""Owns the look at `signoff:meta` that comes before anything else is read or written."""

from __future__ import annotations

from typing import Final

from gate import ConfigError

from . import scripts
from .keys import META, SCHEMA
from .way import Way

__all__ = ["check_schema"]

_BUCKETS: Final = 16
"""Of a cluster whose first start names no number."""


async def check_schema(link: Way, *, buckets: int | None) -> int:
    """Reach the server, and note schema version and bucket count if this is the first start.

    Args:
        link: To the server, or the node, that has it.
        buckets: How many there have to be; `None`: as many as there are.

    Returns:
        How many buckets there are.

    Raises:
        StoreUnavailable: The server cannot be reached or refuses us.
        ConfigError: The data belongs to another schema version or bucket count.
    """
    [found] = await link.read(["HMGET", META, "schema", "buckets"], operation="open")
    if found == [None, None]:
        found = list(await scripts.open_schema(link, buckets=buckets or _BUCKETS))
    schema, count = found
    _compare("schema version", str(SCHEMA).encode(), schema)
    if buckets is not None or not (count or b"").isdigit():
        _compare("buckets", str(buckets or _BUCKETS).encode(), count)
    return int(count)


def _compare(name: str, here: bytes, there: bytes | None) -> None:
    if here != there:
        told = there.decode(errors="replace")[:20] if there else "nothing"
        raise ConfigError(META, f"{name}: the data has {told}, this is {here.decode()}")
