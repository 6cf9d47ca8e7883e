"""Owns the look at `signoff:meta` that comes before anything else is read or written."""

from __future__ import annotations

from gate import ConfigError

from . import scripts
from .keys import META, SCHEMA, Keys
from .link import Link

__all__ = ["check_schema"]


async def check_schema(link: Link, keys: Keys) -> None:
    """Reach the server, and note schema version and bucket count if this is the first start.

    Raises:
        StoreUnavailable: The server cannot be reached or refuses us.
        ConfigError: The data belongs to another schema version or bucket count.
    """
    ours = [str(SCHEMA).encode(), str(keys.buckets).encode()]
    [found] = await link.read(["HMGET", META, "schema", "buckets"], operation="open")
    if found == [None, None]:
        found = list(await scripts.open_schema(link, keys))
    for name, here, there in zip(("schema version", "buckets"), ours, found, strict=True):
        if here != there:
            told = there.decode(errors="replace")[:20] if there else "nothing"
            raise ConfigError(META, f"{name}: the data has {told}, this is {here.decode()}")
