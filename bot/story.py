"""Owns the story of one approval in the chat: who is asked, its card, its thread, its direct notes.

Every step looks at the record and at what was told already, so a story can be told again from any
point: after a crash at most one message is doubled, the one that was under way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from gate import (
    AlreadyDecided,
    Approval,
    ApprovalAlarm,
    ApprovalAmended,
    ApprovalAnswer,
    ApprovalEscalated,
    ApprovalNotFound,
    AuditHead,
    Cards,
    Desk,
    LoggedEvent,
    NotAllowed,
    SignoffError,
    StoreUnavailable,
    Tampered,
    Unconfirmed,
    get_logger,
)

from .background import see_out
from .bearing import Bearing, bearing
from .crowding import TOO_MANY, Crowding
from .direct_notes import DirectNotes
from .directory import Directory
from .messenger import Messenger, Posted
from .notes import ALARM, CARD, CardNote, left_behind
from .proof import Proof
from .replies import Replies
from .routing import AgentRule, RouteRule, find_route, terms_for
from .sending import Intent, Sending
from .showing import Rendering, Showing, moves_of
from .vouching import Vouching

__all__ = ["Rendering", "Story"]

_ACTOR: Final = "signoff"


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
        crowding: Knows whose agent has too many waiting; without it nobody has.
        head: Returns the audit chain's head to tell with an event that closes an approval.
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
        crowding: Crowding | None = None,
        head: Callable[[LoggedEvent], Awaitable[AuditHead | None]] | None = None,
    ) -> None:
        self._desk = desk
        self._cards = cards
        self._messenger = messenger
        self._rendering = rendering
        self._routes = routes
        self._team = team
        self._agents = agents
        self._patience = patience
        self._crowding = crowding
        self._head = head
        self._sending = Sending(messenger)
        self._vouching = Vouching(desk, cards)
        self._direct = DirectNotes(messenger, directory, cards, render=rendering.direct)
        intent = Intent(cards, holder=holder, patience=patience)
        self._replies = Replies(cards, self._sending, intent=intent)
        self._showing = Showing(
            desk,
            cards,
            messenger=messenger,
            sending=self._sending,
            rendering=rendering,
            direct=self._direct,
            vouching=self._vouching,
            intent=intent,
            patience=patience,
        )
        self._log = get_logger("signoff.bot")

    @property
    def unconfirmed(self) -> Mapping[str, str]:
        """Key → channel of what was shown as decided and may yet be lost; `look` looks again."""
        return self._vouching.unconfirmed

    async def route(self, key: str) -> Approval | None:
        """Return the approval with its route fixed; `None` where there is nobody to tell.

        An approval that no rule matches, or of which its agent has too many, ends as undeliverable.
        """
        try:
            approval = await self._desk.get(key)
            if approval.terms is not None:
                return approval if await self._may_be_shown(approval) else None
            if approval.final:
                return None
            rule = find_route(self._routes, approval)
            if rule is None:
                self._log.warning("approval.no_route", approval=key)
                await self._desk.cancel(key, by=_ACTOR, undeliverable="no_route")
                return None
            if self._crowding is not None and await self._crowding.too_many(approval):
                self._log.warning("approval.too_many", approval=key)
                await self._desk.cancel(key, by=_ACTOR, undeliverable=TOO_MANY)
                return None
            terms = terms_for(rule, approval, team=self._team, agents=self._agents)
            return await self._desk.route(key, terms)
        except (Tampered, NotAllowed) as error:
            # Written into the store by somebody else than a gate: nobody is asked about it.
            word = error.reason if isinstance(error, NotAllowed) else error.code
            self._log.error("approval.not_routed", approval=key, reason=word)
            await self.give_up(key, reason=word)
            return None
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
        proof = await self._vouching.look(approval)
        await self._vouching.raise_alarm(approval, proof, told=told, logged=logged)
        card = await self._showing.show(approval, told, proof)
        if card is None:
            await self._direct.bring_up(approval, told, proof)
            return False
        noted = CardNote.read(told.get(CARD))
        new = noted is None or noted.posted != card.posted
        if new:
            # Another replica may have told the event beside its card meanwhile.
            told = await self._cards.cards(key)
        replying = self._reply(approval, logged, card.posted, told, proof)
        replied = await see_out(replying, patience=self._patience)
        if isinstance(logged.event, ApprovalEscalated):
            await self._direct.send(approval, card.posted)
        await self._direct.bring_up(approval, told, proof)
        return new or replied

    async def look(self, key: str) -> None:
        """See that the card of what can be decided is there; post it again if it was deleted.

        The card of what is decided is brought up to date: it may say that this is not confirmed.

        Raises:
            DeliveryFailed: The chat cannot say, or did not take it.
        """
        approval = await self._desk.get(key)
        told = await self._cards.cards(key)
        proof = await self._vouching.look(approval)
        if CardNote.read(told.get(CARD)) is None:
            # A failover of the store can take back what was noted, and the decision with it.
            if not approval.final and approval.terms is not None and proof.flaw is None:
                await self._showing.show(approval, told, proof)
            return
        await self._vouching.raise_alarm(approval, proof, told=told)
        if not approval.final:
            await self._showing.look(approval, told, proof)
        elif approval.decision is not None:
            await self._showing.show(approval, told, proof)
            await self._direct.bring_up(approval, told, proof)

    def owes_note(self, key: str) -> bool:
        """Say whether a message about *key* is posted, and the store does not know it yet."""
        return self._showing.owes_note(key) or self._replies.owes_note(key)

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
        if person is None:
            await self._showing.adopt(key, posted)
            return
        approval = await self._desk.get(key)
        proof = await self._vouching.look(approval)
        await self._direct.adopt(approval, posted, proof, person=person)

    async def _may_be_shown(self, approval: Approval) -> bool:
        """Say whether a routed approval is one that this side has routed.

        With terms of somebody else it would be shown where they like. What has a card of ours
        already goes on, so that the card can say what happened to it.
        """
        part = self._desk.flaw(approval)
        told = {} if part is None else await self._cards.cards(approval.key)
        if part is None or CARD in told:
            return True
        # Once: the alarm is an event too, which brings the reader back here.
        await self._vouching.raise_alarm(approval, Proof(flaw=part), told=told)
        with contextlib.suppress(AlreadyDecided):  # by whoever wrote it
            await self._desk.cancel(approval.key, by=_ACTOR, undeliverable="tampered")
        return False

    async def _reply(
        self,
        approval: Approval,
        logged: LoggedEvent,
        card: Posted,
        told: Mapping[str, str],
        proof: Proof,
    ) -> bool:
        event = logged.event
        told_of_people = isinstance(event, ApprovalAnswer | ApprovalAmended)
        found = bearing(approval, event)
        if (told_of_people and proof.flaw is not None) or found is Bearing.UNTRUE:
            # Anybody who may write to the store may write events.
            self._log.error("event.untrue", approval=approval.key, type=event.type)
            return False
        name = f"{ALARM}{event.part}" if isinstance(event, ApprovalAlarm) else logged.cursor
        head = await self._head(logged) if self._head is not None else None
        # People read the thread: what nobody can vouch for must not be anybody's answer there.
        rendered = (
            partial(self._rendering.gone, event)
            if found is Bearing.GONE
            else partial(self._rendering.reply, event, approval, proof, head)
        )
        replied = await self._replies.tell(
            approval,
            f"reply {name}",
            rendered,
            card=card,
            told=told,
            happened=event.at,
        )
        if isinstance(event, ApprovalEscalated) and event.action == "move":
            await self._point(approval, logged, event, card, told)
        return replied

    async def _point(
        self,
        approval: Approval,
        logged: LoggedEvent,
        event: ApprovalEscalated,
        card: Posted,
        told: Mapping[str, str],
    ) -> None:
        """Say in the thread that was left behind where it goes on."""
        old = left_behind(told).get(moves_of(approval, rungs=event.rung + 1))
        if old is None or old.posted == card:
            return
        link = await self._messenger.link(card)
        await self._replies.tell(
            approval,
            f"pointer {logged.cursor}",
            partial(self._rendering.pointer, event, link),
            card=old.posted,
            told=told,
            happened=event.at,
        )
