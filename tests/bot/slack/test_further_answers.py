"""Edit, answer instead and skip through the real Bolt app: a yes to what was seen, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from bot.routing import RouteRule
from gate import ApprovalAmended, ApprovalStatus, Verdict
from stores.memory import MemoryStore
from tests.bot.slack.office import APPROVE, CHANNEL, NEXT, REJECT, RULE, Office

ANA, BEN, DAN = "slack:T0SANDBOX:U0ANA", "slack:T0SANDBOX:U0BEN", "slack:T0SANDBOX:U0DAN"
EDIT, ANSWER, SKIP = "signoff_edit", "signoff_answer", "signoff_skip"
ALL: Final[RouteRule] = replace(RULE, answers=("edit", "override", "skip"))
TWO: Final[RouteRule] = replace(ALL, approvers=("U0ANA", "U0BEN"), needed=2)
ASKED: Final = {"subject": "Hello", "to": 42}
SCHEMA: Final = {
    "type": "object",
    "properties": {"subject": {"type": "string"}, "to": {"type": "integer", "maximum": 99}},
    "required": ["subject", "to"],
}
TO: Final = "signoff_edit_value:1"
RESULT: Final = "signoff_result_text"
WHY: Final = "signoff_reason_text"
LARGE: Final = {"text": "\n".join(f"line {number} of it" for number in range(700)), "to": 42}


@pytest.fixture
def rule() -> RouteRule:
    return ALL


async def ask(at: Office, payload: Any = None, **terms: Any) -> str:
    asked: dict[str, Any] = {"editable": True, "allow_override": True, "arguments_schema": SCHEMA}
    if payload is not None:
        asked["arguments_schema"] = None
    return await at.ask(payload=payload or ASKED, **(asked | terms))


async def forged(at: Office, user: str, ts: str, action: str) -> None:
    """Use a button that the card does not offer, with the value of one that it does."""
    payload = await at.people.click_payload(user, channel=CHANNEL, ts=ts, action_id=REJECT)
    payload["actions"][0]["action_id"] = action
    assert (await at.people.deliver(payload)).ok


async def held_back(at: Office, user: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return a real submission that was not delivered."""
    at.slack.request_url, url = None, at.slack.request_url
    await at.people.submit(user, values=values)
    at.slack.request_url = url
    payload: dict[str, Any] = (await at.people.state()).deliveries[-1]["payload"]
    return payload


async def amendments(at: Office) -> int:
    found = await MemoryStore.read(at.store, "", limit=1000)
    return sum(isinstance(logged.event, ApprovalAmended) for logged in found)


async def test_edit_and_approve(any_at: Office):
    """What was entered is approved, and the original stays on record."""
    ts = await ask(any_at)
    assert (await any_at.click("U0ANA", ts, EDIT)).ok
    assert ApprovalStatus.PENDING is (await any_at.found()).status
    assert (await any_at.people.submit("U0ANA", values={TO: "43", WHY: "the other one"})).ok
    assert 0 == await any_at.views("U0ANA")
    found = await any_at.found()
    assert (ApprovalStatus.APPROVED, ANA, "edit") == (
        found.status,
        found.approver,
        found.votes[0].surface,
    )
    assert (ASKED, {"subject": "Hello", "to": 43}) == (found.payload, found.effective_payload)
    assert "the other one" == (found.decision and found.decision.note)
    assert 1 == len(await any_at.answers("U0ANA"))
    assert [] == await any_at.refusals()


async def test_a_form_without_a_change_is_a_plain_yes(at: Office):
    """Nothing was edited: nothing is told as an edit."""
    ts = await ask(at)
    await at.click("U0ANA", ts, EDIT)
    assert (await at.people.submit("U0ANA", values={})).ok
    found = await at.found()
    assert (ApprovalStatus.APPROVED, None) == (
        found.status,
        found.decision and found.decision.digest,
    )
    assert 0 == await amendments(at)


