"""Owns the form in which a person answers in place of the tool: nothing runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from gate import Approval, InvalidId, LimitExceeded

from ...masking import Masking
from ..ids import ANSWER_BLOCK, ANSWER_FORM, ANSWER_INPUT, BLOCK_PREFIX
from ..limits import MAX_INPUT
from ..text import units
from .buttons import Stamp, plain
from .forms import hidden
from .line import Words, rich_text, section
from .payload import MASKING
from .submitted import kept_by, note_block, note_of, text_of, values_of
from .titles import short_digest, title

__all__ = [
    "MAX_ANSWER",
    "AnswerForm",
    "answer_modal",
]

MAX_ANSWER: Final = MAX_INPUT
"""UTF-16 units of a result: what Slack's input takes."""


@dataclass(frozen=True)
class AnswerForm:
    """What comes back from the form for a result."""

    value: str
    """The sealed value, unopened: which approval, sealed for surface `answer` and the person."""
    place: str
    """Where the person is told what came of it."""
    override_result: str
    """What the agent gets, word for word; white space at both ends as it was sent."""
    note: str | None = None
    """Why, without white space around it; `None` where nothing was said."""

    @classmethod
    def parse(cls, view: Mapping[str, Any]) -> Self:
        """Read the `view` of a `view_submission` that `answer_modal` opened.

        Raises:
            InvalidId: Not a submission of that form, or nothing was entered. The error does not
                repeat its content.
            LimitExceeded: The result or the note has more than 3,000 characters.
        """
        kept = kept_by(view, ANSWER_FORM)
        values = values_of(view)
        try:
            state = values[ANSWER_BLOCK][ANSWER_INPUT]
        except (KeyError, TypeError):
            raise InvalidId(field="answer form", reason="its fields are not ours") from None
        result = text_of(state)
        if result is None:
            raise InvalidId(field="answer form", reason="the result is empty")
        if units(result) > MAX_ANSWER:
            raise LimitExceeded(field="result characters", value=units(result), limit=MAX_ANSWER)
        return cls(kept["v"], kept["c"], result, note_of(values))


def answer_modal(
    approval: Approval, *, stamp: Stamp, person: str, place: str, masking: Masking = MASKING
) -> dict[str, Any]:
    """Return the form that gives the agent a text in place of a run when it is submitted.

    Args:
        approval: What is asked; the caller looks whether it allows a result.
        stamp: Seals what the submission is judged by.
        person: The id of the person whom it is opened for.
        place: Where that person is told what came of it.
        masking: Masks what looks like a secret.

    Raises:
        InvalidId: The record has an id, nonce or digest that no gate makes.
    """
    veiled = masking.veil(approval)
    warning = [
        Words("It will not run", bold=True),
        Words("; the agent gets your text instead."),
    ]
    facts = f"{title(veiled)} · digest {short_digest(veiled)}"
    return {
        "type": "modal",
        "callback_id": ANSWER_FORM,
        "private_metadata": hidden(stamp(approval, surface="answer", place=person), place),
        "title": plain("Answer instead"),
        "submit": plain("Send to the agent"),
        "close": plain("Back"),
        "blocks": [
            {**rich_text(section(warning)), "block_id": f"{BLOCK_PREFIX}:answer:1"},
            {
                "type": "context",
                "block_id": f"{BLOCK_PREFIX}:answer:2",
                "elements": [plain(facts)],
            },
            {
                "type": "input",
                "block_id": ANSWER_BLOCK,
                "label": plain("What the agent gets as the result"),
                "hint": plain("Word for word. Everybody in the channel can read it."),
                "element": {
                    "type": "plain_text_input",
                    "action_id": ANSWER_INPUT,
                    "multiline": True,
                    "max_length": MAX_ANSWER,
                    "focus_on_load": True,
                },
            },
            note_block("The agent and everybody in the channel can read it."),
        ],
    }
