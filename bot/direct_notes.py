"""Owns direct notes: a message to each approver beside the card, where the route says so.

They can be answered like the card, and end like it. The card is what counts: a note that cannot be
sent is logged and not sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gate import Approval, Cards, get_logger

from .directory import Directory, LookupFailed
from .messenger import DeliveryFailed, Message, Messenger, Posted
from .notes import CARD, UNKNOWN, CardNote, fingerprint
from .proof import SOUND, Proof

__all__ = ["DirectNotes"]

_DIRECT_SECONDS: Final = 15.0
"""For sending all direct notes of one approval: they must not hold up the channel."""
_DIRECT: Final = "direct "
"""How the slot of a direct note begins; the person's id and the message's timestamp follow."""


class DirectNotes:
    """Writes to people.

    Args:
        messenger: The chat.
        directory: Who is in a user group.
        cards: Remembers who was written to.
        render: The note for an approval, with the address of its card, for one person.
    """

    def __init__(
        self,
        messenger: Messenger,
        directory: Directory,
        cards: Cards,
        *,
        render: Callable[[Approval, str | None, str, Proof], Message],
    ) -> None:
        self._messenger = messenger
        self._directory = directory
        self._cards = cards
        self._render = render
        self._log = get_logger("signoff.bot")

    async def send(self, approval: Approval, posted: Posted) -> None:
        """Write to the approvers, where the route says so, with a link to the card at *posted*.

        Who was written to before is not written to again.

        Raises:
            StoreUnavailable: It cannot be noted where a note is.
        """
        if approval.terms is None or "dm" not in approval.terms.notify or approval.final:
            return
        told = await self._cards.cards(approval.key)
        written = {slot.split(" ")[1] for slot in told if slot.startswith(_DIRECT)}
        try:
            async with asyncio.timeout(_DIRECT_SECONDS):
                link = await self._messenger.link(posted)
                for person in await self._people(approval):
                    if person not in written:
                        await self._write_to(person, link, approval=approval)
        except TimeoutError:
            self._log.warning("direct.late", approval=approval.key)

    async def bring_up(self, approval: Approval, told: Mapping[str, str], proof: Proof) -> None:
        """Make every note show *approval* as it is now.

        Args:
            approval: As it counts now.
            told: Slot → note, of all messages of the approval.
            proof: What is known of it.

        Raises:
            DeliveryFailed: The chat did not take a change, and may take it later.
            StoreUnavailable: It cannot be noted what is shown.
        """
        notes = [(slot, CardNote.read(note)) for slot, note in told.items()]
        direct = [(slot, note) for slot, note in notes if note and slot.startswith(_DIRECT)]
        if not direct:
            return
        card = CardNote.read(told.get(CARD))
        link = await self._messenger.link(card.posted) if card else None
        for slot, note in direct:
            await self._change(approval, slot, note, link, proof)

    async def adopt(self, approval: Approval, posted: Posted, proof: Proof, *, person: str) -> None:
        """Note a message to *person* that somebody used, where a crash left it unnoted.

        Raises:
            DeliveryFailed: The chat did not take the change to what is true now.
            StoreUnavailable: Nothing was noted.
        """
        slot = f"{_DIRECT}{person} {posted.ts}"
        note = CardNote(posted, UNKNOWN)
        if await self._cards.keep_card(approval.key, slot, note.note(), only_if=""):
            told = await self._cards.cards(approval.key)
            await self.bring_up(approval, {CARD: told.get(CARD, ""), slot: note.note()}, proof)

    async def _change(
        self, approval: Approval, slot: str, note: CardNote, link: str | None, proof: Proof
    ) -> None:
        message = self._render(approval, link, slot.split(" ")[1], proof)
        shown = fingerprint(message)
        if shown == note.shown:
            return
        try:
            await self._messenger.update(note.posted, message)
        except DeliveryFailed as error:
            if not (error.permanent or error.gone):
                raise
            self._log.warning("direct.not_changed", approval=approval.key, reason=error.reason)
            return
        changed = CardNote(note.posted, shown).note()
        await self._cards.keep_card(approval.key, slot, changed, only_if=note.note())

    async def _write_to(self, person: str, link: str | None, *, approval: Approval) -> None:
        message = self._render(approval, link, person, SOUND)
        try:
            posted = await self._messenger.post(person, message)
        except DeliveryFailed as error:
            self._log.warning("direct.failed", approval=approval.key, reason=error.reason)
            return
        note = CardNote(posted, fingerprint(message)).note()
        await self._cards.keep_card(approval.key, f"{_DIRECT}{person} {posted.ts}", note)

    async def _people(self, approval: Approval) -> Sequence[str]:
        """Return the user ids of all who are asked and may answer, groups opened, each once."""
        found: dict[str, None] = {}
        terms = approval.asking()
        barred = {who.rpartition(":")[2] for who in (*approval.not_by, *_excluded(approval))}
        for quorum in terms.quorums if terms else ():
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
        return tuple(person for person in found if person not in barred)


def _excluded(approval: Approval) -> Sequence[str]:
    return approval.terms.excluded if approval.terms is not None else ()
