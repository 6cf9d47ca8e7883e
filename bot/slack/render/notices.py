"""Owns the private answers: what the person who clicked is told, one sentence or two, exact."""

from __future__ import annotations

from typing import Final

from gate import (
    AlreadyDecided,
    Amendment,
    Approval,
    ApprovalAnswer,
    ApprovalNotFound,
    ApprovalRefused,
    ApprovalResolved,
    ApprovalVoted,
    DigestMismatch,
    InvalidId,
    LimitExceeded,
    NotAllowed,
    Refused,
    StoreCorrupt,
    StoreUnavailable,
    Tampered,
    Verdict,
)

from ...masking import Masking
from ...messenger import Message
from .asked import asked_line, asked_of, missing
from .line import Foreign, Names, Part, Words, message
from .payload import MASKING
from .proposal import change_of
from .status import UNCONFIRMED, State, ended_note, state_of, status_line

__all__ = ["form_failed", "notice", "too_many", "unrecorded"]

_UNCHANGED: Final = "Your answer was not recorded. "
_UNCLEAR: Final = (
    "It is not certain that your answer was recorded. Please click again: repeating is safe, and "
    "the card shows what counts."
)
_MORE: Final = "More answers are needed; until then you can change yours."
_DOT: Final = Words(".")
_ANSWERS: Final = {Verdict.APPROVE: "approve", Verdict.DENY: "reject", Verdict.SKIP: "skip"}
_ENDED: Final = frozenset(("already_decided", "approval_expired", "expired"))
_REFUSALS: Final = {
    "not_by": (
        "✋",
        "This request excludes you from deciding it. Somebody else has to answer.",
    ),
    "self_approval": (
        "✋",
        "You may not decide this one yourself: the agent is yours, or acts for you. Somebody else "
        "has to answer.",
    ),
    "no_keys": (
        "❗",
        f"{_UNCHANGED}Decisions are signed here, and this place has no key to sign with.",
    ),
    "tampered": (
        "🚨",
        f"{_UNCHANGED}Somebody else wrote into the record of this request; an alarm was raised.",
    ),
    "not_routed": (
        "✋",
        "Nobody has been chosen yet who may answer this request. Please try again soon.",
    ),
    "incomplete_view": (
        "✋",
        f"{_UNCHANGED}Not all that would run has been shown to you. Use Review: Approve is on its "
        "last page. Rejecting always works.",
    ),
    "reveal_forbidden": (
        "✋",
        "The route of this request reveals nothing that is masked. It can only be rejected.",
    ),
    "edit_not_allowed": (
        "✋",
        f"{_UNCHANGED}This request, or its route, does not let its arguments be edited.",
    ),
    "override_not_allowed": (
        "✋",
        f"{_UNCHANGED}This request, or its route, takes no answer in place of a run.",
    ),
    "skip_not_allowed": (
        "✋",
        f"{_UNCHANGED}The route of this request does not let it be skipped.",
    ),
    "not_checked": (
        "✋",
        f"{_UNCHANGED}Whether you may answer could not be checked just now. Please try again.",
    ),
    "not_member": (
        "✋",
        "Only full members of this workspace can answer, and people of those that the route names: "
        "no guests, no apps, nobody else from outside.",
    ),
    "approval_not_found": (
        "🔍",
        f"This request is not known here any more. {_UNCHANGED.strip()}",
    ),
    "stale_card": (
        "❗",
        f"{_UNCHANGED}What you used is out of date; please use the newest card of this request.",
    ),
    "foreign_card": (
        "❗",
        f"{_UNCHANGED}This button does not belong to a request that is known here.",
    ),
    "store_unavailable": (
        "❗",
        f"{_UNCHANGED}The store cannot be reached. Please try again.",
    ),
    "store_corrupt": ("❗", f"{_UNCHANGED}The record of this request cannot be read."),
    "unconfirmed": ("❗", _UNCLEAR),
}


def notice(
    event: ApprovalAnswer,
    approval: Approval | None,
    *,
    names: Names | None = None,
    confirmed: bool = True,
    masking: Masking = MASKING,
) -> Message:
    """Return what to tell the person whose answer became *event*.

    Args:
        event: What came of the answer.
        approval: The record as it is now; `None` where there is none any more.
        names: Display names by principal; a mention would notify nobody here.
        confirmed: Whether a decision is known to stay.
        masking: Masks what looks like a secret.
    """
    approval = approval and masking.veil(approval)
    match event:
        case ApprovalVoted():
            return _voted(event, approval, names=names)
        case ApprovalResolved():
            return _resolved(event.verdict, approval, names=names, confirmed=confirmed)
        case ApprovalRefused():
            return _refused(event.reason, approval, names=names)
    return _say("❗", _UNCLEAR)


def unrecorded(
    error: Exception,
    *,
    approval: Approval | None = None,
    names: Names | None = None,
    masking: Masking = MASKING,
) -> Message:
    """Return what to tell a person whose answer left no event.

    Args:
        error: Why. One that is none of `gate`'s counts as an unknown fate of the write.
        approval: The record, where it could be read.
        names: Display names by principal.
        masking: Masks what looks like a secret.
    """
    approval = approval and masking.veil(approval)
    match error:
        case NotAllowed():
            return _refused(error.reason, approval, names=names)
        case AlreadyDecided() | Refused() if error.approval is not None and error.approval.final:
            return _ended(masking.veil(error.approval), names=names)
        case LimitExceeded():
            return _say("❗", _UNCHANGED + f"It is too long: at most {error.limit:,} are allowed.")
    word = {
        ApprovalNotFound: "approval_not_found",
        DigestMismatch: "stale_card",
        InvalidId: "foreign_card",
        StoreUnavailable: "store_unavailable",
        StoreCorrupt: "store_corrupt",
        Tampered: "tampered",
    }.get(type(error), "unconfirmed")
    return _refused(word, approval, names=names)


