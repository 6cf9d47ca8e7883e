"""Owns the forms: the one for a reason behind Reject, and the view for what has ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from gate import Approval, InvalidId, LimitExceeded

from ...masking import Masking
from ..ids import ALREADY_OVER, BLOCK_PREFIX, REASON_BLOCK, REASON_INPUT, REJECT_FORM
from .buttons import Stamp, plain
from .line import Names, Words, quote, rich_text, section
from .payload import MASKING
from .status import ended_note, state_of, status_line
from .titles import short_digest, title

__all__ = [
    "MAX_REASON",
    "TOO_MANY",
    "RejectForm",
    "ended_modal",
    "hidden",
    "reject_modal",
    "too_many_modal",
]

MAX_REASON: Final = 3000
"""Characters of a reason: what Slack's input takes, and what a note may have."""

TOO_MANY: Final = (
    "Nothing was recorded: too many clicks at once. Please wait ten seconds and try again."
)
"""What a form says that was not looked at."""


@dataclass(frozen=True)
class RejectForm:
    """What comes back from the form behind Reject."""

    value: str
    """The sealed value, unopened: which approval, sealed for surface `form` and the person."""
    place: str
    """Where the person is told what came of it."""
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
            kept = json.loads(view["private_metadata"])
            value, place = kept["v"], kept["c"]
            note = view["state"]["values"][REASON_BLOCK][REASON_INPUT]["value"]
        except (KeyError, TypeError, ValueError, RecursionError):
            raise InvalidId(field="form", reason="its fields are not ours") from None
        if not (isinstance(value, str) and isinstance(place, str)):
            raise InvalidId(field="form", reason="its fields are not ours")
        return cls(value=value, place=place, note=_note(note))


def reject_modal(
    approval: Approval, *, stamp: Stamp, person: str, place: str, masking: Masking = MASKING
) -> dict[str, Any]:
    """Return the form that asks for a reason and rejects when it is submitted.

    Args:
        approval: What is being rejected.
        stamp: Seals what the submission is judged by.
        person: The id of the person whom it is opened for.
        place: Where that person is told what came of it.
        masking: Masks what looks like a secret.

    Raises:
        InvalidId: The record has an id, nonce or digest that no gate makes.
    """
    approval = masking.veil(approval)
    return {
        "type": "modal",
        "callback_id": REJECT_FORM,
        "private_metadata": hidden(stamp(approval, surface="form", place=person), place),
        "title": plain("Reject this request?"),
        "submit": plain("Reject"),
        "close": plain("Back"),
        "blocks": [
            {
                **rich_text(
                    section([Words("It will not run.", bold=True), Words(" The agent is told.")])
                ),
                "block_id": f"{BLOCK_PREFIX}:reject:1",
            },
            _what(approval, f"{BLOCK_PREFIX}:reject:2"),
            {
                "type": "input",
                "block_id": REASON_BLOCK,
                "optional": True,
                "label": plain("Reason"),
                "hint": plain("The agent and everybody in the channel can read it."),
                "element": {
                    "type": "plain_text_input",
                    "action_id": REASON_INPUT,
                    "multiline": True,
                    "max_length": MAX_REASON,
                    "focus_on_load": True,
                    "placeholder": plain("What should be different?"),
                },
            },
        ],
    }


def ended_modal(
    approval: Approval, *, names: Names | None = None, masking: Masking = MASKING
) -> dict[str, Any]:
    """Return the view for a click on something that has ended: how it ended, nothing to decide."""
    approval = masking.veil(approval)
    parts = [section(status_line(approval, state_of(approval), names=names, ping=names is None))]
    note = ended_note(approval)
    if note:
        parts.extend(quote(note))
    return {
        "type": "modal",
        "callback_id": ALREADY_OVER,
        "title": plain("Nothing to decide"),
        "close": plain("Close"),
        "blocks": [
            {**rich_text(*parts), "block_id": f"{BLOCK_PREFIX}:over:1"},
            _what(approval, f"{BLOCK_PREFIX}:over:2"),
        ],
    }


def too_many_modal() -> dict[str, Any]:
    """Return the view that lies on top of a page whose submission was not looked at."""
    return {
        "type": "modal",
        "callback_id": ALREADY_OVER,
        "title": plain("Not recorded"),
        "close": plain("Back"),
        "blocks": [{**rich_text(section([Words(TOO_MANY)])), "block_id": f"{BLOCK_PREFIX}:over:1"}],
    }


def hidden(value: str, place: str, **more: int) -> str:
    """Return what a modal keeps for its way back, as JSON of less than 3,000 characters."""
    return json.dumps({"v": value, "c": place, **more}, separators=(",", ":"))


def _what(approval: Approval, block_id: str) -> dict[str, Any]:
    facts = f"{title(approval)} · digest {short_digest(approval)}"
    return {"type": "context", "block_id": block_id, "elements": [plain(facts)]}


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
