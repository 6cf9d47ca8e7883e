"""Owns the events: past-tense facts, each written in the same store operation as its change.

An event says what happened and to which approval; whoever wants more reads the record. Its wire
name is the `type` field (`onApprovalRequested`, …). Events are the outbox: cards, threads, audit,
metrics and webhooks are made from them and from nothing else.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from .answers import Verdict
from .approval import record_key
from .errors import StoreCorrupt
from .wire import Moment, WireModel

__all__ = [
    "ApprovalAlarm",
    "ApprovalAmended",
    "ApprovalAnswer",
    "ApprovalCancelledEvent",
    "ApprovalConsumed",
    "ApprovalEscalated",
    "ApprovalEvent",
    "ApprovalExpiredEvent",
    "ApprovalRefused",
    "ApprovalReported",
    "ApprovalRequested",
    "ApprovalResolved",
    "ApprovalRevealed",
    "ApprovalRouted",
    "ApprovalViewed",
    "ApprovalVoted",
    "Event",
    "event_from_wire",
]


class ApprovalEvent(WireModel, frozen=True):
    """What all events have: which approval, and when by the writer's clock."""

    type: str
    id: str
    """The approval's id."""
    namespace: str = "default"
    at: Moment

    @property
    def key(self) -> str:
        """The record's key in a store."""
        return record_key(self.id, self.namespace)

    def to_wire(self) -> dict[str, Any]:
        """Return the event as plain JSON values under its wire names, empty parts left out."""
        wire = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return {"type": self.type} | wire


class ApprovalRequested(ApprovalEvent, frozen=True):
    """An agent asked. The record is pending and nobody has been asked yet."""

    type: Literal["onApprovalRequested"] = "onApprovalRequested"
    agent: str
    name: str
    digest: str


class ApprovalRouted(ApprovalEvent, frozen=True):
    """The operator's side fixed who is asked and who may answer."""

    type: Literal["onApprovalRouted"] = "onApprovalRouted"
    channel: str


class ApprovalViewed(ApprovalEvent, frozen=True):
    """A person who may answer was shown everything there is to see."""

    type: Literal["onApprovalViewed"] = "onApprovalViewed"
    principal: str
    digest: str
    surface: str = "api"


class ApprovalRevealed(ApprovalEvent, frozen=True):
    """A masked value was revealed to a person; written before it was."""

    type: Literal["onApprovalRevealed"] = "onApprovalRevealed"
    principal: str
    path: str
    """Which value, as a JSON pointer (RFC 6901) into the arguments; never the value itself."""
    digest: str
    surface: str = "api"


class ApprovalAnswer(ApprovalEvent, frozen=True):
    """What the events of an answer have: whose it was, and how that person hears what came of it.

    An answer that came from the chat names a `place`; who tells people there owes this person one
    private message per `attempt`.
    """

    principal: str | None
    surface: str = "api"
    place: str | None = None
    """The channel of the chat, or the person's own id there; `None`: the caller was told."""
    attempt: str | None = None
    """The click. Chats repeat what was not acknowledged; both have one attempt."""


class ApprovalVoted(ApprovalAnswer, frozen=True):
    """A person answered, and the decision has not fallen yet."""

    type: Literal["onApprovalVoted"] = "onApprovalVoted"
    verdict: Verdict
    note: str | None = None


class ApprovalResolved(ApprovalAnswer, frozen=True):
    """The decision fell, with this last answer."""

    type: Literal["onApprovalResolved"] = "onApprovalResolved"
    verdict: Verdict
    note: str | None = None


class ApprovalAmended(ApprovalEvent, frozen=True):
    """A person changed what is asked; told before the answer with which they did."""

    type: Literal["onApprovalAmended"] = "onApprovalAmended"
    principal: str | None
    digest: str
    """Of the arguments as they stand from then on."""
    override: bool = False
    """Whether the agent is to get a result in place of a run."""
    surface: str = "api"


class ApprovalEscalated(ApprovalEvent, frozen=True):
    """Nobody has decided for so long that the route's ladder asks again, wider or elsewhere."""

    type: Literal["onApprovalEscalated"] = "onApprovalEscalated"
    rung: int = Field(ge=0, strict=True)
    action: Literal["remind", "widen", "move"]
    also: tuple[str, ...] = ()
    channel: str | None = None


class ApprovalExpiredEvent(ApprovalEvent, frozen=True):
    """The approval's end passed undecided, by the store's clock."""

    type: Literal["onApprovalExpired"] = "onApprovalExpired"


class ApprovalCancelledEvent(ApprovalEvent, frozen=True):
    """The approval was withdrawn before a decision."""

    type: Literal["onApprovalCancelled"] = "onApprovalCancelled"
    by: str | None = None
    reason: str | None = None
    undeliverable: str | None = None


class ApprovalConsumed(ApprovalEvent, frozen=True):
    """The one run that the approval releases was taken."""

    type: Literal["onApprovalConsumed"] = "onApprovalConsumed"
    operation_id: str
    by: str | None = None


class ApprovalReported(ApprovalEvent, frozen=True):
    """The run ended."""

    type: Literal["onApprovalReported"] = "onApprovalReported"
    status: Literal["done", "failed"]
    error: str | None = None
    seconds: float = Field(ge=0, allow_inf_nan=False, strict=True)


class ApprovalRefused(ApprovalAnswer, frozen=True):
    """Somebody tried to answer and was refused; nothing changed."""

    type: Literal["onApprovalRefused"] = "onApprovalRefused"
    reason: str
    count: int = Field(default=1, ge=1, strict=True)
    """How many it stands for: the like of it, after the first one, are put together."""


class ApprovalAlarm(ApprovalEvent, frozen=True):
    """The trusted side found a record that somebody else wrote into; it signs nothing of it."""

    type: Literal["onApprovalAlarm"] = "onApprovalAlarm"
    part: str
    """What does not bear its proof: `terms`, `votes`, `views`, `amendment` or `receipt`."""


Event = Annotated[
    ApprovalRequested
    | ApprovalRouted
    | ApprovalViewed
    | ApprovalRevealed
    | ApprovalVoted
    | ApprovalResolved
    | ApprovalAmended
    | ApprovalEscalated
    | ApprovalExpiredEvent
    | ApprovalCancelledEvent
    | ApprovalConsumed
    | ApprovalReported
    | ApprovalRefused
    | ApprovalAlarm,
    Field(discriminator="type"),
]

_reader: TypeAdapter[Event] = TypeAdapter(Event)


def event_from_wire(data: Any) -> Event:
    """Read an event that `to_wire` wrote.

    Raises:
        StoreCorrupt: Unknown type, unknown or missing fields, wrong types.
    """
    try:
        return _reader.validate_python(data)
    except ValidationError as error:
        raise StoreCorrupt("event", reason=error.errors()[0]["type"]) from None
