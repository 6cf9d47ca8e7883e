"""Owns the private answers: what the person who clicked is told, one sentence or two, exact."""

from __future__ import annotations

from collections.abc import Mapping

from gate import (
    AlreadyDecided,
    Approval,
    ApprovalNotFound,
    DigestMismatch,
    InvalidId,
    LimitExceeded,
    NotAllowed,
    Refused,
    StoreCorrupt,
    StoreUnavailable,
    Verdict,
)

from ...messenger import Message
from .asked import asked_line
from .line import Foreign, Line, Names, Part, Words, message
from .status import State, ended_note, state_of, status_line

__all__ = ["applied", "foreign_card", "notice_for", "stale_card"]

_UNCHANGED = "Your answer was not recorded. "
_UNCLEAR = (
    "It is not certain that your answer was recorded. Please click again: repeating is safe, and "
    "the card shows what counts."
)
_NOT_ALLOWED = {
    "not_by": "This request excludes you from deciding it. Somebody else has to answer.",
    "not_routed": "Nobody has been chosen yet who may answer this request. Please try again soon.",
    "incomplete_view": "Not everything that would run has been shown to you, so it cannot be "
    "approved from here. It can be rejected.",
    "edit_not_allowed": "This request does not allow its arguments to be changed.",
    "override_not_allowed": "This request does not allow an answer in place of running it.",
    "not_checked": f"{_UNCHANGED}Whether you may answer could not be checked just now. Please try "
    "again.",
    "not_member": "Only full members of this workspace can answer: no guests, no apps, nobody from "
    "outside.",
}


def notice_for(
    error: Exception, *, approval: Approval | None = None, names: Mapping[str, str] | None = None
) -> Message:
    """Return what to tell the person whose click ended in *error*.

    Args:
        error: One of `gate`'s errors. Any other counts as an unknown fate of the write.
        approval: The record, where it could be read.
        names: Display names by principal.
    """
    match error:
        case AlreadyDecided():
            return _ended(error.approval)
        case NotAllowed():
            return _not_allowed(error, approval, names=names or {})
        case ApprovalNotFound():
            return _say("🔍", "This request is not known here any more. " + _UNCHANGED.strip())
        case StoreUnavailable():
            return _say("❗", _UNCHANGED + "The store cannot be reached. Please try again.")
        case StoreCorrupt():
            return _say("❗", _UNCHANGED + "The record of this request cannot be read.")
        case DigestMismatch():
            return stale_card()
        case Refused() if error.approval is not None and error.approval.final:
            return _ended(error.approval)
        case InvalidId():
            return foreign_card()
        case LimitExceeded():
            return _say("❗", _UNCHANGED + f"It is too long: at most {error.limit:,} are allowed.")
    return _say("❗", _UNCLEAR)


def applied(approval: Approval, verdict: Verdict) -> Message:
    """Return the confirmation of an answer that the store has taken.

    Args:
        approval: As it is after the answer; it may still be pending, where more are needed.
        verdict: The answer.
    """
    word = {Verdict.APPROVE: "approve", Verdict.DENY: "reject", Verdict.SKIP: "skip"}[verdict]
    line: list[Part] = [Words("📝 Your answer is recorded: "), Words(word, bold=True), Words(". ")]
    if approval.final:
        return message([*line, *status_line(approval, state_of(approval))])
    return message([*line, Words("More answers are needed.")])


def stale_card() -> Message:
    """Return the answer to a click on a card that no longer shows what would run."""
    return _say("❗", _UNCHANGED + "This card is out of date; please use the newest one.")


def foreign_card() -> Message:
    """Return the answer to a button that was not made here, or not for this message."""
    return _say("❗", _UNCHANGED + "This button does not belong to a request that is known here.")


def _ended(approval: Approval) -> Message:
    state = state_of(approval)
    if state is State.PENDING:
        return _say("❗", _UNCLEAR)
    head: Line = [Words("Your answer came too late and changes nothing. ")]
    return message([*head, *status_line(approval, state)], note=ended_note(approval))


def _not_allowed(error: NotAllowed, approval: Approval | None, *, names: Names) -> Message:
    if error.reason == "not_approver":
        line: list[Part] = [Words("✋ You are not among the people who may answer this request.")]
        if approval is not None and approval.terms is not None:
            # Names without mentions: a private refusal must not call anybody.
            who = asked_line(approval.terms, names=names, ping=False)
            line += [Words(" It is up to "), *who, Words(".")]
        return message(line)
    known = _NOT_ALLOWED.get(error.reason)
    if known:
        return _say("✋", known)
    return message(
        [Words(f"✋ {_UNCHANGED}It is not allowed: "), Foreign(error.reason, 60), Words(".")]
    )


def _say(sign: str, text: str) -> Message:
    return message([Words(f"{sign} {text}")])
