"""Owns the look behind a record before it is shown: is it ours, and will it stay?

What is not ours is an alarm, raised once for each part; what may not stay is looked at again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from gate import Approval, ApprovalAlarm, Cards, Desk, LoggedEvent, get_logger

from .notes import ALARM
from .proof import Proof

__all__ = ["Vouching"]

_REMEMBERED: Final = 10_000


class Vouching:
    """Looks behind records.

    Args:
        desk: Knows what it wrote.
        cards: Remembers which alarms were raised.

    Attributes:
        unconfirmed: Key → where it is shown, of decisions that were shown as not confirmed yet.
    """

    def __init__(self, desk: Desk, cards: Cards) -> None:
        self._desk = desk
        self._cards = cards
        # By key and nonce: a key may be used again after retention.
        self._confirmed: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.unconfirmed: OrderedDict[str, str] = OrderedDict()
        self._log = get_logger("signoff.bot")

    async def look(self, approval: Approval) -> Proof:
        """Return what is known of *approval*.

        Raises:
            StoreUnavailable: It cannot be asked whether it will stay.
        """
        flaw = self._desk.flaw(approval)
        if flaw is not None or approval.decision is None:
            self.unconfirmed.pop(approval.key, None)
            return Proof(flaw=flaw)
        name = approval.key, approval.nonce
        confirmed = name in self._confirmed or await self._desk.confirmed(approval)
        if confirmed:
            self._confirmed[name] = None
            while len(self._confirmed) > _REMEMBERED:
                self._confirmed.popitem(last=False)
            if self.unconfirmed.pop(approval.key, None) is not None:
                self._log.info("decision.confirmed", approval=approval.key)
        elif approval.key not in self.unconfirmed:
            self._log.warning("decision.unconfirmed", approval=approval.key)
            terms = approval.asking()
            self.unconfirmed[approval.key] = terms.channel if terms is not None else ""
            while len(self.unconfirmed) > _REMEMBERED:
                self.unconfirmed.popitem(last=False)
        return Proof(confirmed=confirmed)

    async def raise_alarm(
        self,
        approval: Approval,
        proof: Proof,
        *,
        told: Mapping[str, str],
        logged: LoggedEvent | None = None,
    ) -> None:
        """Put an alarm on record for what *proof* says is not ours, unless one is.

        Args:
            approval: The record.
            proof: What is known of it.
            told: Slot → note, of all messages of the approval.
            logged: What is being told just now; it may be the alarm itself.
        """
        part = proof.flaw
        if part is None or f"{ALARM}{part}" in told:
            return
        event = logged.event if logged is not None else None
        if not isinstance(event, ApprovalAlarm) or event.part != part:
            # The event first: after a crash in between there are two, and never none.
            await self._desk.alarm(approval, part=part)
        await self._cards.keep_card(approval.key, f"{ALARM}{part}", "raised")
