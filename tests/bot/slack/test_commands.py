"""The slash command and the shortcut: answered in private, under the same rules as a click."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from bot.sandbox import Delivered, SandboxRefusal
from gate import ApprovalStatus, StoreUnavailable, Verdict
from tests.bot.slack.office import CHANNEL, NEXT, Office

ANA: Final = "slack:T0SANDBOX:U0ANA"
DAN: Final = "slack:T0SANDBOX:U0DAN"
LARGE: Final[Any] = {"text": "\n".join(f"line {number} of it" for number in range(700))}
ELSEWHERE: Final = "C0GENERAL"
VERBS: Final = ("approve", "reject", "skip", "edit", "answer")


async def typed(at: Office, user: str, text: str, *, channel: str = CHANNEL) -> Delivered:
    """Type `/signoff` and *text*; it is acknowledged."""
    done = await at.people.slash(user, channel, "/signoff", text)
    assert done.ok
    await at.settle()
    return done


def said(done: Delivered) -> str:
    """Return what is shown to the person at once; only to that person."""
    assert isinstance(done.answer, dict)
    assert "ephemeral" == done.answer["response_type"]
    return json.dumps([done.answer["text"], done.answer["blocks"]], ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    [
        "", "help", "HELP", "what is this", "list all", "show", "approve", "reject", "show x y",
        "skip", "edit", "answer", "edit x y", "answer x Done by hand.", "approve x y",
    ],
)  # fmt: skip
async def test_help(any_at: Office, text: str):
    """Everything else shows what can be typed."""
    shown = said(await typed(any_at, "U0ANA", text))
    for command in ("reject ID reason", "skip ID reason", "edit ID", "answer ID"):
        assert f"/signoff {command}*" in shown


async def test_list(any_at: Office):
    """What waits for somebody's answer; nothing for who is not asked."""
    await any_at.ask()
    assert "act-x" in said(await typed(any_at, "U0ANA", "list"))
    assert "act-x" not in said(await typed(any_at, "U0DAN", "list"))
    assert "act-x" in said(await typed(any_at, "U0CHO", " LIST "))


async def test_show(at: Office):
    """A summary, and beside it the review, for who may answer."""
    await at.ask(payload=LARGE)
    assert "act-x" in said(await typed(at, "U0ANA", "show x"))
    assert "signoff_review_form" == (await at.view("U0ANA"))["callback_id"]


async def test_show_to_others(at: Office):
    """In its channel anybody sees what the card says; elsewhere it is not known to others."""
    await at.ask()
    assert "act-x" in said(await typed(at, "U0DAN", "show x"))
    assert 0 == await at.views("U0DAN")
    world = at.slack.world
    world.channels[ELSEWHERE].members += ["U0DAN", "U0ANA"]
    assert "act-x" not in said(await typed(at, "U0DAN", "show x", channel=ELSEWHERE))
    assert "act-x" in said(await typed(at, "U0ANA", "show x", channel=ELSEWHERE))


async def test_show_what_is_over(at: Office):
    """How it ended; there is nothing to review."""
    await at.ask()
    await at.desk.cancel("x")
    assert "Cancelled" in said(await typed(at, "U0ANA", "show x"))
    assert 0 == await at.views("U0ANA")


async def test_approve(any_at: Office):
    """What was not seen opens a review; its last page approves, and is answered in the channel."""
    await any_at.ask()
    await typed(any_at, "U0ANA", "approve x")
    assert ApprovalStatus.PENDING is (await any_at.found()).status
    assert (await any_at.people.submit("U0ANA")).ok
    assert ApprovalStatus.APPROVED is (await any_at.found()).status
    [answer] = await any_at.answers("U0ANA")
    assert "recorded" in answer


async def test_approve_what_was_seen(at: Office):
    """Who has seen all of it before approves at once."""
    await at.ask(payload=LARGE)
    await at.desk.view("x", principal=ANA, surface="review")
    await typed(at, "U0ANA", "approve default/x")
    found = await at.found()
    assert (ApprovalStatus.APPROVED, "slash") == (found.status, found.votes[0].surface)
    assert 1 == len(await at.answers("U0ANA"))
    assert 0 == await at.views("U0ANA")


async def test_reject_with_a_reason(at: Office):
    """The rest of the line is the reason, word for word."""
    await at.ask()
    await typed(at, "U0ANA", "reject x  not *now*, @ben  ")
    found = await at.found()
    assert Verdict.DENY is found.verdict
    assert "not *now*, <@U0BEN|ben>" == (found.decision and found.decision.note)
    assert 1 == len(await at.answers("U0ANA"))


async def test_a_reason_that_is_too_long(at: Office):
    """The limit is told as a limit, and nothing is rejected."""
    await at.ask()
    assert "too long" in said(await typed(at, "U0ANA", "reject x " + "a" * 3001))
    assert ApprovalStatus.PENDING is (await at.found()).status


@pytest.mark.parametrize("verb", VERBS)
async def test_not_an_approver(at: Office, verb: str):
    """Who is not on the list is refused, told and on record, as for a click."""
    await at.ask()
    await typed(at, "U0DAN", f"{verb} x")
    assert ApprovalStatus.PENDING is (await at.found()).status
    [answer] = await at.answers("U0DAN")
    assert "not among" in answer
    assert [(DAN, "not_approver", "slash")] == await at.refusals()


