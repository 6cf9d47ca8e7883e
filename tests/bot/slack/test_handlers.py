"""Clicks and forms through the real Bolt app: one decision, one private answer, no rule here."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from bot.deciding import Budgets
from bot.slack.seal import Seal
from gate import ApprovalStatus, StoreUnavailable, Verdict
from tests.bot.slack.office import APPROVE, CHANNEL, REJECT, SEAL, Office, office

ANA, BEN, DAN = "slack:T0SANDBOX:U0ANA", "slack:T0SANDBOX:U0BEN", "slack:T0SANDBOX:U0DAN"


async def away(verb: str) -> None:
    raise StoreUnavailable(verb, cause="gone")


async def test_approve(any_at: Office):
    """A listed person's click decides; it is acknowledged and answered once, in private."""
    ts = await any_at.ask()
    assert (await any_at.click("U0ANA", ts)).ok
    found = await any_at.found()
    assert (ApprovalStatus.APPROVED, ANA) == (found.status, found.approver)
    assert "card" == found.votes[0].surface
    [answer] = await any_at.answers("U0ANA")
    assert "recorded" in answer
    assert [] == await any_at.answers("U0BEN")
    assert [] == await any_at.refusals()


async def test_reject_with_a_reason(any_at: Office):
    """Reject opens a form; its submission decides and carries the reason."""
    ts = await any_at.ask()
    assert (await any_at.click("U0BEN", ts, REJECT)).ok
    assert ApprovalStatus.PENDING is (await any_at.found()).status
    assert 1 == len(await any_at.people.views("U0BEN"))
    sent = await any_at.people.submit("U0BEN", values={"signoff_reason_text": " not <@U0ANA> now "})
    assert sent.ok
    assert [] == await any_at.people.views("U0BEN")
    found = await any_at.found()
    assert (ApprovalStatus.REJECTED, BEN, "form") == (
        found.status,
        found.approver,
        found.votes[0].surface,
    )
    assert found.decision is not None
    assert "not <@U0ANA> now" == found.decision.note
    assert 1 == len(await any_at.answers("U0BEN"))


async def test_a_reason_is_optional(at: Office):
    """A form without a reason rejects too."""
    ts = await at.ask()
    await at.click("U0BEN", ts, REJECT)
    assert (await at.people.submit("U0BEN", values={})).ok
    found = await at.found()
    assert (Verdict.DENY, None) == (found.verdict, found.decision and found.decision.note)


async def test_somebody_from_a_listed_group(at: Office):
    """Who is in a listed group now may answer."""
    ts = await at.ask()
    assert (await at.click("U0CHO", ts)).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status


@pytest.mark.parametrize("action", [APPROVE, REJECT])
async def test_not_an_approver(any_at: Office, action: str):
    """Who is not on the list changes nothing, sees no form, is told and is on record."""
    ts = await any_at.ask()
    assert (await any_at.click("U0DAN", ts, action)).ok
    assert ApprovalStatus.PENDING is (await any_at.found()).status
    [answer] = await any_at.answers("U0DAN")
    assert "not among" in answer
    assert [] == await any_at.people.views("U0DAN")
    assert [(DAN, "not_approver", "card")] == await any_at.refusals()


@pytest.mark.parametrize("user", ["U0GUEST", "U0GONE", "U0EXT"])
@pytest.mark.parametrize("action", [APPROVE, REJECT])
async def test_outsiders(at: Office, user: str, action: str):
    """Guests, the deactivated and strangers are refused and on record, whatever they click."""
    ts = await at.ask()
    await at.click(user, ts, action, force=True)
    assert ApprovalStatus.PENDING is (await at.found()).status
    [(_, reason, _)] = await at.refusals()
    assert reason in ("not_member", "not_checked")


async def test_a_late_click(any_at: Office):
    """Who comes second learns who was first; nothing changes."""
    ts = await any_at.ask()
    await any_at.desk.decide("x", "deny", approver=ANA)
    for action in (APPROVE, REJECT):
        assert (await any_at.click("U0BEN", ts, action)).ok
    answers = await any_at.answers("U0BEN")
    assert 2 == len(answers)
    assert all("too late" in answer for answer in answers)
    assert ANA == (await any_at.found()).approver
    assert [] == await any_at.people.views("U0BEN")
    assert 2 == len(await any_at.refusals())


async def test_two_click_at_once(at: Office):
    """Of two clicks one wins; both people are told."""
    ts = await at.ask()
    await asyncio.gather(at.click("U0ANA", ts), at.click("U0BEN", ts))
    found = await at.found()
    assert found.approver in (ANA, BEN)
    answers = [*await at.answers("U0ANA"), *await at.answers("U0BEN")]
    assert 2 == len(answers)
    assert 1 == sum("too late" in answer for answer in answers)


