"""Implementations of the gate's store contracts, and the way to open one.

- `opening`: which store, from an address or the environment
- `memory`: in this process only
- `redis`: Redis and Valkey
- `embedded`: a Valkey server of one's own
- `conformance`: the shipped suite that proves a store
"""

from .opening import Store, open_store

__all__ = ["Store", "open_store"]
