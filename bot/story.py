"""Owns the story of one approval in the chat: who is asked, its card, its thread, its direct notes.

Every step looks at the record and at what was told already, so a story can be told again from any
point: after a crash at most one message is doubled, the one that was under way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gate import (
    AlreadyDecided,
    Approval,
    ApprovalEvent,
    ApprovalNotFound,
    ApprovalStatus,
    Cards,
    Desk,
    LoggedEvent,
    SignoffError,
    get_logger,
)

from .directory import Directory, LookupFailed
from .messenger import DeliveryFailed, Message, Messenger, Posted
from .routing import RouteRule, find_route, terms_for

__all__ = ["Rendering", "Story"]

_CARD: Final = "card"
_ACTOR: Final = "signoff"
_NEVER_ASKED: Final = (ApprovalStatus.EXPIRED, ApprovalStatus.CANCELLED)


@dataclass(frozen=True)
class Rendering:
    """How things look in the chat: pure functions."""

    card: Callable[[Approval], Message]
    reply: Callable[[ApprovalEvent, Approval], Message | None]
    direct: Callable[[Approval, str | None], Message]


@dataclass(frozen=True)
class _Card:
    """Where the card is and what it shows, as it is noted in the store."""

    posted: Posted
    shown: str

    def note(self) -> str:
        # Under 64 bytes: a longer value makes Redis keep the whole hash in its large form.
        return f"{self.posted.channel} {self.posted.ts} {self.shown}"

    @classmethod
    def read(cls, note: str | None) -> _Card | None:
        parts = (note or "").split(" ")
        if len(parts) != 3 or parts[0] == "posting":
            return None
        return cls(Posted(parts[0], parts[1]), parts[2])


class Story:
    """Tells what happens to approvals.

    Args:
        desk: Routes, and withdraws what cannot be delivered.
        cards: Remembers what was told.
        messenger: The chat.
        rendering: How things look.
        routes: The operator's rules.
        team: The workspace of the rules' ids.
        directory: Who is in a user group, for direct notes.
        holder: This replica's name, in notes of messages under way.
    """

    def __init__(
        self,
        desk: Desk,
        cards: Cards,
        *,
        messenger: Messenger,
        rendering: Rendering,
        routes: Sequence[RouteRule],
        team: str,
        directory: Directory,
        holder: str,
    ) -> None:
        self._desk = desk
        self._cards = cards
        self._messenger = messenger
        self._rendering = rendering
        self._routes = routes
        self._team = team
        self._directory = directory
        self._holder = holder
        self._log = get_logger("signoff.bot")

    async def route(self, key: str) -> Approval | None:
        """Return the approval with its route fixed; `None` where there is nobody to tell.

        An approval that no rule matches ends as undeliverable.
        """
        try:
            approval = await self._desk.get(key)
            if approval.terms is not None:
                return approval
            if approval.final:
                return None
            rule = find_route(self._routes, approval)
            if rule is None:
                self._log.warning("approval.no_route", approval=key, agent=approval.agent)
                await self._desk.cancel(key, by=_ACTOR, undeliverable="no_route")
                return None
            return await self._desk.route(key, terms_for(rule, approval, team=self._team))
        except AlreadyDecided as error:
            return error.approval if error.approval.terms is not None else None
        except ApprovalNotFound:
            self._log.warning("approval.missing", approval=key)
            return None

    async def tell(self, key: str, logged: LoggedEvent) -> None:
        """Bring the card up to the record, and tell the event in the thread.

        Raises:
            DeliveryFailed: The chat did not take a message.
            StoreUnavailable: The store cannot be reached.
            Unconfirmed: It is not known whether something was noted.
        """
        approval = await self._desk.get(key)
        if approval.terms is None:
            return
        told = await self._cards.cards(key)
        card = await self._show(approval, told)
        if card is not None:
            await self._reply(approval, logged, card, told)

    async def give_up(self, key: str, *, reason: str) -> None:
        """End a pending approval as undeliverable; its agent learns the chat's own word."""
        try:
            await self._desk.cancel(key, by=_ACTOR, undeliverable=reason)
        except SignoffError as error:
            self._log.warning("approval.give_up_failed", approval=key, error=error.code)

    async def _show(self, approval: Approval, told: Mapping[str, str]) -> _Card | None:
        card = _Card.read(told.get(_CARD))
        if card is None:
            return await self._post(approval, told.get(_CARD, ""))
        message = self._rendering.card(approval)
        shown = _fingerprint(message)
        if shown == card.shown:
            return card
        try:
            await self._messenger.update(card.posted, message)
        except DeliveryFailed as error:
            if not error.gone:
                raise
            # A person deleted it. While it can be decided it must be seen; afterwards its thread
            # is gone with it.
            if approval.final:
                return None
            return await self._post(approval, told[_CARD])
        updated = _Card(card.posted, shown)
        await self._cards.keep_card(approval.key, _CARD, updated.note(), only_if=card.note())
        return updated

    async def _post(self, approval: Approval, noted: str) -> _Card | None:
        terms = approval.terms
        if terms is None or approval.status in _NEVER_ASKED:
            return None  # ended before anybody was asked: there is nothing to decide or to audit
        intent = f"posting {self._holder}"
        if noted != intent and not await self._cards.keep_card(
            approval.key, _CARD, intent, only_if=noted
        ):
            return _Card.read((await self._cards.cards(approval.key)).get(_CARD))
        message = self._rendering.card(approval)
        posted = await self._messenger.post(terms.channel, message)
        card = _Card(posted, _fingerprint(message))
        await self._cards.keep_card(approval.key, _CARD, card.note(), only_if=intent)
        self._log.info("card.posted", approval=approval.key, channel=posted.channel, ts=posted.ts)
        await self._notify(approval, posted)
        return card

    async def _reply(
        self, approval: Approval, logged: LoggedEvent, card: _Card, told: Mapping[str, str]
    ) -> None:
        slot = f"reply {logged.cursor}"
        if slot in told:
            return
        message = self._rendering.reply(logged.event, approval)
        if message is None:
            return
        posted = await self._messenger.post(card.posted.channel, message, thread=card.posted.ts)
        await self._cards.keep_card(approval.key, slot, posted.ts)

    async def _notify(self, approval: Approval, posted: Posted) -> None:
        """Write to the approvers directly, where the route says so; the card is what counts."""
        if approval.terms is None or "dm" not in approval.terms.notify or approval.final:
            return
        message = self._rendering.direct(approval, await self._messenger.link(posted))
        for person in await self._people(approval):
            try:
                await self._messenger.post(person, message)
            except DeliveryFailed as error:
                self._log.warning("direct.failed", approval=approval.key, reason=error.reason)

    async def _people(self, approval: Approval) -> Sequence[str]:
        """Return the user ids of all who are asked, groups opened, each once."""
        found: dict[str, None] = {}
        for quorum in approval.terms.quorums if approval.terms else ():
            for principal in quorum.of:
                kind, _, rest = principal.partition(":")
                member = rest.rpartition(":")[2]
                if kind != "slack":
                    continue
                if not member.startswith("S"):
                    found[member] = None
                    continue
                try:
                    found.update(dict.fromkeys(sorted(await self._directory.members(member))))
                except LookupFailed as error:
                    self._log.warning("direct.group_failed", group=member, reason=error.reason)
        return tuple(found)


def _fingerprint(message: Message) -> str:
    text = json.dumps([message.text, list(message.blocks)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
