"""The app's home: an inbox with the same buttons, drawn when it is looked at or acted in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from gate import ApprovalStatus, StoreUnavailable
from tests.bot.slack.office import APPROVE, CHANNEL, REJECT, REVIEW, RULE, Office

ANA: Final = "slack:T0SANDBOX:U0ANA"
LARGE: Final[Any] = {"text": "\n".join(f"line {number} of it" for number in range(700))}


async def seen(at: Office, user: str) -> str:
    """Return all that stands in somebody's home."""
    return json.dumps((await at.home(user))["blocks"], ensure_ascii=False)


async def published(at: Office) -> int:
    await at.settle()
    return len((await at.people.state()).calls("views.publish"))


async def test_open_and_approve(any_at: Office):
    """What needs somebody stands there; one click decides, is told directly, and redraws it."""
    await any_at.ask()
    await any_at.people.open_home("U0ANA")
    home = await any_at.home("U0ANA")
    assert "act-x" in await seen(any_at, "U0ANA")
    clicked = await any_at.people.click("U0ANA", view_id=home["id"], action_id=APPROVE)
    assert clicked.ok
    found = await any_at.found()
    assert (ApprovalStatus.APPROVED, ANA, "home") == (
        found.status,
        found.approver,
        found.votes[0].surface,
    )
    assert "Nothing waits for your answer" in await seen(any_at, "U0ANA")
    assert "Decided lately" in await seen(any_at, "U0ANA")
    [told] = await any_at.direct("U0ANA")
    assert "recorded" in told["text"]
    assert [] == await any_at.answers("U0ANA")


async def test_reject_with_a_reason(at: Office):
    """Reject opens the form; its person is told directly."""
    await at.ask()
    await at.people.open_home("U0ANA")
    home = await at.home("U0ANA")
    await at.people.click("U0ANA", view_id=home["id"], action_id=REJECT)
    assert (await at.people.submit("U0ANA", values={"signoff_reason_text": "no"})).ok
    assert ApprovalStatus.REJECTED is (await at.found()).status
    assert 1 == len(await at.direct("U0ANA"))


async def test_review_from_the_home(at: Office):
    """What does not fit in a row has Review instead of Approve."""
    await at.ask(payload=LARGE)
    await at.people.open_home("U0ANA")
    home = await at.home("U0ANA")
    assert APPROVE not in await seen(at, "U0ANA")
    assert (await at.people.click("U0ANA", view_id=home["id"], action_id=REVIEW)).ok
    assert "signoff_review_form" == (await at.view("U0ANA"))["callback_id"]


async def test_nobody_elses(at: Office):
    """Who is not asked has an empty inbox: neither title nor arguments of others'."""
    await at.ask()
    for user in ("U0DAN", "U0GUEST"):
        await at.people.open_home(user)
        assert "act-x" not in await seen(at, user)


async def test_a_group_member(at: Office):
    """Who is asked through a group has it too."""
    await at.ask()
    await at.people.open_home("U0CHO")
    assert "act-x" in await seen(at, "U0CHO")


async def test_the_messages_tab_draws_nothing(at: Office):
    """Only the home tab is a look at the home."""
    await at.people.open_home("U0ANA", tab="messages")
    assert 0 == await published(at)


async def test_it_is_redrawn_on_ones_own_action_elsewhere(at: Office):
    """Who answers on the card finds the open home up to date."""
    ts = await at.ask()
    await at.people.open_home("U0ANA")
    assert "act-x" in await seen(at, "U0ANA")
    await at.click("U0ANA", ts)
    assert "Nothing waits" in await seen(at, "U0ANA")


async def test_it_is_redrawn_at_most_once_a_minute_otherwise(at: Office):
    """A home that is open follows others' actions: a minute later, and only where it changed."""
    await at.ask()
    await at.people.open_home("U0ANA")
    await at.settle()
    await at.desk.cancel("x")
    await at.handlers.homes.refresh()
    assert 1 == await published(at)
    await at.clock.advance(61)
    await at.handlers.homes.refresh()
    assert 2 == await published(at)
    assert "Nothing waits" in await seen(at, "U0ANA")
    await at.clock.advance(61)
    await at.handlers.homes.refresh()
    assert 2 == await published(at)


