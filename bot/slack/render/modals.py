"""Owns the forms: the one for a reason behind Reject, and the view for late clicks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from gate import Approval, InvalidId, LimitExceeded

from ..ids import (
    ALREADY_OVER,
    BLOCK_PREFIX,
    REASON_BLOCK,
    REASON_INPUT,
    REJECT_FORM,
    ButtonValue,
    is_channel,
    is_message,
)
from .card import title
from .line import Words, quote, rich_text, section
from .status import ended_note, state_of, status_line

__all__ = ["MAX_REASON", "RejectForm", "already_over", "reject_modal"]

MAX_REASON: Final = 3000
"""Characters of a reason: what Slack's input takes, and what a note may have."""


@dataclass(frozen=True)
class RejectForm:
    """What comes back from the form behind Reject."""

    value: ButtonValue
    """The button's: which approval, and what was shown beside it."""
    channel: str
    """The card's channel id."""
    ts: str
    """The card's timestamp."""
    note: str | None = None
    """The reason, without white space around it; `None` where none was given."""

    @classmethod
    def parse(cls, view: Mapping[str, Any]) -> Self:
        """Read the `view` of a `view_submission` that `reject_modal` opened.

        Raises:
            InvalidId: Not a submission of that form. The error does not repeat its content.
            LimitExceeded: The reason has more than 3,000 characters.
        """
        if view.get("callback_id") != REJECT_FORM:
            raise InvalidId(field="form", reason="it is another form")
        try:
            hidden = json.loads(view["private_metadata"])
            value, channel, ts = hidden["v"], hidden["c"], hidden["t"]
            note = view["state"]["values"][REASON_BLOCK][REASON_INPUT]["value"]
        except (KeyError, TypeError, ValueError, RecursionError):
            raise InvalidId(field="form", reason="its fields are not ours") from None
        if not (is_channel(channel) and is_message(ts)):
            raise InvalidId(field="form", reason="it names no message")
        return cls(value=ButtonValue.parse(value), channel=channel, ts=ts, note=_note(note))


def reject_modal(
    approval: Approval, value: ButtonValue, *, channel: str, ts: str
) -> dict[str, Any]:
    """Return the form that asks for a reason and rejects when it is submitted.

    Args:
        approval: What is being rejected.
        value: Of the button that was clicked; the submission is judged by it again.
        channel: The card's channel id.
        ts: The card's timestamp.
    """
    hidden = json.dumps({"v": str(value), "c": channel, "t": ts}, separators=(",", ":"))
    return {
        "type": "modal",
        "callback_id": REJECT_FORM,
        "private_metadata": hidden,
        "title": _plain("Reject this request?"),
        "submit": _plain("Reject"),
        "close": _plain("Back"),
        "blocks": [
            {
                **rich_text(
                    section([Words("It will not run.", bold=True), Words(" The agent is told.")])
                ),
                "block_id": f"{BLOCK_PREFIX}:reject:1",
            },
            {
                "type": "context",
                "block_id": f"{BLOCK_PREFIX}:reject:2",
                "elements": [_plain(title(approval))],
            },
            {
                "type": "input",
                "block_id": REASON_BLOCK,
                "optional": True,
                "label": _plain("Reason"),
                "hint": _plain("The agent and everybody in the channel can read it."),
                "element": {
                    "type": "plain_text_input",
                    "action_id": REASON_INPUT,
                    "multiline": True,
                    "max_length": MAX_REASON,
                    "focus_on_load": True,
                    "placeholder": _plain("What should be different?"),
                },
            },
        ],
    }


def already_over(approval: Approval) -> dict[str, Any]:
    """Return the view for a click on something that has ended: how it ended, nothing to decide."""
    parts = [section(status_line(approval, state_of(approval)))]
    note = ended_note(approval)
    if note:
        parts.extend(quote(note))
    return {
        "type": "modal",
        "callback_id": ALREADY_OVER,
        "title": _plain("Nothing to decide"),
        "close": _plain("Close"),
        "blocks": [
            {**rich_text(*parts), "block_id": f"{BLOCK_PREFIX}:over:1"},
            {
                "type": "context",
                "block_id": f"{BLOCK_PREFIX}:over:2",
                "elements": [_plain(title(approval))],
            },
        ],
    }


def _note(note: object) -> str | None:
    if note is None:
        return None
    if not isinstance(note, str):
        raise InvalidId(field="reason", reason="it is not text")
    try:
        note.encode()
    except UnicodeEncodeError:
        raise InvalidId(field="reason", reason="it holds half a character") from None
    text = note.strip()
    if len(text) > MAX_REASON:
        raise LimitExceeded(field="reason characters", value=len(text), limit=MAX_REASON)
    return text or None


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
