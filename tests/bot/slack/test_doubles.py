"""What Slack delivers twice has one effect and one answer; what somebody does madly has a bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from gate import ApprovalStatus, StoreUnavailable, Verdict
from tests.bot.slack.office import APPROVE, CHANNEL, REJECT, REVIEW, Office, office

ANA: Final = "slack:T0SANDBOX:U0ANA"
LARGE: Final[Any] = {"text": "\n".join(f"line {number} of it" for number in range(700))}


@pytest.fixture(params=["http", "socket"])
async def at(request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    async with office(request.param) as running:
        yield running


async def doubled(at: Office, *, seconds: float = 0.0) -> None:
    """Let the next delivery come twice."""
    await at.people.faults.duplicate(seconds=seconds, count=1)


async def all_delivered(at: Office, count: int) -> list[dict[str, Any]]:
    """Return the last *count* deliveries, when all of them are answered."""
    await at.settle()
    state = await at.people.wait_for(
        lambda state: (
            len(state.deliveries) >= count and all(each["done"] for each in state.deliveries)
        ),
        "all deliveries are answered",
    )
    found = state.deliveries[-count:]
    assert all(each["ok"] for each in found), "each is acknowledged"
    await at.settle()
    return found


async def test_approve_twice(at: Office):
    """One decision, one private answer, no refusal; both deliveries are acknowledged."""
    ts = await at.ask()
    await doubled(at)
    assert (await at.click("U0ANA", ts)).ok
    await all_delivered(at, 2)
    found = await at.found()
    assert (ApprovalStatus.APPROVED, 1) == (found.status, len(found.votes))
    assert 1 == len(await at.answers("U0ANA"))
    assert [] == await at.refusals()


async def test_a_refused_click_twice(at: Office):
    """A refusal is told once."""
    ts = await at.ask()
    await doubled(at)
    assert (await at.click("U0DAN", ts)).ok
    await all_delivered(at, 2)
    assert 1 == len(await at.answers("U0DAN"))
    assert 1 == len(await at.refusals())


@pytest.mark.parametrize(("action", "payload"), [(REJECT, None), (REVIEW, LARGE)])
async def test_a_form_twice(at: Office, action: str, payload: Any):
    """One form opens; the second use of its trigger decides nothing and says nothing."""
    ts = await at.ask(payload=payload)
    await doubled(at)
    assert (await at.click("U0ANA", ts, action)).ok
    await all_delivered(at, 2)
    assert 1 == await at.views("U0ANA")
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [] == await at.answers("U0ANA")


async def test_a_reason_twice(at: Office):
    """A form that comes twice rejects once, and is answered once."""
    ts = await at.ask()
    await at.click("U0ANA", ts, REJECT)
    await doubled(at)
    assert (await at.people.submit("U0ANA", values={"signoff_reason_text": "no"})).ok
    await all_delivered(at, 2)
    assert (Verdict.DENY, 1) == ((await at.found()).verdict, len((await at.found()).votes))
    assert 1 == len(await at.answers("U0ANA"))
    assert [] == await at.refusals()


async def test_a_command_twice(at: Office):
    """A command that comes twice is done once, and answered once."""
    await at.ask()
    await doubled(at)
    assert (await at.people.slash("U0ANA", CHANNEL, "/signoff", "reject x no")).ok
    await all_delivered(at, 2)
    assert 1 == len((await at.found()).votes)
    assert 1 == len(await at.answers("U0ANA"))
    await doubled(at)
    shown = await at.people.slash("U0ANA", CHANNEL, "/signoff", "list")
    first, second = await all_delivered(at, 2)
    assert shown.answer
    assert not (first["answer"] and second["answer"])


async def test_twice_through_two_replicas(at: Office):
    """Where another replica gets the copy, there is one effect and one answer all the same."""
    ts = await at.ask()
    payload = await at.people.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    assert (await at.people.deliver(payload)).ok
    # What the other replica has not seen, this one forgets.
    at.handlers._reception._uses.clear()
    assert (await at.people.deliver(payload)).ok
    assert 1 == len((await at.found()).votes)
    assert 1 == len(await at.answers("U0ANA"))


async def test_a_form_through_two_replicas(at: Office):
    """The second use of a trigger does nothing: it is the same click."""
    ts = await at.ask()
    payload = await at.people.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=REJECT)
    assert (await at.people.deliver(payload)).ok
    at.handlers._reception._uses.clear()
    assert (await at.people.deliver(payload)).ok
    assert 1 == await at.views("U0ANA")
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [] == await at.answers("U0ANA")


async def test_a_copy_waits_for_the_first(at: Office):
    """A copy that comes while the first is being decided is acknowledged after it is stored."""
    ts = await at.ask()
    payload = await at.people.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    writing, go_on = asyncio.Event(), asyncio.Event()

    async def slow(verb: str) -> None:
        if verb == "patch":
            writing.set()
            await go_on.wait()

    at.store.fault = slow
    first = asyncio.create_task(at.people.deliver(payload))
    await writing.wait()
    second = asyncio.create_task(at.people.deliver(payload))
    await asyncio.wait({first, second}, timeout=0.1)
    assert not first.done()
    assert not second.done()
    go_on.set()
    assert (await first).ok
    assert (await second).ok
    assert 1 == len(await at.answers("U0ANA"))


async def test_a_failure_is_no_effect(at: Office):
    """A use that broke down may be used again."""
    ts = await at.ask()
    payload = await at.people.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)

    async def break_down(verb: str) -> None:
        raise RuntimeError

    at.store.fault = break_down
    at.slack.courier._ack_timeout = 0.3
    assert not (await at.people.deliver(payload)).ok
    at.store.fault = None
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status


async def test_clicking_madly(at: Office):
    """After thirty uses in ten seconds a person is told once, and nothing else happens."""
    ts = await at.ask()
    for _ in range(30):
        assert (await at.click("U0DAN", ts)).ok
    before = len(await at.answers("U0DAN"))
    for _ in range(5):
        assert (await at.click("U0DAN", ts)).ok
    answers = await at.answers("U0DAN")
    assert before + 1 == len(answers)
    assert "Too many" in answers[-1]
    assert 30 == len(await at.refusals())
    assert (await at.click("U0ANA", ts)).ok, "somebody else is not kept waiting"
    assert ApprovalStatus.APPROVED is (await at.found()).status
    await at.clock.advance(11)
    assert (await at.click("U0DAN", ts)).ok
    assert 31 == len(await at.refusals())


async def test_the_store_was_away_for_the_first(at: Office):
    """A click that was told not to be recorded is a new click when it is clicked again."""
    ts = await at.ask()

    async def away(verb: str) -> None:
        raise StoreUnavailable(verb, cause="gone")

    at.store.fault = away
    assert (await at.click("U0ANA", ts)).ok
    at.store.fault = None
    assert (await at.click("U0ANA", ts)).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status
    assert 2 == len(await at.answers("U0ANA"))
