"""Owns Slack's numbers, and the last look at a message or a view before it is sent.

The numbers are those of docs.slack.dev (reference/block-kit, chat.postMessage, chat.update,
views.open, views.publish) and of the official `@slack/types`. Slack does not say whether it counts
code points or UTF-16 units, so texts with characters beyond the basic plane are counted in the
larger unit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..messenger import Message
from .text import units

__all__ = [
    "MAX_ACTION_ID",
    "MAX_BLOCKS_JSON",
    "MAX_HEADER",
    "MAX_MESSAGE_BLOCKS",
    "MAX_TEXT",
    "MAX_UPDATE_TEXT",
    "check_message",
    "check_view",
]

MAX_MESSAGE_BLOCKS: Final = 50
MAX_VIEW_BLOCKS: Final = 100
MAX_BLOCKS_JSON: Final = 13_200
"""Characters of a message's blocks as compact JSON. Slack refuses more (`msg_blocks_too_long`)
without telling the number; slackapi/bolt-js issues 2509 and 2867 measured it."""
MAX_VIEW_BYTES: Final = 250_000
MAX_UPDATE_TEXT: Final = 4000
"""chat.update refuses more (`msg_too_long`), and every card is updated one day."""
MAX_HEADER: Final = 150
MAX_TEXT: Final = 3000
MAX_FIELD: Final = 2000
MAX_FIELDS: Final = 10
MAX_CONTEXT_ELEMENTS: Final = 10
MAX_ACTIONS: Final = 25
MAX_BLOCK_ID: Final = 255
MAX_ACTION_ID: Final = 255
MAX_BUTTON_TEXT: Final = 75
MAX_BUTTON_VALUE: Final = 2000
MAX_LABEL: Final = 2000
MAX_PLACEHOLDER: Final = 150
MAX_INPUT: Final = 3000
MAX_OPTIONS: Final[Mapping[str, int]] = {"static_select": 100, "radio_buttons": 10}
MAX_OPTION_TEXT: Final = 75
MAX_OPTION_VALUE: Final = 150
MAX_VIEW_TITLE: Final = 24
MAX_CALLBACK_ID: Final = 255
MAX_METADATA: Final = 3000

_RICH_PARTS = {"rich_text_section", "rich_text_preformatted", "rich_text_quote"}
_RICH_LEAVES: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "user": ("user_id",),
    "usergroup": ("usergroup_id",),
    "channel": ("channel_id",),
    "date": ("timestamp", "format", "fallback"),
    "link": ("url", "text"),
}


def check_message(message: Message) -> list[str]:
    """Return what Slack would refuse or cut in *message*; empty is good.

    Only the kinds of blocks that this app uses are known; any other is a problem.
    """
    look = _Look()
    look.string(message.text, "text", limit=MAX_UPDATE_TEXT)
    look.blocks(message.blocks, limit=MAX_MESSAGE_BLOCKS)
    size = len(json.dumps(list(message.blocks), ensure_ascii=False, separators=(",", ":")))
    if size > MAX_BLOCKS_JSON:
        look.problem("blocks", f"{size} characters, {MAX_BLOCKS_JSON} are allowed")
    for index, block in enumerate(message.blocks):
        if block.get("type") == "input":
            look.problem(f"blocks/{index}", "an input belongs in a view")
    return look.problems


def check_view(view: Mapping[str, Any]) -> list[str]:
    """Return what Slack would refuse in a *view*, a modal or a home; empty is good."""
    home = view.get("type") == "home"
    look = _Look(ids_per_block=home)
    if not home:
        _check_modal(view, look)
    if "private_metadata" in view:
        look.string(view["private_metadata"], "private_metadata", limit=MAX_METADATA, least=0)
    blocks = view.get("blocks", ())
    look.blocks(blocks, limit=MAX_VIEW_BLOCKS)
    size = len(json.dumps(dict(view)))
    if size > MAX_VIEW_BYTES:
        look.problem("view", f"{size} bytes, {MAX_VIEW_BYTES} are allowed")
    if "submit" not in view and any(block.get("type") == "input" for block in blocks):
        look.problem("submit", "an input needs a submit button")
    return look.problems


def _check_modal(view: Mapping[str, Any], look: _Look) -> None:
    if view.get("type") != "modal":
        look.problem("type", "neither a modal nor a home")
    look.plain(view.get("title"), "title", limit=MAX_VIEW_TITLE)
    for name in ("submit", "close"):
        if name in view:
            look.plain(view[name], name, limit=MAX_VIEW_TITLE)
    look.string(view.get("callback_id"), "callback_id", limit=MAX_CALLBACK_ID)


class _Look:
    """Collects problems, each with its place. It never repeats a text that it finds.

    Args:
        ids_per_block: Action ids have to be unique in each block only, as Slack demands it; in a
            message and a modal they are unique in the whole, so that a click is unambiguous.
    """

    def __init__(self, *, ids_per_block: bool = False) -> None:
        self.problems: list[str] = []
        self._ids_per_block = ids_per_block
        self._block_ids: set[str] = set()
        self._action_ids: set[str] = set()

    def problem(self, place: str, what: str) -> None:
        self.problems.append(f"{place}: {what}")

    def string(self, value: object, place: str, *, limit: int, least: int = 1) -> None:
        if not isinstance(value, str):
            self.problem(place, "missing, or not text")
            return
        length = units(value)
        if not least <= length <= limit:
            self.problem(place, f"{length} characters, {least} to {limit} are allowed")

    def plain(self, value: object, place: str, *, limit: int) -> None:
        self.text(value, place, limit=limit, kinds=("plain_text",))

    def text(
        self,
        value: object,
        place: str,
        *,
        limit: int,
        kinds: Sequence[str] = ("plain_text", "mrkdwn"),
    ) -> None:
        if not isinstance(value, Mapping):
            self.problem(place, "missing, or not a text object")
            return
        if value.get("type") not in kinds:
            self.problem(place, f"only {' or '.join(kinds)} is allowed")
        if value.get("type") == "plain_text" and value.get("emoji") is not False:
            self.problem(place, "plain text must switch emoji off")
        self.string(value.get("text"), place, limit=limit)

    def blocks(self, blocks: Sequence[Mapping[str, Any]], *, limit: int) -> None:
        if not 1 <= len(blocks) <= limit:
            self.problem("blocks", f"{len(blocks)} blocks, 1 to {limit} are allowed")
        for index, block in enumerate(blocks):
            place = f"blocks/{index}"
            self._block_id(block, place)
            if self._ids_per_block:
                self._action_ids.clear()
            self._block(block, place)

    def _block_id(self, block: Mapping[str, Any], place: str) -> None:
        if "block_id" not in block:
            return
        name = block["block_id"]
        self.string(name, f"{place}/block_id", limit=MAX_BLOCK_ID)
        if name in self._block_ids:
            self.problem(f"{place}/block_id", "used twice")
        self._block_ids.add(str(name))

    def _block(self, block: Mapping[str, Any], place: str) -> None:
        match block.get("type"):
            case "header":
                self.plain(block.get("text"), f"{place}/text", limit=MAX_HEADER)
            case "section":
                self._section(block, place)
            case "context":
                self._counted(block, place, limit=MAX_CONTEXT_ELEMENTS)
                for element in block.get("elements", ()):
                    self.text(element, f"{place}/elements", limit=MAX_TEXT)
            case "divider":
                pass
            case "rich_text":
                self._counted(block, place, limit=1000)
                for part in block.get("elements", ()):
                    self._rich(part, f"{place}/elements")
            case "actions":
                self._counted(block, place, limit=MAX_ACTIONS)
                for element in block.get("elements", ()):
                    self._button(element, f"{place}/elements")
            case "input":
                self._input(block, place)
            case _:
                self.problem(place, "unknown kind of block")

    def _section(self, block: Mapping[str, Any], place: str) -> None:
        fields = block.get("fields", ())
        if "text" in block or not fields:
            self.text(block.get("text"), f"{place}/text", limit=MAX_TEXT)
        if len(fields) > MAX_FIELDS:
            self.problem(f"{place}/fields", f"more than {MAX_FIELDS}")
        for field in fields:
            self.text(field, f"{place}/fields", limit=MAX_FIELD)

    def _counted(self, block: Mapping[str, Any], place: str, *, limit: int) -> None:
        count = len(block.get("elements", ()))
        if not 1 <= count <= limit:
            self.problem(f"{place}/elements", f"{count} elements, 1 to {limit} are allowed")

    def _rich(self, part: Mapping[str, Any], place: str) -> None:
        if part.get("type") not in _RICH_PARTS:
            self.problem(place, "unknown part of a rich text")
            return
        self._counted(part, place, limit=1000)
        for leaf in part.get("elements", ()):
            required = _RICH_LEAVES.get(str(leaf.get("type")))
            if required is None:
                self.problem(place, "unknown element of a rich text")
            elif not all(leaf.get(name) for name in required):
                self.problem(place, f"{leaf['type']} without {' or '.join(required)}")

    def _button(self, button: Mapping[str, Any], place: str) -> None:
        if button.get("type") != "button":
            self.problem(place, "unknown kind of element")
            return
        self._action_id(button, place)
        self.plain(button.get("text"), f"{place}/text", limit=MAX_BUTTON_TEXT)
        self.string(button.get("value"), f"{place}/value", limit=MAX_BUTTON_VALUE)
        if button.get("style", "primary") not in ("primary", "danger"):
            self.problem(f"{place}/style", "neither primary nor danger")
        if "accessibility_label" in button:
            label = button["accessibility_label"]
            self.string(label, f"{place}/accessibility_label", limit=MAX_BUTTON_TEXT)

    def _action_id(self, element: Mapping[str, Any], place: str) -> None:
        name = element.get("action_id")
        self.string(name, f"{place}/action_id", limit=MAX_ACTION_ID)
        if name in self._action_ids:
            self.problem(f"{place}/action_id", "used twice")
        self._action_ids.add(str(name))

    def _input(self, block: Mapping[str, Any], place: str) -> None:
        self.plain(block.get("label"), f"{place}/label", limit=MAX_LABEL)
        if "hint" in block:
            self.plain(block["hint"], f"{place}/hint", limit=MAX_LABEL)
        element = block.get("element", {})
        kind = element.get("type")
        if kind != "plain_text_input" and kind not in MAX_OPTIONS:
            self.problem(f"{place}/element", "unknown kind of input")
            return
        self._action_id(element, f"{place}/element")
        if "placeholder" in element:
            self.plain(
                element["placeholder"], f"{place}/element/placeholder", limit=MAX_PLACEHOLDER
            )
        if kind in MAX_OPTIONS:
            self._options(element, f"{place}/element", most=MAX_OPTIONS[kind])
            return
        if not 1 <= element.get("max_length", MAX_INPUT) <= MAX_INPUT:
            self.problem(f"{place}/element/max_length", f"1 to {MAX_INPUT} are allowed")

    def _options(self, element: Mapping[str, Any], place: str, *, most: int) -> None:
        options = element.get("options", ())
        if not 1 <= len(options) <= most:
            self.problem(f"{place}/options", f"{len(options)} options, 1 to {most} are allowed")
        for option in options:
            self.plain(option.get("text"), f"{place}/options/text", limit=MAX_OPTION_TEXT)
            self.string(option.get("value"), f"{place}/options/value", limit=MAX_OPTION_VALUE)
        values = [option.get("value") for option in options]
        if len(set(values)) != len(values):
            self.problem(f"{place}/options", "a value twice")
        if element.get("initial_option", options[0] if options else None) not in options:
            self.problem(f"{place}/initial_option", "it is none of the options")
