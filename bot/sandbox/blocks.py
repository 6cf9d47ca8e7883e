"""Block Kit checked against Slack's documented shapes and limits, written from the docs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from enum import Enum
from typing import Any

from .elements import ELEMENT_KEYS, INPUT_ELEMENTS, INTERACTIVE_ELEMENTS, OPTION_LIMITS
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

# Known to Slack, but not checked in depth here.
_SHALLOW = {
    "alert",
    "card",
    "carousel",
    "container",
    "context_actions",
    "data_table",
    "data_visualization",
    "file",
    "plan",
    "table",
    "task_card",
    "video",
}

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


class BlockCheck:
    """Collects what Slack would refuse, each with its JSON pointer, in `errors`."""

    def __init__(self, surface: Surface) -> None:
        self.errors: list[str] = []
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

    def error(self, message: str, pointer: str) -> None:
        """Note one refusal."""
        self.errors.append(f"{message} [json-pointer:{pointer}]")

    def blocks(self, blocks: Any, pointer: str, limit: int) -> None:
        """Check a list of blocks; at most `limit` of them, block ids unique."""
        if not isinstance(blocks, list):
            self.error("must provide an array", pointer)
            return
        if len(blocks) > limit:
            self.error(f"no more than {limit} items allowed", pointer)
        seen: set[str] = set()
        for index, block in enumerate(blocks):
            here = f"{pointer}/{index}"
            if not isinstance(block, dict):
                self.error("must be an object", here)
                continue
            self._block(block, here)
            block_id = block.get("block_id")
            if isinstance(block_id, str) and block_id:
                if block_id in seen:
                    self.error(f"`block_id` {block_id!r} already exists", f"{here}/block_id")
                seen.add(block_id)

    def _block(self, block: Json, pointer: str) -> None:
        kind = block.get("type")
        if not isinstance(kind, str) or (kind not in _BLOCK_KEYS and kind not in _SHALLOW):
            self.error(f"unsupported type: {kind}", f"{pointer}/type")
            return
        self.string(block.get("block_id"), f"{pointer}/block_id", limit=255, optional=True, least=0)
        if not self._allowed_here(kind):
            self.error(f"unsupported type: {kind}", f"{pointer}/type")
            return
        if kind in _SHALLOW:
            return
        self._keys(block, _BLOCK_KEYS[kind] | {"type", "block_id"}, pointer)
        check = self._checks.get(kind)
        if check is not None:
            check(block, pointer)

    def _allowed_here(self, kind: str) -> bool:
        if kind == "alert":
            return self._surface is Surface.MODAL
        if kind in _MESSAGE_ONLY:
            return self._surface is Surface.MESSAGE
        return not (kind in _NOT_IN_MODAL and self._surface is Surface.MODAL)

    def _keys(self, value: Json, allowed: Iterable[str], pointer: str) -> None:
        for key in sorted(set(value) - set(allowed)):
            self.error(f"invalid additional property: {key}", pointer)

    def string(
        self, value: Any, pointer: str, *, limit: int, least: int = 1, optional: bool = False
    ) -> None:
        """Check a string's presence and length (in code points)."""
        if value is None:
            if not optional:
                self.error(f"missing required field: {pointer.rsplit('/', 1)[-1]}", pointer)
            return
        if not isinstance(value, str):
            self.error("must be a string", pointer)
        elif len(value) > limit:
            self.error(f"must be less than {limit + 1} characters", pointer)
        elif len(value) < least:
            self.error(f"must be more than {least - 1} characters", pointer)

    def text(self, value: Any, pointer: str, *, limit: int, plain: bool = False) -> None:
        """Check a text object of 1..`limit` characters; `plain` refuses mrkdwn."""
        if value is None:
            self.error(f"missing required field: {pointer.rsplit('/', 1)[-1]}", pointer)
            return
        if not isinstance(value, dict):
            self.error("must provide an object", pointer)
            return
        kind = value.get("type")
        if kind == "plain_text":
            self._keys(value, ("type", "text", "emoji"), pointer)
        elif kind == "mrkdwn" and not plain:
            self._keys(value, ("type", "text", "verbatim"), pointer)
        else:
            self.error(f"unsupported type: {kind}", f"{pointer}/type")
        self.string(value.get("text"), f"{pointer}/text", limit=limit)

    def _items(self, block: Json, key: str, pointer: str, limit: int) -> list[tuple[Json, str]]:
        values = block.get(key)
        here = f"{pointer}/{key}"
        if not isinstance(values, list):
            self.error(f"missing required field: {key}", pointer)
            return []
        if not values:
            self.error("no fewer than 1 items allowed", here)
        if len(values) > limit:
            self.error(f"no more than {limit} items allowed", here)
        found = []
        for index, value in enumerate(values):
            if isinstance(value, dict):
                found.append((value, f"{here}/{index}"))
            else:
                self.error("must be an object", f"{here}/{index}")
        return found

    def _section(self, block: Json, pointer: str) -> None:
        if block.get("text") is None and not block.get("fields"):
            self.error("missing required field: text or fields", pointer)
        if block.get("text") is not None:
            self.text(block["text"], f"{pointer}/text", limit=3000)
        if block.get("fields"):
            for value, here in self._items(block, "fields", pointer, 10):
                self.text(value, here, limit=2000)
        if block.get("accessory") is not None:
            self._elements([(block["accessory"], f"{pointer}/accessory")], with_image=True)

    def _header(self, block: Json, pointer: str) -> None:
        self.text(block.get("text"), f"{pointer}/text", limit=150, plain=True)

    def _context(self, block: Json, pointer: str) -> None:
        for value, here in self._items(block, "elements", pointer, 10):
            if value.get("type") == "image":
                self._image(value, here)
            else:
                self.text(value, here, limit=3000)

    def _actions(self, block: Json, pointer: str) -> None:
        self._elements([*self._items(block, "elements", pointer, 25)])

    def _image(self, block: Json, pointer: str) -> None:
        if block.get("image_url") is None and block.get("slack_file") is None:
            self.error("missing required field: image_url or slack_file", pointer)
        self.string(block.get("image_url"), f"{pointer}/image_url", limit=3000, optional=True)
        self.string(block.get("alt_text"), f"{pointer}/alt_text", limit=2000)
        if block.get("title") is not None:
            self.text(block["title"], f"{pointer}/title", limit=2000, plain=True)

    def _markdown_block(self, block: Json, pointer: str) -> None:
        self.string(block.get("text"), f"{pointer}/text", limit=12_000)
        self._markdown += len(block.get("text") or "")
        if self._markdown > 12_000:
            self.error("markdown blocks exceed 12000 characters", pointer)

    def _rich_text(self, block: Json, pointer: str) -> None:
        for part, here in self._items(block, "elements", pointer, 1000):
            self._rich_part(part, here, _RICH_PARTS)

    def _rich_part(self, part: Json, pointer: str, allowed: set[str]) -> None:
        kind = part.get("type")
        if kind not in allowed:
            self.error(f"unsupported type: {kind}", f"{pointer}/type")
            return
        if kind == "rich_text_list" and part.get("style") not in ("bullet", "ordered"):
            self.error("must be a valid enum value", f"{pointer}/style")
        elements = part.get("elements")
        if not isinstance(elements, list):
            self.error("missing required field: elements", pointer)
            return
        for index, leaf in enumerate(elements):
            here = f"{pointer}/elements/{index}"
            if not isinstance(leaf, dict):
                self.error("must be an object", here)
            elif kind == "rich_text_list":
                self._rich_part(leaf, here, {"rich_text_section"})
            else:
                self._rich_leaf(leaf, here)

    def _rich_leaf(self, leaf: Json, pointer: str) -> None:
        required = _RICH_LEAVES.get(str(leaf.get("type")))
        if required is None:
            self.error(f"unsupported type: {leaf.get('type')}", f"{pointer}/type")
            return
        for key in required:
            if leaf.get(key) is None or leaf.get(key) == "":
                self.error(f"missing required field: {key}", pointer)

    def _input(self, block: Json, pointer: str) -> None:
        self.text(block.get("label"), f"{pointer}/label", limit=2000, plain=True)
        if block.get("hint") is not None:
            self.text(block["hint"], f"{pointer}/hint", limit=2000, plain=True)
        element = block.get("element")
        if not isinstance(element, dict):
            self.error("missing required field: element", pointer)
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
                self.error("must be an object", pointer)
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
            self.error(f"unsupported type: {kind}", f"{pointer}/type")
            return
        self._keys(element, ELEMENT_KEYS[kind] | {"type", "action_id"}, pointer)
        self.string(
            element.get("action_id"), f"{pointer}/action_id", limit=255, optional=True, least=0
        )
        if element.get("placeholder") is not None:
            self.text(element["placeholder"], f"{pointer}/placeholder", limit=150, plain=True)
        if element.get("confirm") is not None:
            self._confirm(element["confirm"], f"{pointer}/confirm")
        if kind == "button":
            self._button(element, pointer)
        elif kind == "plain_text_input":
            self._plain_input(element, pointer)
        elif kind in OPTION_LIMITS:
            self._options(element, pointer, OPTION_LIMITS[kind])

    def _button(self, element: Json, pointer: str) -> None:
        self.text(element.get("text"), f"{pointer}/text", limit=75, plain=True)
        self.string(element.get("value"), f"{pointer}/value", limit=2000, optional=True, least=0)
        self.string(element.get("url"), f"{pointer}/url", limit=3000, optional=True)
        self.string(
            element.get("accessibility_label"),
            f"{pointer}/accessibility_label",
            limit=75,
            optional=True,
        )
        if element.get("style") not in (None, "primary", "danger"):
            self.error("must be a valid enum value", f"{pointer}/style")

    def _confirm(self, confirm: Any, pointer: str) -> None:
        if not isinstance(confirm, dict):
            self.error("must provide an object", pointer)
            return
        self._keys(confirm, ("title", "text", "confirm", "deny", "style"), pointer)
        for key, limit in (("title", 100), ("confirm", 30), ("deny", 30)):
            if confirm.get(key) is not None or key == "title":
                self.text(confirm.get(key), f"{pointer}/{key}", limit=limit, plain=True)
        self.text(confirm.get("text"), f"{pointer}/text", limit=300)

    def _plain_input(self, element: Json, pointer: str) -> None:
        for key, least in (("max_length", 1), ("min_length", 0)):
            value = element.get(key)
            if value is not None and not (isinstance(value, int) and least <= value <= 3000):
                self.error(f"must be between {least} and 3000", f"{pointer}/{key}")
        self.string(
            element.get("initial_value"),
            f"{pointer}/initial_value",
            limit=3000,
            least=0,
            optional=True,
        )

    def _options(self, element: Json, pointer: str, limit: int) -> None:
        if element.get("options") is None and element.get("option_groups") is not None:
            groups = self._items(element, "option_groups", pointer, 100)
            lists = [self._items(group, "options", here, limit) for group, here in groups]
        else:
            lists = [self._items(element, "options", pointer, limit)]
        for options in lists:
            for option, here in options:
                self._keys(option, ("text", "value", "description", "url"), here)
                self.text(option.get("text"), f"{here}/text", limit=75)
                self.string(option.get("value"), f"{here}/value", limit=150)
                if option.get("description") is not None:
                    self.text(option["description"], f"{here}/description", limit=75)
