"""An agent may be killed at any moment: what it asked stands, and nothing ever runs twice."""

from __future__ import annotations

import pytest

from bot.sandbox import SandboxClient
from tests.scenarios.reading import (
    APPROVE,
    card,
    cards,
    fresh,
    full_text,
    reject,
    until_card_says,
    until_thread,
)
from tests.support.house import CHANNEL, House


@pytest.mark.parametrize("way", ["id", "run"])
async def test_a_new_process_finds_the_decision_that_was_made_meanwhile(
    house: House, slack: SandboxClient, way: str
):
    """Killed while waiting, started again with the same id or run: the yes is there, one run."""
    name = fresh("backup")
    resume = {way: fresh(way)}
    first = house.start_agent()
    first.ask(name, {"volume": 7}, **resume)
    asked = await first.tells(name, "asked")
    ts = await card(slack, name)
    first.kill()
    clicked = await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    assert clicked.ok
    await until_thread(slack, ts, "Asked", "Approved")

    second = house.start_agent()
    second.ask(name, {"volume": 7}, **resume)

    found = await second.tells(name, "asked")
    assert (asked["id"], "approved") == (found["id"], found["status"])
    await second.tells(name, "done")
    assert 1 == house.runs(asked["id"])
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
    assert 1 == len(cards(await slack.state(), name))


async def test_a_new_process_waits_on_for_the_open_question(house: House, slack: SandboxClient):
    """Killed and started again before anybody answered: same question, same card, one answer."""
    name, run = fresh("backup"), fresh("run")
    first = house.start_agent()
    first.ask(name, run=run)
    asked = await first.tells(name, "asked")
    ts = await card(slack, name)
    first.kill()
    second = house.start_agent()
    second.ask(name, run=run)
    found = await second.tells(name, "asked")
    assert (asked["id"], "pending") == (found["id"], found["status"])
    await reject(slack, "U0BEN", ts, "not now")
    refused = await second.tells(name, "refused", "ran")
    assert "not now" == refused.get("note")
    assert [0, 1] == [house.runs(asked["id"]), len(cards(await slack.state(), name))]


async def test_the_second_of_two_equal_steps_in_one_run_is_asked_for_itself(
    house: House, slack: SandboxClient
):
    """A run that resumes finds its first step's yes and asks the second step anew."""
    name, run = fresh("backup"), fresh("run")
    first = house.start_agent()
    first.ask(name, run=run)
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    done = await first.tells(name, "done")
    first.kill()
    second = house.start_agent()
    second.ask(name, run=run, job="step one")
    refused = await second.tells("step one", "refused", "ran")
    assert "already_consumed" == refused.get("code")
    second.ask(name, run=run, job="step two")
    asked = await second.tells("step two", "asked")
    assert done["id"] != asked["id"]
    state = await slack.wait_for(lambda state: len(cards(state, name)) == 2, "a second card")
    later = str(cards(state, name)[1]["ts"])
    await slack.click("U0ANA", channel=CHANNEL, ts=later, action_id=APPROVE)
    await second.tells("step two", "done")
    assert [1, 1] == [house.runs(done["id"]), house.runs(asked["id"])]


async def test_killed_between_consume_and_done_it_never_runs_again(
    house: House, slack: SandboxClient
):
    """The run was taken and its end is not known: no process gets it again.

    Nobody is told that it is done either.
    """
    name, run = fresh("pay"), fresh("run")
    first = house.start_agent()
    first.ask(name, {"amount": 5}, run=run, hang=True)
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    ran = await first.tells(name, "ran")
    first.kill()
    for attempt in ("again", "and again"):
        other = house.start_agent()
        other.ask(name, {"amount": 5}, run=run, job=attempt)
        refused = await other.tells(attempt, "refused", "ran")
        assert "already_consumed" == refused.get("code")
    assert 1 == house.runs(ran["id"])
    await until_thread(slack, ts, "Asked", "Approved", "started")
    shown = await until_card_says(slack, ts, "Approved by <@U0ANA>")
    assert "done" not in shown
    told = await house.command("show", ran["id"])
    assert "unknown: not reported" in told.out


async def test_killed_between_yes_and_consume_the_run_is_still_there(
    house: House, slack: SandboxClient
):
    """Nothing was taken: whoever comes with the same run takes it, once."""
    name, run = fresh("pay"), fresh("run")
    first = house.start_agent()
    first.ask(name, run=run, hold=True)
    ts = await card(slack, name)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    approved = await first.tells(name, "approved")
    first.kill()
    assert "not run yet" in full_text((await slack.state()).message(CHANNEL, ts))
    second = house.start_agent()
    second.ask(name, run=run)
    await second.tells(name, "done")
    assert 1 == house.runs(approved["id"])
    await until_thread(slack, ts, "Asked", "Approved", "started", "done")
