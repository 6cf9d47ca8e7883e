"""P10: what somebody with the store's password writes is an alarm, and nobody's answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from bot.sandbox import SandboxClient
from gate import (
    Approval,
    ApprovalAlarm,
    ApprovalEscalated,
    ApprovalResolved,
    ApprovalStatus,
    Decision,
    Terms,
    Verdict,
    View,
    Vote,
)
from stores import Store
from tests.scenarios.reading import (
    APPROVE,
    buttons,
    card,
    fresh,
    full_text,
    replies,
    until_card_says,
    until_told,
)
from tests.support.house import CHANNEL, Agent, House

BEN = "slack:T0SANDBOX:U0BEN"


def _vote(approval: Approval) -> Vote:
    return Vote(
        principal=BEN, verdict=Verdict.APPROVE, at=approval.created_at, digest=approval.digest
    )


def _approved(approval: Approval, at: datetime) -> dict[str, Any]:
    return {
        "status": ApprovalStatus.APPROVED,
        "votes": (_vote(approval),),
        "decided_at": at,
        "decision": Decision(verdict=Verdict.APPROVE),
        "decision_metadata": {"approver": BEN},
    }


async def _forge(store: Store, key: str, **changes: Any) -> None:
    """Write as whoever has the password can: record, event and wake-up."""
    current = await store.get(key)
    assert current is not None
    at = await store.now()
    event = ApprovalResolved(id=key, at=at, principal=BEN, verdict=Verdict.APPROVE)
    written = current.model_copy(update=changes)
    assert "applied" == await store.patch(key, current.version, written, (event,))


async def _asked(agent: Agent, slack: SandboxClient) -> tuple[str, str, str]:
    name = fresh("transfer")
    agent.ask(name)
    told = await agent.tells(name, "asked")
    return name, str(told["id"]), await card(slack, name)


async def _alarms(store: Store, key: str) -> list[str]:
    events = [logged.event for logged in await store.read("", limit=10_000)]
    return [event.part for event in events if isinstance(event, ApprovalAlarm) and event.id == key]


async def test_a_decision_written_into_the_store(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """The card says that it is not the bot's, once in the thread too; nothing runs."""
    name, key, ts = await _asked(agent, slack)
    current = await store.get(key)
    assert current is not None
    await _forge(store, key, **_approved(current, await store.now()))
    shown = await until_card_says(slack, ts, "The record says approved, but not by this bot")
    assert "it will not run" in shown
    assert "<@U0BEN>" not in shown
    state = await slack.wait_for(lambda state: len(state.thread(CHANNEL, ts)) > 1, "the alarm")
    _, alarm = replies(state, ts)
    assert "Alarm" in alarm
    assert ["receipt"] == await _alarms(store, key)
    end = await agent.tells(name, "refused", "ran")
    assert ("refused", "receipt_invalid") == (end["event"], end.get("code"))
    assert 0 == house.runs(key)
    assert house.bots[0].logged("approval.alarm")


async def test_the_receipt_of_another_approval(
    house: House, agent: Agent, slack: SandboxClient, store: Store
):
    """A true decision, copied: its receipt is for another request and proves nothing here."""
    first, other, ts = await _asked(agent, slack)
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(first, "done")
    true = await store.get(other)
    assert true is not None
    name, key, ts = await _asked(agent, slack)
    fields = ("status", "votes", "decided_at", "decision", "decision_metadata", "receipt")
    await _forge(store, key, **{field: getattr(true, field) for field in fields})
    await until_card_says(slack, ts, "but not by this bot")
    await agent.tells(name, "refused")
    assert 0 == house.runs(key)


@pytest.mark.parametrize("part", ["votes", "views", "terms"])
async def test_what_was_written_before_a_decision(
    house: House, agent: Agent, slack: SandboxClient, store: Store, part: str
):
    """Forged votes, views and terms: no buttons, no counting, and a click is refused."""
    name, key, ts = await _asked(agent, slack)
    stale = await slack.click_payload("U0ANA", action_id=APPROVE, channel=CHANNEL, ts=ts)
    current = await store.get(key)
    assert current is not None
    assert current.terms is not None
    seen = View(principal=BEN, digest=current.digest, at=current.created_at, surface="card")
    quorums = (current.terms.quorums[0].model_copy(update={"of": (BEN, "slack:T0SANDBOX:U0DAN")}),)
    terms: Terms = current.terms.model_copy(update={"quorums": quorums})
    forged: dict[str, Any] = {"votes": (_vote(current),), "views": (seen,), "terms": terms}
    await _forge(store, key, **{part: forged[part]})
    await until_card_says(slack, ts, "Somebody else wrote into this record")
    assert (await slack.deliver(stale)).ok
    await until_told(slack, "U0ANA", "Somebody else wrote into the record")
    assert part in await _alarms(store, key)
    assert ["asked"] == agent.heard(name)
    record = await store.get(key)
    assert record is not None
    assert "pending" == record.status


async def test_events_without_a_record_to_bear_them_out(
    agent: Agent, slack: SandboxClient, store: Store
):
    """A forged event tells nobody of an approval, and moves nothing."""
    name, key, ts = await _asked(agent, slack)
    at = await store.now()
    await store.append(
        [
            ApprovalResolved(id=key, at=at, principal=BEN, verdict=Verdict.APPROVE),
            ApprovalEscalated(id=key, at=at, rung=0, action="move", channel="C0PRIVATE"),
        ]
    )
    await slack.click("U0ANA", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await agent.tells(name, "done")
    await until_card_says(slack, ts, "Approved by <@U0ANA>", "done")
    state = await slack.state()
    told = " ".join(replies(state, ts))
    assert "<@U0BEN>" not in told
    assert "Moved" not in told
    assert not [m for m in state.messages("C0PRIVATE") if name in full_text(m)]
    assert [] == buttons(state.message(CHANNEL, ts))
