"""Reading payloads: a typed click or form out of what Slack signed, or a refusal."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.deciding import Voter
from bot.slack.ids import ButtonValue
from bot.slack.parse import Click, Submission
from bot.slack.render.modals import reject_modal
from gate import InvalidId, LimitExceeded
from tests.bot.slack.examples import asked

VALUE = ButtonValue.of(asked())


def click(**changes: Any) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": "U1", "team_id": "T1"},
        "team": {"id": "T9"},
        "channel": {"id": "C1"},
        "message": {"ts": "1.1"},
        "trigger_id": "t",
        "actions": [{"value": str(VALUE)}],
    } | changes


def form(**changes: Any) -> dict[str, Any]:
    view = reject_modal(asked(), VALUE, channel="C1", ts="1.1")
    view["state"] = {"values": {"signoff_reason": {"signoff_reason_text": {"value": "no"}}}}
    return {"type": "view_submission", "user": {"id": "U1"}, "team": {"id": "T1"}, "view": view} | (
        changes
    )


def test_a_click():
    """Person, place, trigger and button; the person's own team before the payload's."""
    assert Click(
        voter=Voter(principal="slack:T1:U1", team="T1", user="U1"),
        channel="C1",
        ts="1.1",
        trigger="t",
        value=VALUE,
    ) == Click.parse(click())


def test_ids_in_the_container():
    """Where channel and message are not told by themselves, the container's count."""
    found = Click.parse(
        click(channel=None, message=None, container={"channel_id": "D1", "message_ts": "2.2"})
    )
    assert ("D1", "2.2") == (found.channel, found.ts)


@pytest.mark.parametrize("team", [None, {"id": "T9"}])
def test_a_person_without_a_team(team: Any):
    """The payload's team counts, as Slack means it; without one nobody is named."""
    body = click(user={"id": "W1"}, team=team)
    if team is None:
        with pytest.raises(InvalidId):
            Click.parse(body)
    else:
        assert "slack:T9:W1" == Click.parse(body).voter.principal


def test_a_form():
    """Person, place, button and reason."""
    found = Submission.parse(form())
    assert ("slack:T1:U1", VALUE, "C1", "1.1", "no") == (
        found.voter.principal,
        found.form.value,
        found.form.channel,
        found.form.ts,
        found.form.note,
    )


def test_a_reason_that_is_too_long():
    """The limit is told as a limit."""
    body = form()
    body["view"]["state"]["values"]["signoff_reason"]["signoff_reason_text"]["value"] = "a" * 3001
    with pytest.raises(LimitExceeded):
        Submission.parse(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(part=st.sampled_from(sorted(click())), value=json_values)
def test_any_value_in_any_part_of_a_click(part: str, value: Any):
    """Whatever stands in one part, it is read or refused: never another error."""
    with contextlib.suppress(InvalidId):
        Click.parse(click(**{part: value}))


@given(part=st.sampled_from(sorted(form())), value=json_values)
def test_any_value_in_any_part_of_a_form(part: str, value: Any):
    """As for a click."""
    with contextlib.suppress(InvalidId, LimitExceeded):
        Submission.parse(form(**{part: value}))


@given(path=st.sampled_from(["callback_id", "private_metadata", "state"]), value=json_values)
def test_any_value_in_any_part_of_a_view(path: str, value: Any):
    """As for a click."""
    body = form()
    body["view"][path] = value
    with contextlib.suppress(InvalidId, LimitExceeded):
        Submission.parse(body)