@pytest.mark.parametrize("verb", VERBS)
async def test_not_an_approver_elsewhere(at: Office, verb: str):
    """Elsewhere a request of others is not known, word for word; the refusal is on record."""
    await at.ask()
    await at.ask("y")
    world = at.slack.world
    world.channels[ELSEWHERE].members += ["U0DAN", "U0ANA"]
    unknown = said(await typed(at, "U0DAN", f"{verb} z", channel=ELSEWHERE))
    assert unknown.replace("z", "x") == said(
        await typed(at, "U0DAN", f"{verb} x", channel=ELSEWHERE)
    ).replace("z", "x")
    await at.desk.cancel("y")
    assert "no request" in said(await typed(at, "U0DAN", f"{verb} y", channel=ELSEWHERE))
    answers = await at.answers("U0DAN")
    assert [True] * 3 == ["no request" in answer for answer in answers]
    refused = [(DAN, "not_approver", "slash")] * 2
    assert [(DAN, "approval_not_found", "slash"), *refused] == await at.refusals()
    await typed(at, "U0ANA", "reject x", channel=ELSEWHERE)
    assert Verdict.DENY is (await at.found()).verdict


@pytest.mark.parametrize("user", ["U0GUEST", "U0EXT", "U0GONE"])
async def test_outsiders(at: Office, user: str):
    """Guests are refused; strangers and the deactivated cannot even type it."""
    await at.ask()
    try:
        await typed(at, user, "reject x")
    except SandboxRefusal:
        assert user != "U0GUEST"
    else:
        assert [(f"slack:T0SANDBOX:{user}", "not_member", "slash")] == await at.refusals()
    assert ApprovalStatus.PENDING is (await at.found()).status


async def test_an_id_that_is_not_known(at: Office):
    """It is said, and on record where somebody wanted to answer."""
    assert "no request" in said(await typed(at, "U0ANA", "show y"))
    assert "no request" in said(await typed(at, "U0ANA", "approve prod/y"))
    assert [(ANA, "approval_not_found", "slash")] == await at.refusals()


@pytest.mark.parametrize(
    "name",
    [
        "<!channel>",
        "<@U0BEN>",
        "*bold*",
        "../x",
        "a/b/c",
        "x\u202e",
        "`x`",
        "<https://e.example|x>",
    ],
)
async def test_an_id_that_is_none(at: Office, name: str):
    """What cannot be an id is shown back inert: it mentions, links and formats nothing."""
    done = await typed(at, "U0ANA", f"show {name}")
    shown = said(done)
    assert "no request" in shown
    text = done.answer["text"]
    for bad in ("<!", "<@", "<https", "\u202e"):
        assert bad not in text
    assert "link" not in shown


@pytest.mark.parametrize("text", ["list", "show x", *(f"{verb} x" for verb in VERBS)])
async def test_a_store_that_is_away(at: Office, text: str):
    """It is said that nothing was recorded."""
    await at.ask()

    async def away(verb: str) -> None:
        raise StoreUnavailable(verb, cause="gone")

    at.store.fault = away
    assert "store cannot be reached" in said(await typed(at, "U0ANA", text))


async def test_a_directory_that_is_away(at: Office):
    """Who cannot be checked gets no list."""
    await at.ask()
    await at.people.faults.server_error(method="users.info")
    assert "could not be checked" in said(await typed(at, "U0ANA", "list"))


async def test_a_command_without_a_person(at: Office):
    """A command that names nobody is not acknowledged."""
    payload = {"command": "/signoff", "text": "list", "team_id": "T0SANDBOX", "trigger_id": "1"}
    done = await at.people.deliver(payload, kind="slash_commands")
    assert (False, 400) == (done.ok, done.status)


async def who(at: Office, user: str, ts: str) -> str:
    done = await at.people.message_shortcut(user, channel=CHANNEL, ts=ts, callback_id="signoff_who")
    assert done.ok
    return (await at.answers(user))[-1]


async def test_who_can_decide(any_at: Office):
    """The shortcut on a card says who may, and whether you may, to you alone."""
    ts = await any_at.ask()
    assert "You may decide it" in await who(any_at, "U0ANA", ts)
    assert "You may not decide it" in await who(any_at, "U0DAN", ts)
    assert [] == await any_at.answers("U0BEN")
    assert [] == await any_at.refusals()


async def test_who_can_decide_on_a_card_that_is_over(at: Office):
    """A card without buttons is known by what it tells programs."""
    ts = await at.ask()
    await at.desk.cancel("x")
    await at.tell()
    assert "nothing left to decide" in await who(at, "U0ANA", ts)


async def test_who_can_decide_cannot_be_checked(at: Office):
    """Whether you may is not guessed."""
    ts = await at.ask()
    await at.people.faults.server_error(method="users.info")
    assert "could not be checked" in await who(at, "U0ANA", ts)


async def test_who_can_decide_on_another_message(at: Office):
    """A message of somebody else is none of ours, whatever it holds."""
    card = await at.ask()
    ts = await at.people.say("U0BEN", CHANNEL, "delete it?")
    assert "none of the requests" in await who(at, "U0ANA", ts)
    payload = (await at.people.state()).deliveries[-1]["payload"]
    ours = (await at.people.state()).message(CHANNEL, card)
    assert ours is not None
    payload["message"] |= {"blocks": ours["blocks"], "metadata": ours.get("metadata")}
    payload["trigger_id"] = "another"
    assert (await at.people.deliver(payload)).ok
    assert "none of the requests" in (await at.answers("U0ANA"))[-1]


async def test_a_review_opened_by_command_says_where_it_was_typed(at: Office):
    """The answer to its last page goes to the channel in which the command was typed."""
    await at.ask(payload=LARGE)
    await typed(at, "U0ANA", "approve x")
    while (await at.view("U0ANA")).get("submit") is None:
        await at.press("U0ANA", NEXT)
    assert (await at.people.submit("U0ANA")).ok
    assert 1 == len(await at.answers("U0ANA"))
