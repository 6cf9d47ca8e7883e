"""Owns the form in which a person edits the arguments and approves them as edited."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from gate import Approval, InvalidId, LimitExceeded, PayloadNotCanonical

from ...masking import Masking
from ...schema import SchemaUnchecked
from ..ids import BLOCK_PREFIX, EDIT_BLOCK, EDIT_FORM, EDIT_INPUT, REASON_BLOCK
from .buttons import Stamp, plain
from .cautions import cautions
from .entries import UNCHECKED, EntryRefused, entered
from .fields import Absent, Field, Fixed, Sheet, input_block, sheet_of
from .forms import hidden
from .line import Foreign, Words, rich_text, section
from .payload import MASKING
from .shell import edit_there
from .submitted import kept_by, note_block, note_of, text_of, values_of
from .titles import short_digest, title

__all__ = ["EditForm", "Edited", "edit_modal", "why_no_edit"]

_BLOCK_ID = re.compile(re.escape(EDIT_BLOCK) + r":(0|[1-9][0-9]{0,4})", re.ASCII)
_MOST_STATES: Final = 100
_FIXED_ROWS: Final = 15
"""Arguments that stay, in one block."""
_FIXED_NAME: Final = 60
_OUTDATED: Final = "The request has changed since this form was opened. Close it and open it again."
_TOO_LARGE: Final = "With this the arguments would be too large or too deep."


@dataclass(frozen=True)
class Edited:
    """The arguments as a person wants them."""

    payload: Any
    changed: bool
    """Whether they differ from what stands; where not, it is a plain yes to that."""
    names: tuple[str, ...] = ()
    """The arguments that differ, sorted."""


@dataclass(frozen=True)
class EditForm:
    """What comes back from the form behind Edit."""

    value: str
    """The sealed value, unopened: which approval, sealed for surface `edit` and the person."""
    place: str
    """Where the person is told what came of it."""
    stands: int
    """What the arguments were when the form was opened; see `fits`."""
    states: Mapping[int, tuple[str, str | None]]
    """By the number of the argument: the kind of input, and the text or the chosen option."""
    note: str | None = None
    """Why, without white space around it; `None` where nothing was said."""

    @classmethod
    def parse(cls, view: Mapping[str, Any]) -> Self:
        """Read the `view` of a `view_submission` that `edit_modal` opened.

        Raises:
            InvalidId: Not a submission of that form. The error does not repeat its content.
            LimitExceeded: The note has more than 3,000 characters.
        """
        kept = kept_by(view, EDIT_FORM)
        stands = kept.get("d")
        values = values_of(view)
        if type(stands) is not int or len(values) > _MOST_STATES:
            raise InvalidId(field="edit form", reason="its fields are not ours")
        states = dict(
            _state(block, actions) for block, actions in values.items() if block != REASON_BLOCK
        )
        return cls(kept["v"], kept["c"], stands, states, note_of(values))

    def fits(self, approval: Approval) -> bool:
        """Say whether the form was opened for the arguments that *approval* has now."""
        return self.stands == _stands(approval)

    def apply(self, approval: Approval, *, masking: Masking = MASKING) -> Edited | dict[str, str]:
        """Return the arguments as they were edited, or what is wrong: sentences by block_id.

        Args:
            approval: The record as it is now.
            masking: The same that the form was made with.

        Raises:
            InvalidId: The form has other inputs than this approval's.
        """
        may = approval.editable and self.fits(approval)
        sheet = sheet_of(approval, masking=masking) if may else ""
        if isinstance(sheet, str):
            return {self._first_block(): _OUTDATED}
        kinds = {field.index: field.element for field in sheet.fields}
        if kinds != {index: kind for index, (kind, _) in self.states.items()}:
            raise InvalidId(field="edit form", reason="it has other inputs")
        values: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for field in sheet.fields:
            try:
                value = entered(field, self.states[field.index][1], schema=sheet.schema)
            except EntryRefused as error:
                faults[_block_of(field)] = error.words
                continue
            if value is not field.value:
                values[field.name] = value
        if faults:
            return faults
        if not values:
            return Edited(approval.effective_payload, changed=False)
        payload = _merged(approval.effective_payload, values)
        fault = _fault(approval, payload, sheet, values)
        return fault or Edited(payload, changed=True, names=tuple(sorted(values)))

    def _first_block(self) -> str:
        return f"{EDIT_BLOCK}:{min(self.states)}" if self.states else REASON_BLOCK


def why_no_edit(approval: Approval, masking: Masking = MASKING) -> str | None:
    """Return in a sentence why the arguments of *approval* cannot be edited, `None` if they can."""
    if not approval.editable:
        return "The agent does not let its arguments be edited."
    sheet = sheet_of(approval, masking=masking)
    return sheet if isinstance(sheet, str) else None


def edit_modal(
    approval: Approval, *, stamp: Stamp, person: str, place: str, masking: Masking = MASKING
) -> dict[str, Any] | None:
    """Return the form that edits the arguments, and approves them when it is submitted.

    Args:
        approval: What is asked, with the arguments that stand now.
        stamp: Seals what the submission is judged by.
        person: The id of the person whom it is opened for.
        place: Where that person is told what came of it.
        masking: Masks what looks like a secret; what is masked cannot be edited.

    Returns:
        The view, or `None` where nothing can be edited: `why_no_edit` says why.

    Raises:
        InvalidId: The record has an id, nonce or digest that no gate makes.
    """
    sheet = sheet_of(approval, masking=masking) if approval.editable else ""
    if isinstance(sheet, str):
        return None
    veiled = masking.veil(approval)
    warned = cautions(veiled)
    facts = f"{title(veiled)} · digest {short_digest(veiled)}"
    head: list[dict[str, Any]] = [
        rich_text(
            section(
                [
                    Words("Submitting approves it with what stands here.", bold=True),
                    Words(" Everybody in the channel sees what you changed."),
                ]
            )
        ),
        {"type": "context", "elements": [plain(facts)]},
        *([rich_text(*warned)] if warned else []),
    ]
    tail = list(_staying(sheet.fixed, masking))
    if tail:
        tail.append(rich_text(section([Words(edit_there(veiled))])))
    for index, block in enumerate((*head, *tail)):
        block["block_id"] = f"{BLOCK_PREFIX}:edit:{index}"
    return {
        "type": "modal",
        "callback_id": EDIT_FORM,
        "private_metadata": hidden(
            stamp(approval, surface="edit", place=person), place, d=_stands(approval)
        ),
        "title": plain("Edit and approve"),
        "submit": plain("Approve"),
        "close": plain("Back"),
        "blocks": [
            *head,
            *map(input_block, sheet.fields),
            *tail,
            note_block("The agent and everybody in the channel can read it."),
        ],
    }


def _stands(approval: Approval) -> int:
    """Return a part of the digest of the arguments as they stand, small enough for any JSON."""
    return int(approval.effective_digest[:12], 16)


def _state(block: str, actions: Mapping[str, Any]) -> tuple[int, tuple[str, str | None]]:
    number = _BLOCK_ID.fullmatch(block)
    state = actions.get(f"{EDIT_INPUT}:{number[1]}") if number else None
    if number is None or len(actions) != 1 or not isinstance(state, dict):
        raise InvalidId(field="edit form", reason="its fields are not ours")
    kind = state.get("type")
    if kind not in ("static_select", "radio_buttons"):
        return int(number[1]), ("plain_text_input", text_of(state))
    option = state.get("selected_option")
    chosen = option.get("value") if isinstance(option, dict) else None
    if option is not None and not isinstance(chosen, str):
        raise InvalidId(field="edit form", reason="its fields are not ours")
    return int(number[1]), (str(kind), chosen)


def _staying(fixed: Sequence[Fixed], masking: Masking) -> Iterator[dict[str, Any]]:
    for start in range(0, len(fixed), _FIXED_ROWS):
        lines = [
            section(
                [
                    Words("• "),
                    Foreign(masking.prose(each.name), _FIXED_NAME, bold=True),
                    Words(f": {each.why}"),
                ]
            )
            for each in fixed[start : start + _FIXED_ROWS]
        ]
        if not start:
            lines.insert(0, section([Words("These stay as they are:", bold=True)]))
        yield rich_text(*lines)


def _block_of(field: Field) -> str:
    return f"{EDIT_BLOCK}:{field.index}"


def _merged(payload: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**payload, **values}
    return {name: value for name, value in merged.items() if value is not Absent.ABSENT}


def _fault(
    approval: Approval, payload: dict[str, Any], sheet: Sheet, values: Mapping[str, Any]
) -> dict[str, str]:
    """Return what is wrong with all of the arguments, at the input that it is said at."""
    blocks = {field.name: _block_of(field) for field in sheet.fields}
    changed = blocks[min(values)]
    try:
        found = sheet.schema.fault_together(payload)
        approval.digest_of(payload)
    except SchemaUnchecked:
        return {changed: UNCHECKED}
    except (LimitExceeded, PayloadNotCanonical):
        return {changed: _TOO_LARGE}
    if found is None:
        return {}
    name, words = found
    if name is None:
        return {changed: words}
    if name in blocks:
        return {blocks[name]: words}
    return {changed: "An argument that the tool needs is missing, and cannot be added here."}
