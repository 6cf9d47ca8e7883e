"""Block Kit's newer blocks against their limits: tables, cards, containers, plans, video.

Sources: the TSDoc of the official types and the limit registry of slackblocks, both read from
docs.slack.dev. `data_visualization` is documented too thinly to be checked in depth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from .problems import Problems
from .wire import Json

_MRKDWN = ("mrkdwn",)
_PLAIN = ("plain_text",)
_CELLS = ("rich_text", "raw_text", "raw_number")
_CHILDREN = frozenset(
    {
        "actions", "context", "divider", "file", "header", "image", "input", "rich_text",
        "section", "table", "video",
    }
)  # fmt: skip


class BlockProblems(Problems, ABC):
    """Problems that can also look into child blocks."""

    @abstractmethod
    def block(self, block: Json, pointer: str) -> None:
        """Check one block."""

    @abstractmethod
    def buttons(self, block: Json, key: str, pointer: str, most: int) -> None:
        """Check a list of buttons."""


def check_newer(check: BlockProblems, kind: str, block: Json, pointer: str) -> None:
    """Note what Slack refuses of a block whose `type` is in `NEWER_BLOCKS`."""
    NEWER_BLOCKS[kind](check, block, pointer)


def _alert(check: BlockProblems, block: Json, pointer: str) -> None:
    check.text(block.get("text"), f"{pointer}/text", limit=200)
    levels = (None, "default", "info", "warning", "error", "success")
    check.choice(block.get("level"), f"{pointer}/level", levels)


def _card(check: BlockProblems, block: Json, pointer: str) -> None:
    if not any(block.get(key) for key in ("hero_image", "title", "actions", "body")):
        check.missing("hero_image, title, actions or body", pointer)
    for key, limit in (("title", 150), ("subtitle", 150), ("body", 200)):
        if block.get(key) is not None:
            check.text(block[key], f"{pointer}/{key}", limit=limit, kinds=_MRKDWN)
    if block.get("actions") is not None:
        check.buttons(block, "actions", pointer, 3)


def _carousel(check: BlockProblems, block: Json, pointer: str) -> None:
    for card, here in check.items(block, "elements", pointer, most=10):
        if card.get("type") == "card":
            _card(check, card, here)
        else:
            check.unsupported(card.get("type"), here)


def _container(check: BlockProblems, block: Json, pointer: str) -> None:
    if block.get("title") is None and block.get("rich_text_title") is None:
        check.missing("title or rich_text_title", pointer)
    if block.get("title") is not None:
        check.text(block["title"], f"{pointer}/title", limit=150, kinds=_PLAIN)
    if block.get("subtitle") is not None:
        check.text(block["subtitle"], f"{pointer}/subtitle", limit=150)
    widths = (None, "narrow", "standard", "wide", "full")
    check.choice(block.get("width"), f"{pointer}/width", widths)
    for child, here in check.items(block, "child_blocks", pointer, most=10):
        if child.get("type") in _CHILDREN:
            check.block(child, here)
        else:
            check.unsupported(child.get("type"), here)


def _context_actions(check: BlockProblems, block: Json, pointer: str) -> None:
    for element, here in check.items(block, "elements", pointer, most=5):
        if element.get("type") == "icon_button":
            check.string(element.get("icon"), f"{here}/icon", limit=255)
            check.text(element.get("text"), f"{here}/text", limit=75, kinds=_PLAIN)
        elif element.get("type") == "feedback_buttons":
            for key in ("positive_button", "negative_button"):
                button = element.get(key)
                if not isinstance(button, dict):
                    check.missing(key, here)
                    continue
                check.text(button.get("text"), f"{here}/{key}/text", limit=75, kinds=_PLAIN)
                check.string(button.get("value"), f"{here}/{key}/value", limit=2000)
        else:
            check.unsupported(element.get("type"), here)


def _rows(check: BlockProblems, block: Json, pointer: str, *, least: int, most: int) -> int:
    """Check a table's rows; returns the characters in its cells."""
    rows = block.get("rows")
    if not isinstance(rows, list):
        check.missing("rows", pointer)
        return 0
    check.amount(rows, f"{pointer}/rows", least=least, most=most)
    total = 0
    for number, row in enumerate(rows):
        here = f"{pointer}/rows/{number}"
        if not isinstance(row, list):
            check.error("must provide an array", here, code="invalid_type")
            continue
        check.amount(row, here, least=0, most=20)
        for column, cell in enumerate(row):
            total += _cell(check, cell, f"{here}/{column}")
    return total


