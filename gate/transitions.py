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

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from .approval import (
    Approval,
    ApprovalStatus,
    Cancellation,
    Consumption,
    Decision,
    Verdict,
    View,
    Vote,
)
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
    AlreadyDecided,
    ApprovalCancelled,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalSkipped,
    DigestMismatch,
    NotAllowed,
    Refused,
    Undeliverable,
)
from .events import (
    ApprovalCancelledEvent,
    ApprovalConsumed,
    ApprovalEscalated,
    ApprovalEvent,
    ApprovalExpiredEvent,
    ApprovalReported,
    ApprovalResolved,
    ApprovalRouted,
    ApprovalViewed,
    ApprovalVoted,
)
from .quorum import may_vote, tally
from .terms import Terms

__all__ = [
    "Transition",
    "apply",
    "as_of",
    "refusal",
]

_MAX_VIEWS: Final = 200


@dataclass(frozen=True)
class Transition:
    """What a command makes of a record.

    `events` is empty exactly when nothing changes. `before` is the latest store time at which the
    change may be written.
    """

    approval: Approval
    events: tuple[ApprovalEvent, ...] = ()
    before: datetime | None = None

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.events)


def as_of(approval: Approval, now: datetime) -> Approval:
    """Return *approval* as it counts at *now*: a pending one past its end counts as expired."""
    if approval.final or now < approval.deadline:
        return approval
    return approval.model_copy(
        update={"status": ApprovalStatus.EXPIRED, "decided_at": approval.deadline}
    )


def refusal(approval: Approval) -> Refused | None:
    """Return why *approval* does not release a run, or `None` if it does or is still pending."""
    match approval.status:
        case ApprovalStatus.PENDING | ApprovalStatus.APPROVED:
            return None
        case ApprovalStatus.REJECTED:
            decision = approval.decision
            kind = (
                ApprovalSkipped
                if decision is not None and decision.verdict is Verdict.SKIP
                else ApprovalDenied
            )
            return kind(
                approval, note=decision.note if decision else None, approver=approval.approver
            )
        case ApprovalStatus.CANCELLED:
            ended = approval.cancellation
            if ended is not None and ended.undeliverable is not None:
                return Undeliverable(approval, reason=ended.undeliverable)
            return ApprovalCancelled(approval)
        case ApprovalStatus.EXPIRED:
            return ApprovalExpired(approval)


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
            return _view(current, command, now)
        case CastVote():
            return _vote(current, command, now)
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


def _about(current: Approval, at: datetime) -> dict[str, Any]:
    """Return what every event says."""
    return {"id": current.id, "namespace": current.namespace, "at": at}


def _open(current: Approval) -> None:
    if current.final:
        raise AlreadyDecided(current)


def _route(current: Approval, command: Route, now: datetime) -> Transition:
    _open(current)
    if current.terms is not None:
        # Terms are fixed once. Two routers that read the same configuration agree.
        return Transition(current)
    return Transition(
        current.model_copy(update={"terms": command.terms}),
        (ApprovalRouted(**_about(current, now), channel=command.terms.channel),),
        before=current.deadline,
    )


def _view(current: Approval, command: RecordView, now: datetime) -> Transition:
    _open(current)
    terms = current.asking(now)
    _check_voter(current, terms, command.principal, command.groups, require_route=True)
    if current.seen_by(command.principal):
        return Transition(current)
    view = View(principal=command.principal, digest=current.digest, at=now, surface=command.surface)
    told = {"principal": view.principal, "digest": view.digest, "surface": view.surface}
    # The oldest may go: its event stays, and its person can look again.
    return Transition(
        current.model_copy(update={"views": (*current.views, view)[-_MAX_VIEWS:]}),
        (ApprovalViewed(**_about(current, now), **told),),
        before=current.deadline,
    )


