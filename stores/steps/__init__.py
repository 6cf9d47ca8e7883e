"""Implementations of `gate.StepLog`.

- `memory`: in this process only
- `file`: one file for each run, rows added at its end
- `redis`: Redis and Valkey
"""

from .file import FileStepLog
from .memory import MemoryStepLog

__all__ = ["FileStepLog", "MemoryStepLog"]