def _cell(check: BlockProblems, cell: Any, pointer: str) -> int:
    if not isinstance(cell, dict):
        check.error("must be an object", pointer, code="invalid_type")
        return 0
    if cell.get("type") not in _CELLS:
        check.unsupported(cell.get("type"), pointer)
        return 0
    if cell["type"] == "rich_text":
        check.block(cell, pointer)
        return len("".join(_texts(cell)))
    check.string(cell.get("text"), f"{pointer}/text", limit=20_000)
    return len(str(cell.get("text") or ""))


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if not isinstance(value, dict):
        return []
    own = [value["text"]] if isinstance(value.get("text"), str) else []
    return own + _texts(value.get("elements"))


def _table(check: BlockProblems, block: Json, pointer: str) -> None:
    _rows(check, block, pointer, least=0, most=100)
    settings = block.get("column_settings")
    if isinstance(settings, list):
        check.amount(settings, f"{pointer}/column_settings", least=0, most=20)


def _data_table(check: BlockProblems, block: Json, pointer: str) -> None:
    total = _rows(check, block, pointer, least=2, most=201)
    check.string(block.get("caption"), f"{pointer}/caption", limit=3000)
    if total > 20_000:
        check.error(
            "must be less than 20001 characters",
            f"{pointer}/rows",
            constraint=("max_length", 20_000, total),
        )


def _task_card(check: BlockProblems, block: Json, pointer: str) -> None:
    for key in ("task_id", "title"):
        check.string(block.get(key), f"{pointer}/{key}", limit=3000)
    states = ("pending", "in_progress", "complete", "error")
    check.choice(block.get("status"), f"{pointer}/status", states)
    for key in ("details", "output"):
        if isinstance(block.get(key), dict):
            check.block(block[key], f"{pointer}/{key}")


def _plan(check: BlockProblems, block: Json, pointer: str) -> None:
    check.string(block.get("title"), f"{pointer}/title", limit=3000)
    if block.get("tasks") is not None:
        check.items(block, "tasks", pointer, most=50, least=0)


def _file(check: BlockProblems, block: Json, pointer: str) -> None:
    check.choice(block.get("source"), f"{pointer}/source", ("remote",))
    check.string(block.get("external_id"), f"{pointer}/external_id", limit=255)


def _video(check: BlockProblems, block: Json, pointer: str) -> None:
    for key, limit in (("video_url", 3000), ("thumbnail_url", 3000), ("alt_text", 2000)):
        check.string(block.get(key), f"{pointer}/{key}", limit=limit)
    check.text(block.get("title"), f"{pointer}/title", limit=200, kinds=_PLAIN)
    for key in ("author_name", "provider_name"):
        check.string(block.get(key), f"{pointer}/{key}", limit=50, optional=True)
    if block.get("description") is not None:
        check.text(block["description"], f"{pointer}/description", limit=200, kinds=_PLAIN)


def _unchecked(check: BlockProblems, block: Json, pointer: str) -> None:
    """Accept the block as it is."""


NEWER_BLOCKS: dict[str, Callable[[BlockProblems, Json, str], None]] = {
    "alert": _alert,
    "card": _card,
    "carousel": _carousel,
    "container": _container,
    "context_actions": _context_actions,
    "data_table": _data_table,
    "data_visualization": _unchecked,
    "file": _file,
    "plan": _plan,
    "table": _table,
    "task_card": _task_card,
    "video": _video,
}
