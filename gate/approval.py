"""Owns the models of an approval: the record and its parts, frozen, with their wire names.

The record has three parts with three writers, so that nobody can lose another's words: the request
(written once, by the gate), the state (everything up to the decision, by whoever decides, and the
outcome after it), and the consumption (written once, by whoever runs the action). A store may keep
them apart; readers always see one record. JSON names are the camelCase ones of AgentsKit, so that
its records stay readable.
"""

from __future__ import annotations

import itertools
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, Self

from pydantic import Field, ValidationError

from .answers import Amendment, Decision, Verdict, View, Vote
from .canonical import action_digest, result_digest
from .errors import InvalidId, LimitExceeded, PayloadNotCanonical, StoreCorrupt
from .terms import Offer, Rung, Terms
from .wire import Moment, WireModel

__all__ = [
    "MAX_NAME",
    "MAX_NOTE",
    "SCHEMA_VERSION",
    "Approval",
    "ApprovalStatus",
    "Cancellation",
    "Consumption",
    "Outcome",
    "check_id",
    "check_text",
    "record_key",
]

SCHEMA_VERSION: Final = 1
DEFAULT_NAMESPACE: Final = "default"
MAX_NAME: Final = 200
"""Characters of an action's name, an agent's name, a principal."""
MAX_NOTE: Final = 3000
"""Characters of a person's note and of an agent's reason; Slack's input ends there too."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class ApprovalStatus(StrEnum):
    """Where an approval stands. All but `PENDING` are final."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Cancellation(WireModel, frozen=True):
    """Why an approval was withdrawn before a decision."""

    by: str | None = None
    reason: str | None = None
    undeliverable: str | None = None
    """A stable word, where nobody could be asked (`no_route`, `channel_not_found`, …)."""


class Consumption(WireModel, frozen=True):
    """Who took the one run that an approval releases."""

    operation_id: str
    digest: str
    at: Moment
    by: str | None = None


class Outcome(WireModel, frozen=True):
    """How the run ended: never the error's text, which may hold anything."""

    status: Literal["done", "failed"]
    error: str | None = None
    """The class of the error, for `failed`."""
    seconds: float = Field(ge=0, allow_inf_nan=False, strict=True)
    at: Moment


