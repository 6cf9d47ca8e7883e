"""Owns the home: what needs one person, what waits for others, and what was decided lately."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gate import Approval

from ...masking import Masking
from ..ids import BLOCK_PREFIX, is_channel
from .asked import answers_line, asked_line, asked_of
from .buttons import Stamp, answering, plain, stamped
from .card import facts_line
from .cautions import cautions
from .claims import claim_lines
from .line import Channel, Foreign, Line, Names, Part, Words, mrkdwn, rich_text, section
from .offers import Offers, offers_of, unedited
from .payload import (
    HOME,
    MASKING,
    REVIEW_LIMIT,
    approvable,
    arguments,
    frame_shown,
    masked_words,
    result_in,
    review_pages,
    shows_all,
)
from .proposal import arguments_label, changed_line, changed_mark, result_label
from .status import ended_note, state_of, status_line
from .titles import preformatted, title_line

if TYPE_CHECKING:
    from ...inbox import Inbox

__all__ = ["home"]

Block = dict[str, Any]

_SOON: Final = timedelta(minutes=10)
_WORDS: Final = 200
"""Characters of somebody's words in one row."""


def home(
    inbox: Inbox,
    *,
    stamp: Stamp,
    person: str,
    now: datetime,
    names: Names | None = None,
    masking: Masking = MASKING,
) -> dict[str, Any]:
    """Return the home of one person.

    Approve stands only beside arguments that are shown whole; beside larger ones stands Review.

    Args:
        inbox: What is in it, each part at most ten.
        stamp: Seals the buttons.
        person: The id of the person whose home it is.
        now: By the store's clock; what ends soon is marked.
        names: Display names by principal; a mention would notify nobody here.
        masking: Masks what looks like a secret.
    """
    blocks = [_header(_counted("Needs you", len(inbox.needs_you) + inbox.more))]
    for approval in inbox.needs_you:
        offers = offers_of(approval, masking)
        asked = _asked(
            masking.veil(approval),
            stamp=stamp,
            person=person,
            now=now,
            names=names,
            offers=offers,
        )
        blocks.extend(asked)
    if inbox.more:
        more = f"{inbox.more:,} more wait for you; answer some of these to see them here."
        blocks.append(rich_text(section([Words(more)])))
    if not inbox.needs_you:
        blocks.append(rich_text(section([Words("✅ Nothing waits for your answer.")])))
    if inbox.waiting:
        blocks.append(_header(_counted("Waiting for others", len(inbox.waiting))))
        veiled = map(masking.veil, inbox.waiting)
        blocks.extend(_waiting(approval, names=names) for approval in veiled)
    if inbox.decided:
        blocks.append(_header("Decided lately"))
        veiled = map(masking.veil, inbox.decided)
        blocks.extend(_ended(approval, names=names) for approval in veiled)
    for index, block in enumerate(blocks):
        block["block_id"] = f"{BLOCK_PREFIX}:home:{index}"
    return {"type": "home", "blocks": blocks}


def _header(text: str) -> Block:
    return {"type": "header", "text": plain(text)}


def _counted(text: str, count: int) -> str:
    return f"{text} ({count:,})" if count else text


def _asked(
    approval: Approval,
    *,
    stamp: Stamp,
    person: str,
    now: datetime,
    names: Names | None,
    offers: Offers,
) -> Iterator[Block]:
    """Yield a row with buttons."""
    whole = shows_all(approval, "home")
    pages = 1 if whole else review_pages(approval)
    parts = [
        section(title_line(approval)),
        *_changed(approval, names=names, whole=whole),
        *_arguments(approval, pages, offers, names=names, whole=whole),
        *(section(line) for line in claim_lines(approval, _WORDS)),
    ]
    parts.extend(cautions(approval))
    terms = asked_of(approval)
    if terms is not None:
        who = asked_line(terms, names=names, ping=False)
        parts.append(section([Words("⏳ Waiting for "), *who]))
    answers = answers_line(approval, names=names, ping=False)
    if answers:
        parts.append(section(answers))
    if whole and offers.no_form is not None:
        said = unedited(offers.no_form, approval)
        parts.append(
            section([Words("🔒 "), Words("No Edit button:", bold=True), Words(f" {said}")])
        )
    yield rich_text(*parts)
    yield {"type": "context", "elements": [_facts(approval, now)]}
    value = stamped(stamp, approval, surface="home", place=person)
    if value is not None:
        masked = arguments(approval.effective_payload, HOME)
        more = not masked.fits or approvable(approval, masked=masked.masked > 0)
        review = more and pages <= REVIEW_LIMIT
        buttons = answering(approval, value, approve=whole, review=review, offers=offers.answers)
        yield {"type": "actions", "elements": list(buttons)}
    yield {"type": "divider"}


def _changed(approval: Approval, *, names: Names | None, whole: bool) -> list[Block]:
    """Return what a person made of the question; a result in place of a run where it is whole."""
    line = changed_line(approval, names=names, ping=False)
    if not line:
        return []
    result = result_in(approval, HOME) if whole else None
    if result is None:
        return [section(line)]
    label = section([Words(result_label(), bold=True)])
    return [section(line), label, preformatted(result.text)]


def _arguments(
    approval: Approval, pages: int, offers: Offers, *, names: Names | None, whole: bool
) -> list[Block]:
    payload = approval.effective_payload
    if whole and (payload is None or payload == {}):
        return [section([Words("No arguments." if payload is None else "No arguments ({}).")])]
    shown = arguments(payload, HOME)
    if whole:
        if approval.amendment is None:
            return [preformatted(shown.text)]
        label = arguments_label(approval, names=names, ping=False)
        return [section(label), preformatted(shown.text)]
    if not frame_shown(approval, MASKING):
        said = "A name or the result looks like a secret and is masked: it can only be rejected."
        return [section([Words("🔒 "), Words(said)])]
    masked = f"{masked_words(shown.masked)}. " if shown.masked else ""
    size = f"Arguments: {shown.size}. {masked}"
    if not approvable(approval, masked=shown.masked > 0):
        where = "This route reveals none, so the request can only be rejected."
    elif pages <= REVIEW_LIMIT:
        where = f"Review shows all of them; {offers.labels} there."
    else:
        where = "Slack cannot show them; approve or reject at the command line, or reject here."
    return [section([Words("🔒 "), Words(size + where)])]


def _facts(approval: Approval, now: datetime) -> Block:
    facts = facts_line(approval, pending=True)
    terms = approval.asking()
    if terms is not None and is_channel(terms.channel):
        facts += f" · in {mrkdwn([Channel(terms.channel)])}"
    if approval.deadline - now < _SOON:
        facts += " · *ends soon*"
    return {"type": "mrkdwn", "text": facts}


def _waiting(approval: Approval, *, names: Names | None) -> Block:
    line: list[Part] = list(answers_line(approval, names=names, ping=False))
    parts = [section([*title_line(approval), *changed_mark(approval)])]
    if line:
        parts.append(section(line))
    terms = asked_of(approval)
    if terms is not None:
        who = asked_line(terms, names=names, ping=False)
        parts.append(section([Words("⏳ Waiting for "), *who]))
    return rich_text(*parts)


def _ended(approval: Approval, *, names: Names | None) -> Block:
    line: Line = status_line(approval, state_of(approval), names=names, ping=False)
    parts = [section([*title_line(approval), *changed_mark(approval)]), section(line)]
    note = ended_note(approval)
    if note:
        parts.append(section([Words("Reason: "), Foreign(note, _WORDS)]))
    return rich_text(*parts)
