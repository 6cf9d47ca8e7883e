"""The rate of one person's uses: what is too much is told once, and harms nobody else."""

from __future__ import annotations

import json

import pytest

from gate import ApprovalStatus
from tests.bot.slack.office import CHANNEL, REJECT, Office
from tests.support.waiting import wait_until

ANA, DAN = "slack:T0SANDBOX:U0ANA", "slack:T0SANDBOX:U0DAN"


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


@pytest.mark.parametrize("review", [False, True])
async def test_a_form_that_is_not_looked_at_does_not_close(at: Office, review: bool):
    """It says that nothing was recorded, each time; after a while it can be submitted as it is."""
    ts = await at.ask()
    if review:
        assert (await at.people.slash("U0ANA", CHANNEL, "/signoff", "approve x")).ok
    else:
        assert (await at.click("U0ANA", ts, REJECT)).ok
    form = (await at.view("U0ANA"))["id"]
    other = await at.ask("y")
    await at.desk.cancel("y")
    for _ in range(31):
        assert (await at.click("U0ANA", other)).ok
    for _ in range(2):
        done = await at.people.submit("U0ANA", view_id=(await at.view("U0ANA"))["id"])
        assert done.ok
        assert "Nothing was recorded" in json.dumps(done.answer)
        assert 1 + review == await at.views("U0ANA")
        if review:
            await at.people.close_view("U0ANA")
    assert ApprovalStatus.PENDING is (await at.found()).status
    await at.clock.advance(10)
    assert (await at.people.submit("U0ANA", view_id=form)).ok
    assert (await at.found()).final
    assert 0 == await at.views("U0ANA")
