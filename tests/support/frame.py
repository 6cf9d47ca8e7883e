"""Owns our own check of what goes to Slack: what libraries and types miss, and hostile text.

The numbers are those of docs.slack.dev and of the official types. The size of a message's blocks
is documented nowhere; slackapi/bolt-js issues 2509 and 2867 measured refusals from about 13,200
characters of block JSON.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["frame_problems"]

MAX_BLOCKS: Final = {"message": 50, "modal": 100, "home": 100}
MAX_BLOCKS_JSON: Final = 13_200
MAX_VIEW_BYTES: Final = 250_000
MAX_TEXT: Final = 4_000
"""chat.update refuses more, and whatever is posted may be updated one day."""
LENGTHS: Final = {
    "private_metadata": 3000,
    "callback_id": 255,
    "external_id": 255,
    "block_id": 255,
    "action_id": 255,
    "accessibility_label": 75,
}
MAX_BUTTON_VALUE: Final = 2000
MAX_OPTION_VALUE: Final = 150

# What our own frame writes into mrkdwn: people, groups and channels by their ids, and times.
_OURS: Final = re.compile(
    r"<(?:@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+|#[CGD][A-Z0-9]+"
    r"|!date\^\d+\^[a-z{}_ ]+\|[0-9: -]+UTC)>"
)
_ENTITY: Final = re.compile(r"&(?:amp|lt|gt);")
_HIDDEN: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_BLANK: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\ufe0e\ufe0f\uffa0\u2800"
)


def frame_problems(kind: str, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a `message`, `modal` or `home`."""
    blocks = list(body.get("blocks") or ())
    if len(blocks) > MAX_BLOCKS[kind]:
        yield f"blocks: {len(blocks)}, {MAX_BLOCKS[kind]} are allowed"
    yield from _call(body) if kind == "message" else _view(kind, body)
    yield from _ids(kind, blocks)
    shown = blocks if kind == "message" else dict(body)
    for place, part in _objects(shown, ""):
        yield from _object(place, part)
    for place, text in _strings(shown, ""):
        yield from _visible(place, text)


def _call(body: Mapping[str, Any]) -> Iterator[str]:
    text = body.get("text")
    if not isinstance(text, str) or not text.strip():
        yield "text: missing or empty, so that notifications and screen readers say nothing"
    else:
        if _units(text) > MAX_TEXT:
            yield f"text: {_units(text)} characters, {MAX_TEXT} are allowed"
        yield from _inert("text", text)
        yield from _visible("text", text)
    size = len(json.dumps(body.get("blocks"), ensure_ascii=False, separators=(",", ":")))
    if size > MAX_BLOCKS_JSON:
        yield f"blocks: {size} characters, {MAX_BLOCKS_JSON} are allowed"
    for name in ("unfurl_links", "unfurl_media", "link_names"):
        if body.get(name) not in (None, False):
            yield f"{name}: foreign text could be turned into a link or a mention"
    if body.get("parse") not in (None, "none"):
        yield "parse: foreign text could be turned into a link or a mention"
    for name in ("attachments", "markdown_text"):
        if body.get(name):
            yield f"{name}: Slack reads markup in it that nobody has made inert"


def _view(kind: str, body: Mapping[str, Any]) -> Iterator[str]:
    if body.get("type") != kind:
        yield f"type: {body.get('type')!r} instead of {kind}"
    if not body.get("blocks"):
        yield "blocks: none"
    size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_VIEW_BYTES:
        yield f"view: {size} bytes, {MAX_VIEW_BYTES} are allowed"
    inputs = any(block.get("type") == "input" for block in body.get("blocks") or ())
    if kind == "modal" and inputs and body.get("submit") is None:
        yield "submit: an input needs it"


def _ids(kind: str, blocks: list[Any]) -> Iterator[str]:
    """Yield ids that are used twice.

    Slack wants action ids to be unique in their block. In a message and a modal ours are unique in
    the whole of it, so that a click names its control; a home repeats its buttons in every row.
    """
    names = [block["block_id"] for block in blocks if "block_id" in block]
    yield from (f"block_id: {name!r} twice" for name, count in Counter(names).items() if count > 1)
    found = [
        (index if kind == "home" else 0, part["action_id"])
        for index, block in enumerate(blocks)
        for _, part in _objects(block, "")
        if "action_id" in part
    ]
    yield from (
        f"action_id: {key[1]!r} twice" for key, count in Counter(found).items() if count > 1
    )


def _object(place: str, part: Mapping[str, Any]) -> Iterator[str]:
    kind, text = part.get("type"), part.get("text")
    if kind in ("mrkdwn", "markdown") and isinstance(text, str):
        yield from _inert(place, text)
    if kind in ("mrkdwn", "plain_text") and (not isinstance(text, str) or not text.strip()):
        yield f"{place}/text: nothing to read"
    if kind == "plain_text" and part.get("emoji") is not False:
        yield f"{place}/emoji: not switched off, so that foreign text could show signs of ours"
    if kind == "broadcast":
        yield f"{place}: calls everybody"
    if kind == "link" and not str(part.get("url")).startswith("https://"):
        yield f"{place}/url: not https"
    if kind == "image" and not str(part.get("alt_text") or "").strip():
        yield f"{place}/alt_text: nothing to read"
    for name, limit in LENGTHS.items():
        if name in part:
            yield from _long(f"{place}/{name}", part[name], limit)
    if "value" in part:
        limit = MAX_BUTTON_VALUE if kind == "button" else MAX_OPTION_VALUE
        yield from _long(f"{place}/value", part["value"], limit)


def _long(place: str, value: object, limit: int) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{place}: not text"
    elif _units(value) > limit:
        yield f"{place}: {_units(value)} characters, {limit} are allowed"


def _units(text: str) -> int:
    """Return the length in UTF-16 units: Slack does not say what it counts, and this is larger."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _inert(place: str, mrkdwn: str) -> Iterator[str]:
    """Yield what Slack would act on in a text, other than what our own frame writes."""
    rest = _OURS.sub("", mrkdwn)
    if "<" in rest or ">" in rest:
        yield f"{place}: a mention, a link or a quote that is not of our frame"
    if "&" in _ENTITY.sub("", rest):
        yield f"{place}: a bare &"
    if "://" in re.sub(r"`[^`]+`", "", rest):
        yield f"{place}: an address that becomes a link"


def _visible(place: str, text: str) -> Iterator[str]:
    """Yield the characters that a screen shows as nothing."""
    for char in set(text) - {"\n", " "}:
        kind = unicodedata.category(char)
        if kind in _HIDDEN or kind == "Zs" or char in _BLANK:
            yield f"{place}: U+{ord(char):04X} cannot be seen"


def _objects(value: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        yield place, value
        for name, item in value.items():
            yield from _objects(item, f"{place}/{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _objects(item, f"{place}/{index}")


def _strings(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _strings(item, f"{place}/{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _strings(item, f"{place}/{index}")
