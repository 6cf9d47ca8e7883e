"""Implementations of `gate.Checkpoints`, and the way to open one.

- `opening`: which place, from an address or the environment
- `memory`: in this process only
- `file`: one file for each key; `folder`: the private folder that they lie in
- `redis`: Redis and Valkey
"""

from .file import FileCheckpoints
from .memory import MemoryCheckpoints
from .opening import open_checkpoints, open_step_log

__all__ = ["FileCheckpoints", "MemoryCheckpoints", "open_checkpoints", "open_step_log"]
