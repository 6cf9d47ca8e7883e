"""Owns what an agent asks: the request part of a record, its limits, its id, and its equality."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Required, TypedDict

from .approval import MAX_NAME, MAX_NOTE, Approval, check_id, check_text
from .canonical import action_digest, canonical_text, parse_json
from .errors import ApprovalConflict, InvalidId, LimitExceeded, PayloadNotCanonical

__all__ = [
    "MAX_EXPIRY",
    "MAX_POLICY",
    "MAX_SCHEMA",
    "Ask",
    "AskTerms",
    "Question",
    "Questions",
    "fitting_schema",
    "same_question",
    "seconds_of",
]

MAX_EXPIRY: Final = 90 * 24 * 3600.0
"""Seconds for which an approval may stay open."""
MAX_POLICY: Final = 1000
"""Characters of what a policy says of its asking."""
MAX_SCHEMA: Final = 16 * 1024
"""Bytes of canonical text of a schema."""
_MAX_NOT_BY: Final = 100
_MAX_PLACES: Final = 100_000


class AskTerms(TypedDict, total=False):
    """The arguments of `ApprovalGate.request` beyond the action itself."""

    id: str | None
    run: str | None
    reason: str | None
    expires_in: float | timedelta | None
    editable: bool
    allow_override: bool
    not_by: Sequence[str]
    policy: str | None
    arguments_schema: Mapping[str, Any] | None


class Ask(AskTerms, total=False):
    """The arguments of `ApprovalGate.request`."""

    name: Required[str]
    payload: Any


@dataclass(frozen=True, kw_only=True)
class Question:
    """The arguments of a request, before anything is checked."""

    name: str
    expires_in: float
    payload: Any = None
    id: str | None = None
    run: str | None = None
    reason: str | None = None
    editable: bool = False
    allow_override: bool = False
    not_by: Sequence[str] = ()
    policy: str | None = None
    arguments_schema: Mapping[str, Any] | None = None


class Questions:
    """Turns the questions of one agent into records.

    Args:
        namespace: The agent's namespace.
        agent: The agent's name.
        max_payload: Bytes of canonical text that a payload may have.
        ids: Fresh ids.
    """

    def __init__(
        self, *, namespace: str, agent: str, max_payload: int, ids: Callable[[], str]
    ) -> None:
        self._namespace = namespace
        self._agent = agent
        self._max_payload = max_payload
        self._ids = ids
        self._runs: OrderedDict[tuple[str | None, str], _Places] = OrderedDict()

    def record(self, asked: Question, now: datetime) -> Approval:
        """Return the pending record of a question that is asked at *now*.

        Raises:
            InvalidId: The id, run or name is not usable.
            PayloadNotCanonical: The payload is not strict JSON, or a text has lone surrogates.
            LimitExceeded: Something is too large or too long.
        """
        check_text(asked.name, field="name", limit=MAX_NAME)
        if asked.reason is not None:
            check_text(asked.reason, field="reason", limit=MAX_NOTE, least=0)
        if asked.policy is not None:
            check_text(asked.policy, field="policy", limit=MAX_POLICY, least=0)
        if asked.run is not None:
            check_text(asked.run, field="run", limit=MAX_NAME)
        for field in ("editable", "allow_override"):
            if not isinstance(getattr(asked, field), bool):
                kind = type(getattr(asked, field)).__name__
                raise InvalidId(field=field, reason=f"it is {kind}, not bool")
        if isinstance(asked.not_by, str) or not isinstance(asked.not_by, Sequence):
            # Text would be read as its letters, and forbid nobody; a set has no order to compare.
            kind = type(asked.not_by).__name__
            raise InvalidId(field="not_by", reason=f"it is {kind}, not a sequence of principals")
        if len(asked.not_by) > _MAX_NOT_BY:
            raise LimitExceeded(field="not_by", value=len(asked.not_by), limit=_MAX_NOT_BY)
        for principal in asked.not_by:
            check_text(principal, field="not_by", limit=MAX_NAME)
        # A copy: what the caller does to its objects from now on changes nothing that was asked.
        payload = parse_json(canonical_text(asked.payload, max_size=self._max_payload))
        digest = action_digest(
            namespace=self._namespace, agent=self._agent, name=asked.name, payload=payload
        )
        return Approval(
            id=self._id(asked, digest),
            namespace=self._namespace,
            agent=self._agent,
            name=asked.name,
            payload=payload,
            digest=digest,
            nonce=self._ids(),
            reason=asked.reason,
            run=asked.run,
            created_at=now,
            expires_in=asked.expires_in,
            expires_at=now + timedelta(seconds=asked.expires_in),
            editable=asked.editable,
            allow_override=asked.allow_override,
            not_by=tuple(asked.not_by),
            policy=asked.policy,
            arguments_schema=_schema(asked.arguments_schema),
        )

    def _id(self, asked: Question, digest: str) -> str:
        if asked.id is not None:
            return check_id(asked.id, field="id")
        if asked.run is None:
            return check_id(self._ids(), field="id")
        places = self._places(asked.run, digest)
        return _run_id(asked.run, digest, places.take())

    def forget(self, asked: Approval) -> None:
        """Give back the place in its run of a question that is asked again, being unconfirmed."""
        if asked.run is not None:
            places = self._places(asked.run, asked.digest)
            places.give_back(lambda place: _run_id(asked.run, asked.digest, place) == asked.id)

    def _places(self, run: str | None, digest: str) -> _Places:
        """Return which occurrences of the action the run has asked for in this process.

        Only the latest are kept. A run whose places were dropped finds its first approvals again,
        which release nothing twice.
        """
        places = self._runs.setdefault((run, digest), _Places())
        self._runs.move_to_end((run, digest))
        while len(self._runs) > _MAX_PLACES:
            self._runs.popitem(last=False)
        return places


class _Places:
    """The occurrences of one action in one run, numbered from 1."""

    def __init__(self) -> None:
        self._last = 0
        self._free: list[int] = []

    def take(self) -> int:
        if self._free:
            place = min(self._free)
            self._free.remove(place)
            return place
        self._last += 1
        return self._last

    def give_back(self, fits: Callable[[int], bool]) -> None:
        for place in range(self._last, 0, -1):
            if fits(place):
                self._free.append(place)
                return


def fitting_schema(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return *schema* if a request can carry it: without one people just get no form."""
    try:
        canonical_text(schema, max_size=MAX_SCHEMA)
    except (LimitExceeded, PayloadNotCanonical):
        return None
    return schema


