"""Owns the answers to the slash command and to "Who can decide this?": lists and summaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from gate import Approval

from ...masking import Masking
from ...messenger import Message
from ..ids import is_channel
from ..text import units
from .asked import answers_line, asked_line, asked_of
from .claims import claim_lines
from .line import (
    Channel,
    Foreign,
    Line,
    Moment,
    Names,
    Part,
    Words,
    message,
    mrkdwn,
    quote,
    rich_text,
    section,
)
from .payload import (
    CARD,
    MASKING,
    REVIEW_LIMIT,
    approvable,
    arguments,
    masked_words,
    result_in,
    review_pages,
    shows_all,
)
from .proposal import ANSWERED, changed_line, changed_mark
from .shell import on_the_shell
from .status import State, ended_note, people, state_of, status_line
from .titles import short_digest, title_line

__all__ = ["MOST_LISTED", "details", "listing", "unknown_id", "usage", "who_can_decide"]

MOST_LISTED: Final = 10
"""Requests in one list: a message has room for them whatever they are called."""
_TEXT: Final = 3500
"""Characters of a notification, of which Slack allows 4,000."""
_SOON: Final = timedelta(minutes=10)
_WORDS: Final = 500
"""Characters of the agent's words in a summary."""

_NEXT: Final = (
    "Use /signoff show ID, /signoff approve ID or /signoff reject ID reason. "
    "What else there is tells /signoff help."
)
_USAGE: Final = (
    ("/signoff list", "what waits for your answer"),
    ("/signoff show ID", "one request, and its arguments page by page"),
    ("/signoff approve ID", "approve it; what you have not seen is shown first"),
    ("/signoff reject ID reason", "reject it; the agent is told the reason"),
    ("/signoff skip ID reason", "let the agent go on without it, where the route offers that"),
    ("/signoff edit ID", "change its arguments in a form, and approve it so"),
    ("/signoff answer ID", "give the agent a result in place of the run"),
    ("/signoff help", "this list"),
)


def listing(
    approvals: Sequence[Approval],
    *,
    total: int,
    now: datetime,
    links: Mapping[str, str] | None = None,
    masking: Masking = MASKING,
) -> Message:
    """Return what waits for one person's answer, at most ten of it.

    Args:
        approvals: Pending ones, in the order to be shown.
        total: How many there are.
        now: By the store's clock; what ends soon is marked.
        links: Addresses of cards by the approval's key.
        masking: Masks what looks like a secret.
    """
    if not approvals:
        return message([Words("✅ Nothing waits for your answer.")])
    shown = [masking.veil(approval) for approval in approvals[:MOST_LISTED]]
    lines: list[Line] = [[Words(_waits(total), bold=True)]]
    lines += [_item(approval, now) for approval in shown]
    if total > len(shown):
        lines.append([Words(f"… and {total - len(shown):,} more, not shown here.")])
    lines.append([Words(_NEXT)])
    made = _message(lines)
    for part, approval in zip(made.blocks[0]["elements"][1:], shown, strict=False):
        link = (links or {}).get(approval.key)
        if link is not None:
            part["elements"] += [
                {"type": "text", "text": " "},
                {"type": "link", "url": link, "text": "Open"},
            ]
    return made


def details(
    approval: Approval,
    *,
    names: Names | None = None,
    link: str | None = None,
    masking: Masking = MASKING,
) -> Message:
    """Return a summary of one approval, pending or not; its arguments are only measured.

    Args:
        approval: As it counts now.
        names: Display names by principal; a mention would notify nobody here.
        link: The card's address.
        masking: Masks what looks like a secret.
    """
    approval = masking.veil(approval)
    state = state_of(approval)
    lines: list[Line] = [
        [Words("🔎 "), *title_line(approval), *changed_mark(approval)],
        [Words("Id "), Foreign(approval.key, 300), Words(f" · digest {short_digest(approval)}")],
        status_line(approval, state, names=names, ping=False),
        [
            Words("Asked "),
            Moment(approval.created_at, "short"),
            *_ends(approval, state),
            *_where(approval),
        ],
    ]
    if state is State.PENDING:
        lines += _waiting(approval, names=names)
        lines += _changed(approval, names=names)
    lines.append(_size(approval, state))
    lines += claim_lines(approval, _WORDS)
    note = ended_note(approval)
    made = _message(lines, note=note)
    if link is not None:
        made.blocks[0]["elements"][0]["elements"] += [
            {"type": "text", "text": " "},
            {"type": "link", "url": link, "text": "Open the request"},
        ]
    return made


