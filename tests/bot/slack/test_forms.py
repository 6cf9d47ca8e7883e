"""The forms: what is asked before a rejection, and what is said to late clicks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from bot.slack.ids import ALREADY_OVER, REASON_BLOCK, REASON_INPUT, REJECT_FORM
from bot.slack.render.forms import MAX_REASON, RejectForm, ended_modal, reject_modal
from gate import InvalidId, LimitExceeded, Verdict

from ...golden import same_as_golden
from .checks import view_accepted
from .examples import BEN, NAMES, SEAL, asked, cancelled, decided, ended, expired, stamp
from .hostile import texts

CHANNEL = "C0APPROVALS"


def _form(approval: Any = None) -> dict[str, Any]:
    return reject_modal(approval or asked(), stamp=SEAL.value, person="U0ANA", place=CHANNEL)


def _submitted(note: object, **changes: Any) -> dict[str, Any]:
    values = {REASON_BLOCK: {REASON_INPUT: {"type": "plain_text_input", "value": note}}}
    return {**_form(), "state": {"values": values}, **changes}


def test_golden_reject_form() -> None:
    """The form says what will happen and asks for a reason that may stay empty."""
    view = reject_modal(asked(), stamp=stamp, person="U0ANA", place=CHANNEL)
    view_accepted(view)
    same_as_golden("view/reject.json", view)


@pytest.mark.parametrize(
    ("name", "approval"),
    [
        ("over_rejected", decided(Verdict.DENY, by=BEN, note="Not on a Friday.")),
        ("over_done", ended()),
        ("over_expired", expired()),
        ("over_cancelled", cancelled(by="billing")),
    ],
)
def test_golden_ended(name: str, approval: Any) -> None:
    """A late click is told how it ended."""
    view = ended_modal(approval, names=NAMES)
    view_accepted(view)
    assert (view["callback_id"], "submit" in view) == (ALREADY_OVER, False)
    same_as_golden(f"view/{name}.json", view)


@pytest.mark.parametrize(
    ("note", "read"),
    [(None, None), ("", None), (" \n", None), (" Not today.\n", "Not today."), ("x" * 3000,) * 2],
)
def test_a_submission_comes_back(note: object, read: str | None) -> None:
    """What the form was opened with and what the person wrote come back as they were."""
    form = RejectForm.parse(_submitted(note))
    value = SEAL.value(asked(), surface="form", place="U0ANA")
    assert RejectForm(value=value, place=CHANNEL, note=read) == form
    assert SEAL.open(form.value, surface="form", place="U0ANA").fits(asked())


@settings(deadline=None)  # each example is judged by four validators
@given(texts)
def test_any_reason_is_read_as_written(text: str) -> None:
    """A reason is kept word for word; what it holds is made visible where it is shown."""
    assert (text.strip() or None) == RejectForm.parse(_submitted(text)).note


def _hidden(**changes: Any) -> dict[str, Any]:
    hidden = json.loads(_form()["private_metadata"]) | changes
    return _submitted(None, private_metadata=json.dumps(hidden))


@pytest.mark.parametrize(
    "view",
    [
        {},
        {"callback_id": REJECT_FORM},
        _submitted(None, callback_id="other"),
        _submitted(None, private_metadata=""),
        _submitted(None, private_metadata="[]"),
        _submitted(None, private_metadata="[" * 5000),
        _submitted(None, private_metadata=None),
        _submitted(None, state={"values": {}}),
        _submitted(42),
        _submitted({"a": 1}),
        _submitted("\ud800"),
        _hidden(v=None),
        _hidden(c=["C0APPROVALS"]),
    ],
)
def test_other_submissions_are_refused(view: dict[str, Any]) -> None:
    """A form that is not ours, or was changed out of its form, rejects nothing."""
    with pytest.raises(InvalidId):
        RejectForm.parse(view)


def test_a_longer_reason_than_slack_allows_is_refused() -> None:
    """The limit is Slack's and the record's; it is not left to Slack alone."""
    with pytest.raises(LimitExceeded):
        RejectForm.parse(_submitted("x" * (MAX_REASON + 1)))


@settings(deadline=None)  # each example is judged by four validators
@given(texts.filter(bool), texts)
def test_no_hostile_text_breaks_a_view(name: str, note: str) -> None:
    """Names and notes of anybody fit and have no power."""
    names = {"name": (name * 50)[:200], "agent": (name * 50)[:200]}
    view_accepted(_form(asked(**names)))
    view_accepted(ended_modal(decided(Verdict.DENY, note=(note * 300)[:3000], **names)))
    view_accepted(ended_modal(cancelled(by=note, reason=note)))


def test_the_longest_key_fits_into_the_form() -> None:
    """What the form carries stays under Slack's 3,000 characters."""
    view_accepted(_form(asked(id="i" * 128, namespace="n" * 128, nonce="x" * 128)))
