"""Owns every id that goes to Slack and comes back: actions, forms, button values, principals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, Self

from gate import Approval, InvalidId

__all__ = [
    "ALREADY_OVER",
    "ANSWER",
    "ANSWER_BLOCK",
    "ANSWER_FORM",
    "ANSWER_INPUT",
    "APPROVE",
    "BLOCK_PREFIX",
    "COMMAND",
    "EDIT",
    "EDIT_BLOCK",
    "EDIT_FORM",
    "EDIT_INPUT",
    "PAGE",
    "PAGE_BACK",
    "REASON_BLOCK",
    "REASON_INPUT",
    "REJECT",
    "REJECT_FORM",
    "REVEAL",
    "REVIEW",
    "REVIEW_FORM",
    "SKIP",
    "WHO",
    "ButtonValue",
    "Principal",
    "claimed_key",
    "cli_principal",
    "group_principal",
    "is_channel",
    "is_key",
    "is_message",
    "is_user",
    "parse_principal",
    "slack_principal",
]

APPROVE: Final = "signoff_approve"
"""action_id of the Approve button."""
REJECT: Final = "signoff_reject"
"""action_id of the Reject button, which opens the form for a reason."""
SKIP: Final = "signoff_skip"
"""action_id of the Skip button: the agent goes on without the action."""
EDIT: Final = "signoff_edit"
"""action_id of the Edit button, which opens the form with the arguments."""
ANSWER: Final = "signoff_answer"
"""action_id of the button that opens the form for a result in place of a run."""
REVIEW: Final = "signoff_review"
"""action_id of the Review button, which opens the first page of the arguments."""
PAGE: Final = "signoff_page"
"""action_id of the button for the next page of a review."""
PAGE_BACK: Final = "signoff_page_back"
"""action_id of the button for the page before."""
REVEAL: Final = "signoff_reveal"
"""action_id of the button that reveals the masked values of a page."""
REJECT_FORM: Final = "signoff_reject_form"
"""callback_id of the form behind Reject."""
EDIT_FORM: Final = "signoff_edit_form"
"""callback_id of the form behind Edit; its submission edits and approves."""
ANSWER_FORM: Final = "signoff_answer_form"
"""callback_id of the form for a result in place of a run."""
REVIEW_FORM: Final = "signoff_review_form"
"""callback_id of a review; its submission on the last page approves."""
ANSWER_BLOCK: Final = "signoff_result"
"""block_id of the result's input; errors of a submission are keyed by it."""
ANSWER_INPUT: Final = "signoff_result_text"
"""action_id of the result's input."""
EDIT_BLOCK: Final = "signoff_edit"
"""How the block_id of an argument's input begins; `:` and its number follow."""
EDIT_INPUT: Final = "signoff_edit_value"
"""How the action_id of an argument's input begins; `:` and its number follow."""
COMMAND: Final = "/signoff"
"""The slash command."""
WHO: Final = "signoff_who"
"""callback_id of the message shortcut that says who can decide."""
ALREADY_OVER: Final = "signoff_already_over"
"""callback_id of the view that says that there is nothing left to decide."""
REASON_BLOCK: Final = "signoff_reason"
"""block_id of the reason's input; errors of a submission are keyed by it."""
REASON_INPUT: Final = "signoff_reason_text"
"""action_id of the reason's input."""
BLOCK_PREFIX: Final = "signoff"
"""How the block_id of every block of ours begins."""

_VERSION: Final = "v3"
_OLDER: Final = ("v1", "v2")
_ID = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}"
_KEY = re.compile(rf"(?:{_ID}/)?{_ID}", re.ASCII)
_NONCE = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)

_TEAM = re.compile(r"[TE][A-Z0-9]{1,30}", re.ASCII)
_USER = re.compile(r"[UW][A-Z0-9]{1,30}", re.ASCII)
_GROUP = re.compile(r"S[A-Z0-9]{1,30}", re.ASCII)
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,30}", re.ASCII)
_TS = re.compile(r"[0-9]{1,20}\.[0-9]{1,10}", re.ASCII)
_LOCAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+\\$-]{0,99}", re.ASCII)


