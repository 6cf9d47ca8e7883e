"""Owns the card: the Slack message of one approval, in every state, and its copy for one person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gate import Approval

from ...masking import Masking
from ...messenger import Message
from ...proof import SOUND, Proof
from ..ids import BLOCK_PREFIX
from ..limits import MAX_BLOCKS_JSON
from ..text import inert, quoted, when
from .asked import answers_line, asked_line, asked_of, heads, pings
from .buttons import Stamp, answering, plain, stamped
from .cautions import cautions
from .claims import claims
from .line import Names, Part, Words, mrkdwn, quote, rich_text, section
from .offers import Offers, offers_of, unedited
from .payload import (
    CARD,
    MASKING,
    REVIEW_LIMIT,
    Arguments,
    approvable,
    arguments,
    frame_shown,
    masked_words,
    names_shown,
    result_in,
    review_pages,
    shows_all,
)
from .proposal import arguments_label, change_of, changed_line, result_label
from .shell import on_the_shell
from .status import UNCONFIRMED, State, ended_note, state_of, status_line
from .titles import AGENT_LIMIT, NAME_LIMIT, full_names, preformatted, short_digest, title

__all__ = [
    "Face",
    "card",
    "facts_line",
    "fitted",
    "numbered",
]

Block = dict[str, Any]

_MOST_SPARED: Final = 2
_SPARED: Final = "Further answers have no room here: /signoff help says what can be typed."
_ROOM: Final = MAX_BLOCKS_JSON - 500
"""Characters as JSON that leave room for the ids of the blocks."""


class Face:
    """How a card is drawn for those who look at it.

    Args:
        stamp: Seals the buttons.
        surface: `card` or `direct`.
        place: What the seal binds the buttons to: the channel's id, or the person's.
        names: Display names by principal, for where people are named without a mention.
        ping: Whether those who are asked may be mentioned.
        confirmed: Whether a decision is known to stay.
        offers: What may be answered besides yes and no.

    Attributes:
        spared: What is left out to make room: nothing at 0, from 1 on further answers and the ends
            of long words, from 2 on the names of those who are asked.
    """

    spared = 0

    def __init__(
        self,
        stamp: Stamp,
        *,
        surface: str,
        place: str,
        names: Names | None,
        ping: bool,
        confirmed: bool = True,
        offers: Offers | None = None,
    ) -> None:
        self.confirmed = confirmed
        self.offers = offers or Offers()
        self.stamp = stamp
        self.surface = surface
        self.place = place
        self.names = names
        self.ping = ping


def card(
    approval: Approval,
    *,
    stamp: Stamp,
    place: str | None = None,
    proof: Proof = SOUND,
    masking: Masking = MASKING,
    names: Mapping[str, str] | None = None,
    overdue: bool = False,
) -> Message:
    """Return the message that shows *approval* as it stands.

    A pending, routed approval has buttons. Approve is among them only if every character of the
    arguments is on the card, and of the result that a person proposes in place of a run; every
    other card says why it is missing, and offers a review instead where they can be shown page by
    page.

    Args:
        approval: As it counts now (`gate.transitions.as_of`); no clock is looked at here.
        stamp: Seals the buttons.
        place: The channel where it stands; by default the one where the approval is asked now.
        proof: What is known of the record. What is not ours is said, and never as an answer.
        masking: Masks what looks like a secret.
        names: Display names by principal, for where people are named without a mention.
        overdue: The run was taken so long ago that its end should have been reported by now.

    Raises:
        TypeError: The payload is not a JSON value; a record that was read or made by the gate is.
    """
    offers = offers_of(approval, masking)
    approval = masking.veil(approval)
    state = state_of(approval, overdue=overdue, flaw=proof.flaw)
    terms = approval.asking()
    face = Face(
        stamp,
        surface="card",
        place=place or (terms.channel if terms else ""),
        # Names alone: in a channel a mention calls people.
        names=dict(names or {}),
        ping=terms is not None and pings(terms),
        confirmed=proof.confirmed,
        offers=offers,
    )
    blocks = numbered(fitted(approval, state, face), approval, state.value)
    return Message(text=_text(approval, state, face), blocks=blocks)


def fitted(approval: Approval, state: State, face: Face, *more: Block) -> list[Block]:
    """Return the blocks of a card of a veiled approval, with as much in them as Slack takes.

    Nobody can make a request so large that it cannot be answered. The arguments and the names of
    what would run are never what is left out.

    Args:
        approval: A veiled one.
        state: What is shown of it.
        face: How it is drawn.
        more: Blocks that come below the title.
    """
    blocks: list[Block] = []
    for spared in range(_MOST_SPARED + 1):
        face.spared = spared
        head, *rest = _drawn(approval, state, face)
        blocks = [head, *more, *rest]
        if len(json.dumps(blocks, ensure_ascii=False)) <= _ROOM:
            break
    return blocks


def _drawn(approval: Approval, state: State, face: Face) -> list[Block]:
    if state is State.FORGED:
        # Of what somebody else decided only that it is said; above all not what they would run.
        approval = approval.model_copy(update={"decision": None, "votes": ()})
    if state in (State.FORGED, State.TAMPERED):
        # Nor what somebody else may have made of the question.
        approval = approval.model_copy(update={"amendment": None})
    shown = arguments(approval.effective_payload)
    result = result_in(approval, CARD.beside(shown)) if state is State.PENDING else None
    blocks = [{"type": "header", "text": plain(title(approval))}]
    if state is not State.PENDING:
        blocks.append(_ended(approval, state, face))
    blocks.append(_origin(approval, state))
    blocks.extend(rich_text(*parts) for parts in full_names(approval))
    ping = face.surface == "card"
    changed = changed_line(approval, names=face.names, ping=ping)
    if changed:
        blocks.append(rich_text(section(changed), *_result(result)))
    blocks.append(_arguments(approval, shown, face))
    said = claims(approval, short=face.spared > 0)
    if said:
        blocks.append(rich_text(*said))
    warned = cautions(approval)
    if warned:
        blocks.append(rich_text(*warned))
    if state is State.PENDING:
        blocks.extend(_asking(approval, shown, result, face))
    return blocks


def numbered(blocks: list[Block], approval: Approval, name: str) -> list[Block]:
    """Give *blocks* ids that no other revision has: Slack keeps what it knows of a block by it."""
    for index, block in enumerate(blocks):
        block["block_id"] = f"{BLOCK_PREFIX}:{approval.version}:{name}:{index}"
    return blocks


def facts_line(approval: Approval, *, pending: bool) -> str:
    """Return mrkdwn of what our own side knows: when, until when, and the digest."""
    facts = f"Asked {when(approval.created_at)}"
    if pending:
        facts += f" · expires {when(approval.deadline)}"
    return facts + f" · digest `{short_digest(approval)}`"


def _ended(approval: Approval, state: State, face: Face) -> Block:
    ping = face.surface == "card"
    parts = [section(status_line(approval, state, names=face.names, ping=ping))]
    if not face.confirmed:
        parts.append(section(UNCONFIRMED))
    note = ended_note(approval)
    if note:
        parts.extend(quote(note))
    decision = approval.decision
    if decision is not None and decision.override_result is not None:
        parts.append(section([Words("Answered in place of running it:", bold=True)]))
        parts.extend(quote(decision.override_result))
    return rich_text(*parts)


def _origin(approval: Approval, state: State) -> Block:
    """Return the small print: what the agent claims, and what our side knows."""
    claims = f"The agent calls itself {quoted(approval.agent, 60)}"
    if approval.run:
        claims += f" · run {quoted(approval.run, 60)}"
    if approval.namespace != "default":
        claims += f" · namespace {quoted(approval.namespace, 60)}"
    facts = facts_line(approval, pending=state is State.PENDING)
    return {"type": "context", "elements": [plain(claims), {"type": "mrkdwn", "text": facts}]}


def _result(result: Arguments | None) -> list[Block]:
    """Return the result that a person proposes in place of a run, or its beginning."""
    if result is None:
        return []
    cut = None if result.fits else result.shown
    label = result_label(shown=cut, characters=result.characters)
    return [section([Words(label, bold=True)]), preformatted(result.text)]


def _arguments(approval: Approval, shown: Arguments, face: Face) -> Block:
    payload = approval.effective_payload
    part = ""
    if shown.wide and shown.shown == shown.characters:
        part = ", with a name or number too wide to be read in one line"
    elif not shown.fits:
        part = f", only the first {shown.shown:,} of {shown.characters:,} characters"
    ping = face.surface == "card"
    label = arguments_label(approval, names=face.names, ping=ping, page=part)
    if payload is None or payload == {}:
        empty = "no arguments" if payload is None else "no arguments (an empty object)"
        return rich_text(section([*label, Words(f": {empty}")]))
    return rich_text(section(label), preformatted(shown.text))


def _asking(
    approval: Approval, shown: Arguments, result: Arguments | None, face: Face
) -> Iterator[Block]:
    """Yield who may answer and the buttons, or why there are none."""
    value = stamped(face.stamp, approval, surface=face.surface, place=face.place)
    if value is None:
        # No gate makes such a record; a button that nobody can answer would be a lie.
        yield _lock("No buttons:", "this request has an id that cannot be answered.")
        return
    terms = asked_of(approval)
    if terms is None:
        yield _lock("No buttons yet:", "nobody has been chosen who may answer.")
        return
    who = (
        asked_line(terms, names=face.names, ping=face.ping)
        if face.spared < _MOST_SPARED
        else [Words(heads(terms))]
    )
    asked: list[Part] = [Words("⏳ "), Words("Waiting for "), *who]
    if face.ping:
        # Mentions notify from mrkdwn; the line holds our words and checked ids only.
        yield {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn(asked)}}
    else:
        yield rich_text(section(asked))
    answers = answers_line(approval, names=face.names, ping=face.surface == "card")
    if answers:
        yield rich_text(section(answers))
    whole = shows_all(approval, face.surface)
    pages = 1 if whole else review_pages(approval)
    if not whole:
        yield _lock("No Approve button here:", _unseen(approval, shown, result, pages, face.offers))
    # Where nothing may be revealed, a review shows no more than a card that has room for it.
    more = not shown.fits or approvable(approval, masked=shown.masked > 0)
    review = more and pages <= REVIEW_LIMIT
    offers = face.offers.answers if not face.spared else frozenset()
    if face.offers.answers != offers:
        yield rich_text(section([Words(_SPARED)]))
    elif whole and face.offers.no_form is not None:
        yield _lock("No Edit button:", unedited(face.offers.no_form, approval))
    buttons = answering(approval, value, approve=whole, review=review, offers=offers)
    yield {"type": "actions", "elements": list(buttons)}


def _unseen(
    approval: Approval, shown: Arguments, result: Arguments | None, pages: int, offers: Offers
) -> str:
    """Return why a card has no Approve button, and where it can be decided."""
    masked = f"{masked_words(shown.masked)}. " if shown.masked else ""
    if not names_shown(approval, MASKING):
        return "a name in it looks like a secret and is masked. It can only be rejected in Slack."
    if not frame_shown(approval, MASKING):
        return "the result looks like a secret and is masked. It can only be rejected in Slack."
    if not approvable(approval, masked=shown.masked > 0):
        return f"{masked}This route reveals none, so the request can only be rejected."
    if shown.fits and (result is None or result.fits):
        there = f"lets you {offers.verbs} there"
        return f"{masked}Review reveals them to those who may answer, and {there}."
    return masked + _too_long(approval, shown, result, pages, offers)


def _too_long(
    approval: Approval, shown: Arguments, result: Arguments | None, pages: int, offers: Offers
) -> str:
    """Return why a card has no Approve button, with sizes, and where it can be decided."""
    size = f"the arguments have {shown.size}"
    if result is not None:
        size += f", the result has {result.characters:,} on {result.rows:,}"
    if pages <= REVIEW_LIMIT:
        where = f"on {pages} {'page' if pages == 1 else 'pages'}"
        return f"{size}. Review shows all of them {where}, and lets you {offers.verbs} there."
    # The command line asks no form whether it takes them.
    edits = " (--edit FILE edits them)" if approval.offers("edit") else ""
    return (
        f"{size}, {shown.excess}. They can be rejected here, and read and approved at "
        f"the command line: {on_the_shell('approve', approval)}{edits}"
    )


def _lock(head: str, rest: str) -> Block:
    return rich_text(section([Words("🔒 "), Words(head, bold=True), Words(f" {rest}")]))


def _text(approval: Approval, state: State, face: Face) -> str:
    """Return the notification: what, where, who asks and where it stands, without arguments.

    Arguments stay out of it, since notifications are shown on locked screens.
    """
    where = "" if approval.namespace == "default" else f" in {inert(approval.namespace, 60)}"
    who, action = inert(approval.agent, AGENT_LIMIT), inert(approval.name, NAME_LIMIT)
    asks = "asks" if state is State.PENDING else "asked"
    what = f"{who} {asks} to run {action}{where}. "
    if state is not State.PENDING:
        note = ended_note(approval) if state is not State.FORGED else None
        said = f" · reason: {inert(note, 500)}" if note else ""
        if not face.confirmed:
            said += f" · {mrkdwn(UNCONFIRMED)}"
        return what + mrkdwn(status_line(approval, state)) + said
    terms = asked_of(approval)
    if terms is None:
        return what + "Nobody has been chosen who may answer."
    change = change_of(approval)
    what += f"{change}. " if change else ""
    asked = asked_line(terms, names=face.names, ping=face.ping)
    return f"{what}⏳ Waiting for {mrkdwn(asked)} until {when(approval.deadline)}."
