"""Faults a test orders: which calls and deliveries they hit, how often, and what they do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from .wire import Json

API_FAULTS = frozenset(
    {"rate_limited", "server_error", "refuse", "reset_before", "reset_after", "slow"}
)
DELIVERY_FAULTS = frozenset(
    {"lose", "lose_ack", "hold", "delay", "duplicate", "expire_trigger"},
)

# Settings of each kind with their defaults.
_SETTINGS: dict[str, Json] = {
    "rate_limited": {"retry_after": 1.0},
    "server_error": {"status": 500},
    "refuse": {"error": "internal_error", "details": {}},
    "reset_before": {},
    "reset_after": {},
    "slow": {"seconds": 0.0, "ms": 0.0},
    "lose": {},
    "lose_ack": {},
    "hold": {},
    "delay": {"seconds": 300.0},
    "duplicate": {"copies": 1, "seconds": 0.0, "resign": True},
    "expire_trigger": {},
}


@dataclass(frozen=True)
class Event:
    """What a fault's scope is compared with: one API call or one delivery.

    Attributes:
        method: The API method, `response_url` or `upload`; for deliveries the type, for example
            `block_actions`, `view_submission`, `slash_command`, `app_home_opened`.
        channel: The conversation it is about, if any.
        user: Who acted, for deliveries.
        args: Arguments of the call; for deliveries `action_id`, `callback_id`, `command`.
    """

    method: str
    channel: str | None = None
    user: str | None = None
    args: Json = field(default_factory=dict)


@dataclass
class Fault:
    """One ordered fault.

    Attributes:
        kind: What happens; one of `API_FAULTS` or `DELIVERY_FAULTS`.
        method: A method name or glob (`chat.*`); None means every one.
        channel: Only for this conversation.
        user: Only for what this person did.
        args: Only where these arguments have these values.
        skip: How many fitting events pass first.
        count: How many are hit at most; None means until cleared.
        probability: The share of fitting events that are hit.
        seed: Makes the share reproducible.
        settings: What the kind needs to know.
        fired: How many were hit so far.
        seen: How many fitted so far.
    """

    id: str
    kind: str
    method: str | None = None
    channel: str | None = None
    user: str | None = None
    args: Json = field(default_factory=dict)
    skip: int = 0
    count: int | None = None
    probability: float = 1.0
    seed: int = 0
    settings: Json = field(default_factory=dict)
    fired: int = 0
    seen: int = 0

    def __post_init__(self) -> None:
        """Start the fault's own dice."""
        self._dice = random.Random(self.seed)  # noqa: S311 - reproducible faults, no secrets

    def fits(self, event: Event) -> bool:
        """Whether the event is within the fault's scope."""
        return (
            (self.method is None or fnmatchcase(event.method, self.method))
            and self.channel in (None, event.channel)
            and self.user in (None, event.user)
            and all(str(event.args.get(key)) == str(value) for key, value in self.args.items())
        )

    def hits(self, event: Event) -> bool:
        """Whether the event is hit; counts it."""
        if not self.fits(event) or (self.count is not None and self.fired >= self.count):
            return False
        self.seen += 1
        # The dice are thrown for every fitting event, so that `skip` does not shift them.
        thrown = self._dice.random() < self.probability
        if self.seen <= self.skip or not thrown:
            return False
        self.fired += 1
        return True

    def wire(self) -> Json:
        """The fault as JSON."""
        return asdict(self)


class Faults:
    """All ordered faults of a sandbox, oldest first."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._count = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults.values())

    def add(self, kind: str, order: Json) -> Fault:
        """Order a fault.

        Args:
            kind: One of `API_FAULTS` or `DELIVERY_FAULTS`.
            order: The scope's fields and the kind's settings, side by side.

        Raises:
            ValueError: an unknown kind, field or setting, or a value out of its range.
        """
        if kind not in _SETTINGS:
            raise ValueError(f"unknown fault {kind!r}")
        scope = {item.name for item in fields(Fault)} - {"id", "kind", "settings", "fired", "seen"}
        unknown = set(order) - scope - set(_SETTINGS[kind])
        if unknown:
            raise ValueError(f"{kind} has no {', '.join(sorted(unknown))}")
        settings = {key: order.get(key, default) for key, default in _SETTINGS[kind].items()}
        self._count += 1
        given: Any = {key: value for key, value in order.items() if key in scope}
        fault = Fault(id=f"F{self._count}", kind=kind, settings=settings, **given)
        if not 0.0 <= fault.probability <= 1.0:
            raise ValueError("probability must be between 0 and 1")
        self._faults[fault.id] = fault
        return fault

    def clear(self, *, fault_id: str | None = None, kind: str | None = None) -> list[Fault]:
        """Withdraw one fault, all of a kind, or all; returns those withdrawn."""
        chosen = [
            fault
            for fault in self._faults.values()
            if fault_id in (None, fault.id) and kind in (None, fault.kind)
        ]
        for fault in chosen:
            del self._faults[fault.id]
        return chosen

    def hitting(self, kinds: frozenset[str], event: Event) -> dict[str, Fault]:
        """The faults of these kinds that hit an event, by kind; the oldest of a kind wins."""
        found: dict[str, Fault] = {}
        for fault in list(self._faults.values()):
            if fault.kind in kinds and fault.kind not in found and fault.hits(event):
                found[fault.kind] = fault
        return found
