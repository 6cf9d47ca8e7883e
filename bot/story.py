"""Owns the story of one approval in the chat: who is asked, its card, its thread, its direct notes.

Every step looks at the record and at what was told already, so a story can be told again from any
point: after a crash at most one message is doubled, the one that was under way.
"""

from __future__ import annotations

import asyncio
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
    StoreUnavailable,
    Unconfirmed,
    get_logger,
)

from .background import see_out
from .directory import Directory, LookupFailed
from .messenger import DeliveryFailed, Message, Messenger, Posted
from .routing import RouteRule, find_route, terms_for

__all__ = ["Rendering", "Story"]

_CARD: Final = "card"
_COPY: Final = "copy "
_UNKNOWN: Final = "?"
"""What a copy shows, before it was changed once."""
_ACTOR: Final = "signoff"
_DIRECT_SECONDS: Final = 15.0
"""For all direct notes of one approval: they inform, and must not hold up the channel."""
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
        patience: Seconds for which a stop waits until a message under way is noted.
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
        patience: float = 3.0,
    ) -> None:
        self._desk = desk
        self._cards = cards
        self._messenger = messenger
        self._rendering = rendering
        self._routes = routes
        self._team = team
        self._directory = directory
        self._holder = holder
        self._patience = patience
        self._log = get_logger("signoff.bot")
        # Posted and not yet noted: where the store takes no writes, trying again must not post
        # again. At most one of each per channel, which tells one event at a time.
        self._cards_to_note: dict[str, _Card] = {}
        self._replies_to_note: dict[tuple[str, str], str] = {}

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
                self._log.warning("approval.no_route", approval=key)
                await self._desk.cancel(key, by=_ACTOR, undeliverable="no_route")
                return None
            return await self._desk.route(key, terms_for(rule, approval, team=self._team))
        except AlreadyDecided as error:
            return error.approval if error.approval.terms is not None else None
        except ApprovalNotFound:
            self._log.warning("approval.missing", approval=key)
            return None

    async def tell(self, key: str, logged: LoggedEvent) -> bool:
        """Bring the card up to the record, and tell the event in the thread.

        Returns:
            Whether the chat took a new message for it.

        Raises:
            DeliveryFailed: The chat did not take a message.
            StoreUnavailable: The store cannot be reached.
            Unconfirmed: It is not known whether something was noted.
        """
        approval = await self._desk.get(key)
        if approval.terms is None:
            return False
        told = await self._cards.cards(key)
        card = await self._show(approval, told)
        if card is None:
            return False
        noted = _Card.read(told.get(_CARD))
        new = noted is None or noted.posted != card.posted
        if new:
            # Another replica may have told the event beside its card meanwhile.
            told = await self._cards.cards(key)
        replied = await see_out(self._reply(approval, logged, card, told), patience=self._patience)
        return new or replied

    async def give_up(self, key: str, *, reason: str) -> None:
        """End a pending approval as undeliverable; its agent learns the chat's own word.

        Raises:
            StoreUnavailable: The store cannot be reached; nothing is given up.
            Unconfirmed: It is not known whether it was. Repeating is safe.
        """
        try:
            await self._desk.cancel(key, by=_ACTOR, undeliverable=reason)
        except (StoreUnavailable, Unconfirmed):
            raise
        except SignoffError as error:
            self._log.warning("approval.give_up_failed", approval=key, error=error.code)

    async def adopt(self, key: str, posted: Posted) -> None:
        """Let a card that somebody used end like the noted one, where a crash left it unnoted.

        Raises:
            DeliveryFailed: The chat did not take the change.
            SignoffError: Nothing was noted, or the record cannot be read.
        """
        noted = _Card.read((await self._cards.cards(key)).get(_CARD))
        approval = await self._desk.get(key)
        elsewhere = approval.terms is None or approval.terms.channel != posted.channel
        if elsewhere or (noted is not None and noted.posted == posted):
            return
        slot = f"{_COPY}{posted.ts}"
        await self._cards.keep_card(key, slot, _Card(posted, _UNKNOWN).note(), only_if="")
        # The note first, then the record: what changes from now on is told with the copy.
        shown: Message | None = None
        while shown != (message := self._rendering.card(await self._desk.get(key))):
            copy = _Card.read((await self._cards.cards(key)).get(slot))
            if copy is None or not await self._bring_up(approval, slot, copy, message):
                return
            shown = message

    async def _show(self, approval: Approval, told: Mapping[str, str]) -> _Card | None:
        noted = told.get(_CARD, "")
        card = _Card.read(noted)
        if card is None or approval.key in self._cards_to_note:
            card = await self._post(approval, noted)
        if card is None:
            return None
        message = self._rendering.card(approval)
        for slot, note in told.items():
            copy = _Card.read(note) if slot.startswith(_COPY) else None
            if copy is not None and copy.posted != card.posted:
                await self._bring_up(approval, slot, copy, message)
        if await self._bring_up(approval, _CARD, card, message):
            return card
        # A person deleted it. While it can be decided it must be seen; afterwards its thread is
        # gone with it.
        return None if approval.final else await self._post(approval, card.note())

    async def _bring_up(self, approval: Approval, slot: str, card: _Card, message: Message) -> bool:
        """Make a posted card show *message*; return whether it is still there."""
        shown = _fingerprint(message)
        if shown == card.shown:
            return True
        try:
            await self._messenger.update(card.posted, message)
        except DeliveryFailed as error:
            if not error.gone:
                raise
            return False
        updated = _Card(card.posted, shown)
        await self._cards.keep_card(approval.key, slot, updated.note(), only_if=card.note())
        return True

    async def _post(self, approval: Approval, noted: str) -> _Card | None:
        """Post the card, or note the one that is posted already; return the one that stands."""
        # A stop between post and note would let the next replica post it again.
        card, ours = await see_out(self._place(approval, noted), patience=self._patience)
        if card is not None and ours:
            await self._notify(approval, card.posted)
        return card

    async def _place(self, approval: Approval, noted: str) -> tuple[_Card | None, bool]:
        """Post and note; say also whether the card that stands was placed just now."""
        key, terms = approval.key, approval.terms
        intent = f"posting {self._holder}"
        card = self._cards_to_note.get(key)
        if card is None:
            if terms is None or approval.status in _NEVER_ASKED:
                return None, False  # ended before anybody was asked: nothing to decide or to audit
            if noted != intent and not await self._cards.keep_card(
                key, _CARD, intent, only_if=noted
            ):
                return await self._standing(key), False
            message = self._rendering.card(approval)
            card = _Card(await self._messenger.post(terms.channel, message), _fingerprint(message))
            self._cards_to_note[key] = card
            self._log.info(
                "card.posted", approval=key, channel=card.posted.channel, ts=card.posted.ts
            )
        if not await self._cards.keep_card(key, _CARD, card.note(), only_if=intent):
            standing = await self._standing(key)
            if standing is None or standing.posted != card.posted:
                # Another replica took over meanwhile. Ours is a copy, and has to end like the card.
                await self._cards.keep_card(key, f"{_COPY}{card.posted.ts}", card.note())
                del self._cards_to_note[key]
                return standing, False
        del self._cards_to_note[key]
        return card, True

    async def _standing(self, key: str) -> _Card | None:
        return _Card.read((await self._cards.cards(key)).get(_CARD))

    async def _reply(
        self, approval: Approval, logged: LoggedEvent, card: _Card, told: Mapping[str, str]
    ) -> bool:
        slot = f"reply {logged.cursor}"
        if slot in told:
            return False
        mark = approval.key, slot
        ts = self._replies_to_note.get(mark)
        if ts is None:
            message = self._rendering.reply(logged.event, approval)
            if message is None:
                return False
            try:
                posted = await self._messenger.post(
                    card.posted.channel, message, thread=card.posted.ts
                )
            except DeliveryFailed as error:
                if not (error.gone or error.unfit):
                    raise
                # Without its thread, or not to be told: no reason to end what can be decided.
                self._log.warning("reply.untold", approval=approval.key, reason=error.reason)
                return False
            ts = self._replies_to_note[mark] = posted.ts
        await self._cards.keep_card(approval.key, slot, ts)
        del self._replies_to_note[mark]
        return True

    async def _notify(self, approval: Approval, posted: Posted) -> None:
        """Write to the approvers directly, where the route says so; the card is what counts."""
        if approval.terms is None or "dm" not in approval.terms.notify or approval.final:
            return
        try:
            async with asyncio.timeout(_DIRECT_SECONDS):
                message = self._rendering.direct(approval, await self._messenger.link(posted))
                for person in await self._people(approval):
                    await self._write_to(person, message, approval=approval)
        except TimeoutError:
            self._log.warning("direct.late", approval=approval.key)

    async def _write_to(self, person: str, message: Message, *, approval: Approval) -> None:
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
