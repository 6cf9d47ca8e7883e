"""Owns the pytest fixture of the test kit. Imports the kit only when a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from . import ScriptedApprover

__all__ = ["scripted_approver"]


@pytest.fixture
def scripted_approver() -> Iterator[ScriptedApprover]:
    """Give a `ScriptedApprover`, and check at the end that its script was played as written."""
    from . import ScriptedApprover

    approver = ScriptedApprover()
    yield approver
    approver.check()
