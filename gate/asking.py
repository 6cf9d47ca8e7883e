"""Owns what an agent asks: the request part of a record, its limits, its id, and its equality."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from .approval import MAX_NAME, MAX_NOTE, Approval, check_id, check_text
from .canonical import action_digest, canonical_text, parse_json
from .errors import ApprovalConflict, LimitExceeded

__all__ = ["MAX_EXPIRY", "Question", "Questions", "same_question", "seconds_of"]

MAX_EXPIRY: Final = 90 * 24 * 3600.0
"""Seconds for which an approval may stay open."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """The arguments of a request, before anything is checked."""

    name: str
    payload: Any
    id: str | None
    run: str | None
    reason: str | None
    expires_in: float
    editable: bool
    allow_override: bool
    not_by: tuple[str, ...]


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
        self._occurrences: Counter[tuple[str, str]] = Counter()

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
        if asked.run is not None:
            check_text(asked.run, field="run", limit=MAX_NAME)
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
            not_by=asked.not_by,
        )

    def _id(self, asked: Question, digest: str) -> str:
        if asked.id is not None:
            return check_id(asked.id, field="id")
        if asked.run is None:
            return check_id(self._ids(), field="id")
        self._occurrences[asked.run, digest] += 1
        count = self._occurrences[asked.run, digest]
        text = f"signoff/run/v1\n{asked.run}\n{digest}\n{count}".encode()
        return "run-" + hashlib.sha256(text).hexdigest()[:40]


def same_question(stored: Approval, asked: Approval) -> None:
    """Refuse an id that stands for something else. The reason is prose and may differ.

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
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not 0 < seconds <= MAX_EXPIRY:
        shown = int(seconds) if abs(seconds) < 1e15 else 0
        raise LimitExceeded(field="expires_in seconds", value=shown, limit=int(MAX_EXPIRY))
    return seconds