async def test_a_home_that_was_left_long_ago(at: Office):
    """An hour after it was opened a home is drawn again only when it is opened again."""
    await at.people.open_home("U0ANA")
    await at.settle()
    await at.clock.advance(3601)
    await at.ask()
    await at.handlers.homes.refresh()
    assert 1 == await published(at)
    await at.people.open_home("U0ANA")
    assert "act-x" in await seen(at, "U0ANA")


async def test_a_store_that_is_away(at: Office):
    """Nothing is drawn rather than something false; the next look draws it."""
    await at.ask()

    async def away(verb: str) -> None:
        raise StoreUnavailable(verb, cause="gone")

    at.store.fault = away
    await at.people.open_home("U0ANA")
    assert 0 == await published(at)
    await at.clock.advance(61)
    await at.handlers.homes.refresh()
    at.store.fault = None
    await at.people.open_home("U0ANA")
    assert "act-x" in await seen(at, "U0ANA")


async def test_a_slack_that_takes_no_home(at: Office):
    """It is drawn again at the next look."""
    fault = await at.people.faults.server_error(method="views.publish", count=1)
    assert fault
    await at.people.open_home("U0ANA")
    await at.settle()
    await at.clock.advance(61)
    await at.handlers.homes.refresh()
    assert "Nothing waits" in await seen(at, "U0ANA")


async def test_a_stale_row(at: Office):
    """A row of what was decided elsewhere says who was first, and changes nothing."""
    await at.ask()
    await at.people.open_home("U0ANA")
    home = await at.home("U0ANA")
    await at.desk.decide("x", "deny", approver="slack:T0SANDBOX:U0BEN")
    assert (await at.people.click("U0ANA", view_id=home["id"], action_id=APPROVE)).ok
    [told] = await at.direct("U0ANA")
    assert "too late" in told["text"]
    assert [(ANA, "already_decided", "home")] == await at.refusals()
    assert "Nothing waits" in await seen(at, "U0ANA")


async def test_the_direct_note_and_its_end(at: Office):
    """With `dm` each approver has the card's copy with buttons; all end when one decides."""
    at.rule = replace(RULE, approvers=("U0ANA", "U0BEN"), notify=("dm",))
    await at.ask()
    [note] = await at.direct("U0ANA")
    channel = at.slack.world.direct("U0ANA").id
    clicked = await at.people.click("U0ANA", channel=channel, ts=note["ts"], action_id=APPROVE)
    assert clicked.ok
    await at.tell()
    found = await at.found()
    assert (ApprovalStatus.APPROVED, "direct") == (found.status, found.votes[0].surface)
    for user in ("U0ANA", "U0BEN"):
        copy = (await at.direct(user))[0]
        assert "nothing left to decide" in json.dumps(copy["blocks"])
        assert APPROVE not in json.dumps(copy["blocks"])
    assert "recorded" in (await at.direct("U0ANA"))[-1]["text"]
    assert 1 == len(await at.direct("U0BEN"))


async def test_a_direct_note_that_a_crash_left_unnoted(at: Office):
    """A genuine note that is not stored is adopted at its first use, counts, and ends too."""
    at.rule = replace(RULE, approvers=("U0ANA",), notify=("dm",))
    await at.ask()
    [note] = await at.direct("U0ANA")
    told = await at.store.cards("x")
    [slot] = [slot for slot in told if slot.startswith("direct ")]
    at.store._cards["x"].pop(slot)
    channel = at.slack.world.direct("U0ANA").id
    assert (await at.people.click("U0ANA", channel=channel, ts=note["ts"], action_id=APPROVE)).ok
    await at.settle()
    assert ApprovalStatus.APPROVED is (await at.found()).status
    assert slot in await at.store.cards("x")
    await at.tell()
    assert "nothing left to decide" in json.dumps((await at.direct("U0ANA"))[0]["blocks"])


async def test_a_genuine_card_that_is_not_stored(at: Office):
    """As for a direct note: it counts, and ends like the card."""
    ts = await at.ask()
    copy = (await at.people.messages(CHANNEL))[0]
    posted = await at.messenger._client.chat_postMessage(
        channel=CHANNEL,
        text=copy["text"],
        blocks=copy["blocks"],
        unfurl_links=False,
        unfurl_media=False,
    )
    assert (await at.click("U0ANA", str(posted["ts"]))).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status
    await at.settle()
    await at.tell()
    for each in await at.people.messages(CHANNEL):
        assert "Approved" in json.dumps(each["blocks"]), each["ts"] == ts
