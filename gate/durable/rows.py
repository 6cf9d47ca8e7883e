"""Owns the rows of a log of steps, and what they say about each step.

=============  =======================================================================
row            after it the step is
=============  =======================================================================
`started`      in doubt: its function may have begun
`done`         done: its result is replayed
`failed`       failed for good if `final`, else open for the next attempt
`paused`       open: its function said that it has done nothing
`settled`      done: somebody looked, and gave the result
`repeated`     open for the next attempt: somebody looked, and wants it again
=============  =======================================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError

from ..canonical import MAX_DEPTH, canonical_text, parse_json
from ..errors import SignoffError, StoreCorrupt
from ..wire import Moment, WireModel

__all__ = ["MAX_RESULT", "MAX_ROWS", "Phase", "Progress", "StepKind", "StepRow", "StepState"]

MAX_RESULT: Final = 256 * 1024
"""Bytes of canonical text that a result may have."""

MAX_ROWS: Final = 10_000
"""Rows of one run; no step starts beyond it."""

_MAX_ROW: Final = MAX_RESULT + 16 * 1024
_MAX_DEPTH: Final = MAX_DEPTH + 1
_ENDS: Final = frozenset({"done", "settled"})

_Id = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
_Word = Annotated[str, Field(max_length=200)]


class StepKind(StrEnum):
    """What a row tells."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    PAUSED = "paused"
    SETTLED = "settled"
    REPEATED = "repeated"


class StepRow(WireModel, frozen=True):
    """One line of a run's history."""

    schema_version: Literal[1] = 1
    id: _Id
    run_id: _Id
    step_id: _Id
    name: _Word
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    worker: _Id
    kind: StepKind
    attempt: Annotated[int, Field(ge=1, strict=True)]
    at: Moment
    final: Annotated[bool, Field(strict=True)] = False
    """Of a failure: whether it is for good."""
    error: _Word | None = None
    """Of a failure: the class of what was raised."""
    error_code: _Word | None = None
    """Of a failure: its code, if it was an error of signoff."""
    result: Any = None
    """Of `done` and `settled`: the JSON value."""

    def to_text(self) -> str:
        """Return the row as canonical JSON, one line.

        Raises:
            PayloadNotCanonical: The result is no JSON value.
            LimitExceeded: The result is too large.
        """
        wire = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"result"})
        if self.kind.value in _ENDS:
            wire["result"] = self.result
        return canonical_text(wire, max_depth=_MAX_DEPTH, max_size=_MAX_ROW)

    @classmethod
    def from_text(cls, text: str | bytes, *, run_id: str) -> Self:
        """Return the row of *text*.

        Raises:
            StoreCorrupt: It is no row of this run.
        """
        try:
            row = cls.model_validate(parse_json(text, max_depth=_MAX_DEPTH, max_size=_MAX_ROW))
        except (SignoffError, ValidationError):
            raise StoreCorrupt(run_id, reason="a row that we never wrote") from None
        if row.run_id != run_id:
            raise StoreCorrupt(run_id, reason="a row of another run")
        return row


class Phase(StrEnum):
    """Where a step stands."""

    OPEN = "open"
    IN_DOUBT = "in_doubt"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class StepState:
    """What the rows so far say about a step."""

    phase: Phase = Phase.OPEN
    attempt: int = 1
    """The attempt that started last, or that comes next."""
    tries: int = 0
    """Attempts that failed since the start, or since somebody wanted it repeated."""
    last: StepRow | None = None

    def then(self, row: StepRow) -> StepState:
        """Return the state behind one more row.

        Raises:
            StoreCorrupt: No row may come here: an end never changes.
        """
        repeated = row.kind is StepKind.REPEATED
        if self.phase is Phase.DONE or (self.phase is Phase.FAILED and not repeated):
            raise StoreCorrupt(row.run_id, reason="a row behind the end of its step")
        if self.last is not None and row.fingerprint != self.last.fingerprint:
            raise StoreCorrupt(row.run_id, reason="two fingerprints of one step")
        state = replace(self, last=row, attempt=row.attempt)
        match row.kind:
            case StepKind.STARTED:
                return replace(state, phase=Phase.IN_DOUBT)
            case StepKind.PAUSED:
                return replace(state, phase=Phase.OPEN)
            case StepKind.REPEATED:
                return replace(state, phase=Phase.OPEN, attempt=row.attempt + 1, tries=0)
            case StepKind.FAILED if not row.final:
                return replace(
                    state, phase=Phase.OPEN, attempt=row.attempt + 1, tries=self.tries + 1
                )
            case StepKind.FAILED:
                return replace(state, phase=Phase.FAILED)
            case StepKind.DONE | StepKind.SETTLED:
                return replace(state, phase=Phase.DONE)


class Progress:
    """Where every step of a run stands.

    Args:
        rows: Those of the log.

    Raises:
        StoreCorrupt: They do not fit together.
    """

    def __init__(self, rows: Iterable[StepRow] = ()) -> None:
        self._states: dict[str, StepState] = {}
        self._seen: set[str] = set()
        self.last = ""
        """The id of the last row; empty if there is none."""
        for row in rows:
            self.add(row)

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self._seen)

    def add(self, row: StepRow) -> None:
        """Take one more row into account.

        Raises:
            StoreCorrupt: It does not fit to those before.
        """
        # A write in doubt may be repeated by its worker: the same row twice is one row.
        if row.id not in self._seen:
            self._states[row.step_id] = self.state(row.step_id).then(row)
            self._seen.add(row.id)
        self.last = row.id

    def state(self, step_id: str) -> StepState:
        """Return where a step stands."""
        return self._states.get(step_id, StepState())
