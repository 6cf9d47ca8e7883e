"""Owns the reply for what people may have said once, and the record no longer holds."""

from __future__ import annotations

from gate import ApprovalAmended, ApprovalEvent

from ...messenger import Message
from .line import Words, message

__all__ = ["gone"]

_ANSWER = (
    "The log has an answer that is not on record. If it was given, it was changed since, or what "
    "is asked was: it does not count."
)
_CHANGE = (
    "The log has a change of the request that is not on record. If it was made, it was changed "
    "since: what counts is what the request says."
)


def gone(event: ApprovalEvent) -> Message:
    """Return the reply to *event*: nobody's name, and no word of what it says.

    Nobody can vouch for it. Whoever may write to the store may have made it up.
    """
    said = _CHANGE if isinstance(event, ApprovalAmended) else _ANSWER
    return message([Words("❔ "), Words(said)])
