"""Owns an approval's audit as a story: one line for each event, in plain words.

Lines hold foreign text as it is; whoever prints them makes it harmless.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gate import (
    Approval,
    ApprovalAlarm,
    ApprovalAmended,
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEscalated,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalRefused,
    ApprovalReported,
    ApprovalRequested,
    ApprovalResolved,
    ApprovalRevealed,
    ApprovalRouted,
    ApprovalViewed,
    ApprovalVoted,
    StoreCorrupt,
    event_from_wire,
    read_receipt,
)

from .bearing import Bearing, bearing

__all__ = ["receipt_key", "tell"]

_BORNE_OUT = {
    Bearing.HELD: "",
    Bearing.GONE: "; changed or void since, so the record cannot bear this out",
    Bearing.UNTRUE: "; the record does not bear this out",
}
_COMMON = frozenset(("type", "id", "namespace", "at"))


def tell(wire: Mapping[str, Any], approval: Approval | None) -> tuple[datetime | None, str]:
    """Return when an event took place, and what happened.

    Args:
        wire: The event as it was sealed, of any version.
        approval: Its record, if it is still there: who was asked, and the receipt. What it does not
            hold, or no longer, is told as such: others can write into the log, and the chain seals
            what is there.
    """
    try:
        event = event_from_wire(dict(wire))
    except StoreCorrupt:
        return None, f"{wire.get('type')!s}, which this version does not know: {_rest(wire)}"
    words = _words(event, wire, approval)
    if approval is not None:
        words += _BORNE_OUT[bearing(approval, event)]
    return event.at, words


def receipt_key(approval: Approval | None) -> str | None:
    """Return the id of the key that signed the decision, as the receipt itself says."""
    if approval is None or approval.receipt is None:
        return None
    try:
        return read_receipt(approval.receipt)[0].kid
    except ValueError:
        return None


def _words(event: ApprovalEvent, wire: Mapping[str, Any], approval: Approval | None) -> str:
    match event:
        case ApprovalRequested():
            return f"{event.agent} asked to run {event.name}, digest {event.digest}"
        case ApprovalRouted():
            return f"asked in {event.channel}{_people(approval)}"
        case ApprovalViewed():
            return f"{event.principal} was shown all of it ({event.surface}), digest {event.digest}"
        case ApprovalRevealed():
            return f"{event.principal} was shown what is masked at {event.path} ({event.surface})"
        case ApprovalVoted():
            who = event.principal or "an unnamed caller"
            return f"{who} answered {event.verdict.value} ({event.surface}){_note(event.note)}"
        case ApprovalAmended():
            return _amended(event, approval)
        case ApprovalResolved():
            return _decision(event, approval)
        case ApprovalEscalated():
            there = f" in {event.channel}" if event.channel else ""
            said = f"asked again, step {event.rung + 1}: {event.action}{there}"
            if not event.also:
                return said
            # From the event, not from the record: it says who was called at that time.
            return f"{said}: {', '.join(event.also)}{_people(approval, rungs=event.rung + 1)}"
        case ApprovalRefused():
            who = event.principal or "somebody unknown"
            times = f" {event.count} times more" if event.count > 1 else ""
            return f"{who} tried to answer{times} ({event.surface}) and was refused: {event.reason}"
    return _end(event) or f"{event.type}: {_rest(wire)}"


def _end(event: ApprovalEvent) -> str | None:
    match event:
        case ApprovalConsumed():
            return f"{event.by or 'somebody'} took the one run, operation {event.operation_id}"
        case ApprovalReported():
            error = f" with {event.error}" if event.error else ""
            took = "under 0.1" if event.seconds < 0.05 else f"{event.seconds:,.1f}"
            return f"the run ended: {event.status}{error} in {took} s"
        case ApprovalExpiredEvent():
            return "expired: nobody decided in time"
        case ApprovalCancelledEvent():
            if event.undeliverable is not None:
                return f"could not be delivered: {event.undeliverable}"
            by = f" by {event.by}" if event.by else ""
            return f"cancelled{by}{_note(event.reason)}"
        case ApprovalAlarm():
            return f"ALARM: somebody else wrote the {event.part} of the record; nothing was signed"
    return None


def _amended(event: ApprovalAmended, approval: Approval | None) -> str:
    who = event.principal or "an unnamed caller"
    if event.override:
        done = "gave a result in place of a run"
    elif approval is not None and event.digest == approval.digest:
        done = "went back to what the agent asked"
    else:
        done = "edited the arguments"
    void = "earlier approvals are void"
    return f"{who} {done} ({event.surface}), digest {event.digest}; {void}"


def _decision(event: ApprovalResolved, approval: Approval | None) -> str:
    who = event.principal or "an unnamed caller"
    said = f"decided: {event.verdict.value}, with the answer of {who} ({event.surface})"
    if approval is not None and approval.decision is not None:
        if approval.decision.override_result is not None:
            said += ", in place of a run"
        elif approval.decision.digest is not None:
            said += ", as edited"
    said += _note(event.note)
    if approval is None:
        return said
    key = receipt_key(approval)
    return f"{said}; " + (f"receipt by key {key}" if key else "no receipt: it is not signed")


def _people(approval: Approval | None, *, rungs: int = 0) -> str:
    """Return who may answer once so many rungs of the ladder are taken."""
    if approval is None or approval.terms is None:
        return ""
    terms = approval.terms.after(approval.terms.ladder[:rungs])
    asked = (
        f"{quorum.needed} of {quorum.name} ({', '.join(quorum.of)})" for quorum in terms.quorums
    )
    when = "may answer from then on" if rungs else "may answer"
    return f"; {when}: {' and '.join(asked)}"


def _note(note: str | None) -> str:
    return f": {note}" if note else ""


def _rest(wire: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in wire.items() if name not in _COMMON}
    return json.dumps(rest, sort_keys=True)
