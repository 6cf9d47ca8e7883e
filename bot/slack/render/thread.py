"""Owns the replies in a card's thread: the human copy of what happened, one reply per event."""

from __future__ import annotations

from gate import (
    Approval,
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalRefused,
    ApprovalReported,
    ApprovalResolved,
    ApprovalRouted,
    ApprovalVoted,
    Outcome,
    Verdict,
)

from ...messenger import Message
from ..ids import is_channel
from .asked import heads
from .line import Channel, Foreign, Moment, Part, Person, Words, message
from .status import outcome_line, undeliverable_words

__all__ = ["reply"]

_ANSWERS = {Verdict.APPROVE: "approve", Verdict.DENY: "reject", Verdict.SKIP: "skip"}
_DECIDED = {
    Verdict.APPROVE: ("✅ ", "Approved"),
    Verdict.DENY: ("⛔ ", "Rejected"),
    Verdict.SKIP: ("⏩ ", "Skipped"),
}
_REFUSALS = {
    "not_approver": "not among the people who may answer",
    "not_by": "excluded by the request itself",
    "not_checked": "who they are could not be checked",
    "not_member": "not a full member of the workspace",
    "not_routed": "nobody had been chosen yet",
    "already_decided": "it was already decided",
    "approval_expired": "it had expired",
    "stale_card": "the card was out of date",
    "foreign_card": "the button belongs to another request",
    "incomplete_view": "not everything had been shown",
    "store_unavailable": "the store was away",
}


def reply(event: ApprovalEvent, approval: Approval) -> Message | None:
    """Return the thread's reply to *event*, or `None` where the thread has nothing to say.

    Args:
        event: What happened.
        approval: The record, as it is now or was then; only its terms and names are read.
    """
    match event:
        case ApprovalRouted():
            return _asked(event, approval)
        case ApprovalVoted():
            answer: list[Part] = [
                Words("🙋 "), *_who(event.principal), Words(" answered "),
                Words(_ANSWERS[event.verdict], bold=True), Words("; more answers are needed"),
            ]  # fmt: skip
            return message(answer, note=event.note)
        case ApprovalResolved():
            sign, word = _DECIDED[event.verdict]
            said: list[Part] = [Words(sign), Words(word, bold=True), Words(" by ")]
            return message([*said, *_who(event.principal), *_from(event.surface)], note=event.note)
        case ApprovalConsumed():
            return message([Words("🚀 The one run that this releases was "), _bold("started")])
        case ApprovalReported():
            return _reported(event)
        case ApprovalExpiredEvent():
            return message([Words("⌛ "), _bold("Expired"), Words(": nobody decided in time")])
        case ApprovalCancelledEvent():
            return _cancelled(event)
        case ApprovalRefused():
            refused: list[Part] = [Words("✋ Refused an answer of "), *_who(event.principal)]
            return message([*refused, Words(": "), _reason(event.reason)])
    return None


def _asked(event: ApprovalRouted, approval: Approval) -> Message:
    where: Part = (
        Channel(event.channel) if is_channel(event.channel) else Foreign(event.channel, 100)
    )
    parts: list[Part] = [
        Words("📨 "), _bold("Asked"), Words(" by agent "), Foreign(approval.agent, 60),
        Words(" in "), where,
    ]  # fmt: skip
    if approval.terms is not None:
        parts.append(Words(f" · {heads(approval.terms)} may answer"))
    return message([*parts, Words(" until "), Moment(approval.deadline, "short")])


def _reported(event: ApprovalReported) -> Message:
    end = Outcome(status=event.status, error=event.error, seconds=event.seconds, at=event.at)
    if event.status == "failed":
        return message([Words("❌ "), *outcome_line(end)])
    return message([Words("🏁 "), _bold("Run"), Words(" "), *outcome_line(end)])


def _cancelled(event: ApprovalCancelledEvent) -> Message:
    if event.undeliverable is not None:
        head = [Words("🚫 "), _bold("Could not be delivered"), Words(": ")]
        return message([*head, undeliverable_words(event.undeliverable)], note=event.reason)
    by: list[Part] = [Words(" by "), *_who(event.by)] if event.by else []
    return message([Words("⚪ "), _bold("Cancelled"), *by], note=event.reason)


def _reason(word: str) -> Part:
    known = _REFUSALS.get(word)
    return Words(known) if known else Foreign(word, 60)


def _who(principal: str | None) -> list[Part]:
    return [Person(principal)] if principal else [Words("an unnamed caller")]


def _from(surface: str) -> list[Part]:
    """Return where the answer came from, if it was not the card."""
    return [] if surface == "slack" else [Words(" through "), Foreign(surface, 40)]


def _bold(text: str) -> Words:
    return Words(text, bold=True)
