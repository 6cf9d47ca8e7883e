"""The review through the real Bolt app: every page is sent before its last button approves."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from typing import Any, Final

from gate import ApprovalResolved, ApprovalStatus, ApprovalViewed
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
LARGE: Final[Any] = {"text": "\n".join(f"line {number} of it" for number in range(700))}
TOO_LARGE: Final[Any] = {"text": "\n".join(f"line {number} of it" for number in range(12_000))}


async def opened(at: Office, user: str = "U0ANA") -> str:
    """Ask for something large, open its review; return the card's timestamp."""
    ts = await at.ask(payload=LARGE)
    assert (await at.click(user, ts, REVIEW)).ok
    return ts


def title(view: dict[str, Any]) -> str:
    return str(view["title"]["text"])


def lines(view: dict[str, Any]) -> list[str]:
    """Return the payload's lines on a page."""
    found = []
    for block in view["blocks"]:
        for part in block.get("elements", ()):
            if part.get("type") == "rich_text_preformatted":
                found += "".join(piece["text"] for piece in part["elements"]).split("\n")
    return [line.strip(" │") for line in found if "line " in line]


async def test_page_by_page(any_at: Office):
    """All that was asked is on the pages, in order; only the last one approves."""
    await opened(any_at)
    seen = lines(await any_at.view("U0ANA"))
    while (await any_at.view("U0ANA")).get("submit") is None:
        assert (await any_at.press("U0ANA", NEXT)).ok
        seen += lines(await any_at.view("U0ANA"))
    assert LARGE["text"].split("\n") == seen
    assert (await any_at.people.submit("U0ANA")).ok
    found = await any_at.found()
    assert (ApprovalStatus.APPROVED, ANA) == (found.status, found.approver)
    told = [e.event for e in await MemoryStore.read(any_at.store, "", limit=100)]
    kinds = [type(event) for event in told]
    assert kinds.index(ApprovalViewed) < kinds.index(ApprovalResolved)
    [answer] = await any_at.answers("U0ANA")
    assert "recorded" in answer
    assert [] == await any_at.refusals()


async def test_back_and_forth(at: Office):
    """Going back is free."""
    await opened(at)
    first = await at.view("U0ANA")
    await at.press("U0ANA", NEXT)
    second = await at.view("U0ANA")
    assert title(first) != title(second)
    await at.press("U0ANA", BACK)
    assert (title(first), lines(first)) == (
        title(await at.view("U0ANA")),
        lines(await at.view("U0ANA")),
    )


async def test_a_page_is_turned_once(at: Office):
    """Two clicks on one page do not skip a page: the second has an old hash."""
    await opened(at)
    view = await at.view("U0ANA")
    at.slack.request_url, url = None, at.slack.request_url
    for _ in range(2):
        await at.people.click("U0ANA", view_id=view["id"], action_id=NEXT)
    at.slack.request_url = url
    clicks = [delivery["payload"] for delivery in (await at.people.state()).deliveries[-2:]]
    await asyncio.gather(*(at.people.deliver(click) for click in clicks))
    assert "page 2" in title(await at.view("U0ANA"))
    assert [] == await at.answers("U0ANA")


async def test_a_page_that_was_never_sent_is_none(at: Office):
    """The value for a later page, as another request would have it, opens nothing."""
    await opened(at)
    view = await at.view("U0ANA")
    at.slack.request_url, url = None, at.slack.request_url
    await at.people.click("U0ANA", view_id=view["id"], action_id=NEXT)
    at.slack.request_url = url
    click = (await at.people.state()).deliveries[-1]["payload"]
    found = await at.found()
    for surface, place in (("review:3/3", "U0BEN"), ("card", CHANNEL), ("review:21/21", "U0ANA")):
        forged = copy.deepcopy(click)
        forged["actions"][0]["value"] = SEAL.value(found, surface=surface, place=place)
        forged["actions"][0]["action_ts"] = f"{surface} {place}"
        assert (await at.people.deliver(forged)).ok
    assert "page 1" in title(await at.view("U0ANA"))
    assert [(ANA, "foreign_card", "review")] * 3 == await at.refusals()


async def test_a_submission_of_another_page(at: Office):
    """Approve with what stands on page one is not acknowledged, and approves nothing."""
    await opened(at)
    first = await at.view("U0ANA")
    while (await at.view("U0ANA")).get("submit") is None:
        await at.press("U0ANA", NEXT)
    at.slack.request_url, url = None, at.slack.request_url
    await at.people.submit("U0ANA")
    at.slack.request_url = url
    payload = (await at.people.state()).deliveries[-1]["payload"]
    payload["view"]["private_metadata"] = first["private_metadata"]
    delivered = await at.people.deliver(payload)
    assert (False, 400) == (delivered.ok, delivered.status)
    assert ApprovalStatus.PENDING is (await at.found()).status


