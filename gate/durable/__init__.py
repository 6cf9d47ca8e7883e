"""Steps that are run once: what has ended is replayed, what is in doubt is said.

- `rows`: what a log holds, and what it says about each step
- `log`: the contract of a log, in prose
- `told`: what an observer hears
- `work`: one step as it was asked for; `book`: a worker's hold on the log
- `runner`: the verbs
"""

from .log import StepLog
from .rows import MAX_RESULT, MAX_ROWS, StepKind, StepRow
from .runner import DurableRunner
from .told import StepEvent
from .work import StepCodec

__all__ = [
    "MAX_RESULT",
    "MAX_ROWS",
    "DurableRunner",
    "StepCodec",
    "StepEvent",
    "StepKind",
    "StepLog",
    "StepRow",
]