def form_failed(*, rejected: bool = False, what: str | None = "Reject") -> Message:
    """Return what to tell a person for whom Slack did not open a form.

    Args:
        rejected: Whether it was rejected all the same, without a reason.
        what: The label of the button to click again, where nothing happened; `None` where it was
            asked for by a command.
    """
    if rejected:
        text = "It is rejected. Slack did not open the form for the reason: please write it in "
        return _say("📝", text + "the thread of the request.")
    again = "type the command" if what is None else f"click {what}"
    return _say("❗", f"Nothing was recorded: Slack did not open the form. Please {again} again.")


def too_many() -> Message:
    """Return what to tell a person who clicks faster than clicks are answered."""
    return _say("✋", "Too many clicks at once: some were not looked at. Please wait ten seconds.")


def _recorded(verdict: Verdict) -> list[Part]:
    word = Words(_ANSWERS[verdict], bold=True)
    return [Words("📝 Your answer is recorded: "), word, Words(". ")]


def _voted(event: ApprovalVoted, approval: Approval | None, *, names: Names | None) -> Message:
    if approval is None:
        return message([*_recorded(event.verdict), Words(_MORE)])
    own, amendment = (event.principal, event.at), approval.amendment
    if amendment is not None and (amendment.principal, amendment.at) == own:
        # The answer with which somebody changes the question bears the time of the change.
        return _amended(approval, amendment)
    now = next((vote.verdict for vote in approval.votes if vote.principal == event.principal), None)
    # Told late, as after a crash: what is read last must not be what counts no more.
    line: list[Part] = [
        Words("📝 Your answer was recorded: "), Words(_ANSWERS[event.verdict], bold=True)
    ]  # fmt: skip
    if now is None and amendment is not None:
        return message([*line, Words(". What is asked was changed since; it counts no more.")])
    if now is not None and now is not event.verdict:
        after = Words(_ANSWERS[now], bold=True)
        return message([*line, Words(". You have changed it since; what counts is "), after, _DOT])
    if not approval.final:
        return message([*_recorded(event.verdict), Words(_MORE)])
    ended = status_line(approval, state_of(approval), names=names, ping=False)
    return message([*_recorded(event.verdict), *ended])


def _amended(approval: Approval, amendment: Amendment) -> Message:
    result = amendment.override_result is not None
    what = "result in place of a run" if result else "edit and approval"
    said = f"Your {what} {'is' if result else 'are'} recorded. "
    count = missing(approval)
    more = "One more approval is" if count == 1 else f"{count} more approvals are"
    tail = f"{more} needed; until then you can change yours." if count else _MORE
    return _say("📝", said + tail)


def _resolved(
    verdict: Verdict, approval: Approval | None, *, names: Names | None, confirmed: bool
) -> Message:
    line = _recorded(verdict)
    change = change_of(approval) if approval is not None and verdict is Verdict.APPROVE else None
    if change is not None:
        line[-1:] = [Words(f", {change}. ")]
    if not confirmed:
        return message([*line, *UNCONFIRMED])
    if approval is None or not approval.final:
        return message([*line, Words("With it the request is decided.")])
    return message([*line, *status_line(approval, state_of(approval), names=names, ping=False)])


def _refused(reason: str, approval: Approval | None, *, names: Names | None) -> Message:
    if reason == "already_answered":
        return _repeated(approval, names=names)
    if approval is not None and approval.final and reason in _ENDED:
        return _ended(approval, names=names)
    if reason in _ENDED:
        return _say("✋", "Your answer came too late and changes nothing: it was over before.")
    if reason == "not_approver":
        return _not_approver(approval, names=names)
    known = _REFUSALS.get(reason)
    if known is not None:
        return _say(*known)
    return message([Words(f"✋ {_UNCHANGED}It is not allowed: "), Foreign(reason, 60), Words(".")])


def _repeated(approval: Approval | None, *, names: Names | None) -> Message:
    before = Words("📝 You gave this answer before; it stands. ")
    if approval is None or not approval.final:
        return message([before, Words(_MORE)])
    return message([before, *status_line(approval, state_of(approval), names=names, ping=False)])


def _ended(approval: Approval, *, names: Names | None) -> Message:
    state = state_of(approval)
    if state is State.PENDING:
        return _say("❗", _UNCLEAR)
    head = Words("Your answer came too late and changes nothing. ")
    line = status_line(approval, state, names=names, ping=False)
    return message([head, *line], note=ended_note(approval))


def _not_approver(approval: Approval | None, *, names: Names | None) -> Message:
    line: list[Part] = [Words("✋ You are not among the people who may answer this request.")]
    if approval is not None and approval.terms is not None:
        # Where only names are at hand: a private refusal must not call anybody.
        who = asked_line(asked_of(approval) or approval.terms, names=names, ping=False)
        line += [Words(" It is up to "), *who, Words(".")]
    return message(line)


def _say(sign: str, text: str) -> Message:
    return message([Words(f"{sign} {text}")])
