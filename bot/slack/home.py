"""Owns the app's home: each person's inbox, drawn when they open it or act, else once a minute."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from gate import SignoffError, get_logger

from ..deciding import Voter
from ..directory import LookupFailed
from ..inbox import Inboxes, Open
from ..masking import Masking
from .messenger import failure
from .reception import Reception
from .render import MASKING, home
from .seal import Seal

__all__ = ["Homes"]

_KEPT: Final = 500
"""Homes that are drawn again by themselves: those opened last."""
_FRESH_SECONDS: Final = 3600.0
"""For how long after its opening a home is drawn again by itself."""
_INTERVAL: Final = 60.0
_PUBLISH_SECONDS: Final = 10.0


@dataclass
class _Home:
    voter: Voter
    opened: float
    shown: str = ""
    """What it shows, as JSON."""
    drawn: float = 0.0
    drawing: bool = False
    again: bool = False
    """Whether something happened that is not drawn yet."""


class Homes:
    """Draws homes.

    Args:
        inboxes: What is in them.
        reception: Owns the work.
        client: Publishes views; without retry handlers.
        seal: Seals the buttons.
        now: Seconds that never run backwards.
        interval: Seconds between two drawings that nobody asked for.
        masking: Masks what looks like a secret.
    """

    def __init__(
        self,
        inboxes: Inboxes,
        *,
        reception: Reception,
        client: AsyncWebClient,
        seal: Seal,
        now: Callable[[], float],
        interval: float = _INTERVAL,
        masking: Masking = MASKING,
    ) -> None:
        self._inboxes = inboxes
        self._reception = reception
        self._client = client
        self._seal = seal
        self._now = now
        self._interval = interval
        self._masking = masking
        self._homes: OrderedDict[str, _Home] = OrderedDict()
        self._log = get_logger("signoff.slack")

    def opened(self, voter: Voter) -> None:
        """Draw the home of somebody who looks at it now."""
        known = self._homes.setdefault(voter.principal, _Home(voter, self._now()))
        known.opened = self._now()
        known.shown = ""  # Slack may have forgotten it
        self._homes.move_to_end(voter.principal)
        while len(self._homes) > _KEPT:
            self._homes.popitem(last=False)
        self._reception.later(self._draw(known), name="home")

    def acted(self, voter: Voter, *, there: bool) -> None:
        """Draw the home of somebody who has just done something.

        Args:
            voter: Who.
            there: Whether it was done in the home; another replica may have been told that it
                is open.
        """
        known = self._homes.get(voter.principal)
        if known is None and there:
            self.opened(voter)
        elif known is not None:
            self._reception.later(self._draw(known), name="home")

    async def run(self) -> None:
        """Draw the homes that were opened lately again, each once a minute, where they changed."""
        while True:
            await asyncio.sleep(self._interval)
            await self.refresh()

    async def refresh(self) -> None:
        """Draw each home that was opened within the hour and not drawn within the interval."""
        now = self._now()
        for principal in [
            name for name, known in self._homes.items() if now - known.opened > _FRESH_SECONDS
        ]:
            del self._homes[principal]
        stale = [known for known in self._homes.values() if now - known.drawn >= self._interval]
        if not stale:
            return
        try:
            pending = await self._inboxes.pending()
        except SignoffError as error:
            self._log.warning("home.store_away", error=error.code)
            return
        for known in stale:
            await self._draw(known, pending)

    async def _draw(self, known: _Home, pending: Open | None = None) -> None:
        known.again = True
        if known.drawing:
            return  # whoever draws it now draws it once more
        known.drawing = True
        try:
            while known.again:
                known.again = False
                await self._draw_once(known, pending)
                pending = None
        finally:
            known.drawing = False

    async def _draw_once(self, known: _Home, pending: Open | None) -> None:
        voter, known.drawn = known.voter, self._now()
        try:
            found = pending or await self._inboxes.pending()
            inbox = await self._inboxes.of(voter, found)
        except (SignoffError, LookupFailed) as error:
            self._log.warning(
                "home.not_drawn", principal=voter.principal, error=type(error).__name__
            )
            return
        view = home(
            inbox,
            stamp=self._seal.value,
            person=voter.user or "",
            now=found.now,
            names=self._inboxes.names((*inbox.needs_you, *inbox.waiting, *inbox.decided)),
            masking=self._masking,
        )
        text = json.dumps(view, sort_keys=True)
        if text != known.shown and await self._publish(voter, view):
            known.shown = text

    async def _publish(self, voter: Voter, view: dict[str, Any]) -> bool:
        try:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                await self._client.views_publish(user_id=voter.user or "", view=view)
        except Exception as error:  # noqa: BLE001  (it only informs: the next look draws it again)
            self._log.warning(
                "home.not_published",
                principal=voter.principal,
                error=type(error).__name__,
                reason=failure(error).reason,
            )
            return False
        return True
