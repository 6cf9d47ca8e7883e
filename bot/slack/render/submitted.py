"""Owns what every submitted form brings back: its hidden value, its place, a note."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gate import InvalidId, LimitExceeded

from ..ids import REASON_BLOCK, REASON_INPUT
from .buttons import plain
from .forms import MAX_REASON

__all__ = ["kept_by", "note_block", "note_of", "text_of", "values_of"]


def kept_by(view: Mapping[str, Any], form: str) -> Mapping[str, Any]:
    """Return what `hidden` put into a form: `v` and `c` are texts.

    Raises:
        InvalidId: It is not the form with the callback_id *form*, or what it kept is not ours.
    """
    if view.get("callback_id") != form:
        raise InvalidId(field="form", reason="it is another form")
    kept: Any = None
    try:
        kept = json.loads(view["private_metadata"])
        ours = isinstance(kept["v"], str) and isinstance(kept["c"], str)
    except (KeyError, TypeError, ValueError, RecursionError):
        ours = False
    if not ours:
        raise InvalidId(field="form", reason="its fields are not ours")
    return dict(kept)


def values_of(view: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the states of the inputs: block_id → action_id → state.

    Raises:
        InvalidId: There are none, or they have another form than Slack gives them.
    """
    try:
        values = view["state"]["values"]
        found = {block: dict(actions) for block, actions in values.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InvalidId(field="form", reason="its fields are not ours") from None
    return found


def text_of(state: object) -> str | None:
    """Return the text of an input's state, `None` where it was left empty.

    Raises:
        InvalidId: It is no text, or holds half a character.
    """
    if not isinstance(state, dict) or state.get("type") != "plain_text_input":
        raise InvalidId(field="form", reason="an input is of another kind")
    text = state.get("value")
    if text is None:
        return None
    if not isinstance(text, str):
        raise InvalidId(field="form", reason="an input holds no text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidId(field="form", reason="an input holds half a character") from None
    return text or None


def note_block(hint: str) -> dict[str, Any]:
    """Return the input for a note, which may stay empty."""
    return {
        "type": "input",
        "block_id": REASON_BLOCK,
        "optional": True,
        "label": plain("Why?"),
        "hint": plain(hint),
        "element": {
            "type": "plain_text_input",
            "action_id": REASON_INPUT,
            "multiline": True,
            "max_length": MAX_REASON,
        },
    }


def note_of(values: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the note without white space around it, `None` where there is none.

    Raises:
        InvalidId: There is no input for it, or it holds no text.
        LimitExceeded: It has more than 3,000 characters.
    """
    try:
        state = values[REASON_BLOCK][REASON_INPUT]
    except (KeyError, TypeError):
        raise InvalidId(field="form", reason="its fields are not ours") from None
    text = (text_of(state) or "").strip()
    if len(text) > MAX_REASON:
        raise LimitExceeded(field="reason characters", value=len(text), limit=MAX_REASON)
    return text or None
