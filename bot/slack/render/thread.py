"""Owns the replies in a card's thread: the human copy of what happened, one reply per event."""

from __future__ import annotations

from gate import (
    Approval,
    ApprovalAlarm,
    ApprovalAmended,
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEscalated,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalReported,
    ApprovalResolved,
    ApprovalRouted,
    ApprovalVoted,
    AuditHead,
    Outcome,
    Verdict,
)

from ...masking import Masking
from ...messenger import Message
from ...proof import SOUND, Proof
from ..ids import is_channel
from .amended import amended
from .asked import heads
from .buttons import plain
from .ladder import escalated
from .line import Channel, Foreign, Moment, Part, Person, Words, message
from .payload import MASKING
from .status import deciders, outcome_line, people, undeliverable_words

__all__ = ["reply"]

_ANSWERS = {Verdict.APPROVE: "approve", Verdict.DENY: "reject", Verdict.SKIP: "skip"}
_DECIDED = {
    Verdict.APPROVE: ("✅ ", "Approved"),
    Verdict.DENY: ("⛔ ", "Rejected"),
    Verdict.SKIP: ("⏩ ", "Skipped"),
}
# What everybody takes for granted needs no words; these are worth saying.
_SURFACES = {
    "home": " in App Home",
    "slash": " by slash command",
    "cli": " at the command line",
}
_ALARMS = {
    "receipt": "wrote a decision into the record of this request. It is not signed by this bot: "
    "nothing will run by it.",
    "votes": "wrote answers into the record of this request. They do not count.",
    "views": "wrote into the record of this request who has seen it. It can no longer be approved.",
    "amendment": "changed what is asked here. It can no longer be approved.",
    "terms": "changed who may answer this request. It can no longer be approved.",
}
_USUAL = frozenset(("answer", "card", "direct", "edit", "form", "review"))


def reply(
    event: ApprovalEvent,
    approval: Approval,
    proof: Proof = SOUND,
    head: AuditHead | None = None,
    *,
    masking: Masking = MASKING,
) -> Message | None:
    """Return the thread's reply to *event*, or `None` where the thread has nothing to say.

    Args:
        event: What happened.
        approval: The record, as it is now or was then; of it terms, names and votes are read.
        proof: What is known of the record.
        head: The audit chain's, where the event closes the approval: whoever copies it from here
            finds later whether anything was taken from the chain.
        masking: Masks what looks like a secret.
    """
    if isinstance(event, ApprovalAmended):
        return amended(event, approval, masking)
    told = _told(masking.event(event), masking.veil(approval), proof)
    if told is None or head is None:
        return told
    line = {"type": "context", "elements": [plain(str(head))]}
    return Message(text=f"{told.text} · {head}", blocks=[*told.blocks, line])


def _told(event: ApprovalEvent, approval: Approval, proof: Proof) -> Message | None:
    match event:
        case ApprovalRouted():
            return _asked(event, approval)
        case ApprovalVoted():
            answer: list[Part] = [
                Words("🙋 "), *_who(event.principal), Words(" answered "),
                Words(_ANSWERS[event.verdict], bold=True), *_from(event),
                Words("; more answers are needed"),
            ]  # fmt: skip
            return message(answer, note=event.note)
        case ApprovalResolved():
            sign, word = _DECIDED[event.verdict]
            said: list[Part] = [Words(sign), Words(word, bold=True), Words(" by ")]
            said += _deciders(event, approval)
            if not proof.confirmed:
                said.append(Words("; not confirmed yet, the request says when it is"))
            return message(said, note=event.note)
        case ApprovalEscalated():
            return escalated(event, approval)
        case ApprovalAlarm():
            what = _ALARMS.get(event.part, "wrote into the record of this request.")
            return message([Words("🚨 "), _bold("Alarm"), Words(f": somebody else {what}")])
        case ApprovalConsumed():
            return message([Words("🚀 The one run that this releases was "), _bold("started")])
        case ApprovalReported():
            return _reported(event)
        case ApprovalExpiredEvent():
            return message([Words("⌛ "), _bold("Expired"), Words(": nobody decided in time")])
        case ApprovalCancelledEvent():
            return _cancelled(event)
    # A request comes before its thread; views and refusals are one person's, and audited.
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


def _who(principal: str | None) -> list[Part]:
    return [Person(principal)] if principal else [Words("an unnamed caller")]


def _deciders(event: ApprovalResolved, approval: Approval) -> list[Part]:
    """Return everybody whose answer made the decision, and where the last one came from."""
    who = deciders(approval) if approval.verdict is event.verdict else []
    place = _from(event)
    if event.principal not in who or len(who) == 1:
        return [*_who(event.principal), *place]
    # A place after several names would be read as that of all of them.
    return [*people(who, "and"), *([Words("; the last answer"), *place] if place else [])]


def _from(event: ApprovalVoted | ApprovalResolved) -> list[Part]:
    """Return where the answer came from, if it was not a button of the request."""
    surface, principal = event.surface, event.principal or ""
    # Who is of the command line is called so by name.
    if surface in _USUAL or (surface == "cli" and principal.startswith("cli:")):
        return []
    known = _SURFACES.get(surface)
    return [Words(known)] if known else [Words(" through "), Foreign(surface, 40)]


def _bold(text: str) -> Words:
    return Words(text, bold=True)
