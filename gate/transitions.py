"""Owns THE state machine: a command and a record in, a new record and its events out, or a refusal.

==========  ===========  ==================  ===========  ===========  ===========
command     pending      approved            rejected     cancelled    expired
==========  ===========  ==================  ===========  ===========  ===========
route       terms fixed  AlreadyDecided      ← same       ← same       ← same
view        view kept    AlreadyDecided      ← same       ← same       ← same
vote        vote kept,   AlreadyDecided (a   ← same       ← same       ← same
            maybe final  repeat: no change)
climb       next rung,   AlreadyDecided      ← same       ← same       ← same
            if it is due
cancel      cancelled    AlreadyDecided      ← same       no change    ← same
expire      expired, if  AlreadyDecided      ← same       ← same       no change
            its end came
consume     NotAllowed   consumed once, not  its refusal  its refusal  its refusal
                         if overridden
report      NotAllowed   outcome, once       NotAllowed   NotAllowed   NotAllowed
==========  ===========  ==================  ===========  ===========  ===========

An approval with a route is approved only by somebody who was shown all of it: beside the button, or
page by page before, which is a view on record. Saying no needs no view.

A pending record past its end counts as expired in every column: `as_of` says so, and no clock but
the one that the caller passes is looked at. Nothing here is awaited, random, or stored.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, assert_never

from .approval import Approval, ApprovalStatus, Cancellation, Consumption
from .commands import (
    Cancel,
    CastVote,
    Climb,
    Command,
    Consume,
    Expire,
    RecordView,
    Report,
    Route,
)
from .errors import (
    AlreadyConsumed,
    DigestMismatch,
    NotAllowed,
)
from .events import (
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEscalated,
    ApprovalExpiredEvent,
    ApprovalReported,
    ApprovalRouted,
)
from .standing import Transition, about, as_of, check_open, refusal
from .voting import cast, record_view

__all__ = ["Transition", "apply"]

_LONGEST: Final = timedelta(days=90)
_AHEAD: Final = timedelta(minutes=5)
"""How far the clock of a gate on a plain store may be ahead."""


def apply(approval: Approval, command: Command, now: datetime) -> Transition:
    """Return what *command* makes of *approval* at *now*, the store's time.

    Raises:
        AlreadyDecided: The approval is final; the error carries the winning record.
        NotAllowed: This person or this answer is not allowed; nothing changes.
        Refused: For `Consume`: the reason why the action does not run.
    """
    current = as_of(approval, now)
    match command:
        case Route():
            return _route(current, command, now)
        case RecordView():
            return record_view(current, command, now)
        case CastVote():
            return cast(current, command, now)
        case Climb():
            return _climb(current, command, now)
        case Cancel():
            return _cancel(current, command, now)
        case Expire():
            return _expire(approval, current, now)
        case Consume():
            return _consume(current, command, now)
        case Report():
            return _report(current, command)
        case _:
            assert_never(command)


def _route(current: Approval, command: Route, now: datetime) -> Transition:
    check_open(current)
    if current.terms is not None:
        # Terms are fixed once. Two routers that read the same configuration agree.
        return Transition(current)
    _check_times(current, now)
    terms = command.terms.model_copy(update={"routed_at": now})
    return Transition(
        current.model_copy(update={"terms": terms}),
        (ApprovalRouted(**about(current, now), channel=command.terms.channel),),
        before=current.deadline,
    )


def _check_times(current: Approval, now: datetime) -> None:
    """Refuse times that no gate writes: who writes into the store itself could claim any."""
    life = timedelta(seconds=current.expires_in)
    if (
        current.expires_at != current.created_at + life
        or life > _LONGEST
        or current.created_at > now + _AHEAD
    ):
        raise NotAllowed(current.id, reason="odd_times")


def _climb(current: Approval, command: Climb, now: datetime) -> Transition:
    check_open(current)
    rung = current.rung
    if rung is None or current.climbed != command.rung:
        return Transition(current)  # another one has taken it
    if now < current.asked_at + timedelta(seconds=rung.after):
        raise NotAllowed(current.id, reason="not_due")
    told = {"rung": command.rung, **rung.model_dump(exclude={"after"})}
    return Transition(
        current.model_copy(update={"climbed": current.climbed + 1}),
        (ApprovalEscalated(**about(current, now), **told),),
        before=current.deadline,
    )


def _cancel(current: Approval, command: Cancel, now: datetime) -> Transition:
    if current.status is ApprovalStatus.CANCELLED:
        return Transition(current)
    check_open(current)
    ended = Cancellation(by=command.by, reason=command.reason, undeliverable=command.undeliverable)
    return Transition(
        current.model_copy(
            update={
                "status": ApprovalStatus.CANCELLED,
                "decided_at": now,
                "cancellation": ended,
            }
        ),
        (ApprovalCancelledEvent(**about(current, now), **ended.model_dump()),),
        before=current.deadline,
    )


def _expire(approval: Approval, current: Approval, now: datetime) -> Transition:
    if approval.status is ApprovalStatus.EXPIRED:
        return Transition(approval)
    if current.status is not ApprovalStatus.EXPIRED:
        check_open(current)
        raise NotAllowed(current.id, reason="not_due")
    return Transition(current, (ApprovalExpiredEvent(**about(current, now)),))


def _consume(current: Approval, command: Consume, now: datetime) -> Transition:
    refused = refusal(current)
    if refused is not None:
        raise refused
    if current.status is ApprovalStatus.PENDING or current.decision is None:
        raise NotAllowed(current.id, reason="not_approved")
    if current.decision.override_result is not None:
        # A person gave a result in place of the run.
        raise NotAllowed(current.id, reason="overridden")
    if command.digest != current.effective_digest:
        raise DigestMismatch(current, actual=command.digest)
    taken = current.consumption
    if taken is not None:
        if taken.operation_id != command.operation_id:
            raise AlreadyConsumed(current, operation_id=taken.operation_id)
        return Transition(current)
    consumption = Consumption(
        operation_id=command.operation_id, digest=command.digest, at=now, by=command.by
    )
    return Transition(
        current.model_copy(update={"consumption": consumption}),
        (
            ApprovalConsumed(
                **about(current, now), operation_id=command.operation_id, by=command.by
            ),
        ),
    )


def _report(current: Approval, command: Report) -> Transition:
    if current.consumption is None:
        raise NotAllowed(current.id, reason="not_consumed")
    if current.outcome is not None:
        same = current.outcome.model_copy(update={"at": command.outcome.at}) == command.outcome
        if not same:
            raise NotAllowed(current.id, reason="already_reported")
        return Transition(current)
    end = command.outcome
    return Transition(
        current.model_copy(update={"outcome": end}),
        (
            ApprovalReported(
                **about(current, end.at),
                status=end.status,
                error=end.error,
                seconds=end.seconds,
            ),
        ),
    )
