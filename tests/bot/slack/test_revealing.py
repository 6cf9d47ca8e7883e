"""Secrets through the real Bolt app: who reveals them goes on record, and only then may approve."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import pytest

from gate import (
    ApprovalResolved,
    ApprovalRevealed,
    ApprovalRouted,
    ApprovalStatus,
    ApprovalViewed,
    NotAllowed,
    StoreUnavailable,
)
from stores.memory import MemoryStore
from tests.bot.slack.office import (
    BACK,
    CHANNEL,
    NEXT,
    REJECT,
    REVIEW,
    RULE,
    SEAL,
    Office,
)

ANA: Final = "slack:T0SANDBOX:U0ANA"
REVEAL: Final = "signoff_reveal"
SECRET: Final = "correct-horse"
SMALL: Final[Any] = {"user": "ana", "password": SECRET}
LARGE: Final[Any] = {
    "rows": [f"row {number}" for number in range(250)],
    "password": SECRET,
    "more": [f"row {number}" for number in range(250)],
}


def title(view: dict[str, Any]) -> str:
    return str(view["title"]["text"])


async def reveals(at: Office) -> list[tuple[str, str, str]]:
    return [
        (logged.event.principal, logged.event.path, logged.event.surface)
        for logged in await MemoryStore.read(at.store, "", limit=1000)
        if isinstance(logged.event, ApprovalRevealed)
    ]


async def undelivered(at: Office, user: str, action: str) -> dict[str, Any]:
    """Click without delivering; return the payload."""
    view = await at.view(user)
    at.slack.request_url, url = None, at.slack.request_url
    await at.people.click(user, view_id=view["id"], action_id=action)
    at.slack.request_url = url
    payload: dict[str, Any] = (await at.people.state()).deliveries[-1]["payload"]
    return payload


async def test_reveal_then_approve(at: Office):
    """Masked at first; Reveal is on record before the value is shown; then Approve is there."""
    ts = await at.ask(payload=SMALL)
    await at.click("U0ANA", ts, REVIEW)
    view = await at.view("U0ANA")
    assert (None, False) == (view.get("submit"), SECRET in json.dumps(view))
    assert [] == await reveals(at)
    assert (await at.press("U0ANA", REVEAL)).ok
    view = await at.view("U0ANA")
    assert SECRET in json.dumps(view)
    assert [(ANA, "/password", "review")] == await reveals(at)
    assert (await at.people.submit("U0ANA")).ok
    found = await at.found()
    assert (ApprovalStatus.APPROVED, ANA) == (found.status, found.approver)
    kinds = [type(e.event) for e in await MemoryStore.read(at.store, "", limit=100)]
    order = [ApprovalRouted, ApprovalRevealed, ApprovalViewed, ApprovalResolved]
    assert order == [kind for kind in kinds if kind in order]
    state = await at.people.state()
    assert SECRET not in json.dumps(state.messages(CHANNEL))
    assert SECRET not in "".join(await at.answers("U0ANA"))


async def test_page_by_page(at: Office):
    """Only who revealed the page in the middle finds Approve on the last one."""
    ts = await at.ask(payload=LARGE)
    await at.click("U0ANA", ts, REVIEW)
    await at.press("U0ANA", NEXT)
    await at.press("U0ANA", NEXT)
    last = await at.view("U0ANA")
    assert ("page 3" in title(last), last.get("submit")) == (True, None)
    for _ in range(2):
        await at.press("U0ANA", BACK)
    await at.press("U0ANA", NEXT)
    assert SECRET not in json.dumps(await at.view("U0ANA"))
    await at.press("U0ANA", REVEAL)
    assert SECRET in json.dumps(await at.view("U0ANA"))
    await at.press("U0ANA", NEXT)
    assert SECRET not in json.dumps(await at.view("U0ANA"))
    assert (await at.people.submit("U0ANA")).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status
    assert [(ANA, "/password", "review")] == await reveals(at)


async def test_a_button_on_an_old_card_opens_the_review(at: Office):
    """A click on Approve that no card offers shows what has to be seen, and approves nothing."""
    ts = await at.ask(payload=SMALL)
    payload = await at.people.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=REVIEW)
    payload["actions"][0]["action_id"] = "signoff_approve"
    assert (await at.people.deliver(payload)).ok
    assert REVEAL in json.dumps(await at.view("U0ANA"))
    assert ApprovalStatus.PENDING is (await at.found()).status


async def test_masked_pages_cannot_be_submitted(at: Office):
    """The form of a page that was never revealed approves nothing, however it comes back."""
    ts = await at.ask(payload=SMALL)
    await at.click("U0ANA", ts, REVIEW)
    masked = await at.view("U0ANA")
    await at.press("U0ANA", REVEAL)
    assert SECRET in json.dumps(await at.view("U0ANA"))
    at.slack.request_url, url = None, at.slack.request_url
    await at.people.submit("U0ANA")
    at.slack.request_url = url
    payload = (await at.people.state()).deliveries[-1]["payload"]
    payload["view"]["private_metadata"] = masked["private_metadata"]
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [(ANA, "stale_card", "review")] == await at.refusals()


async def test_reveal_is_for_one_person(at: Office):
    """The value of a Reveal button works for nobody else."""
    ts = await at.ask(payload=SMALL)
    await at.click("U0ANA", ts, REVIEW)
    await at.click("U0BEN", ts, REVIEW)
    value = (await undelivered(at, "U0ANA", REVEAL))["actions"][0]["value"]
    forged = await undelivered(at, "U0BEN", REVEAL)
    forged["actions"][0]["value"] = value
    assert (await at.people.deliver(forged)).ok
    assert SECRET not in json.dumps(await at.view("U0BEN"))
    assert ([], [("slack:T0SANDBOX:U0BEN", "foreign_card", "review")]) == (
        await reveals(at),
        await at.refusals(),
    )


async def test_who_may_not_answer_any_more_is_shown_nothing(at: Office):
    """The person is looked up again at Reveal; a refusal is told and on record."""
    ts = await at.ask(payload=SMALL)
    await at.click("U0CHO", ts, REVIEW)
    await at.view("U0CHO")
    await at.people.edit_workspace(usergroups={"S0SECURITY": {"users": ["U0DAN"]}})
    await at.clock.advance(61)
    assert (await at.press("U0CHO", REVEAL)).ok
    assert SECRET not in json.dumps(await at.view("U0CHO"))
    assert 1 == len(await at.answers("U0CHO"))
    assert ([], [("slack:T0SANDBOX:U0CHO", "not_approver", "review")]) == (
        await reveals(at),
        await at.refusals(),
    )


async def test_what_is_not_on_record_is_not_shown(at: Office):
    """Where the store does not take the event, the value stays masked and the person is told."""
    ts = await at.ask(payload=SMALL)
    await at.click("U0ANA", ts, REVIEW)
    await at.view("U0ANA")

    async def refuses(verb: str) -> None:
        if verb == "append":
            raise StoreUnavailable("append", cause="a test")

    at.store.fault = refuses
    assert (await at.press("U0ANA", REVEAL)).ok
    assert SECRET not in json.dumps(await at.view("U0ANA"))
    [answer] = await at.answers("U0ANA")
    assert "click Reveal again" in answer


async def test_a_route_that_reveals_nothing(at: Office):
    """Then there is Reject only, and a forged Reveal is refused, told and on record."""
    at.rule = replace(RULE, reveal=False)
    ts = await at.ask(payload=SMALL)
    payload = await at.people.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=REJECT)
    payload["actions"][0]["action_id"] = REVIEW
    assert (await at.people.deliver(payload)).ok
    view = await at.view("U0ANA")
    assert (None, False) == (view.get("submit"), REVEAL in json.dumps(view))
    forged = await undelivered(at, "U0ANA", REJECT)
    found = await at.found()
    value = SEAL.value(found, surface="review:1/1 reveal", place="U0ANA")
    forged["actions"][0] |= {"action_id": REVEAL, "value": value}
    assert (await at.people.deliver(forged)).ok
    assert SECRET not in json.dumps(await at.view("U0ANA"))
    assert ([], [(ANA, "reveal_forbidden", "review")]) == (await reveals(at), await at.refusals())
    with pytest.raises(NotAllowed) as refused:
        await at.desk.reveal("x", principal=ANA, paths=["/password"])
    assert "reveal_forbidden" == refused.value.reason
