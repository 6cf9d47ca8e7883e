"""Owns the way of one answer: from who gave it, over whether it counts, to what is said back.

Every surface for people (card, form, command line) comes through here. The rules themselves are
the gate's; this only gathers what they need, and turns what comes of it into one answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gate import (
    UNCHANGED,
    AlreadyDecided,
    Approval,
    ApprovalNotFound,
    Desk,
    NotAllowed,
    Offer,
    SignoffError,
    StoreUnavailable,
    Unconfirmed,
    Verdict,
    get_logger,
    is_among,
    may_vote,
)

from .directory import CachedDirectory, LookupFailed

__all__ = [
    "Answer",
    "Answers",
    "Attempt",
    "Budgets",
    "Voter",
    "group_ids",
    "why_not",
]


@dataclass(frozen=True)
class Budgets:
    """Seconds for each step of one answer. Together under the 3 s that Slack waits for a click.

    Source: docs.slack.dev/interactivity/handling-user-interaction.
    """

    read: float = 0.5
    lookup: float = 0.7
    """For looking people up."""
    write: float = 0.8
    record: float = 0.3
    """For putting a refusal on record."""


DEFAULT: Final = Budgets()

_ANSWERED_BY_THE_SURFACE: Final = "incomplete_view"
"""The one refusal that is put right on the spot: by showing all of it."""

_SUBMITTED: Final = frozenset({"form", "review", "edit", "answer"})
"""Surfaces that may have been open for long: who submits them is looked up anew."""

_REASONS: Final[dict[type[SignoffError], str]] = {
    AlreadyDecided: "already_decided",
    ApprovalNotFound: "approval_not_found",
}


@dataclass(frozen=True)
class Voter:
    """Who answers, as the transport proved it."""

    principal: str
    team: str | None = None
    user: str | None = None
    """Both set for a person in the chat, whose standing is looked up."""


@dataclass(frozen=True)
class Attempt:
    """One use of a button, a form or a command, by one person."""

    voter: Voter
    surface: str
    """Where: `card`, `direct`, `review`, `home`, `slash`, `form`, `edit`, `answer`, `cli`."""
    place: str | None = None
    """Where in the chat the person is told what came of it, by whoever reads the events."""
    id: str | None = None
    """What a chat repeats when it sends the same use twice."""


@dataclass(frozen=True)
class Answer:
    """What came of an attempt: `refused` is `None` where it counts (or did already)."""

    approval: Approval | None
    refused: SignoffError | None = None
    recorded: bool = True
    """Whether an event holds it, from which the person is told. Otherwise the caller tells."""


_Write = Callable[[tuple[str, ...]], Awaitable[Approval]]


class Answers:
    """Takes people's answers.

    Args:
        desk: Where decisions are made final.
        directory: Looks up who somebody is; `None` at the command line.
        budgets: How long each step may take.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        directory: CachedDirectory | None = None,
        budgets: Budgets = DEFAULT,
    ) -> None:
        self._desk = desk
        self._directory = directory
        self._budgets = budgets
        self._log = get_logger("signoff.bot")

    async def look(self, key: str) -> Approval:
        """Return the approval as it counts now, within the budget.

        Raises:
            ApprovalNotFound: There is none.
            StoreUnavailable: The store did not answer in time.
            Tampered: Somebody else wrote into it; an alarm is on record.
        """
        try:
            async with asyncio.timeout(self._budgets.read):
                approval = await self._desk.get(key)
                await self._desk.vouch(approval)
                return approval
        except TimeoutError:
            raise StoreUnavailable("look", cause="no answer in time") from None

    async def check(
        self, approval: Approval, voter: Voter, *, anew: bool = False
    ) -> tuple[str, ...]:
        """Return the route's groups that *voter* is in.

        Args:
            approval: What is to be answered.
            voter: Who wants to.
            anew: Whether what was looked up within the last minute is not good enough.

        Raises:
            NotAllowed: The person cannot count, or could not be checked (`not_checked`).
        """
        if voter.team is None or voter.user is None:
            return ()
        if self._directory is None:
            raise NotAllowed(approval.id, reason="not_checked", principal=voter.principal)
        try:
            async with asyncio.timeout(self._budgets.lookup):
                person = await self._directory.person(voter.team, voter.user, anew=anew)
                asked = group_ids(approval, voter)
                groups = await self._directory.groups_of(voter.user, asked, anew=anew)
        except (LookupFailed, TimeoutError) as error:
            reason = error.reason if isinstance(error, LookupFailed) else "timeout"
            self._log.warning(
                "person.not_checked",
                approval=approval.key,
                principal=voter.principal,
                reason=reason,
            )
            raise NotAllowed(approval.id, reason="not_checked", principal=voter.principal) from None
        if not person.may_answer_in(approval.terms.teams if approval.terms is not None else ()):
            raise NotAllowed(approval.id, reason="not_member", principal=voter.principal)
        return tuple(asked[group] for group in groups)

    async def admit(
        self, approval: Approval, attempt: Attempt, *, further: Offer | None = None
    ) -> Answer:
        """Say whether the person may answer *approval* now; a refusal is put on record.

        Args:
            approval: What is to be answered.
            attempt: Who wants to, and where.
            further: The answer, where it is one that request and route have to allow.
        """
        try:
            if approval.final:
                raise AlreadyDecided(approval)
            groups = await self.check(approval, attempt.voter)
            reason = _why_no(further, approval, attempt.voter, groups)
            if reason is not None:
                raise NotAllowed(approval.id, reason=reason, principal=attempt.voter.principal)
        except (AlreadyDecided, NotAllowed) as error:
            return await self._refused(approval, attempt, error)
        return Answer(approval)

    async def answer(
        self,
        approval: Approval,
        attempt: Attempt,
        verdict: Verdict,
        *,
        seen: bool = False,
        viewed: bool = False,
        note: str | None = None,
        payload: Any = UNCHANGED,
        override_result: str | None = None,
    ) -> Answer:
        """Give the person's answer to *approval*, put a refusal on record, say what came of it.

        `incomplete_view` is recorded too, and never told from the record: the surface answers it by
        showing all of it, or says itself where it can be seen.

        Args:
            approval: What is answered, as it was read just now.
            attempt: Who answers, and where.
            verdict: The answer.
            seen: Whether everything there is to see stood beside the button.
            viewed: Whether the person was shown all of it, page by page, before. That goes on
                record first.
            note: The person's words, at most 3,000 characters.
            payload: The arguments as the person edited them; only with a yes.
            override_result: What the agent gets in place of a run; with a yes, or to skip.
        """

        async def vote(groups: tuple[str, ...]) -> Approval:
            if viewed:
                await self._desk.view(
                    approval.key,
                    principal=attempt.voter.principal,
                    groups=groups,
                    surface=attempt.surface,
                    shown=approval,
                )
            return await self._desk.decide(
                approval.key,
                verdict,
                approver=attempt.voter.principal,
                groups=groups,
                note=note,
                payload=payload,
                override_result=override_result,
                surface=attempt.surface,
                seen=seen,
                require_route=True,
                place=attempt.place,
                attempt=attempt.id,
                shown=approval,
            )

        return await self._commit(approval, attempt, vote)

    async def view(self, approval: Approval, attempt: Attempt, *, further: Offer) -> Answer:
        """Put on record that the person was shown all of it, page by page, to give an answer.

        Args:
            approval: What is asked, as it was read just now.
            attempt: Who was shown it, and where.
            further: The answer. Where this person may not give it, nothing is put on record.
        """

        async def note(groups: tuple[str, ...]) -> Approval:
            reason = _why_no(further, approval, attempt.voter, groups)
            if reason is not None and not approval.final:
                raise NotAllowed(approval.id, reason=reason, principal=attempt.voter.principal)
            return await self._desk.view(
                approval.key,
                principal=attempt.voter.principal,
                groups=groups,
                surface=attempt.surface,
                shown=approval,
            )

        return await self._commit(approval, attempt, note)

    async def reveal(self, approval: Approval, attempt: Attempt, paths: Sequence[str]) -> Answer:
        """Put on record that the person is shown what is masked; only then it may be shown.

        Args:
            approval: What is asked, as it was read just now.
            attempt: Who wants to see it, and where.
            paths: Which values, as JSON pointers.
        """

        async def note(groups: tuple[str, ...]) -> Approval:
            return await self._desk.reveal(
                approval.key,
                principal=attempt.voter.principal,
                groups=groups,
                paths=paths,
                surface=attempt.surface,
                shown=approval,
            )

        return await self._commit(approval, attempt, note)

    async def refuse(self, key: str, attempt: Attempt, *, reason: str) -> bool:
        """Put a refusal on record; return whether the store took it in time."""
        try:
            async with asyncio.timeout(self._budgets.record):
                await self._desk.refuse(
                    key,
                    reason=reason,
                    principal=attempt.voter.principal,
                    surface=attempt.surface,
                    place=attempt.place,
                    attempt=attempt.id,
                )
        except (SignoffError, TimeoutError):
            # The refusal itself stands: nothing was changed. The caller tells the person.
            return False
        return True

    async def _commit(self, approval: Approval, attempt: Attempt, write: _Write) -> Answer:
        """Check the person, then write within the budget."""
        try:
            groups = await self.check(approval, attempt.voter, anew=attempt.surface in _SUBMITTED)
            async with asyncio.timeout(self._budgets.write):
                return Answer(await write(groups))
        except TimeoutError:
            # The write may be on its way: what is not known is said, never guessed.
            unclear = Unconfirmed("decide", approval_id=approval.id)
            return Answer(approval, unclear, recorded=False)
        except (AlreadyDecided, NotAllowed, ApprovalNotFound) as error:
            return await self._refused(approval, attempt, error)
        except SignoffError as error:
            return Answer(approval, error, recorded=False)

    async def _refused(self, approval: Approval, attempt: Attempt, error: SignoffError) -> Answer:
        current: Approval | None = approval
        if isinstance(error, AlreadyDecided):
            current = error.approval
        elif isinstance(error, ApprovalNotFound):
            current = None
        reason = error.reason if isinstance(error, NotAllowed) else _REASONS[type(error)]
        if reason == _ANSWERED_BY_THE_SURFACE:
            await self.refuse(approval.key, replace(attempt, place=None), reason=reason)
            return Answer(current, error, recorded=False)
        recorded = await self.refuse(approval.key, attempt, reason=reason)
        return Answer(current, error, recorded=recorded)


