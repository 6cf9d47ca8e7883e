"""Second opinions on blocks: Slack's own models, slackblocks, and what hostile text must not do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import slackblocks
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.messenger import Message
from bot.slack.limits import check_message, check_view

# What our own frame writes into mrkdwn: mentions by checked ids, channels, dates.
OURS = re.compile(
    r"<(?:@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+|#[CGD][A-Z0-9]+"
    r"|!date\^\d+\^[a-z{}_ ]+\|[0-9: -]+UTC)>"
)
NO_OPINION = ("actions", "input", "rich_text")


def accepted(message: Message) -> None:
    """Assert that every validator takes *message*."""
    assert check_message(message) == []
    _blocks_accepted(list(message.blocks))
    no_power(message.text)


def view_accepted(view: dict[str, Any]) -> None:
    """Assert that every validator takes *view*."""
    assert check_view(view) == []
    assert view == View(**view).to_dict()
    _blocks_accepted(view["blocks"])


def _blocks_accepted(blocks: list[dict[str, Any]]) -> None:
    for block in blocks:
        parsed = Block.parse(block)
        assert parsed is not None, block["type"]
        # The models drop silently what they do not know: a lossless way back is the test.
        assert block == parsed.to_dict()
        if block["type"] not in NO_OPINION:
            slackblocks.Block.from_dict(block)
    for text in leaves(blocks, "mrkdwn"):
        no_power(text)
    for text in all_text(blocks):
        nothing_hidden(text)


def no_power(mrkdwn: str) -> None:
    """Assert that Slack finds nothing to act on in *mrkdwn* but what our frame wrote."""
    rest = OURS.sub("", mrkdwn)
    assert not set(rest) & set("<>"), rest
    assert "&" not in re.sub(r"&(?:amp|lt|gt);", "", rest)
    outside = re.sub(r"`[^`]+`", "", rest)
    assert "`" not in outside
    assert "://" not in outside
    assert not re.search(r"[_~]", outside.replace("_", "x") if _joined(outside) else outside)
    nothing_hidden(mrkdwn)


def _joined(text: str) -> bool:
    """Whether every underscore stands inside a word, where it formats nothing."""
    return not re.search(r"(?<![A-Za-z0-9_])_|_(?![A-Za-z0-9_])", text)


def nothing_hidden(text: str) -> None:
    """Assert that *text* holds no character that a screen shows as nothing."""
    for char in text:
        assert char == "\n" or unicodedata.category(char) not in (
            "Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp",
        ), f"U+{ord(char):04X}"  # fmt: skip
        assert char == " " or unicodedata.category(char) != "Zs", f"U+{ord(char):04X}"
        assert char not in "\u034f\u115f\u1160\u17b4\u17b5\u180b\u3164\ufe0f\uffa0\U000e0100\u2800"


def leaves(value: Any, kind: str) -> Iterator[str]:
    """Yield the texts of all objects whose type is *kind*."""
    if isinstance(value, list):
        for item in value:
            yield from leaves(item, kind)
    elif isinstance(value, dict):
        if value.get("type") == kind and isinstance(value.get("text"), str):
            yield value["text"]
        for item in value.values():
            yield from leaves(item, kind)


def all_text(value: Any) -> Iterator[str]:
    """Yield every string of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from all_text(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from all_text(item)


def blocks_of(shown: Message | Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the blocks of a message or a view."""
    return list(shown.blocks if isinstance(shown, Message) else shown["blocks"])


def buttons(shown: Message | Mapping[str, Any]) -> dict[str, str]:
    """Return the values of the buttons by action_id."""
    return {
        element["action_id"]: element["value"]
        for block in blocks_of(shown)
        if block["type"] == "actions"
        for element in block["elements"]
        if element["type"] == "button"
    }


def preformatted(shown: Message | Mapping[str, Any]) -> list[str]:
    """Return the preformatted texts, in order."""
    return [
        part["elements"][0]["text"]
        for block in blocks_of(shown)
        if block["type"] == "rich_text"
        for part in block["elements"]
        if part["type"] == "rich_text_preformatted"
    ]