def _vote(current: Approval, command: CastVote, now: datetime) -> Transition:
    vote = Vote(
        principal=command.principal,
        groups=command.groups,
        verdict=command.verdict,
        note=command.note,
        override_result=command.override_result,
        at=now,
        digest=command.edited_digest or current.digest,
        surface=command.surface,
    )
    if current.final:
        # Only a decision that went the person's way makes the repeat no news.
        if current.verdict is command.verdict and _repeats(current, vote):
            return Transition(current)
        raise AlreadyDecided(current)
    terms = current.asking(now)
    _check_voter(
        current, terms, command.principal, command.groups, require_route=command.require_route
    )
    _check_answer(current, command)
    # Other groups than before may be what completes a quorum.
    if _repeats(current, vote, also=("groups",)):
        return Transition(current)
    votes = (*(v for v in current.votes if v.principal != vote.principal), vote)
    # Without a route there is nobody to wait for: one trusted caller decides.
    verdict = tally(terms, votes) if terms else command.verdict
    told = _about(current, now) | {
        "principal": command.principal,
        "note": command.note,
        "surface": command.surface,
        "place": command.place,
        "attempt": command.attempt,
    }
    if verdict is None:
        kept = current.model_copy(update={"votes": votes})
        return Transition(
            kept, (ApprovalVoted(verdict=command.verdict, **told),), before=current.deadline
        )
    metadata = dict(command.metadata)
    if command.principal is not None:
        metadata["approver"] = command.principal
    decided = current.model_copy(
        update={
            "status": ApprovalStatus.APPROVED
            if verdict is Verdict.APPROVE
            else ApprovalStatus.REJECTED,
            "votes": votes,
            "decided_at": now,
            "decision": Decision(
                verdict=verdict,
                note=command.note,
                override_result=command.override_result,
                payload=command.edited,
                digest=command.edited_digest,
            ),
            "decision_metadata": metadata or None,
        }
    )
    return Transition(
        decided, (ApprovalResolved(verdict=verdict, **told),), before=current.deadline
    )


def _repeats(current: Approval, vote: Vote, *, also: tuple[str, ...] = ()) -> bool:
    """Say whether the named person has given this very answer, so that a retry is no news."""
    parts = ("principal", "verdict", "note", "override_result", "digest", *also)
    return vote.principal is not None and any(
        all(getattr(given, part) == getattr(vote, part) for part in parts)
        for given in current.votes
    )


def _check_voter(
    current: Approval,
    terms: Terms | None,
    who: str | None,
    groups: tuple[str, ...],
    *,
    require_route: bool,
) -> None:
    if terms is None:
        if require_route:
            raise NotAllowed(current.id, reason="not_routed", principal=who)
    elif who is None or not may_vote(terms, principal=who, groups=groups):
        raise NotAllowed(current.id, reason="not_approver", principal=who)
    elif who in terms.excluded:
        raise NotAllowed(current.id, reason="self_approval", principal=who)
    # Nobody can say of an unnamed caller that it is not one of them.
    if current.not_by and (who is None or who in current.not_by):
        raise NotAllowed(current.id, reason="not_by", principal=who)


def _check_answer(current: Approval, command: CastVote) -> None:
    # Without a route the caller is trusted code; no surface could have hidden a part.
    unseen = (
        current.terms is not None and not command.seen and not current.seen_by(command.principal)
    )
    if command.verdict is Verdict.APPROVE and unseen:
        raise NotAllowed(current.id, reason="incomplete_view", principal=command.principal)
    if command.edited_digest is not None and not current.editable:
        raise NotAllowed(current.id, reason="edit_not_allowed", principal=command.principal)
    if command.override_result is not None and not current.allow_override:
        raise NotAllowed(current.id, reason="override_not_allowed", principal=command.principal)


def _climb(current: Approval, command: Climb, now: datetime) -> Transition:
    _open(current)
    rung = current.rung
    if rung is None or current.climbed != command.rung:
        return Transition(current)  # another one has taken it
    if now < current.created_at + timedelta(seconds=rung.after):
        raise NotAllowed(current.id, reason="not_due")
    told = {"rung": command.rung, **rung.model_dump(exclude={"after"})}
    return Transition(
        current.model_copy(update={"climbed": current.climbed + 1}),
        (ApprovalEscalated(**_about(current, now), **told),),
        before=current.deadline,
    )


def _cancel(current: Approval, command: Cancel, now: datetime) -> Transition:
    if current.status is ApprovalStatus.CANCELLED:
        return Transition(current)
    _open(current)
    ended = Cancellation(by=command.by, reason=command.reason, undeliverable=command.undeliverable)
    return Transition(
        current.model_copy(
            update={
                "status": ApprovalStatus.CANCELLED,
                "decided_at": now,
                "cancellation": ended,
            }
        ),
        (ApprovalCancelledEvent(**_about(current, now), **ended.model_dump()),),
        before=current.deadline,
    )


def _expire(approval: Approval, current: Approval, now: datetime) -> Transition:
    if approval.status is ApprovalStatus.EXPIRED:
        return Transition(approval)
    if current.status is not ApprovalStatus.EXPIRED:
        _open(current)
        raise NotAllowed(current.id, reason="not_due")
    return Transition(current, (ApprovalExpiredEvent(**_about(current, now)),))


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
                **_about(current, now), operation_id=command.operation_id, by=command.by
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
                **_about(current, end.at),
                status=end.status,
                error=end.error,
                seconds=end.seconds,
            ),
        ),
    )
