"""Owns the cards of an approval: where each one stands, and what it shows.

One card counts. Copies of it, left by crashes, and cards that were left behind when the approval
moved to another channel, follow it to the end.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gate import (
    Approval,
    ApprovalEscalated,
    ApprovalEvent,
    ApprovalStatus,
    AuditHead,
    Cards,
    Desk,
    get_logger,
)

from .background import see_out
from .direct_notes import DirectNotes
from .messenger import DeliveryFailed, Mark, Message, Messenger, Posted
from .notes import CARD, COPY, LEFT, POSTING, UNKNOWN, CardNote, fingerprint, left_behind
from .proof import Proof
from .sending import Intent, Sending
from .vouching import Vouching

__all__ = ["Rendering", "Showing", "moves_of"]

_REMEMBERED: Final = 10_000
"""Cards that a replica knows without the store."""
_NEVER_ASKED: Final = (ApprovalStatus.EXPIRED, ApprovalStatus.CANCELLED)


@dataclass(frozen=True)
class Rendering:
    """How things look in the chat: pure functions."""

    card: Callable[[Approval, str, Proof], Message]
    """For an approval, in the channel where the card stands."""
    moved: Callable[[Approval], Message]
    """What a card becomes that was left behind."""
    reply: Callable[[ApprovalEvent, Approval, Proof, AuditHead | None], Message | None]
    """With the audit chain's head, where the event closes the approval."""
    gone: Callable[[ApprovalEvent], Message]
    """The reply to an answer or a change that the record no longer holds."""
    pointer: Callable[[ApprovalEscalated, str | None], Message]
    """The reply in the thread that was left behind, with the address of the new card."""
    direct: Callable[[Approval, str | None, str, Proof], Message]
    """For an approval, with the address of its card, for one person."""


def moves_of(approval: Approval, *, rungs: int | None = None) -> int:
    """Return how often *approval* has moved with its first *rungs* rungs, or all that it took."""
    ladder = approval.terms.ladder if approval.terms is not None else ()
    taken = ladder[: approval.climbed if rungs is None else rungs]
    return sum(1 for rung in taken if rung.channel is not None)