@dataclass(frozen=True)
class ButtonValue:
    """What a button knows of its approval: opaque ids and what was shown, never the payload.

    The text is `v3|<key>|<nonce>|<digest>`. On the wire a MAC follows as the last part: see
    `bot.slack.seal`. A version is exact: a value with more or fewer parts is refused, and so are
    the values of version 1, which had no MAC, and of version 2, which knew of no amendment.
    """

    key: str
    """The approval's key in the store (`Approval.key`)."""
    nonce: str
    """The approval's nonce: a reused id makes old buttons stale."""
    digest: str
    """What a yes is said to (`Approval.proposed_digest`): after an edit old buttons are stale."""

    def __post_init__(self) -> None:
        for name, value, pattern in (
            ("key", self.key, _KEY),
            ("nonce", self.nonce, _NONCE),
            ("digest", self.digest, _DIGEST),
        ):
            if not pattern.fullmatch(value):
                raise InvalidId(field=f"button {name}", reason="it has another form")

    @classmethod
    def of(cls, approval: Approval) -> Self:
        """Return the value for buttons beside what *approval* asks now.

        Raises:
            InvalidId: The record's key, nonce or digest is none that a gate makes.
        """
        return cls(key=approval.key, nonce=approval.nonce, digest=approval.proposed_digest)

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read what `str` wrote.

        Raises:
            InvalidId: Anything else. The error does not repeat the text.
        """
        if not isinstance(text, str) or len(text) > 2000:
            raise InvalidId(field="button value", reason="it is not a text of ours")
        version, *parts = text.split("|")
        if version != _VERSION or len(parts) != 3:
            raise InvalidId(field="button value", reason="unknown version or form")
        return cls(*parts)

    def fits(self, approval: Approval) -> bool:
        """Say whether the button was made for exactly this approval and what it asks now."""
        return (
            self.key == approval.key
            and self.nonce == approval.nonce
            and self.digest == approval.proposed_digest
        )

    def __str__(self) -> str:
        return "|".join((_VERSION, self.key, self.nonce, self.digest))


def claimed_key(text: object) -> str | None:
    """Return the key that a button's value names, of whatever version, sealed or not.

    It is a claim: good for a note of who used the button, never for anything else.
    """
    if not isinstance(text, str) or len(text) > 2000:
        return None
    version, _, rest = text.partition("|")
    key = rest.partition("|")[0]
    return key if version in (*_OLDER, _VERSION) and is_key(key) else None


@dataclass(frozen=True)
class Principal:
    """Who may answer, or did: a person or a group in Slack, or a person at the command line."""

    kind: Literal["user", "group", "cli"]
    id: str
    """`U…` or `W…`, `S…`, or the login name."""
    team: str | None = None
    """`T…` or `E…`; `None` at the command line."""

    def __str__(self) -> str:
        return f"cli:{self.id}" if self.team is None else f"slack:{self.team}:{self.id}"


def slack_principal(team: str, user: str) -> str:
    """Return the principal of a person, from ids that Slack's transport proved.

    Raises:
        InvalidId: Not ids of a team and a user.
    """
    _check(_TEAM, team, "team")
    _check(_USER, user, "user")
    return f"slack:{team}:{user}"


def group_principal(team: str, group: str) -> str:
    """Return the principal of a user group.

    Raises:
        InvalidId: Not ids of a team and a user group.
    """
    _check(_TEAM, team, "team")
    _check(_GROUP, group, "user group")
    return f"slack:{team}:{group}"


def cli_principal(user: str) -> str:
    """Return the principal of a person at the command line.

    Raises:
        InvalidId: Not a login name of 1 to 100 plain characters.
    """
    _check(_LOCAL, user, "login name")
    return f"cli:{user}"


def parse_principal(text: str) -> Principal:
    """Read a principal.

    Raises:
        InvalidId: Not one that the three functions above build.
    """
    match text.split(":"):
        case ["slack", team, member] if _TEAM.fullmatch(team) and _USER.fullmatch(member):
            return Principal("user", member, team)
        case ["slack", team, member] if _TEAM.fullmatch(team) and _GROUP.fullmatch(member):
            return Principal("group", member, team)
        case ["cli", name] if _LOCAL.fullmatch(name):
            return Principal("cli", name)
    raise InvalidId(field="principal", reason="it is none of slack:T…:U…, slack:T…:S…, cli:…")


def is_channel(text: object) -> bool:
    """Say whether *text* is the id of a channel, a group or a direct message."""
    return isinstance(text, str) and _CHANNEL.fullmatch(text) is not None


def is_user(text: object) -> bool:
    """Say whether *text* is a person's id."""
    return isinstance(text, str) and _USER.fullmatch(text) is not None


def is_key(text: object) -> bool:
    """Say whether *text* could be the key of an approval: an id, or a namespace, `/` and an id."""
    return isinstance(text, str) and _KEY.fullmatch(text) is not None


def is_message(text: object) -> bool:
    """Say whether *text* is a message's timestamp as Slack writes it."""
    return isinstance(text, str) and _TS.fullmatch(text) is not None


def _check(pattern: re.Pattern[str], value: str, field: str) -> None:
    if not pattern.fullmatch(value):
        raise InvalidId(field=field, reason="it has another form")