async def test_a_form_without_a_change_is_no_yes_to_a_result(at: Office):
    """It shows arguments, and so it says yes to a run with them, whatever else was proposed."""
    at.rule = TWO
    ts = await ask(at)
    await at.click("U0ANA", ts, ANSWER)
    await at.people.submit("U0ANA", values={RESULT: "by hand"})
    await at.tell()
    await at.click("U0BEN", ts, EDIT)
    assert (await at.people.submit("U0BEN", values={})).ok
    found = await at.found()
    assert (ApprovalStatus.PENDING, None, ASKED, [BEN]) == (
        found.status,
        found.proposed_result,
        found.effective_payload,
        [vote.principal for vote in found.votes],
    )


async def test_an_entry_that_does_not_fit_keeps_the_form_open(at: Office):
    """The input says why, nothing is recorded, and the next try counts."""
    ts = await ask(at)
    before = await at.found()
    await at.click("U0ANA", ts, EDIT)
    for wrong in ("a lot", "100"):
        assert (await at.people.submit("U0ANA", values={TO: wrong})).ok
        [view] = await at.people.views("U0ANA")
        assert ["signoff_edit:1"] == list(view["errors"])
    assert before == await at.found()
    assert [] == await at.answers("U0ANA")
    assert (await at.people.submit("U0ANA", values={TO: "99"})).ok
    assert {"subject": "Hello", "to": 99} == (await at.found()).effective_payload
    assert [] == await at.refusals()


async def test_answer_instead(any_at: Office):
    """The agent gets the words; nothing of it runs."""
    ts = await ask(any_at)
    assert (await any_at.click("U0BEN", ts, ANSWER)).ok
    assert (await any_at.people.submit("U0BEN", values={RESULT: "Done by hand."})).ok
    found = await any_at.found()
    assert (ApprovalStatus.APPROVED, "Done by hand.", "answer") == (
        found.status,
        found.proposed_result,
        found.votes[0].surface,
    )
    assert 1 == len(await any_at.answers("U0BEN"))


async def test_skip(any_at: Office):
    """One click, one private answer; a repeat is none."""
    ts = await ask(any_at)
    assert (await any_at.click("U0ANA", ts, SKIP)).ok
    found = await any_at.found()
    assert (ApprovalStatus.REJECTED, Verdict.SKIP, ANA) == (
        found.status,
        found.verdict,
        found.approver,
    )
    assert 1 == len(await any_at.answers("U0ANA"))


@pytest.mark.parametrize(
    ("action", "word"),
    [(EDIT, "edit"), (ANSWER, "override"), (SKIP, "skip")],
)
async def test_what_the_route_does_not_list_is_refused(at: Office, action: str, word: str):
    """No button offers it, and a click that says it is one opens nothing."""
    at.rule = replace(RULE, answers=())
    ts = await ask(at)
    [message] = await at.people.messages(CHANNEL)
    assert action not in str(message)
    await forged(at, "U0ANA", ts, action)
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert 0 == await at.views("U0ANA")
    assert 1 == len(await at.answers("U0ANA"))
    assert [(ANA, f"{word}_not_allowed", "card")] == await at.refusals()


@pytest.mark.parametrize(("action", "word"), [(EDIT, "edit"), (ANSWER, "override")])
async def test_what_the_request_does_not_allow_is_refused(at: Office, action: str, word: str):
    """The route's word alone offers nothing."""
    ts = await ask(at, editable=False, allow_override=False)
    [message] = await at.people.messages(CHANNEL)
    assert action not in str(message)
    await forged(at, "U0ANA", ts, action)
    assert 0 == await at.views("U0ANA")
    assert [(ANA, f"{word}_not_allowed", "card")] == await at.refusals()


