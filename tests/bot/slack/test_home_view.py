"""The home: the same buttons as on the card, under the same rule, and room for thirty rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from bot.inbox import Inbox
from bot.slack.ids import APPROVE, REJECT, REVIEW, SKIP
from bot.slack.render import home
from gate import Approval, Verdict

from ...golden import same_as_golden
from .checks import all_text, preformatted, view_accepted
from .examples import (
    ANA,
    ASKED,
    BEN,
    LARGE,
    NAMES,
    TRICKY,
    asked,
    cancelled,
    decided,
    edited,
    ended,
    expired,
    stamp,
)
from .hostile import texts

WAITING = asked().model_copy(update={"votes": decided(Verdict.APPROVE, by=ANA).votes})


def _home(now: Any = ASKED, **parts: Any) -> dict[str, Any]:
    return home(Inbox(**parts), stamp=stamp, person="U0ANA", now=now, names=NAMES)


def _labels(view: dict[str, Any]) -> list[set[str]]:
    return [
        {button["action_id"] for button in block["elements"]}
        for block in view["blocks"]
        if block["type"] == "actions"
    ]


def test_golden_home() -> None:
    """All three parts, with a small, a large and an unreadable request."""
    view = _home(
        needs_you=(asked(), asked(LARGE, name="import-rows"), asked({"k" * 200: 1}), asked(None)),
        waiting=(WAITING,),
        decided=(decided(Verdict.DENY, by=BEN, note="Not on a Friday."), ended(), expired()),
        more=7,
    )
    view_accepted(view)
    same_as_golden("view/home.json", view)


def test_golden_empty_home() -> None:
    """Nothing to do is said."""
    view = _home()
    view_accepted(view)
    same_as_golden("view/home_empty.json", view)


@pytest.mark.parametrize(
    ("approval", "labels"),
    [
        (asked(), {APPROVE, SKIP, REJECT}),
        (asked(None), {APPROVE, SKIP, REJECT}),
        (asked(TRICKY), {REVIEW, SKIP, REJECT}),
        (asked(LARGE), {REVIEW, SKIP, REJECT}),
        (asked({"k" * 200: 1}), {SKIP, REJECT}),
        (asked(name="n" * 100), {REVIEW, SKIP, REJECT}),
    ],
)
def test_approve_only_beside_the_whole(approval: Approval, labels: set[str]) -> None:
    """P13 holds on the home too, with less room; Reject is always there."""
    view = _home(needs_you=(approval,))
    view_accepted(view)
    assert [labels] == _labels(view)
    assert (APPROVE in labels and approval.payload is not None) is bool(preformatted(view))


def test_buttons_are_sealed_for_the_person() -> None:
    """A button of somebody's home is no use on another's."""
    view = _home(needs_you=(asked(),))
    values = {button["value"] for block in view["blocks"] for button in _buttons(block)}
    assert {stamp(asked(), surface="home", place="U0ANA")} == values


def _buttons(block: dict[str, Any]) -> list[dict[str, Any]]:
    return block["elements"] if block["type"] == "actions" else []


def test_a_full_home_fits() -> None:
    """Ten of each part, as large as they come, stay below Slack's hundred blocks."""
    words: dict[str, Any] = {
        "name": '"\u200b' * 100,
        "agent": '"\u200b' * 100,
        "reason": "x" * 3000,
    }
    words |= {"policy": "p" * 1000, "editable": True, "allow_override": True}
    full = {"a": "\n" * 3 + '"' * 500}
    changed = edited({"a": "x" * 500}, result="r" * 50, payload=full, **words)
    view = _home(
        needs_you=(asked(full, **words), changed) * 5,
        waiting=(asked(**words).model_copy(update={"votes": WAITING.votes}),) * 10,
        decided=(decided(Verdict.DENY, note="n" * 3000, **words),) * 10,
        more=290,
    )
    view_accepted(view)
    assert len(view["blocks"]) <= 100


def test_what_ends_soon_is_marked() -> None:
    """Ten minutes before its end a request says so."""
    early = _home(needs_you=(asked(),))
    late = _home(ASKED + timedelta(hours=23, minutes=51), needs_you=(asked(),))
    assert ["ends soon" in "".join(all_text(view["blocks"])) for view in (early, late)] == [
        False,
        True,
    ]


def test_a_home_looks_the_same_while_nothing_changes() -> None:
    """No clock stands in it, so that it is only sent anew when there is news."""
    one, other = (_home(ASKED + timedelta(minutes=m), needs_you=(asked(),)) for m in (1, 2))
    assert one == other


@settings(deadline=None)  # each example is judged by four validators
@given(texts.filter(bool), texts)
def test_no_hostile_text_breaks_a_home(one: str, other: str) -> None:
    """Names, arguments, reasons and notes of anybody have no power."""
    words: dict[str, Any] = {"name": one[:200], "agent": (one * 9)[:200], "reason": other or None}
    named = dict.fromkeys(NAMES, other)
    inbox = Inbox(
        needs_you=(asked({one: other}, **words), asked({"a": one * 50}, **words)),
        waiting=(WAITING,),
        decided=(
            decided(Verdict.DENY, by=one, note=other),
            cancelled(by=one, reason=other),
            cancelled(undeliverable=one),
        ),
    )
    view_accepted(home(inbox, stamp=stamp, person="U0ANA", now=ASKED, names=named))
