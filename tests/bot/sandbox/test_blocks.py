"""Block Kit is refused where Slack refuses it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.rules import check_message_blocks, check_view
from bot.sandbox.wire import SlackError

from .conftest import card, modal


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def _button(**changes: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "a", "text": _plain("Go"), **changes}


def _actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def _rich(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(parts)}


OPTION = {"text": _plain("One"), "value": "1"}
SECTION = {"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "section", "text": _mrkdwn("x" * 3000)},
        {"type": "section", "fields": [_mrkdwn("x" * 2000)] * 10},
        {"type": "section", "text": _plain("x"), "accessory": _button()},
        {"type": "header", "text": _plain("x" * 150)},
        {"type": "divider"},
        {"type": "context", "elements": [_mrkdwn("x")] * 10},
        {"type": "image", "image_url": "https://example.com/x.png", "alt_text": "x"},
        {"type": "markdown", "text": "**x**"},
        _actions(_button(value="x" * 2000, style="danger"), _button(action_id="b")),
        _actions({"type": "overflow", "action_id": "o", "options": [OPTION]}),
        _rich(SECTION, {"type": "rich_text_list", "style": "bullet", "elements": [SECTION]}),
        _rich({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x"}]}),
        {"type": "table", "rows": []},
        modal()["blocks"][0],
    ],
)
def test_good_blocks_pass(block: dict[str, Any]) -> None:
    """What is within the limits is accepted."""
    check_message_blocks([block], sized=False)


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "nonsense"}, "unsupported type"),
        ({"type": "alert", "text": _plain("x")}, "unsupported type"),
        ({"type": "section"}, "text or fields"),
        ({"type": "section", "text": _mrkdwn("")}, "more than 0"),
        ({"type": "section", "text": _mrkdwn("x" * 3001)}, "less than 3001"),
        ({"type": "section", "text": _mrkdwn("x"), "colour": 1}, "additional property: colour"),
        ({"type": "section", "fields": [_mrkdwn("x" * 2001)]}, "less than 2001"),
        ({"type": "section", "fields": [_mrkdwn("x")] * 11}, "no more than 10"),
        ({"type": "section", "text": "x"}, "must provide an object"),
        ({"type": "header", "text": _mrkdwn("x")}, "unsupported type: mrkdwn"),
        ({"type": "header", "text": _plain("x" * 151)}, "less than 151"),
        ({"type": "header"}, "missing required field: text"),
        ({"type": "divider", "block_id": "x" * 256}, "less than 256"),
        ({"type": "context", "elements": [_mrkdwn("x")] * 11}, "no more than 10"),
        ({"type": "context", "elements": []}, "no fewer than 1"),
        (_actions(), "no fewer than 1"),
        (_actions(*[_button(action_id=str(i)) for i in range(26)]), "no more than 25"),
        (_actions(_button(), _button()), "already exists"),
        (_actions(_button(text=_plain("x" * 76))), "less than 76"),
        (_actions(_button(text=_mrkdwn("x"))), "unsupported type: mrkdwn"),
        (_actions(_button(value="x" * 2001)), "less than 2001"),
        (_actions(_button(action_id="x" * 256)), "less than 256"),
        (_actions(_button(style="green")), "enum"),
        (_actions(_button(confirm={"text": _plain("x")})), "missing required field: title"),
        (_actions({"type": "plain_text_input", "action_id": "x"}), "unsupported type"),
        (_actions({"type": "overflow", "options": [OPTION] * 6}), "no more than 5"),
        (_actions({"type": "static_select", "options": [{"text": _plain("x")}]}), "value"),
        ({"type": "image", "image_url": "x"}, "alt_text"),
        ({"type": "input", "label": _plain("x")}, "element"),
        (_rich({"type": "rich_text_table", "elements": []}), "unsupported type"),
        (_rich({"type": "rich_text_list", "elements": [SECTION]}), "enum"),
        (_rich({"type": "rich_text_section", "elements": [{"type": "text"}]}), "text"),
        ({"type": "markdown", "text": "x" * 12_001}, "12001"),
        ("x", "must be an object"),
    ],
)
def test_bad_blocks_are_refused(block: Any, part: str) -> None:
    """Each limit is refused as invalid_blocks with a pointer."""
    with pytest.raises(SlackError) as caught:
        check_message_blocks([block])
    assert "invalid_blocks" == caught.value.error
    assert part in caught.value.details["errors"][0]
    assert "[json-pointer:/blocks/0" in caught.value.details["errors"][0]


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "divider"}] * 51,
        [{"type": "divider", "block_id": "same"}] * 2,
    ],
)
def test_blocks_are_counted_and_told_apart(blocks: list[dict[str, Any]]) -> None:
    """At most 50 blocks, no block id twice."""
    with pytest.raises(SlackError, match="invalid_blocks"):
        check_message_blocks(blocks)


@pytest.mark.parametrize(
    ("changes", "error", "part"),
    [
        ({"type": "home"}, "invalid_arguments", "/view/type"),
        ({"title": None}, "invalid_arguments", "missing required field: title"),
        ({"title": _plain("x" * 25)}, "invalid_arguments", "less than 25"),
        ({"submit": None}, "invalid_arguments", "missing required field: submit"),
        ({"blocks": [{"type": "divider"}] * 101}, "invalid_arguments", "no more than 100"),
        ({"private_metadata": "x" * 3001}, "invalid_arguments", "less than 3001"),
        ({"callback_id": "x" * 256}, "invalid_arguments", "less than 256"),
        ({"colour": "red"}, "invalid_arguments", "additional property: colour"),
        ({"blocks": [{"type": "markdown", "text": "x"}]}, "invalid_arguments", "unsupported"),
        ({"private_metadata": "x" * 250_001}, "view_too_large", ""),
    ],
)
def test_bad_views_are_refused(changes: dict[str, Any], error: str, part: str) -> None:
    """A view beyond Slack's limits is refused."""
    with pytest.raises(SlackError) as caught:
        check_view(modal(**changes), home=False)
    assert error == caught.value.error
    assert part in str(caught.value.details)


def test_a_good_view_and_home_pass() -> None:
    """What is within the limits is accepted."""
    check_view(modal(), home=False)
    check_view({"type": "home", "blocks": card()}, home=True)
