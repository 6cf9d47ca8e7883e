"""Owns reading what Slack delivers: a signed body in, a typed use of something of ours out.

Nothing is believed here but what Slack itself says: who, where, and which control. What a control
or a form of ours gives back is opened by `bot.slack.seal`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from gate import InvalidId

from ..deciding import Voter
from ..messenger import Posted
from .ids import is_channel, is_message, is_user, slack_principal
from .render import PageKind, RejectForm, ReviewForm, page_surface
from .render.answer_form import AnswerForm
from .render.editing import EditForm

__all__ = [
    "Answered",
    "Click",
    "Edited",
    "HomeOpened",
    "OpenView",
    "Presented",
    "Reviewed",
    "ShortcutUse",
    "SlashCall",
    "Submission",
]

Places = tuple[tuple[str, str], ...]
"""Surfaces, as a seal names them, and places there."""

_MESSAGE: Final = "channel.id and message.ts, or those of the container"
_MAX_TEXT: Final = 8000
"""Characters of a command; Slack's own limit for a message is lower."""


@dataclass(frozen=True)
class Presented:
    """A sealed value that somebody gives back, not opened yet."""

    voter: Voter
    value: object
    among: Places
    """Where it may have been sealed for, judged by what Slack says."""
    told_at: str
    """Where the person is told what came of it: a channel's id, or the person's own."""
    attempt: str | None
    """The same for the same use, delivered twice; `None` where nothing tells uses apart."""
    posted: Posted | None = None
    """The message that the button is on."""

    @property
    def surface(self) -> str:
        """The likeliest surface, for records of values that cannot be opened."""
        return self.among[0][0].partition(":")[0]


@dataclass(frozen=True)
class _Use:
    """One person's use of something sealed."""

    presented: Presented

    @property
    def voter(self) -> Voter:
        """Who used it."""
        return self.presented.voter


@dataclass(frozen=True)
class OpenView:
    """A modal or a home that is open before the person."""

    id: str
    hash: str | None
    """With it, of two changes to one state of the view only the first counts."""
    review: ReviewForm | None
    """Its hidden part, where it is a page of a review; otherwise it is a home."""

    @classmethod
    def parse(cls, view: Mapping[str, Any]) -> Self:
        """Read the `view` of a payload.

        Raises:
            InvalidId: It has no id, or is neither a home nor a page of a review.
        """
        view_id, view_hash = view.get("id"), view.get("hash")
        if not isinstance(view_id, str):
            raise InvalidId(field="view", reason="it has no view.id")
        review = None if view.get("type") == "home" else ReviewForm.parse(view)
        return cls(view_id, view_hash if isinstance(view_hash, str) else None, review)


