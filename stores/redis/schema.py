"""Owns the look at `signoff:meta` that comes before anything else is read or written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gate import ConfigError

from . import scripts
from .keys import META, SCHEMA, Keys
from .way import Way

__all__ = ["open_parts"]

_BUCKETS: Final = 16
"""Of a cluster whose first start names no number."""


async def open_parts(
    link: Way, *, buckets: int | None, way: Callable[[Keys], Way]
) -> list[tuple[Way, Keys]]:
    """Reach the server, and note schema version and bucket count if this is the first start.

    Data of an older version is brought up to date, whoever starts first.

    Args:
        link: To the server, or the node, that has it.
        buckets: How many there have to be; `None`: as many as there are.
        way: Returns the way to the bucket with those names.

    Returns:
        The way to each bucket, and its names.

    Raises:
        StoreUnavailable: The server cannot be reached or refuses us.
        ConfigError: The data belongs to another schema version or bucket count.
    """
    [found] = await link.read(["HMGET", META, "schema", "buckets"], operation="open")
    if found == [None, None]:
        found = list(await scripts.open_schema(link, buckets=buckets or _BUCKETS))
    schema, count = found
    if schema != b"1":
        _compare("schema version", str(SCHEMA).encode(), schema)
    if buckets is not None or not (count or b"").isdigit():
        _compare("buckets", str(buckets or _BUCKETS).encode(), count)
    parts = [(way(keys), keys) for keys in map(Keys, range(int(count)))]
    if schema == b"1":
        for bucket, keys in parts:
            await scripts.count_asking(bucket, keys)
        await scripts.raise_schema(link)
    return parts


def _compare(name: str, here: bytes, there: bytes | None) -> None:
    if here != there:
        told = there.decode(errors="replace")[:20] if there else "nothing"
        raise ConfigError(META, f"{name}: the data has {told}, this is {here.decode()}")
