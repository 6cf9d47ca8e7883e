"""Tables, cards, containers and the other newer blocks are refused beyond their limits."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.blocks import BlockCheck, Surface


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def _button(number: int = 0) -> dict[str, Any]:
    return {"type": "button", "action_id": f"a{number}", "text": _plain("Go")}


CELL = {"type": "raw_text", "text": "x"}
CARD = {"type": "card", "title": _mrkdwn("x" * 150), "body": _mrkdwn("x" * 200)}
DIVIDER = {"type": "divider"}
TASK = {"type": "task_card", "task_id": "t", "title": "x", "status": "pending"}
ICON = {"type": "icon_button", "icon": "trash", "text": _plain("Delete")}
VIDEO = {
    "type": "video",
    "video_url": "https://example.com/v",
    "thumbnail_url": "https://example.com/t",
    "alt_text": "x",
    "title": _plain("x"),
}


def _errors(block: dict[str, Any], surface: Surface = Surface.MESSAGE) -> list[str]:
    check = BlockCheck(surface)
    check.blocks([block], "", 50)
    return check.errors


@pytest.mark.parametrize(
    "block",
    [
        {"type": "table", "rows": [[CELL] * 20] * 100},
        {"type": "data_table", "caption": "x", "rows": [[CELL]] * 201},
        CARD | {"actions": [_button(number) for number in range(3)]},
        {"type": "carousel", "elements": [CARD] * 10},
        {"type": "container", "title": _plain("x"), "child_blocks": [DIVIDER] * 10},
        {"type": "plan", "title": "x", "tasks": [TASK] * 50},
        TASK,
        {"type": "context_actions", "elements": [ICON] * 5},
        {"type": "file", "source": "remote", "external_id": "x"},
        VIDEO,
        {"type": "data_visualization"},
    ],
)
def test_within_the_limits_all_is_well(block: dict[str, Any]) -> None:
    """The documented maximum is accepted."""
    assert [] == _errors(block)


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "table"}, "missing required field: rows"),
        ({"type": "table", "rows": [[CELL]] * 101}, "no more than 100"),
        ({"type": "table", "rows": [[CELL] * 21]}, "no more than 20"),
        ({"type": "table", "rows": [[{"type": "raw_text", "text": ""}]]}, "more than 0"),
        ({"type": "table", "rows": [[{"type": "image"}]]}, "unsupported type: image"),
        ({"type": "table", "rows": ["x"]}, "must provide an array"),
        ({"type": "data_table", "caption": "x", "rows": [[CELL]]}, "no fewer than 2"),
        ({"type": "data_table", "caption": "x", "rows": [[CELL]] * 202}, "no more than 201"),
        ({"type": "data_table", "rows": [[CELL]] * 2}, "missing required field: caption"),
        (
            {
                "type": "data_table",
                "caption": "x",
                "rows": [[{"type": "raw_text", "text": "x" * 10_001}]] * 2,
            },
            "less than 20001",
        ),
        ({"type": "card"}, "missing required field"),
        ({"type": "card", "title": _plain("x")}, "unsupported type: plain_text"),
        ({"type": "card", "title": _mrkdwn("x" * 151)}, "less than 151"),
        ({"type": "card", "body": _mrkdwn("x" * 201)}, "less than 201"),
        (CARD | {"actions": [_button(number) for number in range(4)]}, "no more than 3"),
        ({"type": "carousel", "elements": [CARD] * 11}, "no more than 10"),
        ({"type": "carousel", "elements": [DIVIDER]}, "unsupported type: divider"),
        ({"type": "container", "child_blocks": [DIVIDER]}, "title or rich_text_title"),
        (
            {"type": "container", "title": _plain("x" * 151), "child_blocks": [DIVIDER]},
            "less than 151",
        ),
        (
            {"type": "container", "title": _plain("x"), "child_blocks": [DIVIDER] * 11},
            "no more than 10",
        ),
        (
            {"type": "container", "title": _plain("x"), "child_blocks": [CARD]},
            "unsupported type: card",
        ),
        (
            {
                "type": "container",
                "title": _plain("x"),
                "child_blocks": [{"type": "header", "text": _plain("x" * 151)}],
            },
            "less than 151",
        ),
        ({"type": "plan", "title": "x", "tasks": [TASK] * 51}, "no more than 50"),
        (TASK | {"status": "lost"}, "enum"),
        ({"type": "context_actions", "elements": [ICON] * 6}, "no more than 5"),
        ({"type": "context_actions", "elements": [_button()]}, "unsupported type: button"),
        ({"type": "context_actions", "elements": [{"type": "feedback_buttons"}]}, "positive"),
        ({"type": "file", "source": "local", "external_id": "x"}, "enum"),
        (VIDEO | {"title": _plain("x" * 201)}, "less than 201"),
        (VIDEO | {"author_name": "x" * 51}, "less than 51"),
    ],
)
def test_beyond_the_limits_they_are_refused(block: dict[str, Any], part: str) -> None:
    """One more than the maximum, or a wrong part, is named."""
    errors = _errors(block)
    assert errors
    assert part in errors[0]


def test_an_alert_belongs_in_a_modal() -> None:
    """Elsewhere it is refused; its text has a limit of its own."""
    alert = {"type": "alert", "text": _plain("x" * 200), "level": "warning"}
    assert [] == _errors(alert, Surface.MODAL)
    assert _errors(alert)
    assert "less than 201" in _errors(alert | {"text": _plain("x" * 201)}, Surface.MODAL)[0]
    assert "enum" in _errors(alert | {"level": "loud"}, Surface.MODAL)[0]
