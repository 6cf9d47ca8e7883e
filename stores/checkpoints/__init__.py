"""Implementations of `gate.Checkpoints`, and the way to open one.

- `memory`: in this process only
"""

from .memory import MemoryCheckpoints

__all__ = ["MemoryCheckpoints"]
