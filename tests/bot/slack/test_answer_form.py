"""The form for a result in place of a run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from bot.sandbox.rules import check_view
from bot.slack.ids import ANSWER_BLOCK, ANSWER_FORM, ANSWER_INPUT, REASON_BLOCK, REASON_INPUT
from bot.slack.render.answer_form import MAX_ANSWER, AnswerForm, answer_modal
from gate import InvalidId, LimitExceeded
from tests.support.validators import problems

from ...golden import same_as_golden
from .checks import view_accepted
from .examples import SEAL, asked, stamp
from .hostile import texts

PLACE = "C0APPROVALS"


def _form(approval: Any = None) -> dict[str, Any]:
    chosen = approval or asked(allow_override=True)
    return answer_modal(chosen, stamp=SEAL.value, person="U0ANA", place=PLACE)


def _sent(result: object, note: object = None, **changes: Any) -> dict[str, Any]:
    values = {
        ANSWER_BLOCK: {ANSWER_INPUT: {"type": "plain_text_input", "value": result}},
        REASON_BLOCK: {REASON_INPUT: {"type": "plain_text_input", "value": note}},
    }
    return {**_form(), "state": {"values": values}, **changes}


def test_golden_answer_form():
    """It says that nothing will run, and asks for what the agent gets."""
    view = answer_modal(asked(allow_override=True), stamp=stamp, person="U0ANA", place=PLACE)
    view_accepted(view)
    assert problems("modal", view) == []
    check_view(view, home=False)
    same_as_golden("view/answer.json", view)


def test_an_answer_comes_back():
    """The result is kept word for word, the note without white space around it."""
    form = AnswerForm.parse(_sent("No such account.\n", " Ask Ben. "))
    value = SEAL.value(asked(allow_override=True), surface="answer", place="U0ANA")
    assert AnswerForm(value, PLACE, "No such account.\n", "Ask Ben.") == form


@given(texts.filter(bool))
def test_any_result_is_read_as_written(text: str):
    """What the text holds is made visible where it is shown."""
    assert text == AnswerForm.parse(_sent(text)).override_result


@pytest.mark.parametrize(
    "view",
    [
        {},
        {"callback_id": ANSWER_FORM},
        _sent("x", callback_id="other"),
        _sent("x", private_metadata="{}"),
        _sent("x", state={"values": {}}),
        _sent("x", state={"values": {ANSWER_BLOCK: {}}}),
        _sent(None),
        _sent(""),
        _sent(42),
        _sent("\ud800"),
        _sent("x", 42),
    ],
)
def test_other_submissions_are_refused(view: dict[str, Any]):
    """A form that is not ours, or that holds no result, answers nothing."""
    with pytest.raises(InvalidId):
        AnswerForm.parse(view)


@pytest.mark.parametrize("entries", [("x" * (MAX_ANSWER + 1),), ("x", "x" * 3001)])
def test_lengths_are_not_left_to_slack(entries: tuple[str, ...]):
    """The limits are those of the inputs."""
    with pytest.raises(LimitExceeded):
        AnswerForm.parse(_sent(*entries))


@settings(deadline=None)  # each example is judged by four validators
@given(texts.filter(bool))
def test_no_hostile_name_breaks_the_form(name: str):
    """Names of anybody fit and have no power."""
    view_accepted(_form(asked(name=(name * 50)[:200], agent=(name * 50)[:200])))
