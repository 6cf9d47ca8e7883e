"""Reading payloads: a typed click or form out of what Slack signed, or a refusal."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.deciding import Voter
from bot.messenger import Posted
from bot.slack.parse import Click, HomeOpened, Reviewed, ShortcutUse, SlashCall, Submission
from bot.slack.render import reject_modal, review_modal
from gate import InvalidId, LimitExceeded
from tests.bot.slack.examples import asked
from tests.bot.slack.office import SEAL

ANA = Voter(principal="slack:T1:U1", team="T1", user="U1")
LARGE = asked({"text": "\n".join(f"line {number}" for number in range(500))})


def click(**changes: Any) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": "U1", "team_id": "T1"},
        "team": {"id": "T9"},
        "channel": {"id": "C1"},
        "message": {"ts": "1.1"},
        "trigger_id": "t",
        "actions": [{"action_id": "signoff_approve", "action_ts": "9.1", "value": "sealed"}],
    } | changes


def form(**changes: Any) -> dict[str, Any]:
    view = reject_modal(asked(), stamp=SEAL.value, person="U1", place="C1")
    view["state"] = {"values": {"signoff_reason": {"signoff_reason_text": {"value": "no"}}}}
    view |= {"id": "V1", "hash": "h"}
    return {"type": "view_submission", "user": {"id": "U1"}, "team": {"id": "T1"}, "view": view} | (
        changes
    )


def review(page: int, *, place: str = "C1", **changes: Any) -> dict[str, Any]:
    view = review_modal(LARGE, page, stamp=SEAL.value, person="U1", place=place)
    return click(view=view | {"id": "V1", "hash": "h"}, **changes)


def test_a_click():
    """Person, place, trigger and button; the person's own team before the payload's."""
    found = Click.parse(click())
    presented = found.presented
    assert (ANA, "t", None) == (found.voter, found.trigger, found.view)
    assert ("sealed", "C1", Posted("C1", "1.1")) == (
        presented.value,
        presented.told_at,
        presented.posted,
    )
    assert (("card", "C1"), ("direct", "U1")) == presented.among
    assert "card" == presented.surface


def test_ids_in_the_container():
    """Where channel and message are not told by themselves, the container's count."""
    found = Click.parse(
        click(channel=None, message=None, container={"channel_id": "D1", "message_ts": "2.2"})
    ).presented
    assert Posted("D1", "2.2") == found.posted
    assert ("direct", "U1") == (found.surface, found.told_at)


def test_the_same_click_twice_is_one_attempt():
    """What Slack repeats names the same attempt; another click, button or person another one."""
    first = Click.parse(click()).presented.attempt
    assert first == Click.parse(click(trigger_id="t")).presented.attempt
    action = click()["actions"][0]
    others = [
        click(user={"id": "U2", "team_id": "T1"}),
        click(message={"ts": "1.2"}),
        click(actions=[action | {"action_ts": "9.2"}]),
        click(actions=[action | {"action_id": "signoff_reject"}]),
        review(1),
    ]
    attempts = {Click.parse(other).presented.attempt for other in others}
    assert len(others) == len(attempts - {first})
    assert 32 == len(first)


def test_a_click_in_a_home():
    """A home is its person's own: no message, and answers go to that person."""
    home = {"type": "home", "id": "V1", "hash": "h", "private_metadata": ""}
    presented = Click.parse(click(view=home)).presented
    assert ((("home", "U1"),), "U1", None) == (
        presented.among,
        presented.told_at,
        presented.posted,
    )


def test_a_click_in_a_review():
    """A page may hold a value for any page of the same review, and nothing else."""
    found = Click.parse(review(1))
    pages = found.view and found.view.review and found.view.review.pages
    assert pages is not None
    assert pages > 1
    kinds = ("", " masked", " reveal", " revealed", " whole")
    assert {(f"review:{page}/{pages}{kind}", "U1") for page in range(1, pages + 1)
            for kind in kinds} == set(found.presented.among)  # fmt: skip
    assert ("C1", "review") == (found.presented.told_at, found.presented.surface)


def test_a_view_of_somebody_else_names_no_place():
    """Answers go to the person or to a channel, never to another person."""
    for body in (review(1, place="U2"), review(1, place="now")):
        with pytest.raises(InvalidId):
            Click.parse(body)


def test_only_the_last_page_approves():
    """A submission of any other page is none of ours."""
    view = Click.parse(review(1)).view
    pages = view.review.pages if view and view.review else 0
    with pytest.raises(InvalidId):
        Reviewed.parse(review(1))
    found = Reviewed.parse(review(pages))
    last = f"review:{pages}/{pages}"
    assert (pages, ((last, "U1"), (f"{last} revealed", "U1"))) == (
        found.pages,
        found.presented.among,
    )


def slash(**changes: Any) -> dict[str, Any]:
    return {
        "command": "/signoff",
        "team_id": "T1",
        "user_id": "U1",
        "channel_id": "C1",
        "text": "list",
        "trigger_id": "t",
    } | changes


def shortcut(**changes: Any) -> dict[str, Any]:
    return {
        "type": "message_action",
        "callback_id": "signoff_who",
        "user": {"id": "U1", "team_id": "T1"},
        "channel": {"id": "C1"},
        "message_ts": "1.1",
        "message": {"ts": "1.1"},
        "trigger_id": "t",
    } | changes


def opened(**changes: Any) -> dict[str, Any]:
    return {"team_id": "T1", "event": {"type": "app_home_opened", "user": "U1", "tab": "home"}} | (
        changes
    )


def test_a_command_a_shortcut_and_a_look_at_the_home():
    """Who, where, and what."""
    call = SlashCall.parse(slash())
    assert (ANA, "C1", "list", "t") == (call.voter, call.channel, call.text, call.trigger)
    use = ShortcutUse.parse(shortcut())
    assert (ANA, Posted("C1", "1.1")) == (use.voter, use.posted)
    assert HomeOpened(ANA, "home") == HomeOpened.parse(opened())


@pytest.mark.parametrize("text", ["a" * 8001, 7, ["list"]])
def test_a_command_that_is_no_text(text: Any):
    """More than Slack sends, or something else, is refused."""
    with pytest.raises(InvalidId):
        SlashCall.parse(slash(text=text))


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
    """Person, place, sealed value and reason."""
    found = Submission.parse(form())
    presented = found.presented
    assert (ANA, (("form", "U1"),), "C1", "no") == (
        found.voter,
        presented.among,
        presented.told_at,
        found.note,
    )
    assert "delete-42" == SEAL.find(presented.value, among=presented.among)[1].key


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


@given(part=st.sampled_from(["id", "hash", "type", "private_metadata"]), value=json_values)
@pytest.mark.parametrize("parse", [Click.parse, Reviewed.parse])
def test_any_value_in_any_part_of_a_review(parse: Any, part: str, value: Any):
    """As for a click."""
    body = review(1)
    body["view"][part] = value
    with contextlib.suppress(InvalidId):
        parse(body)


@given(part=st.text(max_size=3), value=json_values)
def test_any_value_in_the_others(part: str, value: Any):
    """As for a click."""
    for parse, body in (
        (SlashCall.parse, slash()),
        (ShortcutUse.parse, shortcut()),
        (HomeOpened.parse, opened()),
    ):
        for name in (*body, part):
            with contextlib.suppress(InvalidId):
                parse({**body, name: value})
