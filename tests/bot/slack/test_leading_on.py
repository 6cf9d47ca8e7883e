"""From the last page of a review to the forms, through the real Bolt app: only who saw it all."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any, Final

import pytest

from bot.routing import RouteRule
from gate import (
    ApprovalResolved,
    ApprovalRevealed,
    ApprovalStatus,
    ApprovalViewed,
    StoreUnavailable,
)
from stores.memory import MemoryStore
from tests.bot.slack.office import (
    CHANNEL,
    NEXT,
    REJECT,
    REVIEW,
    RULE,
    SEAL,
    Office,
)

ANA, BEN = "slack:T0SANDBOX:U0ANA", "slack:T0SANDBOX:U0BEN"
EDIT, ANSWER, REVEAL = "signoff_edit", "signoff_answer", "signoff_reveal"
ALL: Final[RouteRule] = replace(RULE, answers=("edit", "override", "skip"))
ROWS: Final = [f"row {number} of it" for number in range(500)]
LARGE: Final[dict[str, Any]] = {"amount": 1250, "rows": ROWS}
SECRET: Final = "correct-horse"
MASKED: Final[dict[str, Any]] = {"amount": 1250, "password": SECRET}
AMOUNT, RESULT = "signoff_edit_value:0", "signoff_result_text"
ENTRIES: Final = {EDIT: {AMOUNT: "125"}, ANSWER: {RESULT: "Done by hand."}}
WORDS: Final = {EDIT: "edit", ANSWER: "override"}
BOTH = pytest.mark.parametrize("action", [EDIT, ANSWER])


@pytest.fixture
def rule() -> RouteRule:
    return ALL


async def ask(at: Office, payload: Any = None, **terms: Any) -> str:
    return await at.ask(
        payload=payload or LARGE, **{"editable": True, "allow_override": True, **terms}
    )


async def read_through(at: Office, user: str = "U0ANA", payload: Any = None) -> str:
    """Ask, and read the review up to its last page; return the card's timestamp."""
    ts = await ask(at, payload)
    await at.click(user, ts, REVIEW)
    while (await at.view(user)).get("submit") is None:
        assert (await at.press(user, NEXT)).ok
    return ts


async def held_back(at: Office, user: str, action: str) -> dict[str, Any]:
    """Return a real click in the view on top that was not delivered."""
    at.slack.request_url, url = None, at.slack.request_url
    await at.press(user, action)
    at.slack.request_url = url
    payload: dict[str, Any] = (await at.people.state()).deliveries[-1]["payload"]
    return payload


