"""Owns the private answers: from the events of an answer to one message for whoever gave it.

Whoever reads the outbox calls `tell` for each event. So an answer is given at least once, whatever
is killed meanwhile; and once only as long as nothing is, though a chat may deliver one click twice.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from gate import (
    Approval,
    ApprovalAnswer,
    ApprovalNotFound,
    ApprovalResolved,
    ApprovalVoted,
    Desk,
    LoggedEvent,
    StoreCorrupt,
    get_logger,
)

from .bearing import Bearing, bearing
from .messenger import Message, Messenger

__all__ = ["Names", "Notice", "PrivateAnswers", "owed_at", "principals_of"]

_ATTEMPTS: Final = 10_000


class Notice(Protocol):
    """Renders a private answer: a pure function."""

    def __call__(
        self,
        event: ApprovalAnswer,
        approval: Approval | None,
        *,
        names: Mapping[str, str] | None = None,
        confirmed: bool = True,
    ) -> Message:
        """Return what to say about *event*; *approval* is `None` where there is no record."""
        ...


class Names(Protocol):
    """Says what is known of people's names, at once."""

    def __call__(self, principals: Iterable[str]) -> Mapping[str, str]:
        """Return principal → display name, for those that are known."""
        ...


def owed_at(logged: LoggedEvent) -> str | None:
    """Return the place where *logged* has to be told to one person; `None` if nowhere."""
    event = logged.event
    return event.place if isinstance(event, ApprovalAnswer) and event.principal else None


class PrivateAnswers:
    """Tells people what came of their answers.

    Args:
        messenger: The chat.
        desk: Reads the records that the words are about.
        notice: Makes the words.
        names: Names that are known without asking anybody.
    """

    def __init__(self, messenger: Messenger, desk: Desk, notice: Notice, names: Names) -> None:
        self._messenger = messenger
        self._desk = desk
        self._notice = notice
        self._names = names
        self._told: OrderedDict[str, None] = OrderedDict()
        self._log = get_logger("signoff.answers")

    async def tell(self, logged: LoggedEvent) -> None:
        """Tell *logged* to whom it concerns, unless its attempt is told already.

        An event that concerns nobody in the chat is no error. An answer that the record does not
        hold is told to nobody: whoever can write into the log could have made it up. One that its
        person has changed since, or an amendment has voided, is told as such: to that person alone,
        who knows whether it was given.

        Raises:
            DeliveryFailed: The chat did not take it; the caller tries again or gives up.
            StoreUnavailable: The record cannot be read now.
        """
        event, place = logged.event, owed_at(logged)
        if place is None or not isinstance(event, ApprovalAnswer) or event.principal is None:
            return
        kind, _, who = event.principal.partition(":")
        user = who.rpartition(":")[2]
        # Two logs may have one cursor, but not for one approval.
        mark = event.attempt or f"{logged.cursor} {event.key}"
        if kind != "slack" or mark in self._told:
            return
        approval = await self._look(event.key)
        told_of_people = isinstance(event, ApprovalVoted | ApprovalResolved)
        if told_of_people and (approval is None or bearing(approval, event) is Bearing.UNTRUE):
            self._log.warning("answer.not_on_record", approval=event.key, principal=event.principal)
            return
        names = self._names(principals_of(approval))
        confirmed = True
        if isinstance(event, ApprovalResolved) and approval is not None:
            confirmed = await self._desk.confirmed(approval)
        message = self._notice(event, approval, names=names, confirmed=confirmed)
        if place == user:
            await self._messenger.post(user, message)
        else:
            await self._messenger.tell(place, user, message)
        self._told[mark] = None
        while len(self._told) > _ATTEMPTS:
            self._told.popitem(last=False)

    async def _look(self, key: str) -> Approval | None:
        try:
            found = await self._desk.get(key)
        except (ApprovalNotFound, StoreCorrupt):
            return None  # said all the same
        # What somebody else wrote is not told as anybody's answer.
        return found if self._desk.flaw(found) is None else None


def principals_of(approval: Approval | None) -> set[str]:
    """Return everybody who is asked about *approval*, or has answered."""
    if approval is None:
        return set()
    terms = approval.asking()
    asked = {of for quorum in (terms.quorums if terms else ()) for of in quorum.of}
    return asked | {vote.principal for vote in approval.votes if vote.principal}
