"""Owns the words for where an approval stands: one line, the same on card, thread and notice."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from gate import Approval, ApprovalStatus, Outcome, Verdict

from .line import Foreign, Line, Moment, Names, Part, Words, duration, join, person

__all__ = [
    "MOST_NAMES",
    "UNCONFIRMED",
    "State",
    "deciders",
    "ended_note",
    "outcome_line",
    "people",
    "state_of",
    "status_line",
    "undeliverable_words",
]

MOST_NAMES = 8
UNCONFIRMED: Line = (
    Words("❔ "),
    Words("Not confirmed yet", bold=True),
    Words(": too few replicas of the store have this, and a failover could take it back."),
)
"""Beside a decision that may not stay."""

_UNDELIVERABLE = {
    "no_route": "no route fits this request",
    "too_many_pending": "its agent has too many requests waiting",
    "channel_not_found": "the channel was not found",
    "not_in_channel": "the app is not in the channel",
    "is_archived": "the channel is archived",
    "tampered": "somebody else wrote into its record",
}


class State(StrEnum):
    """What a card can show. All but `PENDING` have no buttons."""

    PENDING = "pending"
    APPROVED = "approved"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNDELIVERABLE = "undeliverable"
    EXPIRED = "expired"
    FORGED = "forged"
    """Somebody else wrote the decision: it is none."""
    TAMPERED = "tampered"
    """Somebody else wrote into it: nothing of it is signed."""


def state_of(approval: Approval, *, overdue: bool = False, flaw: str | None = None) -> State:
    """Return what a card of *approval* shows.

    Args:
        approval: As it counts now (`gate.transitions.as_of`); no clock is looked at here.
        overdue: The run was taken so long ago that its end should have been reported.
        flaw: What in it somebody else wrote; see `bot.proof`.
    """
    if flaw is not None:
        return State.FORGED if flaw == "receipt" else State.TAMPERED
    match approval.status:
        case ApprovalStatus.PENDING:
            return State.PENDING
        case ApprovalStatus.APPROVED:
            return _running(approval, overdue=overdue)
        case ApprovalStatus.REJECTED:
            return State.SKIPPED if approval.verdict is Verdict.SKIP else State.REJECTED
        case ApprovalStatus.CANCELLED:
            ended = approval.cancellation
            failed = ended is not None and ended.undeliverable is not None
            return State.UNDELIVERABLE if failed else State.CANCELLED
        case ApprovalStatus.EXPIRED:
            return State.EXPIRED


def status_line(
    approval: Approval, state: State, *, names: Names | None = None, ping: bool = True
) -> Line:
    """Return the line that says where *approval* stands, made of our own words and of names.

    Args:
        approval: As it counts now.
        state: What is shown of it.
        names: Display names by principal, for where people are not mentioned.
        ping: Mention the people.
    """
    by = _by(approval, names=names, ping=ping)
    match state:
        case State.PENDING:
            return [Words("⏳ "), Words("Waiting for an answer", bold=True)]
        case State.APPROVED:
            head = [Words("✅ "), Words("Approved", bold=True), *by, *_decided(approval)]
            return [*head, Words(f" · {_not_run(approval)}")]
        case State.RUNNING:
            head = [Words("✅ "), Words("Approved", bold=True), *by]
            return [*head, *_ran(approval, " · running since ")]
        case State.DONE:
            head = [Words("✅ "), Words("Approved", bold=True), *by]
            return [*head, *_ran(approval, " · ran "), Words(" · "), *_outcome(approval)]
        case State.FAILED:
            head = [Words("❌ "), *_outcome(approval), Words(" · approved"), *by]
            return [*head, *_ran(approval, " · ran ")]
        case State.UNKNOWN:
            head = [Words("❓ "), Words("Started, outcome unknown", bold=True)]
            return [*head, Words(" · approved"), *by, *_ran(approval, " · ran ")]
        case State.REJECTED:
            return [Words("⛔ "), Words("Rejected", bold=True), *by, *_decided(approval)]
        case State.SKIPPED:
            head = [Words("⏩ "), Words("Skipped", bold=True), *by]
            return [*head, *_decided(approval), Words(" · the agent goes on without it")]
        case State.CANCELLED | State.UNDELIVERABLE:
            return _cancelled(approval, names=names, ping=ping)
        case State.EXPIRED:
            return [Words("⌛ "), Words("Expired undecided", bold=True), *_decided(approval)]
        case State.FORGED | State.TAMPERED:
            return _alarming(approval, forged=state is State.FORGED)


def ended_note(approval: Approval) -> str | None:
    """Return what somebody said on ending it: the decision's note, the cancellation's reason."""
    if approval.decision is not None:
        return approval.decision.note
    return approval.cancellation.reason if approval.cancellation else None


def deciders(approval: Approval) -> list[str]:
    """Return the principals whose answers made the decision, or who is recorded as approver."""
    yes = approval.status is ApprovalStatus.APPROVED
    found = [
        vote.principal
        for vote in approval.votes
        if vote.principal is not None
        and (vote.verdict is Verdict.APPROVE) == yes
        # Who said yes to the action as asked has not said yes to what somebody made of it.
        and (not yes or vote.digest == approval.effective_digest)
    ]
    if not found and approval.approver is not None:
        found = [approval.approver]
    return found


def people(
    principals: Sequence[str],
    last: str,
    *,
    names: Names | None = None,
    ping: bool = True,
    most: int = MOST_NAMES,
) -> list[Part]:
    """Return principals as an enumeration, at most eight of them, the rest counted."""
    shown = [[person(principal, names, ping=ping)] for principal in principals[:most]]
    more = len(principals) - len(shown)
    tail: list[list[Words]] = [[Words(f"{more} more")]] if more else []
    return join([*shown, *tail], "and" if more else last)


def outcome_line(outcome: Outcome) -> list[Part]:
    """Return how the run ended: the class of an error, never its text."""
    if outcome.status == "done":
        return [Words(f"done in {duration(outcome.seconds)}")]
    parts: list[Part] = [
        Words("Run failed", bold=True),
        Words(f" after {duration(outcome.seconds)}"),
    ]
    if outcome.error:
        parts += [Words(" ("), Foreign(outcome.error, 100), Words(")")]
    return parts


def undeliverable_words(word: str) -> Part:
    """Return a stable word for a failed delivery as a sentence, an unknown word as it is."""
    known = _UNDELIVERABLE.get(word)
    return Words(known) if known else Foreign(word or "no reason given", 100)


def _alarming(approval: Approval, *, forged: bool) -> Line:
    said, rest = "Somebody else wrote into this record", ": it can no longer be approved"
    if forged:
        yes = approval.status is ApprovalStatus.APPROVED
        said = f"The record says {'approved' if yes else 'rejected'}, but not by this bot"
        rest = ": it will not run" if yes else ": do not rely on it"
    elif approval.final:
        rest = ": an alarm was raised"
    return [Words("🚨 "), Words(said, bold=True), Words(rest)]


def _running(approval: Approval, *, overdue: bool) -> State:
    if approval.outcome is not None:
        return State.DONE if approval.outcome.status == "done" else State.FAILED
    if approval.consumption is None:
        return State.APPROVED
    return State.UNKNOWN if overdue else State.RUNNING


def _by(approval: Approval, *, names: Names | None, ping: bool) -> list[Part]:
    who = deciders(approval)
    if not who:
        return [Words(" by an unnamed caller")]
    return [Words(" by "), *people(who, "and", names=names, ping=ping)]


def _decided(approval: Approval) -> list[Part]:
    at = approval.decided_at
    return [Words(" · "), Moment(at, "short")] if at else []


def _not_run(approval: Approval) -> str:
    decision = approval.decision
    if decision is not None and decision.override_result is not None:
        return "answered in place of running it"
    return "not run yet"


def _ran(approval: Approval, before: str) -> list[Part]:
    taken = approval.consumption
    return [Words(before), Moment(taken.at, "short")] if taken else []


def _outcome(approval: Approval) -> list[Part]:
    return outcome_line(approval.outcome) if approval.outcome else []


def _cancelled(approval: Approval, *, names: Names | None, ping: bool) -> Line:
    ended = approval.cancellation
    if ended is not None and ended.undeliverable is not None:
        head = [Words("🚫 "), Words("Could not be delivered", bold=True), Words(": ")]
        return [*head, undeliverable_words(ended.undeliverable), *_decided(approval)]
    who = ended.by if ended else None
    by: list[Part] = [Words(" by "), person(who, names, ping=ping)] if who else []
    return [
        Words("⚪ "),
        Words("Cancelled", bold=True),
        *by,
        *_decided(approval),
        Words(" · nobody decided"),
    ]
