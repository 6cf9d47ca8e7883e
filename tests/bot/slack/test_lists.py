"""The answers to the slash command and the shortcut: short, exact, and calling nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from bot.directory import Names
from bot.messenger import Message
from bot.slack.render import details, listing, unknown_id, usage, who_can_decide
from gate import Verdict

from ...golden import same_as_golden
from .checks import accepted, all_text, buttons
from .examples import (
    ANA,
    ASKED,
    BEN,
    LARGE,
    NAMES,
    OWNERS,
    TERMS,
    asked,
    cancelled,
    decided,
    ended,
)
from .hostile import texts

LINK = "https://acme.slack.com/archives/C0APPROVALS/p1795318458864560"
TWO = (asked(), asked(LARGE, id="import-7", name="import-rows", namespace="prod"))
SHUT = asked(not_by=(BEN,)).model_copy(update={"votes": decided(Verdict.APPROVE, by=ANA).votes})

MESSAGES: dict[str, Message] = {
    "listing": listing(TWO, total=12, now=ASKED, links={TWO[0].key: LINK}),
    "listing_one": listing(TWO[:1], total=1, now=ASKED + timedelta(hours=23, minutes=55)),
    "listing_empty": listing((), total=0, now=ASKED),
    "details": details(asked(), names=NAMES, link=LINK),
    "details_large": details(TWO[1], names=NAMES),
    "details_unreadable": details(asked({"k" * 200: 1}), names=NAMES),
    "details_rejected": details(decided(Verdict.DENY, by=BEN, note="Not on a Friday.")),
    "details_done": details(ended(), names=NAMES),
    "details_not_routed": details(asked(terms=None)),
    "who_yes": who_can_decide(asked(), names=NAMES, you_may=True),
    "who_no": who_can_decide(SHUT, names=NAMES, you_may=False),
    "who_owner": who_can_decide(
        asked(terms=TERMS.model_copy(update={"excluded": (ANA,)})), names=NAMES, you_may=False
    ),
    "who_unchecked": who_can_decide(asked(), names=NAMES, you_may=None),
    "who_over": who_can_decide(decided(Verdict.DENY, by=BEN), names=NAMES, you_may=True),
    "who_not_routed": who_can_decide(asked(terms=None), you_may=None),
    "usage": usage(),
    "unknown_id": unknown_id("<!channel> *x*"),
}


def test_golden_lists() -> None:
    """All of them side by side, as people read them."""
    for message in MESSAGES.values():
        accepted(message)
        assert buttons(message) == {}
    same_as_golden("lists.json", {name: message.text for name, message in MESSAGES.items()})
    same_as_golden("lists_blocks.json", list(MESSAGES["listing"].blocks))


def test_nobody_is_called() -> None:
    """Looking something up rings nobody's bell."""
    named = [MESSAGES[name] for name in MESSAGES if name != "details_rejected"]
    assert not [message.text for message in named if "<@" in message.text]


@pytest.mark.parametrize("count", [10, 300])
def test_the_longest_list_fits(count: int) -> None:
    """Whatever requests are called, ten are listed and the rest are counted."""
    words: dict[str, Any] = {
        "id": "i" * 128,
        "namespace": "n" * 128,
        "name": '"\u200b' * 100,
        "agent": '"\u200b' * 100,
    }
    message = listing([asked(**words)] * count, total=count, now=ASKED, links={})
    accepted(message)
    said = "".join(all_text(list(message.blocks)))
    assert ("290 more" in said) is (count == 300)


def test_arguments_are_measured_and_not_shown() -> None:
    """A summary in a channel holds no arguments; they are in the review beside it."""
    message = details(asked({"secret": "hunter2"}))
    assert not [text for text in all_text(list(message.blocks)) if "hunter2" in text]


@settings(deadline=None)  # each example is judged by four validators
@given(texts.filter(bool), texts)
def test_no_hostile_text_breaks_a_list(one: str, other: str) -> None:
    """Names, ids, notes and whatever somebody types have no power."""
    words: dict[str, Any] = {"name": one[:200], "agent": (one * 9)[:200], "reason": other or None}
    named = Names(dict.fromkeys((*NAMES, one), other), home="T0SANDBOX")
    terms = TERMS.model_copy(
        update={"quorums": (TERMS.quorums[0].model_copy(update={"of": (one, OWNERS)}),)}
    )
    for message in (
        listing([asked({one: other}, **words)], total=1, now=ASKED),
        details(asked({one: other}, **words, terms=terms), names=named),
        details(decided(Verdict.DENY, by=one, note=other), names=named),
        details(cancelled(by=one, reason=other)),
        who_can_decide(asked(terms=terms, not_by=(one,)), names=named, you_may=False),
        unknown_id(one),
        unknown_id(other),
    ):
        accepted(message)
