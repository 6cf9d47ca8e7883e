"""The example of an agent with a policy does what it says."""

from __future__ import annotations

import pytest

from examples import policy
from gate.testing import ScriptedApprover


async def test_the_example(scripted_approver: ScriptedApprover, capsys: pytest.CaptureFixture[str]):
    """Some calls run by themselves, one is refused, two are asked about, and are told why."""
    scripted_approver.approve("write_file")
    scripted_approver.deny("shell", note="no")
    async with scripted_approver.gate as gate:
        await policy.work(gate)
    told = capsys.readouterr().out.splitlines()
    assert "read src/app.py" == told[0]
    assert told[1].startswith('Denied by rule 1 "no-secrets" of policy ')
    assert [
        "wrote 4 characters to Makefile",
        "ran git status",
        "shell did not run: approval_denied",
    ] == told[2:]
    assert [
        'Asked by rule 4 "write-elsewhere"',
        'Asked by rule 6 "other-commands"',
    ] == [(each.policy or "").partition(" of policy")[0] for each in scripted_approver.asked]
