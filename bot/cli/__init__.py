"""The `signoff` command.

- `main`: the command and its verbs
- `approvals`: list, show, approve, reject, cancel
- `output`: tables for people, JSON for scripts
"""

from .main import main

__all__ = ["main"]
