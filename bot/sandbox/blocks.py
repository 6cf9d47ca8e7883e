"""Block Kit checked against Slack's documented shapes and limits, written from the docs."""

from __future__ import annotations

from collections.abc import Callable, Set
from enum import Enum
from typing import Any

from .elements import ELEMENT_KEYS, INPUT_ELEMENTS, INTERACTIVE_ELEMENTS, OPTION_LIMITS
from .newer_blocks import NEWER_BLOCKS, BlockProblems, check_newer
from .wire import Json


class Surface(Enum):
    """Where blocks are shown; some blocks are refused on some surfaces."""

    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"


_BLOCK_KEYS: dict[str, set[str]] = {
    "section": {"text", "fields", "accessory", "expand"},
    "header": {"text", "level"},
    "divider": set(),
    "context": {"elements"},
    "actions": {"elements"},
    "rich_text": {"elements"},
    "input": {"label", "element", "dispatch_action", "hint", "optional"},
    "image": {"image_url", "slack_file", "alt_text", "title"},
    "markdown": {"text"},
}

_PLAIN = ("plain_text",)

_MESSAGE_ONLY = {"markdown", "plan", "task_card", "context_actions", "file"}
_NOT_IN_MODAL = {"table", "data_table", "carousel", "container"}

_RICH_PARTS = {
    "rich_text_section",
    "rich_text_list",
    "rich_text_preformatted",
    "rich_text_quote",
}
_RICH_LEAVES: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "link": ("url",),
    "user": ("user_id",),
    "usergroup": ("usergroup_id",),
    "channel": ("channel_id",),
    "emoji": ("name",),
    "broadcast": ("range",),
    "date": ("timestamp", "format"),
    "color": ("value",),
}


