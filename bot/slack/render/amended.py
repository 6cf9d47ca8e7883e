"""Owns the reply for a change of the question: the edit as a diff, the result in place of a run."""

from __future__ import annotations

from gate import Approval, ApprovalAmended

from ...masking import Masking
from ...messenger import Message
from .asked import missing
from .diff import edit_diff
from .gone import gone
from .line import Part, Person, Words, message, mrkdwn, quote, rich_text, section
from .proposal import ANSWERED, EDITED
from .titles import preformatted

__all__ = ["amended"]

_BACK = "🔙 "


def amended(event: ApprovalAmended, approval: Approval, masking: Masking) -> Message:
    """Return the reply to *event*, as far as the record still has what it speaks of.

    Args:
        event: The change.
        approval: The record as it is now, not a veiled one: somebody may have changed it again.
        masking: Masks what looks like a secret.
    """
    if not _stands(event, approval):
        return gone(event)
    who: Part = Person(event.principal) if event.principal else Words("an unnamed caller")
    if event.override:
        head = [Words(ANSWERED), Words("Answered in place of a run", bold=True), Words(" by "), who]
    elif event.digest == approval.digest:
        head = [Words(_BACK), Words("Back", bold=True), Words(" to what the agent asked, by "), who]
    else:
        head = [Words(EDITED), Words("Edited", bold=True), Words(" by "), who]
    head += _needed(approval)
    if event.override:
        result = masking.prose(approval.proposed_result or "")
        return _under(head, *quote(result))
    if event.digest == approval.digest:
        return message(head)
    changes = edit_diff(approval.payload, approval.effective_payload, masking=masking)
    return _under(head, preformatted(changes))


def _stands(event: ApprovalAmended, approval: Approval) -> bool:
    """Say whether what *event* made of the question is what the record has now."""
    said = (event.digest, event.override)
    now = (approval.effective_digest, approval.proposed_result is not None)
    if said != now:
        return False
    amendment = approval.amendment
    # The same person may have given two results one after the other.
    return amendment is None or (amendment.principal, amendment.at) == (event.principal, event.at)


def _needed(approval: Approval) -> list[Part]:
    count = missing(approval)
    return [Words(f" (needs {count} more)")] if count else []


def _under(head: list[Part], *parts: dict[str, object]) -> Message:
    """Return a message whose notification has our words only."""
    return Message(text=mrkdwn(head), blocks=[rich_text(section(head), *parts)])
