"""Owns reading Slack's interactive payloads: a signed body in, a typed click or form out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gate import InvalidId

from ..deciding import Voter
from .ids import ButtonValue, is_channel, is_message, slack_principal
from .render.modals import RejectForm

__all__ = ["Click", "Submission"]


@dataclass(frozen=True)
class Click:
    """One person's click on one button of one message."""

    voter: Voter
    channel: str
    ts: str
    trigger: str
    value: ButtonValue | None
    """`None` where the button is none of ours."""

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a `block_actions` payload.

        Raises:
            InvalidId: It has not exactly one action, or lacks person, channel or message.
        """
        container = _part(body, "container")
        channel = _part(body, "channel").get("id") or container.get("channel_id")
        ts = _part(body, "message").get("ts") or container.get("message_ts")
        actions = body.get("actions")
        if not isinstance(actions, list) or len(actions) != 1 or not isinstance(actions[0], dict):
            raise InvalidId(field="click", reason="it has not exactly one action")
        if not is_channel(channel) or not is_message(ts):
            raise InvalidId(field="click", reason="it names no message")
        return cls(
            voter=_voter(body),
            channel=str(channel),
            ts=str(ts),
            trigger=str(body.get("trigger_id", "")),
            value=_value(actions[0].get("value")),
        )


@dataclass(frozen=True)
class Submission:
    """One person's answer in the form behind Reject."""

    voter: Voter
    form: RejectForm

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a `view_submission` payload.

        Raises:
            InvalidId: Not a submission of our form, or without a person.
            LimitExceeded: The reason is too long.
        """
        return cls(voter=_voter(body), form=RejectForm.parse(_part(body, "view")))


def _voter(body: Mapping[str, Any]) -> Voter:
    """Return who clicked: the team of the person, else of the payload; both are Slack's word."""
    user = _part(body, "user")
    team = user.get("team_id")
    if team is None:
        team = _part(body, "team").get("id")
    person = user.get("id")
    if not isinstance(team, str) or not isinstance(person, str):
        raise InvalidId(field="click", reason="it names no person")
    return Voter(principal=slack_principal(team, person), team=team, user=person)


def _value(text: object) -> ButtonValue | None:
    try:
        return ButtonValue.parse(text)
    except InvalidId:
        return None


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, dict) else {}