@pytest.mark.parametrize(
    ("action", "values"), [(EDIT, {TO: "1"}), (ANSWER, {RESULT: "Done by hand."})]
)
async def test_a_route_that_was_narrower_all_along(at: Office, action: str, values: dict[str, str]):
    """A form does not make allowed what the record forbids: the gate judges the submission."""
    ts = await ask(at)
    await at.click("U0ANA", ts, action)
    found = await at.found()
    assert found.terms is not None
    narrow = found.model_copy(update={"terms": found.terms.model_copy(update={"answers": ()})})
    await at.store.patch(
        "x", found.version, narrow.model_copy(update={"version": found.version + 1})
    )
    assert (await at.people.submit("U0ANA", values=values)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    [(_, reason, surface)] = await at.refusals()
    assert (True, action.removeprefix("signoff_")) == (reason.endswith("_not_allowed"), surface)


@pytest.mark.parametrize("action", [EDIT, ANSWER, SKIP])
async def test_not_an_approver(at: Office, action: str):
    """Who may not answer changes nothing, sees no form, is told and is on record."""
    ts = await ask(at)
    assert (await at.click("U0DAN", ts, action)).ok
    assert 0 == await at.views("U0DAN")
    [answer] = await at.answers("U0DAN")
    assert "not among" in answer
    assert [(DAN, "not_approver", "card")] == await at.refusals()


async def test_who_lost_the_right_meanwhile(at: Office):
    """Whoever submits is looked up anew."""
    ts = await ask(at)
    await at.click("U0CHO", ts, EDIT)
    await at.people.edit_workspace(usergroups={"S0SECURITY": {"users": ["U0DAN"]}})
    await at.people.submit("U0CHO", values={TO: "43"})
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [("slack:T0SANDBOX:U0CHO", "not_approver", "edit")] == await at.refusals()


@pytest.mark.parametrize(
    ("action", "values"), [(EDIT, {TO: "a lot"}), (EDIT, {TO: "1"}), (ANSWER, {RESULT: "x"})]
)
async def test_it_ended_while_the_form_was_open(at: Office, action: str, values: dict[str, str]):
    """The form closes, and its person learns who was first."""
    ts = await ask(at)
    await at.click("U0ANA", ts, action)
    await at.desk.decide("x", "deny", approver=BEN)
    assert (await at.people.submit("U0ANA", values=values)).ok
    assert 0 == await at.views("U0ANA")
    [answer] = await at.answers("U0ANA")
    assert "too late" in answer
    assert [(ANA, "already_decided", action.removeprefix("signoff_"))] == await at.refusals()


@pytest.mark.parametrize(("action", "values"), [(EDIT, {TO: "1"}), (ANSWER, {RESULT: "x"})])
async def test_it_was_edited_while_the_form_was_open(
    at: Office, action: str, values: dict[str, str]
):
    """A form of the state before is no answer to the state after: it closes and says so."""
    at.rule = TWO
    ts = await ask(at)
    await at.click("U0ANA", ts, action)
    await at.click("U0BEN", ts, EDIT)
    await at.people.submit("U0BEN", values={TO: "43"})
    between = await at.found()
    assert (await at.people.submit("U0ANA", values=values)).ok
    assert between == await at.found()
    assert 0 == await at.views("U0ANA")
    [answer] = await at.answers("U0ANA")
    assert "newest" in answer
    assert [(ANA, "stale_card", action.removeprefix("signoff_"))] == await at.refusals()


async def test_an_edit_is_asked_of_the_others(at: Office):
    """It voids the yes before it; the card then asks for the edit, and a yes there completes it."""
    at.rule = TWO
    ts = await ask(at)
    old = await at.people.click_payload("U0BEN", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await at.click("U0BEN", ts)
    await at.click("U0ANA", ts, EDIT)
    await at.people.submit("U0ANA", values={TO: "43"})
    amended = await at.found()
    assert (ApprovalStatus.PENDING, [ANA]) == (
        amended.status,
        [vote.principal for vote in amended.votes],
    )
    await at.tell()
    assert (await at.people.deliver(old)).ok
    assert amended == await at.found()
    assert [(BEN, "stale_card", "card")] == await at.refusals()
    assert (await at.click("U0BEN", ts)).ok
    done = await at.found()
    assert (ApprovalStatus.APPROVED, {"subject": "Hello", "to": 43}) == (
        done.status,
        done.effective_payload,
    )


async def test_a_button_from_before_an_edit_that_decided(at: Office):
    """Where it is over there is no newer card to use: who is late learns how it ended."""
    ts = await ask(at)
    old = await at.people.click_payload("U0BEN", channel=CHANNEL, ts=ts, action_id=APPROVE)
    await at.click("U0ANA", ts, EDIT)
    await at.people.submit("U0ANA", values={TO: "43"})
    assert (await at.people.deliver(old)).ok
    [answer] = await at.answers("U0BEN")
    assert "too late" in answer
    assert [(BEN, "already_decided", "card")] == await at.refusals()


@pytest.mark.parametrize("action", [EDIT, ANSWER])
async def test_who_has_not_seen_it_all_gets_the_review(at: Office, action: str):
    """No form for arguments that do not stand on the card: they are shown first."""
    ts = await ask(at, LARGE)
    await forged(at, "U0ANA", ts, action)
    view = await at.view("U0ANA")
    assert "page 1" in str(view["title"]["text"])
    assert (await at.press("U0ANA", NEXT)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status


async def test_arguments_that_no_form_takes(at: Office):
    """It is said why they cannot be edited, and what can be done."""
    ts = await ask(at, ["a", "list"])
    await forged(at, "U0ANA", ts, EDIT)
    assert 0 == await at.views("U0ANA")
    [answer] = await at.answers("U0ANA")
    assert "Only arguments with names can be edited here." in answer
    assert "approved as it stands" in answer
    assert "signoff approve x --edit FILE" in answer


@pytest.mark.parametrize(("action", "label"), [(EDIT, "Edit…"), (ANSWER, "Answer instead…")])
async def test_a_form_that_cannot_be_opened(at: Office, action: str, label: str):
    """Where the trigger is over, the person is told to click again; nothing is decided."""
    ts = await ask(at)
    await at.people.faults.expire_trigger()
    assert (await at.click("U0ANA", ts, action)).ok
    [answer] = await at.answers("U0ANA")
    assert f"click {label} again" in answer
    assert ApprovalStatus.PENDING is (await at.found()).status


@pytest.mark.parametrize(("action", "values"), [(EDIT, {TO: "1"}), (ANSWER, {RESULT: "x"})])
async def test_a_form_that_is_none_of_ours(at: Office, action: str, values: dict[str, str]):
    """It is not acknowledged; one with another's seal is refused, on record."""
    ts = await ask(at)
    await at.click("U0ANA", ts, action)
    payload = await held_back(at, "U0ANA", values)
    kept = payload["view"]["private_metadata"]
    for broken in ("", "{", '{"v":1}'):
        payload["view"]["private_metadata"] = broken
        delivered = await at.people.deliver(payload)
        assert (False, 400) == (delivered.ok, delivered.status)
    payload["view"]["private_metadata"] = kept
    payload["user"] |= {"id": "U0BEN"}
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [(BEN, "foreign_card", action.removeprefix("signoff_"))] == await at.refusals()


async def test_a_form_with_inputs_of_another_one(at: Office):
    """What the form would not hold now is out of date, not half taken."""
    ts = await ask(at)
    await at.click("U0ANA", ts, EDIT)
    payload = await held_back(at, "U0ANA", {TO: "1"})
    del payload["view"]["state"]["values"]["signoff_edit:0"]
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [(ANA, "stale_card", "edit")] == await at.refusals()


@pytest.mark.parametrize(("action", "values"), [(EDIT, {TO: "1"}), (ANSWER, {RESULT: "x"})])
async def test_too_many_uses(at: Office, action: str, values: dict[str, str]):
    """A form that was not looked at stays open and says so."""
    ts = await ask(at)
    await at.click("U0ANA", ts, action)
    for _ in range(40):
        await at.people.slash("U0ANA", CHANNEL, "/signoff", "help")
    assert (await at.people.submit("U0ANA", values=values)).ok
    [view] = await at.people.views("U0ANA")
    assert "too many clicks" in view["errors"]["signoff_reason"]
    assert ApprovalStatus.PENDING is (await at.found()).status


async def test_an_edit_from_the_home(at: Office):
    """What is offered there works there."""
    await ask(at)
    await at.people.open_home("U0ANA")
    home = await at.home("U0ANA")
    await at.people.click("U0ANA", view_id=home["id"], action_id=EDIT)
    assert (await at.people.submit("U0ANA", values={TO: "43"})).ok
    assert {"subject": "Hello", "to": 43} == (await at.found()).effective_payload