def _schema(given: object) -> dict[str, Any] | None:
    """Return the schema as a copy. What it says is for the side that offers a form."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        reason = f"it is {type(given).__name__}, not an object"
        raise InvalidId(field="arguments_schema", reason=reason)
    schema: dict[str, Any] = parse_json(canonical_text(dict(given), max_size=MAX_SCHEMA))
    return schema


def _run_id(run: str | None, digest: str, count: int) -> str:
    text = f"signoff/run/v1\n{run}\n{digest}\n{count}".encode()
    return "run-" + hashlib.sha256(text).hexdigest()[:40]


def same_question(stored: Approval, asked: Approval) -> None:
    """Refuse an id that stands for something else. What only helps people to read may differ.

    Raises:
        ApprovalConflict: Another action, or other terms.
    """
    for field in ("digest", "expires_in", "editable", "allow_override", "not_by"):
        if getattr(stored, field) != getattr(asked, field):
            word = "action" if field == "digest" else field
            raise ApprovalConflict(stored, field=word, asked=asked.digest)


def seconds_of(value: float | timedelta) -> float:
    """Return an expiry in seconds.

    Raises:
        LimitExceeded: Not more than 0 and at most 90 days.
        InvalidId: Neither a number nor a timedelta.
    """
    given: object = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        reason = f"it is {type(given).__name__}, not a number of seconds"
        raise InvalidId(field="expires_in", reason=reason)
    # An integer may be too large for a float.
    seconds = float(min(given, int(MAX_EXPIRY) + 1)) if isinstance(given, int) else given
    if not 0 < seconds <= MAX_EXPIRY:
        shown = int(seconds) if abs(seconds) < 1e15 else 0
        raise LimitExceeded(field="expires_in seconds", value=shown, limit=int(MAX_EXPIRY))
    return seconds
