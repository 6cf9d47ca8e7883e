"""Owns the reception: what every use of a button, form or command goes through, and how it ends.

Once per use, at a bearable rate, with a seal of ours, for a request that exists and looks as it did
then. Whoever is turned away is told, and it is put on record wherever there is a request to name.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Protocol, TypeVar

from gate import (
    AlreadyDecided,
    Approval,
    ApprovalNotFound,
    InvalidId,
    NotAllowed,
    SignoffError,
    Unconfirmed,
    get_logger,
)

from ..answering import principals_of
from ..background import Background
from ..deciding import Answer, Answers, Attempt, Voter
from ..directory import CachedDirectory, Names
from ..masking import Masking
from ..messenger import DeliveryFailed, Message, Messenger, Posted
from .ids import ButtonValue, claimed_key
from .messenger import failure
from .parse import Presented
from .render import MASKING, too_many, unrecorded
from .seal import Seal

__all__ = ["Adopt", "Reception", "Shown", "Use"]

T = TypeVar("T")

_REMEMBERED: Final = 10_000
"""Uses, and people, that are remembered."""
_MOST_USES: Final = 30
_IN_SECONDS: Final = 10.0


class Adopt(Protocol):
    """Is told which message of an approval was used; see `bot.story.Story.adopt`."""

    async def __call__(self, key: str, posted: Posted, *, person: str | None = None) -> None:
        """Let the message at *posted* end like the card; *person* has it in a direct message."""
        ...


class Shown(Enum):
    """What became of opening or changing a view."""

    DONE = auto()
    DOUBLED = auto()
    """The same use came twice, and this one is the second."""
    FAILED = auto()


@dataclass(frozen=True)
class Use:
    """A use of something that we made, for a request that still looks as it did then."""

    approval: Approval
    attempt: Attempt
    surface: str
    """As the seal names it: `card`, `review:2/3`, …."""
    person: str
    told_at: str


class Reception:
    """Receives what people do.

    Args:
        answers: Looks requests up, and puts refusals on record.
        seal: Opens what comes back.
        messenger: For answers that no event holds.
        background: Owns what happens after the acknowledgement.
        now: Seconds that never run backwards.
        directory: Names that are known.
        adopt: Is told which message was used; `None` if nobody cares.
        masking: Masks what looks like a secret.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        seal: Seal,
        messenger: Messenger,
        background: Background,
        now: Callable[[], float],
        directory: CachedDirectory,
        adopt: Adopt | None = None,
        masking: Masking = MASKING,
    ) -> None:
        self._answers = answers
        self._seal = seal
        self._messenger = messenger
        self._background = background
        self._directory = directory
        self._adopt = adopt
        self._masking = masking
        self._now = now
        self._uses: OrderedDict[str, asyncio.Future[object]] = OrderedDict()
        self._recent: OrderedDict[str, deque[float]] = OrderedDict()
        self._log = get_logger("signoff.slack")

    async def once(self, attempt: str | None, work: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """Return what *work* returns, and whether this call did it.

        A second call for the same attempt waits for the first one, and returns the same. Work that
        fails may be done again. Without an attempt, each call does it.
        """
        if attempt is None:
            return await work(), True
        while (known := self._uses.get(attempt)) is not None:
            await asyncio.wait({known})
            if not known.cancelled():
                return known.result(), False  # type: ignore[return-value]  # of the same work
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._uses[attempt] = future
        while len(self._uses) > _REMEMBERED:
            self._uses.popitem(last=False)
        try:
            done = await work()
        except BaseException:
            self._uses.pop(attempt, None)
            future.cancel()
            raise
        future.set_result(done)
        return done, True

    def admits(self, voter: Voter, *, told_at: str) -> bool:
        """Say whether the person may do one thing more now; who may not is told once."""
        now = self._now()
        times = self._recent.setdefault(voter.principal, deque(maxlen=_MOST_USES + 1))
        self._recent.move_to_end(voter.principal)
        while len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        while times and now - times[0] >= _IN_SECONDS:
            times.popleft()
        if len(times) < _MOST_USES:
            times.append(now)
            return True
        if len(times) == _MOST_USES:
            times.append(now)
            self._log.warning("person.too_fast", principal=voter.principal)
            self.tell(voter, told_at, too_many())
        return False

    async def receive(self, presented: Presented) -> Use | None:
        """Return what the value stands for; answers for itself if it stands for nothing."""
        voter = presented.voter
        attempt = Attempt(voter, presented.surface, presented.told_at, presented.attempt)
        try:
            surface, value = self._seal.find(presented.value, among=presented.among)
        except InvalidId:
            await self._turn_away_foreign(presented, attempt)
            return None
        person = voter.user or ""
        told_at = person if surface == "direct" else presented.told_at
        attempt = Attempt(voter, surface.partition(":")[0], told_at, presented.attempt)
        try:
            approval = await self._answers.look(value.key)
        except ApprovalNotFound as error:
            recorded = await self._answers.refuse(value.key, attempt, reason="approval_not_found")
            self.conclude(attempt, Answer(None, error, recorded=recorded))
            return None
        except SignoffError as error:
            self.conclude(attempt, Answer(None, error, recorded=False))
            return None
        use = Use(approval, attempt, surface, person, told_at)
        if not value.fits(approval):
            await self._turn_away(use, value)
            return None
        if presented.posted is not None:
            self._background.start(self._used(use, presented.posted), name="used-card")
        return use

    async def turn_away_stale(self, use: Use) -> None:
        """Refuse a use of what no longer shows what would run."""
        approval, attempt = use.approval, use.attempt
        self._log.warning("click.stale", approval=approval.key, principal=attempt.voter.principal)
        await self.refuse(use, reason="stale_card")

    async def refuse(self, use: Use, *, reason: str) -> None:
        """Refuse a use: on record, and told."""
        approval, attempt = use.approval, use.attempt
        error = NotAllowed(approval.id, reason=reason, principal=attempt.voter.principal)
        recorded = await self._answers.refuse(approval.key, attempt, reason=reason)
        self.conclude(attempt, Answer(approval, error, recorded=recorded))

    def conclude(self, attempt: Attempt, answer: Answer) -> None:
        """Tell the person what came of it, where no event says it."""
        if answer.recorded:
            return
        error = answer.refused or Unconfirmed("decide")
        self.tell(attempt.voter, attempt.place, self.words(error, approval=answer.approval))

    def words(self, error: Exception, *, approval: Approval | None = None) -> Message:
        """Return what to tell a person whose answer left no event."""
        names = self.names(approval)
        return unrecorded(error, approval=approval, names=names, masking=self._masking)

    def names(self, approval: Approval | None) -> Names:
        """Return the names of those whom *approval* concerns, as far as they are known."""
        return self._directory.names(principals_of(approval))

    def tell(self, voter: Voter, place: str | None, answer: Message) -> None:
        """Tell the person *answer* by the way, at *place* or directly."""
        self._background.start(self._deliver(voter, place, answer), name="private-answer")

    def later(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Do *work* by the way: it only informs, and Slack need not wait for it."""
        self._background.start(work, name=name)

    async def show(self, call: Callable[[], Awaitable[object]], *, seconds: float) -> Shown:
        """Open or change a view with *call* of the Web API, within *seconds*."""
        try:
            async with asyncio.timeout(seconds):
                await call()
        except Exception as error:  # noqa: BLE001  (whatever it was, the person must hear of it)
            word = failure(error).reason
            if word in ("exchanged_trigger_id", "hash_conflict"):
                return Shown.DOUBLED
            self._log.warning("view.not_shown", error=type(error).__name__, reason=word)
            return Shown.FAILED
        return Shown.DONE

    async def _turn_away(self, use: Use, value: ButtonValue) -> None:
        """Refuse a use of what shows another state of the request than the one it is in."""
        approval = use.approval
        if not approval.final or value.nonce != approval.nonce:
            await self.turn_away_stale(use)
            return
        # A newer card would be no help: the answer is how it ended.
        error = AlreadyDecided(approval)
        recorded = await self._answers.refuse(approval.key, use.attempt, reason=error.code)
        self.conclude(use.attempt, Answer(approval, error, recorded=recorded))

    async def _turn_away_foreign(self, presented: Presented, attempt: Attempt) -> None:
        voter = presented.voter
        self._log.warning("click.foreign", principal=voter.principal, surface=attempt.surface)
        key = claimed_key(presented.value)
        error = NotAllowed(key or "", reason="foreign_card", principal=voter.principal)
        recorded = key is not None and await self._answers.refuse(key, attempt, reason=error.reason)
        self.conclude(attempt, Answer(None, error, recorded=recorded))

    async def _used(self, use: Use, posted: Posted) -> None:
        if self._adopt is None:
            return
        person = use.person if use.surface == "direct" else None
        try:
            await self._adopt(use.approval.key, posted, person=person)
        except (DeliveryFailed, SignoffError) as error:
            self._log.warning(
                "card.not_adopted", approval=use.approval.key, error=type(error).__name__
            )

    async def _deliver(self, voter: Voter, place: str | None, answer: Message) -> None:
        if voter.user is None:
            return
        try:
            if place is None or place == voter.user:
                await self._messenger.post(voter.user, answer)
            else:
                await self._messenger.tell(place, voter.user, answer)
        except DeliveryFailed as error:
            self._log.warning(
                "answer.not_delivered", principal=voter.principal, reason=error.reason
            )
