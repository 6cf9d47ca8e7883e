"""Owns the story of one approval in the chat: who is asked, its card, its thread, its direct notes.

Every step looks at the record and at what was told already, so a story can be told again from any
point: after a crash at most one message is doubled, the one that was under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
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
from .direct_notes import DirectNotes
from .directory import Directory
from .messenger import DeliveryFailed, Mark, Message, Messenger, Posted
from .notes import CARD, COPY, POSTING, UNKNOWN, CardNote, fingerprint
from .routing import AgentRule, RouteRule, find_route, terms_for
from .sending import Sending

__all__ = ["Rendering", "Story"]

_ACTOR: Final = "signoff"
_NEVER_ASKED: Final = (ApprovalStatus.EXPIRED, ApprovalStatus.CANCELLED)


@dataclass(frozen=True)
class Rendering:
    """How things look in the chat: pure functions."""

    card: Callable[[Approval], Message]
    reply: Callable[[ApprovalEvent, Approval], Message | None]
    direct: Callable[[Approval, str | None, str], Message]
    """For an approval, with the address of its card, for one person."""


class Story:
    """Tells what happens to approvals.

    Args:
        desk: Routes, and withdraws what cannot be delivered.
        cards: Remembers what was told.
        messenger: The chat.
        rendering: How things look.
        routes: The operator's rules.
        team: The workspace of the rules' ids.
        agents: Agent → whose it is.
        directory: Who is in a user group, for direct notes.
        holder: This replica's name, in notes of messages under way.
        patience: Seconds for which the end of the lease waits until a message under way is noted,
            and the next reader waits for that note.
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
        agents: Mapping[str, AgentRule] = MappingProxyType({}),
        directory: Directory,
        holder: str,
        patience: float = 3.0,
    ) -> None:
        self._desk = desk
        self._cards = cards
        self._messenger = messenger
        self._sending = Sending(messenger)
        self._rendering = rendering
        self._routes = routes
        self._team = team
        self._agents = agents
        self._direct = DirectNotes(messenger, directory, cards, render=rendering.direct)
        self._intent = f"{POSTING}{holder}"
        self._patience = patience
        self._log = get_logger("signoff.bot")
        # Posted and not yet noted: where the store takes no writes, trying again must not post
        # again. At most one of each per channel, which tells one event at a time.
        self._cards_to_note: dict[str, CardNote] = {}
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
            terms = terms_for(rule, approval, team=self._team, agents=self._agents)
            return await self._desk.route(key, terms)
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
            await self._direct.bring_up(approval, told)
            return False
        noted = CardNote.read(told.get(CARD))
        new = noted is None or noted.posted != card.posted
        if new:
            # Another replica may have told the event beside its card meanwhile.
            told = await self._cards.cards(key)
        replied = await see_out(self._reply(approval, logged, card, told), patience=self._patience)
        await self._direct.bring_up(approval, told)
        return new or replied

    async def look(self, key: str) -> None:
        """See that the card of what can be decided is there; post it again if it was deleted.

        Raises:
            DeliveryFailed: The chat cannot say, or did not take it.
        """
        approval = await self._desk.get(key)
        card = CardNote.read((await self._cards.cards(key)).get(CARD))
        if card is None or approval.final:
            return
        message = self._rendering.card(approval)
        try:
            # An edit that changes nothing: other questions may be answered about what is deleted.
            await self._messenger.update(card.posted, message)
        except DeliveryFailed as error:
            if not error.gone:
                raise
            self._log.warning("card.deleted", approval=key, channel=card.posted.channel)
            await self._post(approval, card.note())
            return
        shown = CardNote(card.posted, fingerprint(message))
        if shown != card:
            await self._cards.keep_card(key, CARD, shown.note(), only_if=card.note())

    def owes_note(self, key: str) -> bool:
        """Say whether a message about *key* is posted, and the store does not know it yet."""
        return key in self._cards_to_note or any(mark[0] == key for mark in self._replies_to_note)

    async def trouble(self, channel: str) -> str | None:
        """Return the chat's word for why *channel* takes no messages; `None` if it should."""
        return await self._messenger.trouble(channel)

    async def give_up(self, key: str, *, reason: str) -> None:
        """End a pending approval as undeliverable; its agent learns the chat's own word.

        Raises:
            StoreUnavailable: The store cannot be reached; nothing is given up.
            Unconfirmed: It is not known whether it was. Repeating is safe.
        """
        self._sending.forget(key)
        try:
            await self._desk.cancel(key, by=_ACTOR, undeliverable=reason)
        except (StoreUnavailable, Unconfirmed):
            raise
        except SignoffError as error:
            self._log.warning("approval.give_up_failed", approval=key, error=error.code)

    async def adopt(self, key: str, posted: Posted, *, person: str | None = None) -> None:
        """Let a card that somebody used end like the noted one, where a crash left it unnoted.

        Args:
            key: The approval's.
            posted: The card.
            person: Whose direct message it is in, if it is in one.

        Raises:
            DeliveryFailed: The chat did not take the change.
            SignoffError: Nothing was noted, or the record cannot be read.
        """
        noted = CardNote.read((await self._cards.cards(key)).get(CARD))
        approval = await self._desk.get(key)
        if person is not None:
            await self._direct.adopt(approval, posted, person=person)
            return
        elsewhere = approval.terms is None or approval.terms.channel != posted.channel
        if elsewhere or (noted is not None and noted.posted == posted):
            return
        slot = f"{COPY}{posted.ts}"
        await self._cards.keep_card(key, slot, CardNote(posted, UNKNOWN).note(), only_if="")
        # The note first, then the record: what changes from now on is told with the copy.
        shown: Message | None = None
        while shown != (message := self._rendering.card(await self._desk.get(key))):
            copy = CardNote.read((await self._cards.cards(key)).get(slot))
            if copy is None or not await self._bring_up(approval, slot, copy, message):
                return
            shown = message

    async def _show(self, approval: Approval, told: Mapping[str, str]) -> CardNote | None:
        noted = told.get(CARD, "")
        card = CardNote.read(noted)
        if card is None or approval.key in self._cards_to_note:
            card = await self._post(approval, noted)
        if card is None:
            return None
        message = self._rendering.card(approval)
        for slot, note in told.items():
            copy = CardNote.read(note) if slot.startswith(COPY) else None
            if copy is not None and copy.posted != card.posted:
                await self._bring_up(approval, slot, copy, message)
        if await self._bring_up(approval, CARD, card, message):
            return card
        # A person deleted it. While it can be decided it must be seen; afterwards its thread is
        # gone with it.
        return None if approval.final else await self._post(approval, card.note())

    async def _bring_up(
        self, approval: Approval, slot: str, card: CardNote, message: Message
    ) -> bool:
        """Make a posted card show *message*, or what is newer; return whether it is still there."""
        key, noted, shown = approval.key, card, card.shown
        while (wanted := fingerprint(message)) != shown:
            try:
                await self._messenger.update(card.posted, message)
            except DeliveryFailed as error:
                if not error.gone:
                    raise
                return False
            updated = CardNote(card.posted, wanted).note()
            if await self._cards.keep_card(key, slot, updated, only_if=noted.note()):
                return True
            # Another one changed it in the same moment, as a click on a copy does. Whose change the
            # chat took last nobody knows: it gets one more, with the record as it is now.
            standing = CardNote.read((await self._cards.cards(key)).get(slot))
            if standing is None or standing.posted != card.posted:
                return True
            noted, shown = standing, UNKNOWN
            message = self._rendering.card(await self._desk.get(key))
        return True

    async def _post(self, approval: Approval, noted: str) -> CardNote | None:
        """Post the card, or note the one that is posted already; return the one that stands."""
        key = approval.key
        if self._is_foreign(noted) and not self.owes_note(key):
            noted = await self._give_time(key, CARD)
            if (standing := CardNote.read(noted)) is not None:
                return standing
        # A stop between post and note would let the next replica post it again.
        card, ours = await see_out(self._place(approval, noted), patience=self._patience)
        if card is not None and ours:
            await self._direct.send(approval, card.posted)
        return card

    async def _place(self, approval: Approval, noted: str) -> tuple[CardNote | None, bool]:
        """Post and note; say also whether the card that stands was placed just now."""
        key, terms = approval.key, approval.terms
        intent = self._intent
        card = self._cards_to_note.get(key)
        if card is None:
            under_way = noted.startswith(POSTING)
            dead = approval.status in _NEVER_ASKED
            if terms is None or (dead and not under_way):
                return None, False  # ended before anybody was asked: nothing to decide or to audit
            if noted != intent and not await self._cards.keep_card(
                key, CARD, intent, only_if=noted
            ):
                return await self._standing(key), False
            card = await self._found(approval, terms.channel) if under_way else None
            if card is None:
                if dead:
                    return None, False
                card = await self._send(approval, terms.channel)
            self._cards_to_note[key] = card
        if not await self._cards.keep_card(key, CARD, card.note(), only_if=intent):
            standing = await self._standing(key)
            if standing is None or standing.posted != card.posted:
                # Another replica took over meanwhile. Ours is a copy, and has to end like the card.
                await self._cards.keep_card(key, f"{COPY}{card.posted.ts}", card.note())
                del self._cards_to_note[key]
                return standing, False
        del self._cards_to_note[key]
        return card, True

    async def _send(self, approval: Approval, channel: str) -> CardNote:
        message = self._rendering.card(approval)
        mark = Mark("card", approval.key, approval.nonce, CARD)
        posted = await self._sending.post(channel, message, mark=mark)
        self._log.info("card.posted", approval=approval.key, channel=posted.channel, ts=posted.ts)
        return CardNote(posted, fingerprint(message))

    async def _found(self, approval: Approval, channel: str) -> CardNote | None:
        """Return the card that is posted though nobody noted it; note its further copies."""
        key = approval.key
        mark = Mark("card", key, approval.nonce, CARD)
        found = await self._sending.find(channel, mark=mark, since=approval.created_at)
        told = await self._cards.cards(key)
        unnoted = [CardNote(each, UNKNOWN) for each in found if f"{COPY}{each.ts}" not in told]
        for copy in unnoted[1:]:
            slot = f"{COPY}{copy.posted.ts}"
            await self._cards.keep_card(key, slot, copy.note(), only_if="")
            await self._bring_up(approval, slot, copy, self._rendering.card(approval))
        return unnoted[0] if unnoted else None

    def _is_foreign(self, note: str) -> bool:
        return note.startswith(POSTING) and note != self._intent

    async def _give_time(self, key: str, slot: str) -> str:
        """Return the note in *slot* a while later: whose intent it is may only be slow."""
        await asyncio.sleep(self._patience)
        return (await self._cards.cards(key)).get(slot, "")

    async def _standing(self, key: str) -> CardNote | None:
        return CardNote.read((await self._cards.cards(key)).get(CARD))

    async def _reply(
        self, approval: Approval, logged: LoggedEvent, card: CardNote, told: Mapping[str, str]
    ) -> bool:
        key, slot = approval.key, f"reply {logged.cursor}"
        note = told.get(slot, "")
        if self._is_foreign(note):
            note = await self._give_time(key, slot)
        if note and not note.startswith(POSTING):
            return False
        ts = self._replies_to_note.get((key, slot))
        if ts is None:
            message = self._rendering.reply(logged.event, approval)
            if message is None:
                return False
            if note != self._intent:
                await self._cards.keep_card(key, slot, self._intent)
            ts = await self._send_reply(
                message,
                card.posted,
                mark=Mark("reply", key, approval.nonce, slot),
                under_way=logged.event.at if note else None,
            )
            if ts is None:
                return False
            self._replies_to_note[key, slot] = ts
        await self._cards.keep_card(key, slot, ts)
        del self._replies_to_note[key, slot]
        return True

    async def _send_reply(
        self, message: Message, card: Posted, *, mark: Mark, under_way: datetime | None
    ) -> str | None:
        """Return where the reply is; `None` where it cannot be told.

        Args:
            message: The reply.
            card: What it is a reply to.
            mark: What it is found by.
            under_way: When it happened, if somebody was about to tell it before.
        """
        try:
            if under_way is not None:
                found = await self._sending.find(
                    card.channel, mark=mark, since=under_way, thread=card.ts
                )
                if found:
                    return found[0].ts
            return (await self._sending.post(card.channel, message, mark=mark, thread=card.ts)).ts
        except DeliveryFailed as error:
            if not (error.gone or error.unfit):
                raise
            # Without its thread, or not to be told: no reason to end what can be decided.
            self._log.warning("reply.untold", approval=mark.key, reason=error.reason)
            return None
