"""Owns the direct note to an approver: that somebody waits for them, and where."""

from __future__ import annotations

from typing import Any

from gate import Approval

from ...messenger import Message
from ..text import inert
from .card import title
from .line import Moment, Part, Words, rich_text, section

__all__ = ["direct"]


def direct(approval: Approval, link: str | None) -> Message:
    """Return the note that asks one person to look at the card. It has no buttons of its own.

    Args:
        approval: What is asked.
        link: The card's address, from Slack; `None` where there is none.
    """
    line: list[Part] = [
        Words("🔔 You can decide this, until "),
        Moment(approval.deadline),
        Words(". "),
    ]
    where: list[dict[str, Any]] = (
        [{"type": "link", "url": link, "text": "Open the request"}]
        if link is not None
        else [{"type": "text", "text": "It is in the channel."}]
    )
    asked = section((Words(title(approval), bold=True),))
    told = section(line)
    told["elements"] = [*told["elements"], *where]
    return Message(
        text=f"🔔 {inert(title(approval))}: it waits for you", blocks=[rich_text(asked, told)]
    )
