"""What `signoff doctor` looks at. Every check says what it found and what to do.

- `findings`: one finding, and the run of all checks, each on its own and within its time
- `store_checks`, `backlog`: the store, and what waits in it
- `workplace`: what is asked of the chat; `slack_checks`, `people_checks`: what is made of it
- `bot_checks`: the settings, the level, the ways in, the logs
"""

from .findings import Check, Finding, State, exit_code, run_checks
from .plan import Subject, plan

__all__ = ["Check", "Finding", "State", "Subject", "exit_code", "plan", "run_checks"]
