"""People, as they are shown: the chat names them by their ids wherever that calls nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.directory import Names
from bot.inbox import Inbox
from bot.messenger import Message
from bot.slack import render
from gate import ApprovalRefused, NotAllowed, Quorum, Verdict

from ...golden import same_as_golden
from .checks import accepted, blocks_of, view_accepted
from .examples import ANA, ASKED, BEN, OWNERS, TERMS, asked, decided, later, stamp

ABROAD = "slack:T0OTHER:U0DEE"
ROOT = "cli:root"
EVERYBODY = (ANA, OWNERS, ABROAD, ROOT)
UNMET = Names({}, home="T0SANDBOX")
"""Nobody was met by the bot, as after its start."""

AMONG = TERMS.model_copy(update={"quorums": (Quorum(of=EVERYBODY),), "notify": ()})
VOTES = decided(Verdict.APPROVE, by=BEN).votes
APPROVAL = asked(terms=AMONG).model_copy(update={"votes": VOTES})
LARGE = asked({"rows": ["x" * 70] * 90}, terms=AMONG)
OVER = decided(Verdict.APPROVE, by=BEN)
OF_ANA: dict[str, Any] = {"stamp": stamp, "person": "U0ANA"}
REFUSED = ApprovalRefused(id="delete-42", at=later(2), principal=BEN, reason="not_approver")

Shown = Message | dict[str, Any]
WAITING: dict[str, Callable[[Names], Shown]] = {
    "home": lambda names: render.home(Inbox((APPROVAL,)), **OF_ANA, now=ASKED, names=names),
    "home_waiting": lambda names: render.home(
        Inbox(waiting=(APPROVAL,)), **OF_ANA, now=ASKED, names=names
    ),
    "review": lambda names: render.review_modal(LARGE, 1, **OF_ANA, place="C0A", names=names),
    "direct": lambda names: render.direct(APPROVAL, None, **OF_ANA, names=names),
    "details": lambda names: render.details(APPROVAL, names=names),
    "who": lambda names: render.who_can_decide(APPROVAL, names=names, you_may=False),
    "notice": lambda names: render.notice(REFUSED, APPROVAL, names=names),
    "error": lambda names: render.unrecorded(
        NotAllowed("x", reason="not_approver"), approval=APPROVAL, names=names
    ),
}
ENDED: dict[str, Callable[[Names], Shown]] = {
    "home": lambda names: render.home(Inbox(decided=(OVER,)), **OF_ANA, now=ASKED, names=names),
    "modal": lambda names: render.ended_modal(OVER, names=names),
    "direct": lambda names: render.direct(OVER, None, **OF_ANA, names=names),
    "details": lambda names: render.details(OVER, names=names),
    "who": lambda names: render.who_can_decide(OVER, names=names, you_may=False),
}


def _leaves(shown: Shown) -> list[dict[str, Any]]:
    if isinstance(shown, Message):
        accepted(shown)
    else:
        view_accepted(shown)
    blocks = [block for block in blocks_of(shown) if block["type"] == "rich_text"]
    return [leaf for block in blocks for part in block["elements"] for leaf in part["elements"]]


@pytest.mark.parametrize("surface", WAITING)
def test_the_chat_names_whom_the_bot_never_met(surface: str) -> None:
    """Nobody reads an id: people and groups of ours are elements, which Slack shows by name.

    Who is of another workspace, where the id may be somebody else's, stays a word; so does a login
    name, with where it is of.
    """
    leaves = _leaves(WAITING[surface](UNMET))
    assert {"type": "user", "user_id": "U0ANA"} in leaves
    assert {"type": "usergroup", "usergroup_id": "S0OWNERS"} in leaves
    said = [leaf["text"] for leaf in leaves if leaf["type"] == "text"]
    assert ["U0DEE", "root (command line)"] == [
        text for text in said if text.startswith(("U0", "S0", "root"))
    ]


@pytest.mark.parametrize("surface", ENDED)
def test_the_chat_names_who_decided(surface: str) -> None:
    """What has ended says by whom, with the same element."""
    leaves = _leaves(ENDED[surface](UNMET))
    assert {"type": "user", "user_id": "U0BEN"} in leaves
    assert [] == [leaf for leaf in leaves if leaf.get("text", "").startswith("U0")]


@pytest.mark.parametrize("surface", WAITING)
def test_without_a_home_nobody_is_mentioned(surface: str) -> None:
    """Whoever draws with names alone gets names alone."""
    for leaf in _leaves(WAITING[surface](Names({}, home=None))):
        assert leaf["type"] not in ("user", "usergroup")


def test_a_card_in_a_channel_calls_only_whom_its_route_lets_call() -> None:
    """There a mention rings: names that may be mentioned elsewhere do not make one."""
    shown = render.card(asked(terms=AMONG), stamp=stamp, names=UNMET)
    assert [] == [leaf for leaf in _leaves(shown) if leaf["type"] in ("user", "usergroup")]
    assert "<@" not in shown.text


def test_a_notification_has_names_where_they_are_known() -> None:
    """It is read aloud and on locked screens; an id in it is one that Slack turns into a name."""
    known = Names({BEN: "Ben", ABROAD: "Dee"}, home="T0SANDBOX")
    shown = render.who_can_decide(APPROVAL, names=known, you_may=False)
    assert (
        "👥 It is up to <@U0ANA>, <!subteam^S0OWNERS>, Dee or root (command line).\n"
        "Answers so far: ✅ Ben\n*You may not decide it.*"
    ) == shown.text
    leaves = _leaves(shown)
    assert {"type": "user", "user_id": "U0BEN"} in leaves
    assert {"type": "text", "text": "Dee", "style": {"bold": True}} in leaves
    same_as_golden("persons.json", {"text": shown.text, "blocks": shown.blocks})


def test_nobody_can_call_themselves_a_person_at_the_command_line() -> None:
    """The words after a login name are ours: in anybody's name they stand in quotation marks."""
    known = Names({ABROAD: "root (command line)"}, home="T0SANDBOX")
    shown = render.who_can_decide(APPROVAL, names=known, you_may=False)
    said = [leaf.get("text", "") for leaf in _leaves(shown)]
    assert 1 == said.count("root (command line)")
    assert 1 == said.count('"root (command line)"')
    assert "`root (command line)` or root (command line)." in shown.text


def test_a_decision_at_the_command_line_is_called_so_on_the_card() -> None:
    """A login name alone reads like a name in Slack."""
    shown = render.card(decided(Verdict.APPROVE, by=ROOT), stamp=stamp)
    assert {"type": "text", "text": "root (command line)", "style": {"bold": True}} in _leaves(
        shown
    )
    assert "*Approved* by root (command line) · " in shown.text
