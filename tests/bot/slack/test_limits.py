"""The last look: what Slack would refuse does not leave the house."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bot.inbox import Inbox
from bot.messenger import Message
from bot.slack.limits import check_message, check_view
from bot.slack.render import card, home, reject_modal

from .examples import ASKED, asked, stamp


def _blocks() -> list[dict[str, Any]]:
    return copy.deepcopy(list(card(asked(), stamp=stamp).blocks))


def _view() -> dict[str, Any]:
    view = reject_modal(asked(), stamp=stamp, person="U0ANA", place="C0APPROVALS")
    return copy.deepcopy(view)


def _home() -> dict[str, Any]:
    inbox = Inbox(needs_you=(asked(), asked({"a": 1})))
    return copy.deepcopy(home(inbox, stamp=stamp, person="U0ANA", now=ASKED))


def _at(value: Any, path: str) -> tuple[Any, Any]:
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    for step in way:
        value = value[step]
    return value, last


BUTTON = "5/elements/0"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("0/text/text", "x" * 151),
        ("0/text/text", ""),
        ("0/text/type", "mrkdwn"),
        ("0/text/emoji", True),
        ("0/type", "video"),
        ("0/type", None),
        ("0/block_id", "x" * 256),
        ("1/block_id", "signoff:2:pending:0"),
        ("1/elements", []),
        ("1/elements", [{"type": "mrkdwn", "text": "x"}] * 11),
        ("1/elements/1/text", "x" * 3001),
        ("2/elements/0/type", "rich_text_table"),
        ("2/elements/0/elements", []),
        ("2/elements/0/elements/0/text", ""),
        ("2/elements/0/elements/0/type", "broadcast"),
        ("2/elements/1/elements/0/text", "x" * 13_200),
        ("4/text/text", "x" * 3001),
        ("4/text/text", "😀" * 1501),
        ("4/text", None),
        ("4/fields", [{"type": "mrkdwn", "text": "x"}] * 11),
        ("4/fields", [{"type": "mrkdwn", "text": "x" * 2001}]),
        (f"{BUTTON}/type", "overflow"),
        (f"{BUTTON}/text/text", "x" * 76),
        (f"{BUTTON}/text/type", "mrkdwn"),
        (f"{BUTTON}/value", "x" * 2001),
        (f"{BUTTON}/value", None),
        (f"{BUTTON}/style", "default"),
        (f"{BUTTON}/action_id", "signoff_reject"),
        (f"{BUTTON}/action_id", "x" * 256),
        (f"{BUTTON}/accessibility_label", "x" * 76),
        ("5/elements", [{"type": "button"}] * 26),
    ],
)
def test_a_message_with_a_fault_is_found(path: str, value: Any) -> None:
    """Every limit that a card could pass is looked at."""
    blocks = _blocks()
    assert check_message(Message("text", blocks)) == []
    place, last = _at(blocks, path)
    place[last] = value
    assert check_message(Message("text", blocks)) != []


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("", _blocks()),
        ("x" * 4001, _blocks()),
        ("text", []),
        ("text", [{"type": "divider"}] * 51),
        ("text", [_view()["blocks"][2]]),
    ],
)
def test_a_message_as_a_whole_has_limits(text: str, blocks: list[dict[str, Any]]) -> None:
    """The notification must be there and short enough for an update; blocks are counted."""
    assert check_message(Message(text, blocks)) != []


def test_action_ids_are_unique_across_a_message() -> None:
    """Two buttons of one message never share an id, also in two blocks."""
    blocks = _blocks()
    blocks.append({**copy.deepcopy(blocks[5]), "block_id": "again"})
    problems = check_message(Message("text", blocks))
    assert problems == ["blocks/6/elements/action_id: used twice"] * 3


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", "workflow_step"),
        ("title/text", "x" * 25),
        ("title", None),
        ("submit/text", "x" * 25),
        ("close/type", "mrkdwn"),
        ("callback_id", ""),
        ("callback_id", "x" * 256),
        ("private_metadata", "x" * 3001),
        ("blocks", []),
        ("blocks", [{"type": "divider"}] * 101),
        ("blocks/2/label/text", "x" * 2001),
        ("blocks/2/hint/type", "mrkdwn"),
        ("blocks/2/element/type", "email_text_input"),
        ("blocks/2/element/max_length", 3001),
        ("blocks/2/element/placeholder/text", "x" * 151),
        ("blocks/2/element/action_id", ""),
    ],
)
def test_a_view_with_a_fault_is_found(path: str, value: Any) -> None:
    """Every limit that a form could pass is looked at."""
    view = _view()
    assert check_view(view) == []
    place, last = _at(view, path)
    place[last] = value
    assert check_view(view) != []


def _choice(kind: str, count: int = 2) -> dict[str, Any]:
    options = [
        {"text": {"type": "plain_text", "text": f"choice {n}", "emoji": False}, "value": str(n)}
        for n in range(count)
    ]
    return {"type": kind, "action_id": "a", "options": options, "initial_option": options[0]}


@pytest.mark.parametrize(("kind", "most"), [("static_select", 100), ("radio_buttons", 10)])
def test_a_choice_has_limits_of_its_own(kind: str, most: int) -> None:
    """So many options, each with a short text and a value of its own; one of them is chosen."""
    view = _view()
    block = view["blocks"][2]
    for count, good in ((0, False), (1, True), (most, True), (most + 1, False)):
        block["element"] = _choice(kind, max(count, 1))
        block["element"]["options"] = block["element"]["options"][:count]
        assert good is (check_view(view) == [])
    for path, value in (
        ("options/0/text/text", "x" * 76),
        ("options/0/text/type", "mrkdwn"),
        ("options/0/value", "x" * 151),
        ("options/0/value", "1"),
        ("initial_option", {"text": "other"}),
    ):
        block["element"] = _choice(kind)
        place, last = _at(block["element"], path)
        place[last] = value
        assert [] != check_view(view)


def test_a_form_needs_its_submit_button() -> None:
    """Slack refuses an input that nobody could submit."""
    view = _view()
    del view["submit"]
    assert check_view(view) == ["submit: an input needs a submit button"]


def test_problems_repeat_no_text() -> None:
    """A problem says where and how long, never what: it may end up in a log."""
    blocks = _blocks()
    blocks[0]["text"]["text"] = "hunter2" * 50
    assert check_message(Message("text", blocks)) == [
        "blocks/0/text: 350 characters, 1 to 150 are allowed"
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("blocks", []),
        ("blocks", [{"type": "divider"}] * 101),
        ("blocks/0/text/text", "x" * 151),
        ("blocks/1/block_id", "signoff:home:0"),
        ("blocks/3/elements/1/action_id", "signoff_approve"),
        ("blocks/3/elements/0/value", "x" * 2001),
        ("private_metadata", "x" * 3001),
    ],
)
def test_a_home_with_a_fault_is_found(path: str, value: Any) -> None:
    """A home repeats its buttons in each row, and has limits like the others."""
    view = _home()
    assert check_view(view) == []
    place, last = _at(view, path)
    place[last] = value
    assert check_view(view) != []


def test_a_view_is_measured_whole() -> None:
    """Slack refuses a view of more than 250,000 bytes, wherever they stand."""
    text = {"type": "plain_text", "text": "x" * 2999, "emoji": False}
    view = _view()
    view["blocks"] = [{"type": "section", "text": text} for _ in range(90)]
    problems = check_view(view)
    assert len(problems) == 1
    assert problems[0].startswith("view: ")
