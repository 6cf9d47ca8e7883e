"""Skip, edit and answer by slash command: the same forms as the buttons', under the same rules."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import pytest

from bot.routing import RouteRule
from gate import ApprovalStatus, Verdict
from tests.bot.slack.office import CHANNEL, NEXT, RULE, Office
from tests.bot.slack.test_commands import ANA, DAN, ELSEWHERE, LARGE, said, typed

BEN: Final = "slack:T0SANDBOX:U0BEN"
ALL: Final[RouteRule] = replace(RULE, answers=("edit", "override", "skip"))
ASKED: Final = {"subject": "Hello", "to": 42}
FORMS: Final = {"edit": "signoff_edit_form", "answer": "signoff_answer_form"}
ENTRIES: Final = {
    "edit": {"signoff_edit_value:1": "43"},
    "answer": {"signoff_result_text": "Done by hand."},
}
WORDS: Final = {"edit": "edit", "answer": "override", "skip": "skip"}
BOTH = pytest.mark.parametrize("verb", ["edit", "answer"])


@pytest.fixture
def rule() -> RouteRule:
    return ALL


async def ask(at: Office, payload: Any = None, **terms: Any) -> str:
    """Ask for what may be edited and answered instead; return the card's timestamp."""
    fields: dict[str, Any] = {"editable": True, "allow_override": True, **terms}
    return await at.ask(payload=payload or ASKED, **fields)


async def seen(at: Office) -> None:
    """Put on record that Ana was shown all of it."""
    await at.desk.view("x", principal=ANA, surface="review")


async def test_skip(any_at: Office):
    """The rest of the line is the reason; the agent goes on without."""
    await ask(any_at)
    await typed(any_at, "U0ANA", "skip x  not *now*  ")
    found = await any_at.found()
    assert (ApprovalStatus.REJECTED, Verdict.SKIP, ANA, "slash") == (
        found.status,
        found.verdict,
        found.approver,
        found.votes[0].surface,
    )
    assert "not *now*" == (found.decision and found.decision.note)
    assert 1 == len(await any_at.answers("U0ANA"))
    assert [] == await any_at.refusals()


async def test_skip_without_a_reason(at: Office):
    """None is needed, nor to have seen it: nothing runs."""
    await ask(at, LARGE)
    await typed(at, "U0ANA", "SKIP default/x")
    found = await at.found()
    assert (Verdict.SKIP, None) == (found.verdict, found.decision and found.decision.note)


async def test_a_reason_to_skip_that_is_too_long(at: Office):
    """The limit is told as a limit, and nothing is skipped."""
    await ask(at)
    assert "too long" in said(await typed(at, "U0ANA", "skip x " + "a" * 3001))
    assert ApprovalStatus.PENDING is (await at.found()).status


async def test_edit(any_at: Office):
    """Who saw all of it gets the form at once; the answer goes where the command was typed."""
    await ask(any_at)
    await seen(any_at)
    assert not (await typed(any_at, "U0ANA", "edit x")).answer
    assert FORMS["edit"] == (await any_at.view("U0ANA"))["callback_id"]
    assert (await any_at.people.submit("U0ANA", values=ENTRIES["edit"])).ok
    found = await any_at.found()
    assert (ApprovalStatus.APPROVED, "edit", ASKED | {"to": 43}) == (
        found.status,
        found.votes[0].surface,
        found.effective_payload,
    )
    assert 1 == len(await any_at.answers("U0ANA"))
    assert [] == await any_at.refusals()


async def test_answer(any_at: Office):
    """The same for a result in place of a run."""
    await ask(any_at)
    await seen(any_at)
    assert not (await typed(any_at, "U0ANA", "answer default/x")).answer
    assert FORMS["answer"] == (await any_at.view("U0ANA"))["callback_id"]
    assert (await any_at.people.submit("U0ANA", values=ENTRIES["answer"])).ok
    found = await any_at.found()
    assert (ApprovalStatus.APPROVED, "Done by hand.") == (found.status, found.proposed_result)
    assert 1 == len(await any_at.answers("U0ANA"))


@BOTH
@pytest.mark.parametrize("payload", [ASKED, {"rows": LARGE["text"].split("\n"), "to": 42}])
async def test_what_was_not_seen_is_shown_first(at: Office, verb: str, payload: Any):
    """Nothing stands beside a command: the review opens, and its last page leads on."""
    await ask(at, payload)
    await typed(at, "U0ANA", f"{verb} x")
    while (await at.view("U0ANA")).get("submit") is None:
        assert "signoff_review_form" == (await at.view("U0ANA"))["callback_id"]
        await at.press("U0ANA", NEXT)
    assert [] == await at.viewings()
    await at.press("U0ANA", f"signoff_{verb}")
    assert FORMS[verb] == (await at.view("U0ANA"))["callback_id"]
    assert (await at.people.submit("U0ANA", values=ENTRIES[verb])).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status
    assert 1 == len(await at.answers("U0ANA"))