def values(view: dict[str, Any]) -> dict[str, str]:
    return {
        element["action_id"]: element["value"]
        for block in view["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    }


def inputs(view: dict[str, Any]) -> list[str]:
    return [block["label"]["text"] for block in view["blocks"] if block["type"] == "input"]


async def test_review_then_edit(any_at: Office):
    """What was read is on record before the form opens; what was entered is what is approved."""
    await read_through(any_at)
    assert [] == await any_at.viewings()
    assert (await any_at.press("U0ANA", EDIT)).ok
    assert 2 == await any_at.views("U0ANA")
    assert [(ANA, "review")] == await any_at.viewings()
    assert ApprovalStatus.PENDING is (await any_at.found()).status
    view = await any_at.view("U0ANA")
    assert ["amount", "Why?"] == inputs(view)
    assert "it is too long for an input" in json.dumps(view)
    assert "signoff approve x --edit FILE" in json.dumps(view)
    assert (await any_at.people.submit("U0ANA", values=ENTRIES[EDIT])).ok
    assert 0 == await any_at.views("U0ANA")
    found = await any_at.found()
    assert (ApprovalStatus.APPROVED, "edit", LARGE | {"amount": 125}) == (
        found.status,
        found.votes[0].surface,
        found.effective_payload,
    )
    told = [e.event for e in await MemoryStore.read(any_at.store, "", limit=100)]
    kinds = [type(event) for event in told]
    assert kinds.index(ApprovalViewed) < kinds.index(ApprovalResolved)
    assert 1 == len(await any_at.answers("U0ANA"))
    assert [] == await any_at.refusals()


async def test_review_then_answer(any_at: Office):
    """The agent gets the words of somebody who knows what they stand for."""
    await read_through(any_at)
    assert (await any_at.press("U0ANA", ANSWER)).ok
    assert (await any_at.people.submit("U0ANA", values=ENTRIES[ANSWER])).ok
    found = await any_at.found()
    assert (ApprovalStatus.APPROVED, "Done by hand.") == (found.status, found.proposed_result)
    assert [(ANA, "review")] == await any_at.viewings()
    assert 1 == len(await any_at.answers("U0ANA"))


async def test_reveal_then_edit(at: Office):
    """What was revealed is no input and stands on its page only; the others can be edited."""
    ts = await ask(at, MASKED)
    await at.click("U0ANA", ts, REVIEW)
    assert set() == {EDIT, ANSWER} & set(values(await at.view("U0ANA")))
    assert (await at.press("U0ANA", REVEAL)).ok
    assert (await at.press("U0ANA", EDIT)).ok
    view = await at.view("U0ANA")
    assert ["amount", "Why?"] == inputs(view)
    assert SECRET not in json.dumps(view)
    assert (await at.people.submit("U0ANA", values=ENTRIES[EDIT])).ok
    found = await at.found()
    assert (ApprovalStatus.APPROVED, MASKED | {"amount": 125}) == (
        found.status,
        found.effective_payload,
    )
    kinds = [type(e.event) for e in await MemoryStore.read(at.store, "", limit=100)]
    order = [ApprovalRevealed, ApprovalViewed, ApprovalResolved]
    assert order == [kind for kind in kinds if kind in order]
    assert SECRET not in json.dumps((await at.people.state()).messages(CHANNEL))


async def test_back_from_the_form(at: Office):
    """Closing the form leads back to the page with Approve; nothing was decided."""
    await read_through(at)
    await at.press("U0ANA", EDIT)
    await at.people.close_view("U0ANA")
    assert "page 3" in (await at.view("U0ANA"))["title"]["text"]
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert (await at.people.submit("U0ANA")).ok
    found = await at.found()
    assert (ApprovalStatus.APPROVED, LARGE) == (found.status, found.effective_payload)
    assert [(ANA, "review")] == await at.viewings()


async def test_an_entry_that_does_not_fit(at: Office):
    """The form stays on top of the review, and says why."""
    await read_through(at)
    await at.press("U0ANA", EDIT)
    assert (await at.people.submit("U0ANA", values={AMOUNT: "a lot"})).ok
    assert 2 == await at.views("U0ANA")
    assert ["signoff_edit:0"] == list((await at.people.views("U0ANA"))[-1]["errors"])


@BOTH
async def test_who_has_not_read_it_all_opens_nothing(at: Office, action: str):
    """No value of a page before the last opens a form, not even that which leads to the last."""
    await ask(at)
    [message] = await at.people.messages(CHANNEL)
    assert (await at.click("U0ANA", message["ts"], REVIEW)).ok
    for turn in range(2):
        click = await held_back(at, "U0ANA", NEXT)
        for value in set(values(await at.view("U0ANA")).values()):
            forged = copy.deepcopy(click)
            forged["actions"][0] |= {"action_id": action, "value": value, "action_ts": value}
            assert (await at.people.deliver(forged)).ok
        if not turn:
            assert (await at.press("U0ANA", NEXT)).ok
    assert 1 == await at.views("U0ANA")
    assert [] == await at.viewings()
    assert {(ANA, "stale_card", "review")} == set(await at.refusals())
    assert "out of date" in (await at.answers("U0ANA"))[-1]


@BOTH
async def test_who_passed_it_masked_opens_nothing(at: Office, action: str):
    """The last page without its masked values leads nowhere, whatever button is said to be used."""
    ts = await ask(at, MASKED)
    await at.click("U0ANA", ts, REVIEW)
    click = await held_back(at, "U0ANA", REJECT)
    hidden = json.loads((await at.view("U0ANA"))["private_metadata"])["v"]
    for value in (*values(await at.view("U0ANA")).values(), hidden):
        forged = copy.deepcopy(click)
        forged["actions"][0] |= {"action_id": action, "value": value, "action_ts": value}
        assert (await at.people.deliver(forged)).ok
    assert 1 == await at.views("U0ANA")
    assert [] == await at.viewings()
    assert {(ANA, "stale_card", "review")} == set(await at.refusals())


@BOTH
async def test_a_value_of_somebody_else(at: Office, action: str):
    """What the last page gave to Ana opens nothing for Ben, and no page has room for another's."""
    await read_through(at)
    click = await held_back(at, "U0ANA", action)
    of_ben = copy.deepcopy(click)
    of_ben["user"] |= {"id": "U0BEN"}
    assert (await at.people.deliver(of_ben)).ok
    more = copy.deepcopy(click)
    kept = json.loads(more["view"]["private_metadata"])
    more["view"]["private_metadata"] = json.dumps(kept | {"n": 4, "p": 4})
    assert (await at.people.deliver(more)).ok
    found = await at.found()
    for surface, place in (("review:3/3 whole", "U0BEN"), ("card whole", CHANNEL)):
        forged = copy.deepcopy(click)
        forged["actions"][0] |= {
            "value": SEAL.value(found, surface=surface, place=place),
            "action_ts": surface,
        }
        assert (await at.people.deliver(forged)).ok
    assert 1 == await at.views("U0ANA")
    assert 0 == await at.views("U0BEN")
    assert [] == await at.viewings()
    expected = [(BEN, "foreign_card", "review"), *[(ANA, "foreign_card", "review")] * 3]
    assert expected == await at.refusals()


@BOTH
async def test_a_seal_for_another_number_of_pages(at: Office, action: str):
    """A page that was made when the review was another one is out of date."""
    await read_through(at)
    click = await held_back(at, "U0ANA", action)
    value = SEAL.value(await at.found(), surface="review:2/2 whole", place="U0ANA")
    click["actions"][0] |= {"value": value}
    kept = json.loads(click["view"]["private_metadata"])
    click["view"]["private_metadata"] = json.dumps(kept | {"n": 2, "p": 2})
    assert (await at.people.deliver(click)).ok
    assert [] == await at.viewings()
    assert [(ANA, "stale_card", "review")] == await at.refusals()


@BOTH
async def test_what_the_route_does_not_allow(at: Office, action: str):
    """A page that offers it does not make it allowed; nothing goes on record as seen for it."""
    await read_through(at)
    found = await at.found()
    assert found.terms is not None
    narrow = found.model_copy(update={"terms": found.terms.model_copy(update={"answers": ()})})
    await at.store.patch(
        "x", found.version, narrow.model_copy(update={"version": found.version + 1})
    )
    assert (await at.press("U0ANA", action)).ok
    assert 1 == await at.views("U0ANA")
    assert [] == await at.viewings()
    assert [(ANA, f"{WORDS[action]}_not_allowed", "review")] == await at.refusals()
    assert 1 == len(await at.answers("U0ANA"))


@BOTH
async def test_who_lost_the_right_meanwhile(at: Office, action: str):
    """Whoever comes from a page is looked up anew."""
    await read_through(at, "U0CHO")
    await at.people.edit_workspace(usergroups={"S0SECURITY": {"users": ["U0DAN"]}})
    assert (await at.press("U0CHO", action)).ok
    assert 1 == await at.views("U0CHO")
    assert [] == await at.viewings()
    assert [("slack:T0SANDBOX:U0CHO", "not_approver", "review")] == await at.refusals()


@BOTH
async def test_it_ended_meanwhile(at: Office, action: str):
    """There is no form for what is over; its person learns who was first."""
    await read_through(at)
    await at.desk.decide("x", "deny", approver=BEN)
    assert (await at.press("U0ANA", action)).ok
    assert 1 == await at.views("U0ANA")
    [answer] = await at.answers("U0ANA")
    assert "too late" in answer
    assert [(ANA, "already_decided", "review")] == await at.refusals()


@BOTH
async def test_it_was_edited_meanwhile(at: Office, action: str):
    """What was read is not what is asked now."""
    at.rule = replace(ALL, approvers=("U0ANA", "U0BEN"), needed=2)
    await read_through(at)
    await at.desk.view("x", principal=BEN, surface="review")
    await at.desk.decide("x", "approve", approver=BEN, payload=LARGE | {"amount": 1})
    assert (await at.press("U0ANA", action)).ok
    assert 1 == await at.views("U0ANA")
    assert [(ANA, "stale_card", "review")] == await at.refusals()


@pytest.mark.parametrize(("action", "label"), [(EDIT, "Edit…"), (ANSWER, "Answer instead…")])
async def test_a_form_that_cannot_be_opened(at: Office, action: str, label: str):
    """Where the trigger is over, the person is told to click again; nothing is decided."""
    await read_through(at)
    await at.people.faults.expire_trigger()
    assert (await at.press("U0ANA", action)).ok
    [answer] = await at.answers("U0ANA")
    assert f"click {label} again" in answer
    assert ApprovalStatus.PENDING is (await at.found()).status
    await at.people.faults.clear()
    assert (await at.press("U0ANA", action)).ok
    assert 2 == await at.views("U0ANA")
    assert [(ANA, "review")] == await at.viewings()


@BOTH
async def test_a_store_that_does_not_take_the_view(at: Office, action: str):
    """Without the view on record there is no form."""
    await read_through(at)

    async def away(verb: str) -> None:
        if verb == "patch":
            raise StoreUnavailable(verb, cause="gone")

    at.store.fault = away
    assert (await at.press("U0ANA", action)).ok
    at.store.fault = None
    assert 1 == await at.views("U0ANA")
    assert [] == await at.viewings()
    assert 1 == len(await at.answers("U0ANA"))