async def test_the_last_page_of_another_review(at: Office):
    """The hidden value is a seal: another request's, or another person's, approves nothing."""
    await opened(at)
    while (await at.view("U0ANA")).get("submit") is None:
        await at.press("U0ANA", NEXT)
    at.slack.request_url, url = None, at.slack.request_url
    await at.people.submit("U0ANA")
    at.slack.request_url = url
    payload = (await at.people.state()).deliveries[-1]["payload"]
    payload["user"] |= {"id": "U0BEN"}
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [("slack:T0SANDBOX:U0BEN", "foreign_card", "review")] == await at.refusals()
    assert [] == await at.viewings()


async def test_reject_inside(at: Office):
    """Reject in a review asks for the reason on top of it, and closes both."""
    await opened(at)
    await at.press("U0ANA", NEXT)
    await at.press("U0ANA", REJECT)
    assert 2 == await at.views("U0ANA")
    assert (await at.people.submit("U0ANA", values={"signoff_reason_text": "too long"})).ok
    assert 0 == await at.views("U0ANA")
    found = await at.found()
    assert ApprovalStatus.REJECTED is found.status
    assert "too long" == (found.decision and found.decision.note)
    assert 1 == len(await at.answers("U0ANA"))


async def test_it_ended_meanwhile(at: Office):
    """Who turns a page of something that has ended sees how; who submits is told."""
    await opened(at)
    await at.desk.cancel("x")
    await at.press("U0ANA", NEXT)
    view = await at.view("U0ANA")
    assert "Nothing to decide" == title(view)
    assert view.get("submit") is None


async def test_it_was_decided_before_the_last_button(at: Office):
    """A submission is judged by what is true when it comes."""
    await opened(at)
    while (await at.view("U0ANA")).get("submit") is None:
        await at.press("U0ANA", NEXT)
    await at.desk.decide("x", "deny", approver="slack:T0SANDBOX:U0BEN")
    assert (await at.people.submit("U0ANA")).ok
    assert ApprovalStatus.REJECTED is (await at.found()).status
    [answer] = await at.answers("U0ANA")
    assert "too late" in answer
    assert [(ANA, "already_decided", "review")] == await at.refusals()


async def test_who_may_not_decide_sees_no_review(at: Office):
    """Dan's click on Review is refused, told and on record."""
    await opened(at, "U0DAN")
    assert 0 == await at.views("U0DAN")
    [answer] = await at.answers("U0DAN")
    assert "not among" in answer
    assert [("slack:T0SANDBOX:U0DAN", "not_approver", "card")] == await at.refusals()


async def test_a_review_that_is_too_long(at: Office):
    """Over twenty pages there is Reject only, and a forged click on Review says why."""
    ts = await at.ask(payload=TOO_LARGE)
    payload = await at.people.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=REJECT)
    payload["actions"][0]["action_id"] = REVIEW
    assert (await at.people.deliver(payload)).ok
    assert 0 == await at.views("U0ANA")
    assert 1 == len(await at.answers("U0ANA"))
    assert (await at.click("U0ANA", ts, REJECT)).ok
    assert (await at.people.submit("U0ANA", values={})).ok
    assert ApprovalStatus.REJECTED is (await at.found()).status


async def test_a_review_that_cannot_be_opened(at: Office):
    """Where the trigger is over, the person is told to click again; nothing is decided."""
    ts = await at.ask(payload=LARGE)
    await at.people.faults.expire_trigger()
    assert (await at.click("U0ANA", ts, REVIEW)).ok
    [answer] = await at.answers("U0ANA")
    assert "click Review again" in answer
    assert ApprovalStatus.PENDING is (await at.found()).status


async def test_a_page_that_cannot_be_shown(at: Office):
    """Where Slack does not take the next page, the person is told to click again."""
    await opened(at)
    await at.people.faults.server_error(method="views.update")
    await at.press("U0ANA", NEXT)
    [answer] = await at.answers("U0ANA")
    assert "click Next or Back again" in answer
    assert "page 1" in title(await at.view("U0ANA"))


async def test_several_answers_are_needed(at: Office):
    """A review of one person is no review of the other."""
    at.rule = replace(RULE, approvers=("U0ANA", "U0BEN"))
    await opened(at)
    await at.click("U0BEN", (await at.people.messages(CHANNEL))[0]["ts"], REVIEW)
    for user in ("U0ANA", "U0BEN"):
        assert "page 1" in title(await at.view(user))
