"""Owns the way of one answer: from who gave it, over whether it counts, to what is said back.

Every surface for people (card, form, command line) comes through here. The rules themselves are
the gate's; this only gathers what they need, and turns what comes of it into one answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gate import (
    AlreadyDecided,
    Approval,
    ApprovalNotFound,
    Desk,
    NotAllowed,
    SignoffError,
    StoreUnavailable,
    Unconfirmed,
    Verdict,
    may_vote,
)

from .directory import CachedDirectory, LookupFailed

__all__ = ["Answer", "Answers", "Budgets", "Voter"]


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


@dataclass(frozen=True)
class Voter:
    """Who answers, as the transport proved it."""

    principal: str
    team: str | None = None
    user: str | None = None
    """Both set for a person in the chat, whose standing is looked up."""


@dataclass(frozen=True)
class Answer:
    """What came of an answer: `refused` is `None` where it counts (or did already)."""

    approval: Approval | None
    refused: SignoffError | None = None


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

    async def look(self, key: str) -> Approval:
        """Return the approval as it counts now, within the budget.

        Raises:
            ApprovalNotFound: There is none.
            StoreUnavailable: The store did not answer in time.
        """
        try:
            async with asyncio.timeout(self._budgets.read):
                return await self._desk.get(key)
        except TimeoutError:
            raise StoreUnavailable("look", cause="no answer in time") from None

    async def check(self, approval: Approval, voter: Voter) -> tuple[str, ...]:
        """Return the route's groups that *voter* is in now.

        Raises:
            NotAllowed: The person cannot count, or could not be checked (`not_checked`).
        """
        if voter.team is None or voter.user is None:
            return ()
        if self._directory is None:
            raise NotAllowed(approval.id, reason="not_checked", principal=voter.principal)
        try:
            async with asyncio.timeout(self._budgets.lookup):
                person = await self._directory.person(voter.team, voter.user)
                groups = await self._directory.groups_of(voter.user, _group_ids(approval, voter))
        except (LookupFailed, TimeoutError):
            raise NotAllowed(approval.id, reason="not_checked", principal=voter.principal) from None
        if not person.may_answer:
            raise NotAllowed(approval.id, reason="not_member", principal=voter.principal)
        return tuple(f"slack:{voter.team}:{group}" for group in groups)

    async def admit(self, approval: Approval, voter: Voter) -> None:
        """Return if *voter* may answer *approval* now, before anything is written.

        Raises:
            NotAllowed: Not one of those who are asked, or not checkable.
            AlreadyDecided: There is nothing left to answer.
        """
        if approval.final:
            raise AlreadyDecided(approval)
        groups = await self.check(approval, voter)
        if approval.terms is None:
            raise NotAllowed(approval.id, reason="not_routed", principal=voter.principal)
        if not may_vote(approval.terms, principal=voter.principal, groups=groups):
            raise NotAllowed(approval.id, reason="not_approver", principal=voter.principal)

    async def answer(
        self,
        approval: Approval,
        voter: Voter,
        verdict: Verdict,
        *,
        surface: str,
        note: str | None = None,
    ) -> Answer:
        """Give *voter*'s answer to *approval*, put a refusal on record, and say what came of it."""
        try:
            groups = await self.check(approval, voter)
            async with asyncio.timeout(self._budgets.write):
                decided = await self._desk.decide(
                    approval.key,
                    verdict,
                    approver=voter.principal,
                    groups=groups,
                    note=note,
                    surface=surface,
                    require_route=True,
                )
        except TimeoutError:
            # The write may be on its way: what is not known is said, never guessed.
            return Answer(approval, Unconfirmed("decide", approval_id=approval.id))
        except AlreadyDecided as error:
            await self.refuse(error.approval, voter, reason="already_decided", surface=surface)
            return Answer(error.approval, error)
        except NotAllowed as error:
            await self.refuse(approval, voter, reason=error.reason, surface=surface)
            return Answer(approval, error)
        except ApprovalNotFound as error:
            return Answer(None, error)
        except SignoffError as error:
            return Answer(approval, error)
        return Answer(decided)

    async def refuse(self, approval: Approval, voter: Voter, *, reason: str, surface: str) -> None:
        """Put a refusal on record, where the store can take it in time."""
        try:
            async with asyncio.timeout(self._budgets.record):
                await self._desk.refuse(
                    approval, reason=reason, principal=voter.principal, surface=surface
                )
        except (SignoffError, TimeoutError):
            # The refusal itself stands: nothing was changed, and the person is told.
            return


def _group_ids(approval: Approval, voter: Voter) -> Sequence[str]:
    """Return the user groups to look into: not where the person is asked by name.

    So a group that cannot be looked up does not keep those out who are listed beside it.
    """
    terms = approval.terms
    if terms is None:
        return ()
    prefix = f"slack:{voter.team}:S"
    return sorted(
        {
            of.rpartition(":")[2]
            for quorum in terms.quorums
            if voter.principal not in quorum.of
            for of in quorum.of
            if of.startswith(prefix)
        }
    )