class BlockCheck(BlockProblems):
    """Collects what Slack would refuse of blocks on a surface."""

    def __init__(self, surface: Surface) -> None:
        super().__init__()
        self._surface = surface
        self._markdown = 0
        self._checks: dict[str, Callable[[Json, str], None]] = {
            "section": self._section,
            "header": self._header,
            "context": self._context,
            "actions": self._actions,
            "rich_text": self._rich_text,
            "input": self._input,
            "image": self._image,
            "markdown": self._markdown_block,
        }

    def blocks(self, blocks: Any, pointer: str, limit: int) -> None:
        """Check a list of blocks; at most `limit` of them, block ids unique."""
        if not isinstance(blocks, list):
            self.error("must provide an array", pointer, code="invalid_type")
            return
        self.amount(blocks, pointer, least=0, most=limit)
        seen: set[str] = set()
        for index, block in enumerate(blocks):
            here = f"{pointer}/{index}"
            if not isinstance(block, dict):
                self.error("must be an object", here, code="invalid_type")
                continue
            self.block(block, here)
            block_id = block.get("block_id")
            if isinstance(block_id, str) and block_id:
                if block_id in seen:
                    self.error(f"`block_id` {block_id!r} already exists", f"{here}/block_id")
                seen.add(block_id)

    def block(self, block: Json, pointer: str) -> None:
        """Check one block."""
        kind = block.get("type")
        known = isinstance(kind, str) and (kind in _BLOCK_KEYS or kind in NEWER_BLOCKS)
        if not isinstance(kind, str) or not known or not self._allowed_here(kind):
            self.unsupported(kind, pointer)
            return
        self.string(block.get("block_id"), f"{pointer}/block_id", limit=255, optional=True, least=0)
        if kind in NEWER_BLOCKS:
            check_newer(self, kind, block, pointer)
            return
        self.keys(block, _BLOCK_KEYS[kind] | {"type", "block_id"}, pointer)
        check = self._checks.get(kind)
        if check is not None:
            check(block, pointer)

    def _allowed_here(self, kind: str) -> bool:
        if kind == "alert":
            return self._surface is Surface.MODAL
        if kind in _MESSAGE_ONLY:
            return self._surface is Surface.MESSAGE
        return not (kind in _NOT_IN_MODAL and self._surface is Surface.MODAL)

    def _section(self, block: Json, pointer: str) -> None:
        if block.get("text") is None and not block.get("fields"):
            self.missing("text or fields", pointer)
        if block.get("text") is not None:
            self.text(block["text"], f"{pointer}/text", limit=3000)
        if block.get("fields"):
            for value, here in self.items(block, "fields", pointer, most=10):
                self.text(value, here, limit=2000)
        if block.get("accessory") is not None:
            self._elements([(block["accessory"], f"{pointer}/accessory")], with_image=True)

    def _header(self, block: Json, pointer: str) -> None:
        self.text(block.get("text"), f"{pointer}/text", limit=150, kinds=_PLAIN)

    def _context(self, block: Json, pointer: str) -> None:
        for value, here in self.items(block, "elements", pointer, most=10):
            if value.get("type") == "image":
                self._image(value, here)
            else:
                self.text(value, here, limit=3000)

    def buttons(self, block: Json, key: str, pointer: str, most: int) -> None:
        """Check a list of buttons."""
        self._elements([*self.items(block, key, pointer, most=most)], allowed={"button"})

    def _actions(self, block: Json, pointer: str) -> None:
        self._elements([*self.items(block, "elements", pointer, most=25)])

    def _image(self, block: Json, pointer: str) -> None:
        if block.get("image_url") is None and block.get("slack_file") is None:
            self.missing("image_url or slack_file", pointer)
        self.string(block.get("image_url"), f"{pointer}/image_url", limit=3000, optional=True)
        self.string(block.get("alt_text"), f"{pointer}/alt_text", limit=2000)
        if block.get("title") is not None:
            self.text(block["title"], f"{pointer}/title", limit=2000, kinds=_PLAIN)

    def _markdown_block(self, block: Json, pointer: str) -> None:
        self.string(block.get("text"), f"{pointer}/text", limit=12_000)
        self._markdown += len(block.get("text") or "")
        if self._markdown > 12_000:
            self.error(
                "markdown blocks exceed 12000 characters",
                pointer,
                constraint=("max_length", 12_000, self._markdown),
            )

    def _rich_text(self, block: Json, pointer: str) -> None:
        for part, here in self.items(block, "elements", pointer, most=1000):
            self._rich_part(part, here, _RICH_PARTS)

    def _rich_part(self, part: Json, pointer: str, allowed: set[str]) -> None:
        kind = part.get("type")
        if kind not in allowed:
            self.unsupported(kind, pointer)
            return
        if kind == "rich_text_list":
            self.choice(part.get("style"), f"{pointer}/style", ("bullet", "ordered"))
            self.whole(part.get("indent"), f"{pointer}/indent", least=0, most=8)
        elements = part.get("elements")
        if not isinstance(elements, list):
            self.missing("elements", pointer)
            return
        for index, leaf in enumerate(elements):
            here = f"{pointer}/elements/{index}"
            if not isinstance(leaf, dict):
                self.error("must be an object", here, code="invalid_type")
            elif kind == "rich_text_list":
                self._rich_part(leaf, here, {"rich_text_section"})
            else:
                self._rich_leaf(leaf, here)

    def _rich_leaf(self, leaf: Json, pointer: str) -> None:
        required = _RICH_LEAVES.get(str(leaf.get("type")))
        if required is None:
            self.unsupported(leaf.get("type"), pointer)
            return
        for key in required:
            if leaf.get(key) is None or leaf.get(key) == "":
                self.missing(key, pointer)

    def _input(self, block: Json, pointer: str) -> None:
        self.text(block.get("label"), f"{pointer}/label", limit=2000, kinds=_PLAIN)
        if block.get("hint") is not None:
            self.text(block["hint"], f"{pointer}/hint", limit=2000, kinds=_PLAIN)
        element = block.get("element")
        if not isinstance(element, dict):
            self.missing("element", pointer)
            return
        self._elements([(element, f"{pointer}/element")], allowed=INPUT_ELEMENTS)

    def _elements(
        self,
        elements: list[tuple[Any, str]],
        *,
        allowed: Set[str] = INTERACTIVE_ELEMENTS,
        with_image: bool = False,
    ) -> None:
        seen: set[str] = set()
        for element, pointer in elements:
            if not isinstance(element, dict):
                self.error("must be an object", pointer, code="invalid_type")
                continue
            if with_image and element.get("type") == "image":
                self._image(element, pointer)
                continue
            self._element(element, pointer, allowed)
            action_id = element.get("action_id")
            if isinstance(action_id, str) and action_id:
                if action_id in seen:
                    self.error(f"`action_id` {action_id!r} already exists", f"{pointer}/action_id")
                seen.add(action_id)

    def _element(self, element: Json, pointer: str, allowed: Set[str]) -> None:
        kind = element.get("type")
        if not isinstance(kind, str) or kind not in allowed:
            self.unsupported(kind, pointer)
            return
        self.keys(element, ELEMENT_KEYS[kind] | {"type", "action_id"}, pointer)
        self.string(
            element.get("action_id"), f"{pointer}/action_id", limit=255, optional=True, least=0
        )
        if element.get("placeholder") is not None:
            self.text(element["placeholder"], f"{pointer}/placeholder", limit=150, kinds=_PLAIN)
        if element.get("confirm") is not None:
            self._confirm(element["confirm"], f"{pointer}/confirm")
        if kind == "button":
            self._button(element, pointer)
        elif kind == "plain_text_input":
            self._plain_input(element, pointer)
        elif kind in OPTION_LIMITS:
            self._options(element, pointer, OPTION_LIMITS[kind])

    def _button(self, element: Json, pointer: str) -> None:
        self.text(element.get("text"), f"{pointer}/text", limit=75, kinds=_PLAIN)
        self.string(element.get("value"), f"{pointer}/value", limit=2000, optional=True, least=0)
        self.string(element.get("url"), f"{pointer}/url", limit=3000, optional=True)
        self.string(
            element.get("accessibility_label"),
            f"{pointer}/accessibility_label",
            limit=75,
            optional=True,
        )
        self.choice(element.get("style"), f"{pointer}/style", (None, "primary", "danger"))

    def _confirm(self, confirm: Any, pointer: str) -> None:
        if not isinstance(confirm, dict):
            self.error("must provide an object", pointer, code="invalid_type")
            return
        self.keys(confirm, ("title", "text", "confirm", "deny", "style"), pointer)
        for key, limit in (("title", 100), ("confirm", 30), ("deny", 30)):
            if confirm.get(key) is not None or key == "title":
                self.text(confirm.get(key), f"{pointer}/{key}", limit=limit, kinds=_PLAIN)
        self.text(confirm.get("text"), f"{pointer}/text", limit=300)

    def _plain_input(self, element: Json, pointer: str) -> None:
        for key, least in (("max_length", 1), ("min_length", 0)):
            self.whole(element.get(key), f"{pointer}/{key}", least=least, most=3000)
        self.string(
            element.get("initial_value"),
            f"{pointer}/initial_value",
            limit=3000,
            least=0,
            optional=True,
        )

    def _options(self, element: Json, pointer: str, limit: int) -> None:
        if element.get("options") is None and element.get("option_groups") is not None:
            groups = self.items(element, "option_groups", pointer, most=100)
            for group, here in groups:
                self.text(group.get("label"), f"{here}/label", limit=75, kinds=_PLAIN)
            lists = [self.items(group, "options", here, most=limit) for group, here in groups]
        else:
            lists = [self.items(element, "options", pointer, most=limit)]
        for options in lists:
            for option, here in options:
                self.keys(option, ("text", "value", "description", "url"), here)
                self.text(option.get("text"), f"{here}/text", limit=75)
                self.string(option.get("value"), f"{here}/value", limit=150)
                if option.get("description") is not None:
                    self.text(option["description"], f"{here}/description", limit=75)
