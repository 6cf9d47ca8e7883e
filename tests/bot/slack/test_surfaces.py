"""One rule on every surface: who has not seen all of it does not approve it, and may reject it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from bot.deciding import Answers, Attempt, Voter
from bot.routing import RouteRule
from bot.slack.render import shows_all
from gate import Approval, ApprovalStatus, NotAllowed, Verdict
from tests.bot.slack.office import (
    APPROVE,
    CHANNEL,
    NEXT,
    REJECT,
    REVIEW,
    RULE,
    SEAL,
    Office,
)

ANA: Final = "slack:T0SANDBOX:U0ANA"
SMALL: Final[Any] = {"user_id": 42}
LARGE: Final[Any] = {"text": "\n".join(f"line {number} of it" for number in range(700))}

Way = Callable[[Office, str, str], Awaitable[None]]


@pytest.fixture
def rule() -> RouteRule:
    return replace(RULE, approvers=("U0ANA", "cli:ana"), notify=("dm",))


async def on_the_card(at: Office, ts: str, action: str) -> None:
    """A click beside the card, forged where the card has no such button."""
    payload = await at.people.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=REJECT)
    payload["actions"][0]["action_id"] = action
    assert (await at.people.deliver(payload)).ok


async def on_the_direct_note(at: Office, ts: str, action: str) -> None:
    """The same beside the note in the person's direct messages."""
    note = (await at.direct("U0ANA"))[0]
    channel = at.slack.world.direct("U0ANA").id
    payload = await at.people.click_payload(
        "U0ANA", channel=channel, ts=note["ts"], action_id=REJECT
    )
    payload["actions"][0]["action_id"] = action
    assert (await at.people.deliver(payload)).ok


async def in_the_home(at: Office, ts: str, action: str) -> None:
    """The same beside the row in the person's home."""
    await at.people.open_home("U0ANA")
    home = await at.home("U0ANA")
    at.slack.request_url, url = None, at.slack.request_url
    await at.people.click("U0ANA", view_id=home["id"], action_id=REJECT)
    at.slack.request_url = url
    payload = (await at.people.state()).deliveries[-1]["payload"]
    payload["actions"][0]["action_id"] = action
    assert (await at.people.deliver(payload)).ok


async def by_command(at: Office, ts: str, action: str) -> None:
    """The slash command, which shows nothing by itself."""
    verb = {APPROVE: "approve", REJECT: "reject"}[action]
    assert (await at.people.slash("U0ANA", CHANNEL, "/signoff", f"{verb} x")).ok


def _shown(surface: str, approval: Approval) -> bool:
    return shows_all(approval, surface)


WAYS: Final[dict[str, Way]] = {
    "card": on_the_card,
    "direct": on_the_direct_note,
    "home": in_the_home,
    "slash": by_command,
}


@pytest.mark.parametrize("viewed", [True, False])
@pytest.mark.parametrize("payload", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("surface", WAYS)
async def test_approve(at: Office, surface: str, payload: Any, viewed: bool):
    """It counts where all of it stands beside the button, or was seen; else a review opens."""
    ts = await at.ask(payload=payload)
    if viewed:
        await at.desk.view("x", principal=ANA, surface="review")
    counts = viewed or _shown(surface, await at.found())
    assert counts is (viewed or (payload is SMALL and surface != "slash"))
    await WAYS[surface](at, ts, APPROVE)
    if counts:
        found = await at.found()
        assert (ApprovalStatus.APPROVED, surface) == (found.status, found.votes[0].surface)
        assert 0 == await at.views("U0ANA")
        assert [] == await at.refusals()
    else:
        assert ApprovalStatus.PENDING is (await at.found()).status
        assert "signoff_review_form" == (await at.view("U0ANA"))["callback_id"]
        assert [(ANA, "incomplete_view", surface)] == await at.refusals()
        assert [] == await at.answers("U0ANA"), "the review is the answer"


@pytest.mark.parametrize("viewed", [True, False])
@pytest.mark.parametrize("surface", WAYS)
async def test_reject(at: Office, surface: str, viewed: bool):
    """It always works, seen or not."""
    ts = await at.ask(payload=LARGE)
    if viewed:
        await at.desk.view("x", principal=ANA, surface="review")
    await WAYS[surface](at, ts, REJECT)
    if surface != "slash":
        assert (await at.people.submit("U0ANA", values={})).ok
    found = await at.found()
    assert ApprovalStatus.REJECTED is found.status
    assert {"slash": "slash"}.get(surface, "form") == found.votes[0].surface
    assert [] == await at.refusals()


@pytest.mark.parametrize("through", [True, False])
async def test_approve_in_a_review(at: Office, through: bool):
    """The last page's button approves; there is no other way to it than through all pages."""
    ts = await at.ask(payload=LARGE)
    await at.click("U0ANA", ts, REVIEW)
    if through:
        while (await at.view("U0ANA")).get("submit") is None:
            await at.press("U0ANA", NEXT)
        assert (await at.people.submit("U0ANA")).ok
        found = await at.found()
        assert (ApprovalStatus.APPROVED, "review") == (found.status, found.votes[0].surface)
        assert [(ANA, "review")] == await at.viewings()
    else:
        await at.press("U0ANA", REJECT)
        assert (await at.people.submit("U0ANA", values={})).ok
        assert ApprovalStatus.REJECTED is (await at.found()).status
        assert [] == await at.viewings()
    assert 0 == await at.views("U0ANA")


@pytest.mark.parametrize("viewed", [True, False])
@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.DENY])
async def test_at_the_command_line(at: Office, verdict: Verdict, viewed: bool):
    """The same rule, whatever the size: `approve --yes` needs a `show` before."""
    await at.ask(payload=SMALL)
    attempt = Attempt(Voter("cli:ana"), "cli")
    if viewed:
        await at.desk.view("x", principal="cli:ana", surface="cli")
    answer = await Answers(at.desk).answer(await at.found(), attempt, verdict)
    if viewed or verdict is Verdict.DENY:
        assert answer.refused is None
    else:
        assert isinstance(answer.refused, NotAllowed)
        assert "incomplete_view" == answer.refused.reason


async def test_a_view_is_ones_own(at: Office):
    """What Ben has seen Ana has not."""
    at.rule = replace(RULE, notify=("dm",))
    ts = await at.ask(payload=LARGE)
    await at.desk.view("x", principal="slack:T0SANDBOX:U0BEN", surface="review")
    await on_the_card(at, ts, APPROVE)
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [(ANA, "incomplete_view", "card")] == await at.refusals()


@pytest.mark.parametrize("surface", ["direct", "home"])
async def test_a_button_of_one_person_is_no_one_elses(at: Office, surface: str):
    """What was made for Ben's eyes does not count in Ana's."""
    at.rule = replace(RULE, notify=("dm",))
    await at.ask()
    await at.people.open_home("U0ANA")
    world = at.slack.world
    if surface == "home":
        view = await at.home("U0ANA")
        at.slack.request_url, url = None, at.slack.request_url
        await at.people.click("U0ANA", view_id=view["id"], action_id=APPROVE)
        at.slack.request_url = url
        payload = (await at.people.state()).deliveries[-1]["payload"]
    else:
        note = (await at.direct("U0ANA"))[0]
        payload = await at.people.click_payload(
            "U0ANA", channel=world.direct("U0ANA").id, ts=note["ts"], action_id=APPROVE
        )
    value = SEAL.value(await at.found(), surface=surface, place="U0BEN")
    payload["actions"][0]["value"] = value
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [(ANA, "foreign_card", surface)] == await at.refusals()