class Approval(WireModel, frozen=True):
    """The record of one asked action, from `pending` to one final status."""

    # The request, written once by the gate.
    schema_version: Literal[1] = SCHEMA_VERSION
    id: str
    namespace: str = DEFAULT_NAMESPACE
    agent: str
    name: str
    payload: Any = None
    digest: str
    nonce: str
    reason: str | None = None
    run: str | None = None
    created_at: Moment
    expires_in: float = Field(gt=0, allow_inf_nan=False, strict=True)
    """Seconds, as asked; part of the terms that a second request must repeat."""
    expires_at: Moment
    editable: bool = Field(default=False, strict=True)
    allow_override: bool = Field(default=False, strict=True)
    not_by: tuple[str, ...] = ()
    """Principals whom the agent forbids to decide. It can only add to the operator's rules."""
    policy: str | None = None
    """Why the agent's own policy asks: the rule, and its reason. A claim, like `reason`."""
    arguments_schema: dict[str, Any] | None = None
    """A JSON Schema of the payload, so that people can be offered a form to edit it."""

    # The state, written by whoever routes and decides; the outcome by whoever ran the action.
    version: int = Field(default=1, ge=1, strict=True)
    status: ApprovalStatus = ApprovalStatus.PENDING
    terms: Terms | None = None
    votes: tuple[Vote, ...] = ()
    views: tuple[View, ...] = ()
    amendment: Amendment | None = None
    climbed: int = Field(default=0, ge=0, strict=True)
    """Rungs of the route's ladder that were taken."""
    decided_at: Moment | None = None
    decision: Decision | None = None
    decision_metadata: dict[str, Any] | None = None
    cancellation: Cancellation | None = None
    receipt: str | None = None
    outcome: Outcome | None = None

    # Written once, by whoever runs the action.
    consumption: Consumption | None = None

    @property
    def key(self) -> str:
        """What stores know the record by: the id, outside the default namespace `namespace/id`."""
        return record_key(self.id, self.namespace)

    @property
    def final(self) -> bool:
        """Whether the status can still change."""
        return self.status is not ApprovalStatus.PENDING

    @property
    def deadline(self) -> datetime:
        """The end of the approval: what was asked for, or what the route shortened it to."""
        if self.terms is not None and self.terms.expires_at is not None:
            return min(self.expires_at, self.terms.expires_at)
        return self.expires_at

    @property
    def rung(self) -> Rung | None:
        """The next rung of the ladder, or `None` where there is none left."""
        rungs = self.terms.ladder if self.terms is not None else ()
        return rungs[self.climbed] if self.climbed < len(rungs) else None

    @property
    def asked_at(self) -> datetime:
        """When people were asked: by the store's clock where a route was fixed, else as claimed."""
        routed = self.terms.routed_at if self.terms is not None else None
        return routed or self.created_at

    @property
    def due(self) -> datetime:
        """When something is to be done about a pending approval: its next rung, or its end."""
        rung = self.rung
        if rung is None:
            return self.deadline
        return min(self.deadline, self.asked_at + timedelta(seconds=rung.after))

    def asking(self, now: datetime | None = None) -> Terms | None:
        """Return the terms as they count: widened and moved by the rungs that were taken.

        Args:
            now: With it only rungs count whose time has come, whatever the record says was taken.
        """
        if self.terms is None:
            return None
        taken = self.terms.ladder[: self.climbed]
        if now is not None:
            age = (now - self.asked_at).total_seconds()
            taken = tuple(rung for rung in taken if rung.after <= age)
        return self.terms.after(taken)

    def offers(self, answer: Offer) -> bool:
        """Say whether request and route let people give *answer*.

        Without a route only trusted code answers, and the request alone says what it may.
        """
        asked = {"edit": self.editable, "override": self.allow_override, "skip": True}
        return asked[answer] and (self.terms is None or answer in self.terms.answers)

    def seen_by(self, principal: str | None) -> bool:
        """Say whether it is on record that *principal* was shown all of what is asked now."""
        proposed = self.proposed_digest
        return any(view.principal == principal and view.digest == proposed for view in self.views)

    @property
    def approver(self) -> str | None:
        """Who decided, as recorded in the decision metadata."""
        named = (self.decision_metadata or {}).get("approver")
        return named if isinstance(named, str) else None

    @property
    def verdict(self) -> Verdict | None:
        """The decision's verdict, where people decided."""
        return self.decision.verdict if self.decision else None

    @property
    def _edit(self) -> Decision | Amendment | None:
        """Whoever's payload counts in place of the one that was asked."""
        edits = (self.decision, self.amendment)
        return next((edit for edit in edits if edit is not None and edit.digest is not None), None)

    @property
    def effective_payload(self) -> Any:
        """What may run: the payload as asked, or as a person edited it."""
        edit = self._edit
        return self.payload if edit is None else edit.payload

    @property
    def effective_digest(self) -> str:
        """The digest of what may run."""
        edit = self._edit
        return self.digest if edit is None or edit.digest is None else edit.digest

    @property
    def proposed_result(self) -> str | None:
        """What the agent gets in place of a run, as decided or as a person proposes it."""
        said = self.decision or self.amendment
        return said.override_result if said is not None else None

    @property
    def proposed_digest(self) -> str:
        """What a yes is said to: what may run or, in place of a run, the result (hexadecimal)."""
        if self.proposed_result is None:
            return self.effective_digest
        return result_digest(self.effective_digest, self.proposed_result)

    def digest_of(self, payload: Any) -> str:
        """Return the digest that this approval's action would have with *payload*.

        Raises:
            PayloadNotCanonical: *payload* is not strict JSON.
            LimitExceeded: *payload* is too large or too deep.
        """
        return action_digest(
            namespace=self.namespace, agent=self.agent, name=self.name, payload=payload
        )

    @staticmethod
    def request_fields() -> tuple[str, ...]:
        """Return the names of the request's fields: what `put` writes and nothing changes."""
        return _REQUEST_FIELDS

    def to_wire(self) -> dict[str, Any]:
        """Return the record as plain JSON values under its wire names, empty parts left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {
            "schemaVersion": self.schema_version,
            "status": self.status.value,
            "version": self.version,
            "payload": self.payload,
        }

    @classmethod
    def from_wire(cls, data: Any, *, key: str = "?") -> Self:
        """Read a record that `to_wire` wrote.

        Raises:
            StoreCorrupt: Unknown schema, unknown or missing fields, wrong types, a digest that does
                not belong to the payload, or a status or metadata without their decision.
        """
        try:
            approval = cls.model_validate(data)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"]) or "record"
            raise StoreCorrupt(key, reason=f"{place}: {error.errors()[0]['type']}") from None
        approval.check_digests(key=key)
        decided = approval.status in (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED)
        if decided is not (approval.decision is not None) or (
            (approval.status is ApprovalStatus.APPROVED)
            is not (approval.verdict is Verdict.APPROVE)
        ):
            raise StoreCorrupt(key, reason="the status is not what the decision says")
        if approval.decision is None and approval.decision_metadata is not None:
            # No receipt is asked for where nobody decided: nothing may look like an answer's.
            raise StoreCorrupt(key, reason="there is no decision for the metadata")
        return approval

    def check_digests(self, *, key: str = "?") -> None:
        """Refuse a record whose payload is not the one that its digest was taken over.

        Raises:
            StoreCorrupt: The payload, or the edited payload, has another digest.
        """
        try:
            intact = self.digest_of(self.payload) == self.digest and (
                self.effective_digest == self.digest
                or self.digest_of(self.effective_payload) == self.effective_digest
            )
        except (PayloadNotCanonical, LimitExceeded) as error:
            raise StoreCorrupt(key, reason=error.code) from None
        if not intact:
            raise StoreCorrupt(key, reason="the payload does not have the record's digest")


_REQUEST_FIELDS: Final = tuple(
    itertools.takewhile(lambda field: field != "version", Approval.model_fields)
)


def record_key(approval_id: str, namespace: str = DEFAULT_NAMESPACE) -> str:
    """Return the key of an approval in a store; ids hold no slash, so no two pairs share one."""
    return approval_id if namespace == DEFAULT_NAMESPACE else f"{namespace}/{approval_id}"


def check_id(value: str, *, field: str) -> str:
    """Return *value* if it is an id.

    Raises:
        InvalidId: Not 1 to 128 letters, digits and `._:-`, the first a letter or a digit.
    """
    if not isinstance(value, str):
        raise InvalidId(field=field, reason=f"it is {type(value).__name__}, not str")
    if not 1 <= len(value) <= 128:
        raise InvalidId(field=field, reason=f"it has {len(value)} characters, 1 to 128 are allowed")
    if not _ID.fullmatch(value):
        raise InvalidId(field=field, reason="only letters, digits and ._:- are allowed")
    return value


def check_text(value: str, *, field: str, limit: int, least: int = 1) -> str:
    """Return *value* if it is text of *least* to *limit* characters without lone surrogates.

    Raises:
        LimitExceeded: Too long.
        InvalidId: Not text, or too short.
        PayloadNotCanonical: Lone surrogates.
    """
    if not isinstance(value, str):
        raise InvalidId(field=field, reason=f"it is {type(value).__name__}, not str")
    if len(value) > limit:
        raise LimitExceeded(field=f"{field} characters", value=len(value), limit=limit)
    if len(value) < least:
        raise InvalidId(field=field, reason="it is empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PayloadNotCanonical(path=f"/{field}", reason="lone surrogate in a string") from None
    return value