async def test_a_click_after_the_end(at: Office):
    """Past its end nothing is decided, though nobody has written the end down yet."""
    ts = await at.ask(expires_in=60)
    await at.clock.advance(60)
    assert (await at.click("U0ANA", ts)).ok
    assert ApprovalStatus.EXPIRED is (await at.found()).status
    assert 1 == len(await at.answers("U0ANA"))


async def test_a_form_that_was_open_while_somebody_else_decided(at: Office):
    """A submission is judged by what is true when it comes."""
    ts = await at.ask()
    await at.click("U0BEN", ts, REJECT)
    await at.click("U0ANA", ts)
    assert (await at.people.submit("U0BEN", values={"signoff_reason_text": "no"})).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status
    [answer] = await at.answers("U0BEN")
    assert "too late" in answer


async def test_a_form_of_somebody_who_lost_the_right(at: Office):
    """Who was an approver when the form opened need not be one when it comes back."""
    ts = await at.ask()
    await at.click("U0CHO", ts, REJECT)
    await at.people.edit_workspace(usergroups={"S0SECURITY": {"users": ["U0DAN"]}})
    await at.clock.advance(61)
    await at.people.submit("U0CHO", values={"signoff_reason_text": "no"})
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert 1 == len(await at.answers("U0CHO"))
    assert [("slack:T0SANDBOX:U0CHO", "not_approver", "form")] == await at.refusals()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: "approve",
        lambda text: text + "|more",
        lambda text: text.replace("v3|", "v2|"),
        lambda text: text.rpartition("|")[0],
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text.replace("|x|", "|y|"),
        lambda text: text.replace("|x|", "|../x|"),
        lambda text: "v" * 3000,
        lambda text: None,
        lambda text: {"v": 1},
    ],
)
async def test_a_foreign_button(at: Office, change: Callable[[str], Any]):
    """A button whose value is not ours changes nothing, and says so."""
    payload = await _payload(at, await at.ask())
    payload["actions"][0]["value"] = change(payload["actions"][0]["value"])
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    [answer] = await at.answers("U0ANA")
    assert "does not belong" in answer
    assert all("foreign_card" == reason for _, reason, _ in await at.refusals())


@pytest.mark.parametrize(
    ("surface", "place"),
    [("card", "C0OTHER"), ("direct", "U0BEN"), ("home", "U0ANA"), ("review:1/1", "U0ANA")],
)
async def test_a_button_of_another_place(at: Office, surface: str, place: str):
    """A value of ours that was made for another surface, channel or person counts nowhere else."""
    ts = await at.ask()
    payload = await _payload(at, ts)
    value = SEAL.value(await at.found(), surface=surface, place=place)
    payload["actions"][0]["value"] = value
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [(ANA, "foreign_card", "card")] == await at.refusals()
    assert 1 == len(await at.answers("U0ANA"))


@pytest.mark.parametrize(
    "other",
    [
        Seal(b"another secret", installation="T0SANDBOX B0SIGNOFF"),
        Seal(b"the secret of the office, 32 bytes", installation="T0OTHER B0SIGNOFF"),
    ],
)
async def test_a_button_of_another_installation(at: Office, other: Seal):
    """Neither another bot's secret nor another workspace makes a button of ours."""
    payload = await _payload(at, await at.ask())
    value = other.value(await at.found(), surface="card", place=CHANNEL)
    payload["actions"][0]["value"] = value
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [(ANA, "foreign_card", "card")] == await at.refusals()


@pytest.mark.parametrize("part", ["nonce", "digest"])
async def test_a_stale_button(at: Office, part: str):
    """A card of an earlier request under the same id decides nothing about this one."""
    payload = await _payload(at, await at.ask())
    other = {"nonce": "other"} if part == "nonce" else {"digest": "0" * 64}
    earlier = (await at.found()).model_copy(update=other)
    payload["actions"][0]["value"] = SEAL.value(earlier, surface="card", place=CHANNEL)
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    [answer] = await at.answers("U0ANA")
    assert "out of date" in answer
    assert [(ANA, "stale_card", "card")] == await at.refusals()


async def test_a_button_of_something_unknown(at: Office):
    """An approval that is not in this store is said not to be known."""
    payload = await _payload(at, await at.ask())
    gone = (await at.found()).model_copy(update={"id": "y"})
    payload["actions"][0]["value"] = SEAL.value(gone, surface="card", place=CHANNEL)
    await at.people.deliver(payload)
    [answer] = await at.answers("U0ANA")
    assert "not known" in answer
    assert [(ANA, "approval_not_found", "card")] == await at.refusals()


