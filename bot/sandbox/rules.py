"""Slack's limits as numbers, and the checks of whole messages and views.

Sources: the TSDoc of the official types and docs.slack.dev. The cumulative size of a message's
blocks is documented nowhere: slackapi/bolt-js issues 2509 and 2867 measured refusals from about
13,200 characters of block JSON, so that number is used here.
"""

from __future__ import annotations

import json
from typing import Any

from .blocks import BlockCheck, Surface
from .wire import Json, SlackError, invalid_arguments

ACK_SECONDS = 3.0
TRIGGER_SECONDS = 3.0
# docs.slack.dev, Events API: three retries, almost at once, after a minute, after five.
EVENT_RETRY_SECONDS = (0.0, 60.0, 300.0)
RESPONSE_URL_SECONDS = 30 * 60.0
RESPONSE_URL_USES = 5
MAX_SOCKETS = 10
MAX_MODALS = 3

MAX_POST_TEXT = 40_000
MAX_UPDATE_TEXT = 4_000
MAX_MARKDOWN_TEXT = 12_000
MAX_ATTACHMENTS = 100
MAX_MESSAGE_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_BLOCKS_JSON = 13_200
MAX_VIEW_BYTES = 250_000
MAX_METADATA_JSON = 8_000

_VIEW_KEYS = {
    "type",
    "title",
    "blocks",
    "close",
    "submit",
    "private_metadata",
    "callback_id",
    "clear_on_close",
    "notify_on_close",
    "external_id",
    "submit_disabled",
}


def check_message_blocks(blocks: Any, *, sized: bool = True) -> None:
    """Refuse the blocks of a message as Slack does.

    Args:
        blocks: The decoded `blocks` argument.
        sized: Also apply the cumulative size limit (not known to hold for response URLs).

    Raises:
        SlackError: `invalid_blocks_format`, `invalid_blocks` or `msg_blocks_too_long`.
    """
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    check = BlockCheck(Surface.MESSAGE)
    check.blocks(blocks, "/blocks", MAX_MESSAGE_BLOCKS)
    if check.errors:
        raise SlackError(
            "invalid_blocks",
            errors=check.errors,
            response_metadata={"messages": [f"[ERROR] {error}" for error in check.errors]},
        )
    if sized and len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) > (
        MAX_BLOCKS_JSON
    ):
        raise SlackError("msg_blocks_too_long")


def check_metadata(metadata: Any) -> None:
    """Refuse message metadata that is no `event_type` plus `event_payload`.

    Raises:
        SlackError: `invalid_metadata_format` or `metadata_too_large`.
    """
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    if metadata == {}:
        return
    if not isinstance(metadata.get("event_type"), str) or not isinstance(
        metadata.get("event_payload"), dict
    ):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata)) > MAX_METADATA_JSON:
        raise SlackError("metadata_too_large")


def check_view(view: Any, *, home: bool) -> None:
    """Refuse a view as Slack does.

    Args:
        view: The decoded `view` argument.
        home: The view is for the App Home instead of a modal.

    Raises:
        SlackError: `view_too_large` or `invalid_arguments`.
    """
    if not isinstance(view, dict):
        raise invalid_arguments("failed to match all allowed schemas [json-pointer:/view]")
    size = len(json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_VIEW_BYTES:
        raise SlackError("view_too_large")
    check = view_problems(view, home=home, pointer="/view")
    if check.errors:
        raise invalid_arguments(*check.errors)


def view_problems(view: Json, *, home: bool, pointer: str) -> BlockCheck:
    """What is wrong with a view; `pointer` is the view's own place."""
    check = BlockCheck(Surface.HOME if home else Surface.MODAL)
    check.choice(view.get("type"), f"{pointer}/type", ("home" if home else "modal",))
    check.keys(view, _VIEW_KEYS, pointer)
    if "blocks" not in view:
        check.missing("blocks", pointer)
    else:
        check.blocks(view["blocks"], f"{pointer}/blocks", MAX_VIEW_BLOCKS)
    for key, limit in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        check.string(view.get(key), f"{pointer}/{key}", limit=limit, least=0, optional=True)
    if home:
        for key in ("title", "submit", "close"):
            if view.get(key) is not None:
                check.error(f"invalid additional property: {key}", pointer, code="unknown_field")
    else:
        _check_modal_frame(check, view, pointer)
    return check


def _check_modal_frame(check: BlockCheck, view: Json, pointer: str) -> None:
    if view.get("title") is None:
        check.missing("title", pointer)
    for key in ("title", "submit", "close"):
        if view.get(key) is not None:
            check.text(view[key], f"{pointer}/{key}", limit=24, kinds=("plain_text",))
    blocks = view.get("blocks")
    has_input = isinstance(blocks, list) and any(
        isinstance(block, dict) and block.get("type") == "input" for block in blocks
    )
    if has_input and view.get("submit") is None:
        check.missing("submit", pointer)