@dataclass(frozen=True)
class Click(_Use):
    """One person's click on one button, in a message or in a view."""

    trigger: str
    view: OpenView | None = None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a `block_actions` payload.

        Raises:
            InvalidId: It has not exactly one action, or lacks a person, or a message or view.
        """
        voter, user = _voter(body)
        actions = body.get("actions")
        if not isinstance(actions, list) or len(actions) != 1 or not isinstance(actions[0], dict):
            raise InvalidId(field="click", reason="it has not exactly one action")
        action = actions[0]
        trigger = str(body.get("trigger_id", ""))
        moment = str(action.get("action_ts") or "") or _moment(body)
        used = (moment, str(action.get("action_id")), voter.principal)
        if body.get("view") is not None:
            view = OpenView.parse(_part(body, "view"))
            among: Places = (("home", user),)
            told_at = user
            if view.review is not None:
                among = _pages(view.review.pages, user)
                told_at = _place(view.review.place, user)
            value, attempt = action.get("value"), _attempt(*used, view.id)
            return cls(Presented(voter, value, among, told_at, attempt), trigger, view)
        posted = _posted(body)
        if posted is None:
            # Neither a view nor a message, which Slack never sends. The seal says what it was on:
            # what only one person is shown counts for that person.
            among = (("home", user), ("direct", user))
            attempt = _attempt(*used, str(action.get("value")))
            return cls(Presented(voter, action.get("value"), among, user, attempt), trigger)
        direct = posted.channel.startswith("D")
        surfaces = (("card", posted.channel), ("direct", user))
        return cls(
            Presented(
                voter,
                action.get("value"),
                tuple(reversed(surfaces)) if direct else surfaces,
                told_at=user if direct else posted.channel,
                attempt=_attempt(*used, posted.channel, posted.ts),
                posted=posted,
            ),
            trigger,
        )


@dataclass(frozen=True)
class Submission(_Use):
    """One person's answer in the form behind Reject."""

    note: str | None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a `view_submission` payload.

        Raises:
            InvalidId: Not a submission of our form, or without a person.
            LimitExceeded: The reason is too long.
        """
        form = RejectForm.parse(_part(body, "view"))
        return cls(_submitted(body, form, "form"), form.note)


@dataclass(frozen=True)
class Edited(_Use):
    """One person's edit of the arguments, which approves them as edited."""

    form: EditForm

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a `view_submission` payload.

        Raises:
            InvalidId: Not a submission of our form, or without a person.
            LimitExceeded: The note is too long.
        """
        form = EditForm.parse(_part(body, "view"))
        return cls(_submitted(body, form, "edit"), form)


@dataclass(frozen=True)
class Answered(_Use):
    """One person's result in place of a run."""

    form: AnswerForm

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a `view_submission` payload.

        Raises:
            InvalidId: Not a submission of our form, or without a person.
            LimitExceeded: The result or the note is too long.
        """
        form = AnswerForm.parse(_part(body, "view"))
        return cls(_submitted(body, form, "answer"), form)


@dataclass(frozen=True)
class Reviewed(_Use):
    """One person's Approve on the last page of a review."""

    pages: int

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a `view_submission` payload.

        Raises:
            InvalidId: Not a submission of a last page, or without a person.
        """
        form = ReviewForm.parse(_part(body, "view"))
        if not form.last:
            raise InvalidId(field="review", reason="it is not the last page")
        kinds = (PageKind.PLAIN, PageKind.REVEALED)
        surfaces = (page_surface(form.page, form.pages, kind) for kind in kinds)
        return cls(_submitted(body, form, *surfaces), form.pages)


@dataclass(frozen=True)
class SlashCall:
    """One person's slash command."""

    voter: Voter
    channel: str
    text: str
    trigger: str
    attempt: str | None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read the fields of a command.

        Raises:
            InvalidId: It lacks a person or a channel, or its text is no text.
        """
        team, user, channel = body.get("team_id"), body.get("user_id"), body.get("channel_id")
        text = body.get("text") or ""
        if not isinstance(team, str) or not isinstance(user, str) or not is_channel(channel):
            wanted = "team_id, user_id and channel_id"
            raise InvalidId(field="command", reason=f"it names no person or no channel: {wanted}")
        if not isinstance(text, str) or len(text) > _MAX_TEXT:
            raise InvalidId(field="command", reason="it has no text, or too much")
        voter = Voter(principal=slack_principal(team, user), team=team, user=user)
        attempt = _attempt(_moment(body), "slash", voter.principal)
        return cls(voter, str(channel), text, str(body.get("trigger_id", "")), attempt)


@dataclass(frozen=True)
class ShortcutUse:
    """One person's use of a shortcut in the menu of a message."""

    voter: Voter
    posted: Posted
    message: Mapping[str, Any]
    attempt: str | None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a `message_action` payload.

        Raises:
            InvalidId: It lacks a person or a message.
        """
        voter, _ = _voter(body)
        posted = _posted(body)
        if posted is None:
            raise InvalidId(field="click", reason=f"it names no message: {_MESSAGE}")
        attempt = _attempt(_moment(body), "shortcut", voter.principal)
        return cls(voter, posted, _part(body, "message"), attempt)


@dataclass(frozen=True)
class HomeOpened:
    """One person's look at the app's home."""

    voter: Voter
    tab: str

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read the event `app_home_opened`.

        Raises:
            InvalidId: It names no person.
        """
        event = _part(body, "event")
        team, user = body.get("team_id"), event.get("user")
        if not isinstance(team, str) or not isinstance(user, str):
            raise InvalidId(field="event", reason="it names no person: team_id and event.user")
        voter = Voter(principal=slack_principal(team, user), team=team, user=user)
        return cls(voter, str(event.get("tab", "home")))


class _Form(Protocol):
    """What a form of ours brings back."""

    @property
    def value(self) -> str: ...

    @property
    def place(self) -> str: ...


def _submitted(body: Mapping[str, Any], form: _Form, *surfaces: str) -> Presented:
    """Return the value that *form* brings back, sealed for one of *surfaces* and its person."""
    voter, user = _voter(body)
    view_id = str(_part(body, "view").get("id"))
    return Presented(
        voter,
        form.value,
        tuple((surface, user) for surface in surfaces),
        told_at=_place(form.place, user),
        # With errors on it a form is submitted again: Slack gives each submission its trigger.
        attempt=_attempt(_moment(body), view_id, voter.principal),
    )


def _voter(body: Mapping[str, Any]) -> tuple[Voter, str]:
    """Return who it was: the team of the person, else of the payload; both are Slack's word."""
    user = _part(body, "user")
    team = user.get("team_id")
    if team is None:
        team = _part(body, "team").get("id")
    person = user.get("id")
    if not isinstance(team, str):
        raise InvalidId(field="click", reason="it names no workspace: user.team_id or team.id")
    if not is_user(person):
        raise InvalidId(field="click", reason="it names no person: user.id")
    person = str(person)
    return Voter(principal=slack_principal(team, person), team=team, user=person), person


def _posted(body: Mapping[str, Any]) -> Posted | None:
    """Return the message that was used; `None` where nothing is said of one."""
    container = _part(body, "container")
    channel = _part(body, "channel").get("id") or container.get("channel_id")
    ts = _part(body, "message").get("ts") or body.get("message_ts") or container.get("message_ts")
    if not channel and not ts:
        return None
    if not is_channel(channel) or not is_message(ts):
        raise InvalidId(field="click", reason=f"it names no message: {_MESSAGE}")
    return Posted(str(channel), str(ts))


def _pages(pages: int, user: str) -> Places:
    return tuple(
        (page_surface(page, pages, kind), user) for kind in PageKind for page in range(1, pages + 1)
    )


def _place(place: str, user: str) -> str:
    if place != user and not is_channel(place):
        raise InvalidId(field="view", reason="it names no place")
    return place


def _moment(body: Mapping[str, Any]) -> str:
    """Return what Slack gives to one use only, and the same when it delivers that use again."""
    return str(body.get("trigger_id") or body.get("response_url") or "")


def _attempt(moment: str, *parts: str) -> str | None:
    if not moment:
        return None
    # A digest: a trigger id opens views as long as it lives, and must not be stored.
    text = json.dumps((moment, *parts))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, dict) else {}
