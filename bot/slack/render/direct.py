"""Owns the card's copy in a direct message: for one person who may answer."""

from __future__ import annotations

from typing import Any

from gate import Approval

from ...masking import Masking
from ...messenger import Message
from ...proof import SOUND, Proof
from .buttons import Stamp
from .card import Face, fitted, numbered
from .line import Line, Moment, Names, Words, mrkdwn, rich_text, section
from .offers import offers_of
from .payload import MASKING
from .status import State, state_of, status_line
from .titles import title_line

__all__ = ["direct"]


def direct(
    approval: Approval,
    link: str | None,
    *,
    stamp: Stamp,
    person: str,
    proof: Proof = SOUND,
    masking: Masking = MASKING,
    names: Names | None = None,
    overdue: bool = False,
) -> Message:
    """Return the copy of the card that asks one person, in every state; it calls nobody.

    Args:
        approval: As it counts now.
        link: The card's address, from Slack; `None` where there is none.
        stamp: Seals the buttons.
        person: The id of the person whom it is for.
        proof: What is known of the record.
        masking: Masks what looks like a secret.
        names: Display names by principal.
        overdue: See `card`.
    """
    offers = offers_of(approval, masking)
    approval = masking.veil(approval)
    state = state_of(approval, overdue=overdue, flaw=proof.flaw)
    face = Face(
        stamp,
        surface="direct",
        place=person,
        names=names,
        ping=False,
        confirmed=proof.confirmed,
        offers=offers,
    )
    if state is State.PENDING:
        line: Line = [
            Words("🔔 You can decide this, until "),
            Moment(approval.deadline, "short"),
            Words("."),
        ]
        text = f"🔔 {mrkdwn(title_line(approval))}: it waits for you"
    else:
        line = [Words("🔔 There is nothing left to decide.")]
        ended = status_line(approval, state, names=names, ping=False)
        text = f"{mrkdwn(title_line(approval))}. {mrkdwn(ended)}"
    blocks = fitted(approval, state, face, rich_text(_linked(line, link)))
    return Message(text=text, blocks=numbered(blocks, approval, f"direct:{state.value}"))


def _linked(line: Line, link: str | None) -> dict[str, Any]:
    told = section([*line, Words(" ")])
    where: dict[str, Any] = (
        {"type": "link", "url": link, "text": "Open the request"}
        if link is not None
        else {"type": "text", "text": "It is in the channel."}
    )
    return {**told, "elements": [*told["elements"], where]}
