"""Owns what a person's look or answer does to a record: who may, what counts, when it decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from .approval import Approval, ApprovalStatus, Decision, Verdict, View, Vote
from .commands import CastVote, RecordView, Reveal, Shown
from .errors import AlreadyDecided, NotAllowed
from .events import ApprovalResolved, ApprovalRevealed, ApprovalViewed, ApprovalVoted
from .quorum import is_among, may_vote, tally
from .standing import Transition, about, check_open
from .terms import Terms

__all__ = ["cast", "record_view", "reveal"]

_MAX_VIEWS: Final = 200


def record_view(current: Approval, command: RecordView, now: datetime) -> Transition:
    """Return *current* with the person's view on record, once."""
    check_open(current)
    _check_shown(current, command.shown, command.principal)
    terms = current.asking(now)
    _check_voter(current, terms, command.principal, command.groups, require_route=True)
    if current.seen_by(command.principal):
        return Transition(current)
    view = View(principal=command.principal, digest=current.digest, at=now, surface=command.surface)
    told: dict[str, Any] = {
        "principal": view.principal,
        "digest": view.digest,
        "surface": view.surface,
    }
    # The oldest may go: its event stays, and its person can look again.
    return Transition(
        current.model_copy(update={"views": (*current.views, view)[-_MAX_VIEWS:]}),
        (ApprovalViewed(**about(current, now), **told),),
        before=current.deadline,
    )


def reveal(current: Approval, command: Reveal, now: datetime) -> tuple[ApprovalRevealed, ...]:
    """Return the events of a reveal, one for each value; also of what has ended.

    Raises:
        NotAllowed: The person may not answer, or the route reveals nothing (`reveal_forbidden`).
    """
    who = command.principal
    _check_shown(current, command.shown, who)
    _check_voter(current, current.asking(now), who, command.groups, require_route=True)
    if current.terms is not None and not current.terms.reveal:
        raise NotAllowed(current.id, reason="reveal_forbidden", principal=who)
    told: dict[str, Any] = {
        "principal": who,
        "digest": current.effective_digest,
        "surface": command.surface,
    }
    return tuple(
        ApprovalRevealed(**about(current, now), path=path, **told) for path in command.paths
    )


def cast(current: Approval, command: CastVote, now: datetime) -> Transition:
    """Return *current* with the person's vote, decided where that is enough."""
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
    _check_shown(current, command.shown, command.principal)
    terms = current.asking(now)
    _check_voter(
        current, terms, command.principal, command.groups, require_route=command.require_route
    )
    _check_answer(current, command)
    votes = (*(v for v in current.votes if v.principal != vote.principal), vote)
    # Without a route there is nobody to wait for: one trusted caller decides.
    verdict = tally(terms, votes) if terms else command.verdict
    if verdict is Verdict.APPROVE and command.verdict is not Verdict.APPROVE:
        # A wider circle can make enough of what others said before: not with this one's no.
        verdict = None
    # A repeat is no news, unless other groups or a wider circle let it complete a quorum.
    if verdict is None and _repeats(current, vote, also=("groups",)):
        return Transition(current)
    told = about(current, now) | {
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
    return Transition(
        _decided(current, command, votes, verdict, now),
        (ApprovalResolved(verdict=verdict, **told),),
        before=current.deadline,
    )


def _decided(
    current: Approval, command: CastVote, votes: tuple[Vote, ...], verdict: Verdict, now: datetime
) -> Approval:
    metadata = dict(command.metadata)
    if command.principal is not None:
        metadata["approver"] = command.principal
    status = ApprovalStatus.APPROVED if verdict is Verdict.APPROVE else ApprovalStatus.REJECTED
    return current.model_copy(
        update={
            "status": status,
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
    elif is_among(who, terms.excluded):
        raise NotAllowed(current.id, reason="self_approval", principal=who)
    # Nobody can say of an unnamed caller that it is not one of them.
    if current.not_by and (who is None or is_among(who, current.not_by)):
        raise NotAllowed(current.id, reason="not_by", principal=who)


def _check_shown(current: Approval, shown: Shown | None, who: str | None) -> None:
    """Refuse what somebody was shown of another record under the same key."""
    if shown is not None and shown != Shown.of(current):
        raise NotAllowed(current.id, reason="stale_card", principal=who)


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
