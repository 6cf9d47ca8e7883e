"""The breaks: each takes one safety away, and names the tests that must turn red without it."""

from __future__ import annotations

from typing import Final

from .change import Break
from .people_breaks import PEOPLE_BREAKS
from .record_breaks import RECORD_BREAKS
from .run_breaks import RUN_BREAKS
from .scale_breaks import SCALE_BREAKS

__all__ = ["BREAKS", "Break"]

BREAKS: Final = (*RUN_BREAKS, *RECORD_BREAKS, *PEOPLE_BREAKS, *SCALE_BREAKS)