async def test_a_forged_approve_beside_a_payload_that_does_not_fit(at: Office):
    """What the card cannot show whole is not approved by a click on it, but shown in a review."""
    ts = await at.ask(payload={"text": "a" * 10_000})
    payload = await _payload(at, ts, REJECT)
    payload["actions"][0]["action_id"] = APPROVE
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [] == await at.answers("U0ANA")
    assert "signoff_review_form" == (await at.view("U0ANA"))["callback_id"]
    assert [(ANA, "incomplete_view", "card")] == await at.refusals()
    await at.click("U0ANA", ts, REJECT)
    assert (await at.people.submit("U0ANA", values={})).ok
    assert ApprovalStatus.REJECTED is (await at.found()).status


def _drop(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(payload: dict[str, Any]) -> None:
        for place in path[:-1]:
            payload = payload[place]
        del payload[path[-1]]

    return change


def _put(value: Any, *path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(payload: Any) -> None:
        for place in path[:-1]:
            payload = payload[place]
        payload[path[-1]] = value

    return change


MALFORMED = [
    _drop("user"),
    _drop("user", "id"),
    _put("U0ANA", "user"),
    _put(7, "user", "id"),
    _put("ana", "user", "id"),
    _put("U0ANA\n", "user", "id"),
    _put([], "user", "team_id"),
    _put("T0SANDBOX:U0ANA", "user", "team_id"),
    lambda payload: payload["actions"].append(copy.deepcopy(payload["actions"][0])),
    _put("C0\n", "channel", "id"),
    _put({"a": 1}, "channel", "id"),
    _put("now", "message", "ts"),
    _put(1.5, "message", "ts"),
]


@pytest.mark.parametrize("change", MALFORMED)
@pytest.mark.parametrize("action", [APPROVE, REJECT])
async def test_a_malformed_click(at: Office, change: Callable[[Any], None], action: str):
    """A click that names nobody, nothing or two things is not acknowledged: Slack shows that."""
    payload = await _payload(at, await at.ask(), action)
    change(payload)
    delivered = await at.people.deliver(payload)
    assert not delivered.ok
    assert 400 == delivered.status
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [] == await at.answers("U0ANA")


async def test_a_malformed_click_over_a_socket():
    """Over Socket Mode a malformed click is not acknowledged either."""
    async with office("socket") as at:
        payload = await _payload(at, await at.ask())
        payload["user"]["id"] = "ana"
        at.slack.courier._ack_timeout = 0.2
        assert "timeout" == (await at.people.deliver(payload)).error
        assert ApprovalStatus.PENDING is (await at.found()).status


async def test_the_person_may_lack_a_team_and_the_message_its_container(at: Office):
    """A click may name the payload's team only, and its message in the container only."""
    payload = await _payload(at, await at.ask())
    del payload["user"]["team_id"], payload["channel"], payload["message"]
    assert (await at.people.deliver(payload)).ok
    assert ANA == (await at.found()).approver


@pytest.mark.parametrize("team", ["T0OTHER", "E0GRID"])
async def test_a_person_of_another_team(at: Office, team: str):
    """The same user id under another team is another person."""
    payload = await _payload(at, await at.ask())
    payload["user"]["team_id"] = team
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [(f"slack:{team}:U0ANA", "not_member", "card")] == await at.refusals()


async def _submission(at: Office) -> dict[str, Any]:
    """Return a real submission of Ana's, not delivered."""
    ts = await at.ask()
    await at.click("U0ANA", ts, REJECT)
    at.slack.request_url, url = None, at.slack.request_url
    await at.people.submit("U0ANA", values={"signoff_reason_text": "no"})
    at.slack.request_url = url
    payload: dict[str, Any] = (await at.people.state()).deliveries[-1]["payload"]
    assert "view_submission" == payload["type"]
    return payload


@pytest.mark.parametrize(
    "change",
    [
        _put("", "view", "private_metadata"),
        _put("{", "view", "private_metadata"),
        _put("[" * 2000, "view", "private_metadata"),
        _put('{"v":"v2|x|n|0","c":"U0BEN"}', "view", "private_metadata"),
        _put('{"v":1,"c":"C1"}', "view", "private_metadata"),
        _put({}, "view", "state"),
        _put({"values": {"signoff_reason": []}}, "view", "state"),
        _put(7, "view", "state", "values", "signoff_reason", "signoff_reason_text", "value"),
        _put("\ud800", "view", "state", "values", "signoff_reason", "signoff_reason_text", "value"),
        _put(
            "a" * 3001, "view", "state", "values", "signoff_reason", "signoff_reason_text", "value"
        ),
        _drop("user", "id"),
    ],
)
async def test_a_changed_form(at: Office, change: Callable[[Any], None]):
    """A form whose hidden part or fields are not ours rejects nothing, and says so in the form."""
    payload = await _submission(at)
    change(payload)
    delivered = await at.people.deliver(payload)
    assert 200 == delivered.status
    assert ["signoff_reason"] == list(delivered.answer["errors"])
    assert ApprovalStatus.PENDING is (await at.found()).status


async def test_a_form_for_another_approval(at: Office):
    """A hidden part that names another approval is judged by that one's button."""
    payload = await _submission(at)
    await at.ask("y")
    hidden = json.loads(payload["view"]["private_metadata"])
    hidden["v"] = hidden["v"].replace("|x|", "|y|")
    payload["view"]["private_metadata"] = json.dumps(hidden)
    assert (await at.people.deliver(payload)).ok
    for each in ("x", "y"):
        assert ApprovalStatus.PENDING is (await at.found(each)).status
    assert 1 == len(await at.answers("U0ANA"))


async def test_a_trigger_that_is_over(at: Office):
    """Where Slack opens no form it is rejected at once; the reason can follow in the thread."""
    payload = await _payload(at, await at.ask(), REJECT)
    await at.people.advance_clock(10)
    assert (await at.people.deliver(payload)).ok
    [answer] = await at.answers("U0ANA")
    assert "It is rejected" in answer
    assert "thread" in answer
    assert (Verdict.DENY, ANA) == ((await at.found()).verdict, (await at.found()).approver)


async def test_a_slack_that_is_slow_to_open_the_form():
    """The click is acknowledged in time, and rejects, though the form does not come."""
    async with office(form_budget=0.05) as at:
        ts = await at.ask()
        at.slack.world.faults.add("slow", {"method": "views.open", "seconds": 20})
        assert (await at.click("U0ANA", ts, REJECT)).ok
        [answer] = await at.answers("U0ANA")
        assert "It is rejected" in answer
        assert ApprovalStatus.REJECTED is (await at.found()).status


@pytest.mark.parametrize("action", [APPROVE, REJECT])
async def test_a_store_that_is_away(any_at: Office, action: str):
    """Where nothing can be written there is no success, neither on the card nor in words."""
    ts = await any_at.ask()
    any_at.store.fault = away
    assert (await any_at.click("U0ANA", ts, action)).ok
    [answer] = await any_at.answers("U0ANA")
    assert "was not recorded" in answer
    assert ApprovalStatus.PENDING is (await any_at.found()).status


async def test_a_write_that_nobody_confirms():
    """A write without an answer is said to be uncertain: neither success nor refusal."""
    async with office(budgets=Budgets(write=0.05)) as at:
        ts = await at.ask()

        async def never(verb: str) -> None:
            if verb == "patch":
                await asyncio.Event().wait()

        at.store.fault = never
        assert (await at.click("U0ANA", ts)).ok
        [answer] = await at.answers("U0ANA")
        assert "not certain" in answer


async def test_the_decision_stands_before_slack_is_answered(at: Office):
    """Commit, then acknowledge: while the write is under way, Slack has no answer."""
    ts = await at.ask()
    writing, go_on = asyncio.Event(), asyncio.Event()

    async def slow(verb: str) -> None:
        if verb == "patch":
            writing.set()
            await go_on.wait()

    at.store.fault = slow
    click = asyncio.create_task(at.click("U0ANA", ts))
    await writing.wait()
    await asyncio.wait({click}, timeout=0.05)
    assert not click.done()
    go_on.set()
    assert (await click).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status


async def test_a_directory_that_is_away(at: Office):
    """Who cannot be checked is refused, told, and on record."""
    ts = await at.ask()
    at.slack.world.faults.add("server_error", {"method": "users.info"})
    assert (await at.click("U0ANA", ts)).ok
    [answer] = await at.answers("U0ANA")
    assert "could not be checked" in answer
    assert [(ANA, "not_checked", "card")] == await at.refusals()


async def test_a_click_before_the_card_is_noted(at: Office):
    """Whoever is quicker than the note of where the card is decides all the same."""
    ts = await at.ask()
    await at.store.keep_card("x", "card", "posting somebody")
    assert (await at.click("U0ANA", ts)).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status


async def test_an_unknown_button_is_not_ours(at: Office):
    """An action that nobody listens to is not acknowledged."""
    payload = await _payload(at, await at.ask())
    payload["actions"][0]["action_id"] = "something_else"
    delivered = await at.people.deliver(payload)
    assert (False, 404) == (delivered.ok, delivered.status)


async def _payload(at: Office, ts: str, action: str = APPROVE) -> dict[str, Any]:
    return await at.people.click_payload("U0ANA", channel=CHANNEL, ts=ts, action_id=action)