@BOTH
async def test_what_somebody_else_saw_is_not_seen(at: Office, verb: str):
    """A view is one person's, and of what is asked now."""
    at.rule = replace(ALL, approvers=("U0ANA", "U0BEN"), needed=2)
    await ask(at)
    await at.desk.view("x", principal=BEN, surface="review")
    await typed(at, "U0ANA", f"{verb} x")
    assert "signoff_review_form" == (await at.view("U0ANA"))["callback_id"]
    await seen(at)
    await at.desk.decide("x", "approve", approver=BEN, payload=ASKED | {"to": 1})
    await typed(at, "U0ANA", f"{verb} x")
    assert "signoff_review_form" == (await at.view("U0ANA"))["callback_id"]


@pytest.mark.parametrize("verb", ["edit", "answer", "skip"])
async def test_what_the_route_does_not_list(at: Office, verb: str):
    """It is refused as for a click: told in private, on record, and nothing opens."""
    at.rule = replace(RULE, answers=())
    await ask(at)
    await seen(at)
    await typed(at, "U0ANA", f"{verb} x")
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert 0 == await at.views("U0ANA")
    assert 1 == len(await at.answers("U0ANA"))
    assert [] == await at.answers("U0BEN")
    assert [(ANA, f"{WORDS[verb]}_not_allowed", "slash")] == await at.refusals()


@BOTH
async def test_what_the_request_does_not_allow(at: Office, verb: str):
    """The route's word alone opens no form."""
    await ask(at, editable=False, allow_override=False)
    await seen(at)
    await typed(at, "U0ANA", f"{verb} x")
    assert 0 == await at.views("U0ANA")
    assert [(ANA, f"{WORDS[verb]}_not_allowed", "slash")] == await at.refusals()


@BOTH
async def test_who_may_not_sees_no_form_elsewhere(at: Office, verb: str):
    """Not even that there is a request."""
    await ask(at)
    at.slack.world.channels[ELSEWHERE].members += ["U0DAN", "U0ANA"]
    assert "no request" in said(await typed(at, "U0DAN", f"{verb} x", channel=ELSEWHERE))
    assert 0 == await at.views("U0DAN")
    assert [(DAN, "not_approver", "slash")] == await at.refusals()
    await seen(at)
    await typed(at, "U0ANA", f"{verb} x", channel=ELSEWHERE)
    assert FORMS[verb] == (await at.view("U0ANA"))["callback_id"]
    assert (await at.people.submit("U0ANA", values=ENTRIES[verb])).ok
    assert ApprovalStatus.APPROVED is (await at.found()).status
    # The bot is not in that channel.
    [answer] = await at.direct("U0ANA")
    assert "recorded" in answer["text"]


@BOTH
async def test_what_is_over(at: Office, verb: str):
    """There is no form for it, and its person learns how it ended."""
    await ask(at)
    await seen(at)
    await at.desk.decide("x", "deny", approver=BEN)
    await typed(at, "U0ANA", f"{verb} x")
    assert 0 == await at.views("U0ANA")
    [answer] = await at.answers("U0ANA")
    assert "too late" in answer
    assert [(ANA, "already_decided", "slash")] == await at.refusals()


async def test_arguments_that_no_form_takes(at: Office):
    """It is said at once why, and where they can be edited; not after a review in vain."""
    await ask(at, ["a", "list"])
    await typed(at, "U0ANA", "edit x")
    assert 0 == await at.views("U0ANA")
    [answer] = await at.answers("U0ANA")
    assert "Only arguments with names can be edited here." in answer
    assert "signoff approve x --edit FILE" in answer


@BOTH
@pytest.mark.parametrize("before", [True, False])
async def test_a_form_that_cannot_be_opened(at: Office, verb: str, before: bool):
    """Where the trigger is over, the person is told to type it again; nothing is decided."""
    await ask(at)
    if before:
        await seen(at)
    await at.people.faults.expire_trigger()
    await typed(at, "U0ANA", f"{verb} x")
    [answer] = await at.answers("U0ANA")
    assert "Please type the command again." in answer
    assert ApprovalStatus.PENDING is (await at.found()).status


@BOTH
async def test_a_command_that_comes_twice(at: Office, verb: str):
    """It opens one form, and says nothing more."""
    await ask(at)
    await seen(at)
    await typed(at, "U0ANA", f"{verb} x")
    payload = (await at.people.state()).deliveries[-1]["payload"]
    assert (await at.people.deliver(payload, kind="slash_commands")).ok
    assert 1 == await at.views("U0ANA")
    assert [] == await at.answers("U0ANA")


@BOTH
async def test_a_form_opened_by_command_is_sealed(at: Office, verb: str):
    """It is for the one person who asked for it: another's submission is refused, on record."""
    await ask(at)
    await seen(at)
    await typed(at, "U0ANA", f"{verb} x")
    at.slack.request_url, url = None, at.slack.request_url
    await at.people.submit("U0ANA", values=ENTRIES[verb])
    at.slack.request_url = url
    payload = (await at.people.state()).deliveries[-1]["payload"]
    kept = json.loads(payload["view"]["private_metadata"])
    assert CHANNEL == kept["c"]
    payload["user"] |= {"id": "U0BEN"}
    assert (await at.people.deliver(payload)).ok
    assert ApprovalStatus.PENDING is (await at.found()).status
    assert [(BEN, "foreign_card", verb)] == await at.refusals()
