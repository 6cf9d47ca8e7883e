"""Requests that can be edited, and what a person's client sends back of their forms."""

from __future__ import annotations

import copy
from typing import Any

from bot.masking import Masking
from bot.sandbox.elements import state_values
from bot.sandbox.rules import check_view
from bot.slack.ids import EDIT_BLOCK, EDIT_INPUT
from bot.slack.render.editing import Edited, EditForm, edit_modal
from gate import Approval
from tests.support.validators import problems

from .examples import asked, stamp

PERSON, PLACE = "U0ANA", "C0APPROVALS"
EMPTY = object()
"""What a person leaves, or makes, empty."""


def editable(payload: Any, schema: dict[str, Any] | None = None, **changes: Any) -> Approval:
    """A request whose arguments may be edited."""
    return asked(payload, editable=True, arguments_schema=schema, **changes)


def opened(approval: Approval, *, masking: Masking | None = None) -> dict[str, Any]:
    """Return the form, which every judge and the sandbox accept."""
    chosen = {"masking": masking} if masking else {}
    view = edit_modal(approval, stamp=stamp, person=PERSON, place=PLACE, **chosen)
    assert view is not None
    assert problems("modal", view) == []
    check_view(view, home=False)
    return view


def sent(view: dict[str, Any], **entries: Any) -> dict[str, Any]:
    """Return what comes back of a form.

    Args:
        view: The form.
        entries: By argument, with `_` for what no keyword holds: a text, the text of an option, or
            `EMPTY`.
    """
    values = copy.deepcopy(state_values(view["blocks"], {}))
    for name, entry in entries.items():
        block = input_of(view, name)
        state = values[block["block_id"]][block["element"]["action_id"]]
        if "options" in block["element"]:
            options = [*block["element"]["options"], {"text": {"text": None}}]
            chosen = next(each for each in options if each["text"]["text"] in (entry, None))
            state["selected_option"] = chosen if "value" in chosen else None
        else:
            state["value"] = None if entry is EMPTY else entry
    return {**view, "state": {"values": values}}


def applied(approval: Approval, **entries: Any) -> Edited | dict[str, str]:
    """Return what comes of a form that is opened, filled in and submitted."""
    return EditForm.parse(sent(opened(approval), **entries)).apply(approval)


def fault(approval: Approval, **entries: Any) -> str:
    """Return the one thing that is wrong with what was entered, told at its input."""
    (name,) = entries
    found = applied(approval, **entries)
    assert isinstance(found, dict)
    assert list(found) == [input_of(opened(approval), name)["block_id"]]
    return found.popitem()[1]


def payload_of(approval: Approval, **entries: Any) -> Any:
    """Return the edited arguments."""
    found = applied(approval, **entries)
    assert isinstance(found, Edited), found
    return found.payload


def input_of(view: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the input with the label *name*."""
    return next(block for block in inputs_of(view) if block["label"]["text"].strip('"') == name)


def inputs_of(view: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the inputs for arguments, in order."""
    return [
        block
        for block in view["blocks"]
        if block["type"] == "input" and block["block_id"].startswith(f"{EDIT_BLOCK}:")
    ]


def offered(view: dict[str, Any]) -> list[str]:
    """Return the labels of the inputs for arguments."""
    return [block["label"]["text"] for block in inputs_of(view)]


def staying(view: dict[str, Any]) -> dict[str, str]:
    """Return the arguments that stay, and why."""
    return {
        row["elements"][1]["text"]: row["elements"][2]["text"].removeprefix(": ")
        for block in view["blocks"]
        if block["type"] == "rich_text"
        for row in block["elements"]
        if row["elements"][0]["text"] == "• "
    }


def own_ids(view: dict[str, Any]) -> bool:
    """Say whether every id of an input is a number of ours."""
    return all(
        block["block_id"].removeprefix(f"{EDIT_BLOCK}:").isdigit()
        and block["element"]["action_id"].removeprefix(f"{EDIT_INPUT}:").isdigit()
        for block in inputs_of(view)
    )
