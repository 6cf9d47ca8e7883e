"""Owns the words of the ladder: asked again, asked wider, moved to another channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gate import Approval, ApprovalEscalated, is_among

from ...masking import Masking
from ...messenger import Message
from ..ids import BLOCK_PREFIX, is_channel
from ..text import inert
from .asked import asked_of, heads, progress_line
from .buttons import plain
from .line import Channel, Foreign, Line, Moment, Part, Words, message, mrkdwn, rich_text, section
from .payload import MASKING
from .status import people
from .titles import AGENT_LIMIT, NAME_LIMIT, title

__all__ = ["escalated", "moved", "pointer"]


def escalated(event: ApprovalEscalated, approval: Approval) -> Message:
    """Return the reply that asks again; it mentions who may answer, while there is anything to.

    Args:
        event: Which rung was taken.
        approval: The record, as it is now.
    """
    if event.action == "move":
        return message([*_moved_here(event, approval), *_until(approval)])
    if event.action == "widen":
        who = [each for each in event.also if not is_among(each, approval.not_by)]
        head = [Words("🔔 "), Words("Asked further people", bold=True)]
        if approval.final or not who:
            return message(head)
        tail = [*people(who, "or"), Words(" may answer too"), *_until(approval)]
        return _calling([*head, Words(": "), *tail])
    if approval.final:
        return message([Words("🔔 "), Words("Asked again", bold=True)])
    line = [Words("🔔 "), Words("Still waiting", bold=True), Words(" for ")]
    return _calling(
        [*line, *people(_silent(approval), "or"), *_until(approval), *progress_line(approval)]
    )


def pointer(event: ApprovalEscalated, link: str | None) -> Message:
    """Return the last reply in the thread that was left behind.

    Args:
        event: The move.
        link: The address of the new card, from Slack; `None` where there is none.
    """
    made = message([*_to(event.channel), Words(". It goes on there.")])
    if link is not None:
        made.blocks[0]["elements"][0]["elements"] += [
            {"type": "text", "text": " "},
            {"type": "link", "url": link, "text": "Open the request"},
        ]
    return made


def moved(approval: Approval, *, masking: Masking = MASKING) -> Message:
    """Return what a card becomes whose approval has moved to another channel: nothing to click."""
    approval = masking.veil(approval)
    terms = approval.asking()
    line: Line = [*_to(terms.channel if terms is not None else None), Words(". Answer it there.")]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": plain(title(approval))},
        rich_text(section(line)),
    ]
    for index, block in enumerate(blocks):
        block["block_id"] = f"{BLOCK_PREFIX}:{approval.version}:moved:{index}"
    who, what = inert(approval.agent, AGENT_LIMIT), inert(approval.name, NAME_LIMIT)
    return Message(text=f"{who} asks to run {what}. {mrkdwn(line)}", blocks=blocks)


def _to(channel: str | None) -> list[Part]:
    return [Words("📨 "), Words("Moved", bold=True), Words(" to "), _channel(channel)]


def _moved_here(event: ApprovalEscalated, approval: Approval) -> list[Part]:
    head: list[Part] = [Words("📨 "), Words("Moved here", bold=True)]
    terms = approval.terms
    if terms is None:
        return head
    before = terms.after(terms.ladder[: event.rung])
    who = asked_of(approval)
    line = [*head, Words(" from "), _channel(before.channel)]
    if who is not None and not approval.final:
        line.append(Words(f" · {heads(who)} may answer"))
    return line


def _channel(channel: str | None) -> Part:
    if channel is not None and is_channel(channel):
        return Channel(channel)
    return Foreign(channel or "another channel", 100)


def _silent(approval: Approval) -> Sequence[str]:
    """Return who is asked and has not answered by name; everybody where all have."""
    terms = asked_of(approval)
    asked = dict.fromkeys(of for quorum in (terms.quorums if terms else ()) for of in quorum.of)
    answered = {vote.principal for vote in approval.votes}
    return [each for each in asked if each not in answered] or list(asked)


def _until(approval: Approval) -> list[Part]:
    return [] if approval.final else [Words(" until "), Moment(approval.deadline, "short")]


def _calling(line: Line) -> Message:
    """Return a message whose mentions notify: they do so from mrkdwn."""
    text = mrkdwn(line)
    return Message(
        text=text, blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    )
