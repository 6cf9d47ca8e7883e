"""Owns what a person's look or answer does to a record: who may, what counts, when it decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from .answers import Amendment, Decision, Verdict, View, Vote
from .approval import Approval, ApprovalStatus
from .commands import CastVote, RecordView, Reveal, Shown
from .errors import AlreadyDecided, NotAllowed
from .events import (
    ApprovalAmended,
    ApprovalResolved,
    ApprovalRevealed,
    ApprovalViewed,
    ApprovalVoted,
    Event,
)
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
    view = View(
        principal=command.principal,
        digest=current.proposed_digest,
        at=now,
        surface=command.surface,
    )
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


class _Proposal(NamedTuple):
    """What a yes is said to."""

    digest: str
    result: str | None


def cast(current: Approval, command: CastVote, now: datetime) -> Transition:
    """Return *current* with the person's vote, decided where that is enough.

    A yes to something else than what is asked amends it: that is asked from then on, and earlier
    yeses are void. Who said no has no less reason to.
    """
    standing = _standing(current)
    wanted = _wanted(command, standing)
    amends = command.verdict is Verdict.APPROVE and wanted != standing
    vote = Vote(
        principal=command.principal,
        groups=command.groups,
        verdict=command.verdict,
        note=command.note,
        override_result=wanted.result,
        at=now,
        digest=wanted.digest,
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
    _check_answer(current, command, wanted)
    others = [v for v in current.votes if v.principal != vote.principal]
    if amends:
        others = [v for v in others if v.verdict is not Verdict.APPROVE]
    votes = (*others, vote)
    # Without a route there is nobody to wait for: one trusted caller decides.
    verdict = tally(terms, votes) if terms else command.verdict
    if verdict is Verdict.APPROVE and command.verdict is not Verdict.APPROVE:
        # A wider circle can make enough of what others said before: not with this one's no.
        verdict = None
    # A repeat is no news, unless other groups or a wider circle let it complete a quorum.
    if verdict is None and _repeats(current, vote, also=("groups",)):
        return Transition(current)
    changes: dict[str, Any] = {"votes": votes}
    events: list[Event] = []
    if amends:
        changes["amendment"] = _amendment(current, command, wanted, now)
        events.append(_amended(current, command, wanted, now))
    voted = current.model_copy(update=changes)
    told = about(current, now) | {
        "principal": command.principal,
        "note": command.note,
        "surface": command.surface,
        "place": command.place,
        "attempt": command.attempt,
    }
    if verdict is None:
        events.append(ApprovalVoted(verdict=command.verdict, **told))
    else:
        events.append(ApprovalResolved(verdict=verdict, **told))
        voted = _decided(voted, command, verdict, now)
    return Transition(voted, tuple(events), before=current.deadline)


def _amended(
    current: Approval, command: CastVote, wanted: _Proposal, now: datetime
) -> ApprovalAmended:
    return ApprovalAmended(
        **about(current, now),
        principal=command.principal,
        digest=wanted.digest,
        override=wanted.result is not None,
        surface=command.surface,
    )


def _wanted(command: CastVote, standing: _Proposal) -> _Proposal:
    """Return what the person answers to: what stands, or what the answer itself brings along."""
    if command.edited_digest is None and command.override_result is None:
        # Only a yes says something of a result that another person proposed.
        return standing if command.verdict is Verdict.APPROVE else standing._replace(result=None)
    return _Proposal(command.edited_digest or standing.digest, command.override_result)


def _amendment(
    current: Approval, command: CastVote, wanted: _Proposal, now: datetime
) -> Amendment | None:
    """Return what is asked from now on; `None` where it is what the agent asked."""
    if wanted == (current.digest, None):
        return None
    edited = wanted.digest != current.digest
    payload = current.effective_payload if command.edited_digest is None else command.edited
    return Amendment(
        payload=payload if edited else None,
        digest=wanted.digest if edited else None,
        override_result=wanted.result,
        principal=command.principal,
        at=now,
    )


def _decided(voted: Approval, command: CastVote, verdict: Verdict, now: datetime) -> Approval:
    metadata = dict(command.metadata)
    if command.principal is not None:
        metadata["approver"] = command.principal
    changes: dict[str, Any] = {"decided_at": now, "decision_metadata": metadata or None}
    if verdict is Verdict.APPROVE:
        agreed = voted.amendment
        decision = Decision(verdict=verdict, note=command.note)
        if agreed is not None:
            parts = ("payload", "digest", "override_result")
            said = {part: getattr(agreed, part) for part in parts}
            decision = decision.model_copy(update=said)
        changes |= {"status": ApprovalStatus.APPROVED, "decision": decision, "amendment": None}
    else:
        decision = Decision(
            verdict=verdict, note=command.note, override_result=command.override_result
        )
        changes |= {"status": ApprovalStatus.REJECTED, "decision": decision}
    return voted.model_copy(update=changes)


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


def _check_answer(current: Approval, command: CastVote, wanted: _Proposal) -> None:
    who = command.principal
    says_what = (command.shown, command.edited_digest, command.override_result) != (None,) * 3
    if command.verdict is Verdict.APPROVE and current.amendment is not None and not says_what:
        # It may have been amended since the caller looked.
        raise NotAllowed(current.id, reason="stale_card", principal=who)
    # Without a route the caller is trusted code; no surface could have hidden a part.
    unseen = current.terms is not None and not command.seen and not current.seen_by(who)
    if command.verdict is Verdict.APPROVE and unseen:
        raise NotAllowed(current.id, reason="incomplete_view", principal=who)
    edits = wanted.digest != current.effective_digest
    if edits and not (command.verdict is Verdict.APPROVE and current.offers("edit")):
        raise NotAllowed(current.id, reason="edit_not_allowed", principal=who)
    if command.override_result is not None and not current.offers("override"):
        raise NotAllowed(current.id, reason="override_not_allowed", principal=who)
    if command.verdict is Verdict.SKIP and not current.offers("skip"):
        raise NotAllowed(current.id, reason="skip_not_allowed", principal=who)


def _standing(current: Approval) -> _Proposal:
    return _Proposal(current.effective_digest, current.proposed_result)