class Showing:
    """Keeps cards where they belong, and as the record is.

    Args:
        desk: Reads the records.
        cards: Remembers where cards are and what they show.
        messenger: Changes them.
        sending: Posts them.
        rendering: How they look.
        direct: The notes to people beside them.
        vouching: Looks behind records.
        intent: What is noted before a card is posted.
        patience: Seconds for which the end of the lease waits until a card under way is noted.
    """

    def __init__(
        self,
        desk: Desk,
        cards: Cards,
        *,
        messenger: Messenger,
        sending: Sending,
        rendering: Rendering,
        direct: DirectNotes,
        vouching: Vouching,
        intent: Intent,
        patience: float,
    ) -> None:
        self._desk = desk
        self._cards = cards
        self._messenger = messenger
        self._sending = sending
        self._rendering = rendering
        self._direct = direct
        self._vouching = vouching
        self._intent = intent
        self._patience = patience
        self._log = get_logger("signoff.bot")
        # Posted and not yet noted: where the store takes no writes, trying again must not post
        # again. At most one per channel, which tells one event at a time.
        self._to_note: dict[str, CardNote] = {}
        # By key and nonce: where this replica posted, should the store lose the note of it.
        self._posted: OrderedDict[tuple[str, str], Posted] = OrderedDict()

    def owes_note(self, key: str) -> bool:
        """Say whether a card of *key* is posted, and the store does not know it yet."""
        return key in self._to_note

    async def show(
        self, approval: Approval, told: Mapping[str, str], proof: Proof
    ) -> CardNote | None:
        """Bring all cards up to the record; return the one that counts, if there is one.

        Args:
            approval: As it counts now.
            told: Slot → note, of all messages of the approval.
            proof: What is known of it.

        Raises:
            DeliveryFailed: The chat did not take a message.
            StoreUnavailable: The store cannot be reached.
            Unconfirmed: It is not known whether something was noted.
        """
        noted = told.get(CARD, "")
        card = before = CardNote.read(noted)
        if card is None or approval.key in self._to_note:
            card = await self._post(approval, noted, proof)
        elif self.is_to_move(approval, card, told):
            card = await self._move(approval, card, told, proof)
        if card != before:
            told = await self._cards.cards(approval.key)
        current = card.posted if card is not None else None
        for slot, note in told.items():
            other = CardNote.read(note) if slot.startswith((COPY, LEFT)) else None
            if other is not None and other.posted != current:
                await self._bring_up(approval, proof, slot, other, current)
        if card is None or await self._bring_up(approval, proof, CARD, card, current):
            return card
        # A person deleted it. While it can be decided it must be seen; afterwards its thread is
        # gone with it.
        return None if approval.final else await self._post(approval, card.note(), proof)

    def is_to_move(self, approval: Approval, card: CardNote, told: Mapping[str, str]) -> bool:
        """Say whether *card* is where the approval was asked before; what is over does not move."""
        if approval.final:
            return False
        left = left_behind(told)
        if any(each.posted == card.posted for each in left.values()):
            return True  # begun before a crash
        terms = approval.asking()
        elsewhere = terms is not None and terms.channel != card.posted.channel
        return elsewhere and moves_of(approval) > max(left, default=0)

    async def look(self, approval: Approval, told: Mapping[str, str], proof: Proof) -> None:
        """See that the card of what can be decided is there; post it again if it was deleted.

        Raises:
            DeliveryFailed: The chat cannot say, or did not take it.
        """
        card = CardNote.read(told.get(CARD))
        if card is None or self.is_to_move(approval, card, told):
            return
        message = self._face(approval, proof, CARD, card.posted, card.posted)
        try:
            # An edit that changes nothing: other questions may be answered about what is deleted.
            await self._messenger.update(card.posted, message)
        except DeliveryFailed as error:
            if not error.gone:
                raise
            key, channel = approval.key, card.posted.channel
            self._log.warning("card.deleted", approval=key, channel=channel)
            self._posted.pop((key, approval.nonce), None)
            await self._post(approval, card.note(), proof)
            return
        shown = CardNote(card.posted, fingerprint(message))
        if shown != card:
            await self._cards.keep_card(approval.key, CARD, shown.note(), only_if=card.note())

    async def adopt(self, key: str, posted: Posted) -> None:
        """Let a card that somebody used end like the noted one, where a crash left it unnoted.

        Raises:
            DeliveryFailed: The chat did not take the change.
            SignoffError: Nothing was noted, or the record cannot be read.
        """
        told = await self._cards.cards(key)
        noted = CardNote.read(told.get(CARD))
        known = {each.posted for each in (noted, *left_behind(told).values()) if each is not None}
        approval = await self._desk.get(key)
        if posted.channel not in _channels(approval) or posted in known:
            return
        slot = f"{COPY}{posted.ts}"
        await self._cards.keep_card(key, slot, CardNote(posted, UNKNOWN).note(), only_if="")
        current = noted.posted if noted is not None else None
        # The note first, then the record: what changes from now on is told with the copy.
        shown: Message | None = None
        while True:
            approval = await self._desk.get(key)
            proof = await self._vouching.look(approval)
            message = self._face(approval, proof, slot, posted, current)
            if message == shown:
                return
            copy = CardNote.read((await self._cards.cards(key)).get(slot))
            if copy is None or not await self._bring_up(approval, proof, slot, copy, current):
                return
            shown = message

    def _face(
        self, approval: Approval, proof: Proof, slot: str, posted: Posted, current: Posted | None
    ) -> Message:
        """Return what the card of *slot*, at *posted*, is to show."""
        elsewhere = current is not None and posted.channel != current.channel
        left = slot.startswith(LEFT) or (slot.startswith(COPY) and elsewhere)
        if left and not approval.final and proof.flaw is None:
            return self._rendering.moved(approval)
        return self._rendering.card(approval, posted.channel, proof)

    async def _bring_up(
        self,
        approval: Approval,
        proof: Proof,
        slot: str,
        card: CardNote,
        current: Posted | None,
    ) -> bool:
        """Make a posted card show what is true, or what is newer; say whether it is still there."""
        key, noted, shown = approval.key, card, card.shown
        message = self._face(approval, proof, slot, card.posted, current)
        while (wanted := fingerprint(message)) != shown:
            try:
                await self._messenger.update(card.posted, message)
            except DeliveryFailed as error:
                if not error.gone:
                    raise
                self._posted.pop((key, approval.nonce), None)
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
            approval = await self._desk.get(key)
            proof = await self._vouching.look(approval)
            message = self._face(approval, proof, slot, card.posted, current)
        return True

    async def _move(
        self, approval: Approval, card: CardNote, told: Mapping[str, str], proof: Proof
    ) -> CardNote | None:
        """Ask in the channel that the ladder names; *card* is left behind."""
        if all(each.posted != card.posted for each in left_behind(told).values()):
            # The old place first: the note of the new card takes its slot.
            slot = f"{LEFT}{moves_of(approval)} {card.posted.ts}"
            note = CardNote(card.posted, UNKNOWN).note()
            await self._cards.keep_card(approval.key, slot, note, only_if="")
        return await self._post(approval, card.note(), proof)

    async def _post(self, approval: Approval, noted: str, proof: Proof) -> CardNote | None:
        """Post the card, or note the one that is posted already; return the one that stands."""
        key = approval.key
        if self._intent.is_foreign(noted) and not self.owes_note(key):
            noted = await self._intent.give_time(key, CARD)
            if (standing := CardNote.read(noted)) is not None:
                return standing
        # A stop between post and note would let the next replica post it again.
        placing = self._place(approval, noted, proof)
        card, ours = await see_out(placing, patience=self._patience)
        if card is not None and ours:
            await self._direct.send(approval, card.posted)
        return card

    async def _place(
        self, approval: Approval, noted: str, proof: Proof
    ) -> tuple[CardNote | None, bool]:
        """Post and note; say also whether the card that stands was placed just now."""
        key, terms = approval.key, approval.asking()
        intent = self._intent.note
        card = self._to_note.get(key)
        if card is None:
            under_way = noted.startswith(POSTING)
            left = left_behind(await self._cards.cards(key)) if under_way else {}
            # Of what is over a card elsewhere is enough.
            dead = approval.final if left else approval.status in _NEVER_ASKED
            if terms is None or (dead and not under_way):
                return None, False  # ended before anybody was asked: nothing to decide or to audit
            if noted != intent and not await self._cards.keep_card(
                key, CARD, intent, only_if=noted
            ):
                return await self._standing(key), False
            card = self._remembered(approval, terms.channel, noted)
            if card is None and under_way:
                card = await self._found(approval, terms.channel, proof)
            if card is None and dead:
                return await self._go_back(key, left), False
            if card is None:
                card = await self._send(approval, terms.channel, proof)
            self._to_note[key] = card
        if not await self._cards.keep_card(key, CARD, card.note(), only_if=intent):
            standing = await self._standing(key)
            if standing is None or standing.posted != card.posted:
                # Another replica took over meanwhile. Ours is a copy, and has to end like the card.
                await self._cards.keep_card(key, f"{COPY}{card.posted.ts}", card.note())
                del self._to_note[key]
                return standing, False
        del self._to_note[key]
        self._posted[key, approval.nonce] = card.posted
        while len(self._posted) > _REMEMBERED:
            self._posted.popitem(last=False)
        return card, True

    def _remembered(self, approval: Approval, channel: str, noted: str) -> CardNote | None:
        """Return the card that stands in *channel* though the store says that none does."""
        posted = self._posted.get((approval.key, approval.nonce))
        if posted is None or posted.channel != channel or CardNote.read(noted) is not None:
            return None
        return CardNote(posted, UNKNOWN)

    async def _go_back(self, key: str, left: Mapping[int, CardNote]) -> CardNote | None:
        """Let the card count again that was to be left behind, where it was decided before."""
        if not left:
            return None
        old = CardNote(left[max(left)].posted, UNKNOWN)
        await self._cards.keep_card(key, CARD, old.note(), only_if=self._intent.note)
        return await self._standing(key)

    async def _send(self, approval: Approval, channel: str, proof: Proof) -> CardNote:
        message = self._rendering.card(approval, channel, proof)
        mark = Mark("card", approval.key, approval.nonce, CARD)
        posted = await self._sending.post(channel, message, mark=mark)
        self._log.info("card.posted", approval=approval.key, channel=posted.channel, ts=posted.ts)
        return CardNote(posted, fingerprint(message))

    async def _found(self, approval: Approval, channel: str, proof: Proof) -> CardNote | None:
        """Return the card that is posted though nobody noted it; note its further copies."""
        key = approval.key
        mark = Mark("card", key, approval.nonce, CARD)
        found = await self._sending.find(channel, mark=mark, since=approval.created_at)
        told = await self._cards.cards(key)
        left = {each.posted for each in left_behind(told).values()}
        unnoted = [
            CardNote(each, UNKNOWN)
            for each in found
            if f"{COPY}{each.ts}" not in told and each not in left
        ]
        for copy in unnoted[1:]:
            slot = f"{COPY}{copy.posted.ts}"
            await self._cards.keep_card(key, slot, copy.note(), only_if="")
            await self._bring_up(approval, proof, slot, copy, unnoted[0].posted)
        return unnoted[0] if unnoted else None

    async def _standing(self, key: str) -> CardNote | None:
        return CardNote.read((await self._cards.cards(key)).get(CARD))


def _channels(approval: Approval) -> set[str]:
    """Return where *approval* was asked."""
    if approval.terms is None:
        return set()
    taken = approval.terms.ladder[: approval.climbed]
    return {approval.terms.channel, *(rung.channel for rung in taken if rung.channel is not None)}