def why_not(approval: Approval, principal: str, groups: Collection[str]) -> str | None:
    """Return why *principal*, found in *groups* just now, may not decide *approval*.

    `None` if they may; the word is that of the refusal which their answer would get.
    """
    terms = approval.asking()
    if terms is None:
        return "not_routed"
    if not may_vote(terms, principal=principal, groups=groups):
        return "not_approver"
    if is_among(principal, terms.excluded):
        return "self_approval"
    return "not_by" if is_among(principal, approval.not_by) else None


def _why_no(
    further: Offer | None, approval: Approval, voter: Voter, groups: Collection[str]
) -> str | None:
    """Return why *voter* may not give an answer that request and route have to allow."""
    reason = why_not(approval, voter.principal, groups)
    if reason is None and further is not None and not approval.offers(further):
        return f"{further}_not_allowed"
    return reason


def group_ids(approval: Approval, voter: Voter) -> dict[str, str]:
    """Return id → principal of the user groups to look into: not where *voter* is asked by name.

    So a group that cannot be looked up does not keep those out who are listed beside it. A group
    counts for its own workspace, and for people of others only where the route admits others.
    """
    terms = approval.asking()
    if terms is None:
        return {}
    found = {
        of.rpartition(":")[2]: of
        for quorum in terms.quorums
        if voter.principal not in quorum.of
        for of in quorum.of
        if of.rpartition(":")[2].startswith("S")
        and of.startswith("slack:" if terms.teams else f"slack:{voter.team}:")
    }
    return dict(sorted(found.items()))
