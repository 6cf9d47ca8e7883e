"""The rate of one person's uses: what is too much is told once, and harms nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gate import ApprovalStatus
from tests.bot.slack.office import Office, office
from tests.support.waiting import wait_until

ANA, DAN = "slack:T0SANDBOX:U0ANA", "slack:T0SANDBOX:U0DAN"


@pytest.fixture
async def at() -> AsyncIterator[Office]:
    async with office() as running:
        yield running


async def test_more_than_thirty_clicks_in_ten_seconds_are_not_looked_at(at: Office):
    """Nothing is done and nothing recorded of them; the person hears so once, and may go on later.

    Everybody else is answered as ever.
    """
    ts = await at.ask()
    for _ in range(33):
        assert (await at.click("U0DAN", ts)).ok
    assert [(DAN, "not_approver", "card")] * 30 == await at.refusals()

    async def told() -> list[str]:
        return [str(each["text"]) for each in await at.people.ephemerals("U0DAN")]

    await wait_until(told, "it is said")
    [said] = await told()
    assert "Too many clicks" in said
    assert (await at.click("U0ANA", ts)).ok
    found = await at.found()
    assert (ApprovalStatus.APPROVED, ANA) == (found.status, found.approver)
    await at.clock.advance(10)
    assert (await at.click("U0DAN", ts)).ok
    assert (DAN, "already_decided", "card") == (await at.refusals())[-1]
    assert 1 == len(await told())
