"""Implementations of the gate's store contracts, and the way to open one.

- `opening`: which store, from an address or the environment
- `undivided`: what a store in one part says of its parts
- `memory`: in this process only
- `redis`: Redis and Valkey
- `private_folders`: where keys and the embedded server's data lie
- `checkpoints`, `steps`: an agent's own state, and the steps of its runs
- `embedded`: a Valkey server of one's own
- `conformance`: the shipped suite that proves a store
"""

from .checkpoints import open_checkpoints, open_step_log
from .opening import Bucket, Store, open_store
from .private_folders import key_folder

__all__ = ["Bucket", "Store", "key_folder", "open_checkpoints", "open_step_log", "open_store"]