def who_can_decide(
    approval: Approval,
    *,
    names: Names | None = None,
    you_may: bool | None,
    masking: Masking = MASKING,
) -> Message:
    """Return who may decide, and whether the one who asks may.

    Args:
        approval: As it counts now.
        names: Display names by principal; a mention would notify nobody here.
        you_may: `None` where it could not be checked.
        masking: Masks what looks like a secret.
    """
    approval = masking.veil(approval)
    if approval.final:
        head: Line = [Words("There is nothing left to decide. ")]
        return message([*head, *status_line(approval, state_of(approval), names=names, ping=False)])
    terms = asked_of(approval)
    if terms is None:
        return message([Words("Nobody has been chosen yet who may decide this.")])
    who = asked_line(terms, names=names, ping=False)
    lines: list[Line] = [[Words("👥 "), Words("It is up to "), *who, Words(".")]]
    if approval.not_by:
        excluded = people(approval.not_by, "and", names=names, ping=False)
        lines.append([Words("Excluded by the request itself: "), *excluded, Words(".")])
    if terms.excluded:
        own = people(terms.excluded, "and", names=names, ping=False)
        lines.append([Words("Not for their own agent: "), *own, Words(".")])
    answers = answers_line(approval, names=names, ping=False)
    if answers:
        lines.append(answers)
    you = {
        True: "You may decide it.",
        False: "You may not decide it.",
        None: "Whether you may could not be checked just now.",
    }[you_may]
    lines.append([Words(you, bold=True)])
    return _message(lines)


def usage() -> Message:
    """Return what the slash command understands."""
    lines: list[Line] = [[Words("What you can type:", bold=True)]]
    lines += [[Words(command, bold=True), Words(f": {what}")] for command, what in _USAGE]
    return _message(lines)


def unknown_id(text: str) -> Message:
    """Return the answer to an id that names nothing; *text* is whatever somebody typed."""
    head = Words("🔍 There is no request with the id ")
    return message([head, Foreign(text, 100), Words(" that you may see. Try /signoff list.")])


def _waits(total: int) -> str:
    return f"{total:,} request{' waits' if total == 1 else 's wait'} for your answer:"


def _item(approval: Approval, now: datetime) -> Line:
    soon: list[Part] = [Words(" · "), Words("ends soon", bold=True)]
    return [
        Words("• "),
        *title_line(approval),
        *changed_mark(approval),
        Words(" · id "),
        Foreign(approval.key, 300),
        Words(" · expires "),
        Moment(approval.deadline, "short"),
        *(soon if approval.deadline - now < _SOON else ()),
    ]


def _ends(approval: Approval, state: State) -> Line:
    if state is not State.PENDING:
        return []
    return [Words(" · expires "), Moment(approval.deadline, "short")]


def _where(approval: Approval) -> Line:
    terms = approval.asking()
    if terms is None or not is_channel(terms.channel):
        return []
    return [Words(" · in "), Channel(terms.channel)]


def _waiting(approval: Approval, *, names: Names | None) -> list[Line]:
    terms = asked_of(approval)
    if terms is None:
        return [[Words("Nobody has been chosen yet who may answer.")]]
    who = asked_line(terms, names=names, ping=False)
    answers = answers_line(approval, names=names, ping=False)
    return [[Words("⏳ Waiting for "), *who], *([answers] if answers else [])]


def _changed(approval: Approval, *, names: Names | None) -> list[Line]:
    line = changed_line(approval, names=names, ping=False)
    result = result_in(approval, CARD)
    if result is None:
        return [line] if line else []
    size = f"Result: {result.size}."
    return [line, [Words(f"{ANSWERED}{size}")]]


def _size(approval: Approval, state: State) -> Line:
    shown = arguments(approval.effective_payload)
    size = f"Arguments: {shown.size}"
    if state is not State.PENDING:
        return [Words(f"{size}.")]
    if shows_all(approval, "card"):
        return [Words(f"{size}, whole on the card.")]
    if shown.masked:
        size += f"; {masked_words(shown.masked)}"
    if not approvable(approval, masked=shown.masked > 0):
        return [Words(f"{size}, and this route reveals none: it can only be rejected.")]
    pages = review_pages(approval)
    if pages <= REVIEW_LIMIT:
        return [Words(f"{size}, {pages} page{'' if pages == 1 else 's'} in a review.")]
    return [
        Words(f"{size}, {shown.excess}; at the command line: "),
        Words(on_the_shell("show", approval)),
    ]


def _message(lines: Sequence[Line], *, note: str | None = None) -> Message:
    """Return a message of several lines; the notification has as many as fit."""
    text = ""
    for line in lines:
        more = ("\n" if text else "") + mrkdwn(line)
        if units(text + more) > _TEXT:
            break
        text += more
    parts = [section(line) for line in lines]
    if note:
        parts.extend(quote(note))
    return Message(text=text, blocks=[rich_text(*parts)])
