"""Owns the verbs of a run whose steps are done once: step, history, reset, settle, repeat.

The order is everything. `started` is written before the function is called, its end after it, and
nothing that goes wrong while an end is written calls the function again. Only what the function
itself raised is ever recorded as a failure; a pause, a timeout, a cancellation and trouble with a
store say nothing about the action, so they leave the step in doubt, or open where nothing was done.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeVar, overload

from ..approval import MAX_NAME, check_id, check_text
from ..canonical import canonical_text, parse_json
from ..clock import Clock, SystemClock, new_id, sleep
from ..errors import (
    AlreadyConsumed,
    ApprovalTimeout,
    LimitExceeded,
    ReceiptInvalid,
    Refused,
    SignoffError,
    StoreCorrupt,
    StoreUnavailable,
    Unconfirmed,
)
from ..logs import get_logger
from ..run_errors import (
    RunTaken,
    StepFailed,
    StepInDoubt,
    StepMismatch,
    StepPaused,
    StepUnrecorded,
)
from .book import Book
from .log import StepLog
from .rows import MAX_RESULT, MAX_ROWS, Phase, StepKind, StepRow, StepState
from .told import StepEvent
from .work import StepCodec, Work, check_attempts, fingerprint_of, holds, name_of

__all__ = ["DurableRunner"]

T = TypeVar("T")

_PAUSES: Final = (StepPaused, ApprovalTimeout)
"""The function, or the gate inside it, says that it waits and has not acted."""

_NOT_FAILURES: Final = (
    *_PAUSES,
    TimeoutError,
    StoreUnavailable,
    Unconfirmed,
    StoreCorrupt,
    AlreadyConsumed,
    ReceiptInvalid,
    RunTaken,
    StepInDoubt,
    StepMismatch,
    StepUnrecorded,
)
"""What says nothing about whether the action took place, or will not be so at the next try."""


@dataclass(frozen=True)
class _Ended:
    """The result of an attempt, as JSON."""

    kept: Any


class DurableRunner:
    """Runs the steps of one run; those that have ended are replayed, in this process or another.

    A run belongs to one worker at a time. A runner takes it with the first row that it writes, and
    from then on every other runner of the run gets `RunTaken` at its next step. A runner that only
    replays takes nothing away.

    Args:
        store: The log of steps, usually from `stores.open_step_log`.
        run_id: An id; the same one in the process that goes on.
        max_attempts: How often a step's function is called before a failure is for good.
        retry_delay: Seconds between two attempts.
        on_event: Hears of every step. What it raises is logged, and changes nothing.
        clock, ids: Time and fresh ids, for tests.

    Raises:
        InvalidId: *run_id* is not an id.
        LimitExceeded: *max_attempts* is below 1.
    """

    def __init__(
        self,
        store: StepLog,
        run_id: str,
        *,
        max_attempts: int = 1,
        retry_delay: float = 0.0,
        on_event: Callable[[StepEvent], object] | None = None,
        clock: Clock | None = None,
        ids: Callable[[], str] = new_id,
    ) -> None:
        self.run_id = check_id(run_id, field="run_id")
        self._book = Book(store, run_id, ids=ids, clock=clock or SystemClock())
        self._max_attempts = check_attempts(max_attempts)
        self._retry_delay = max(0.0, retry_delay)
        self._on_event = on_event
        self._clock = clock or SystemClock()
        self._running: dict[str, int] = {}
        self._logger = get_logger("signoff.durable")

    @overload
    async def step(
        self,
        step_id: str,
        fn: Callable[[], Awaitable[T]],
        *,
        name: str | None = None,
        inputs: Any = None,
        idempotent: bool = False,
        max_attempts: int | None = None,
        codec: StepCodec[T] | None = None,
    ) -> T: ...

    @overload
    async def step(
        self,
        step_id: str,
        fn: Callable[[], T],
        *,
        name: str | None = None,
        inputs: Any = None,
        idempotent: bool = False,
        max_attempts: int | None = None,
        codec: StepCodec[T] | None = None,
    ) -> T: ...

    async def step(
        self,
        step_id: str,
        fn: Callable[[], Any],
        *,
        name: str | None = None,
        inputs: Any = None,
        idempotent: bool = False,
        max_attempts: int | None = None,
        codec: StepCodec[Any] | None = None,
    ) -> Any:
        """Call *fn* unless this step has ended already, and return its result either way.

        Args:
            step_id: An id, unique in the run.
            fn: Takes nothing; may be async.
            name: What the step is called; by default the function's own name. Part of the
                fingerprint, so give one where functions are renamed.
            inputs: Strict JSON that the result depends on; part of the fingerprint.
            idempotent: Whether *fn* may be called again from its start when it is not known how it
                ended: because twice does no more than once, or because a gate inside it releases
                the action once.
            max_attempts: In place of the runner's own.
            codec: Turns the result into JSON and back. Without it the result must be strict JSON,
                at most 256 KiB.

        Raises:
            StepFailed: It has failed for good before; *fn* is not called.
            StepInDoubt: It has started before and no end is on record; *fn* is not called.
            StepMismatch: The record is of another name or other inputs, or another call of this
                runner is at the step.
            RunTaken: Another worker has the run; *fn* is not called.
            StepUnrecorded: *fn* has ended, and that could not be written. Call the step again on
                this runner.
            PayloadNotCanonical: The result is no JSON; the step counts as failed.
            LimitExceeded: The result is too large, and the step counts as failed; or the run has
                too many rows, and *fn* is not called.
            StoreUnavailable: The log cannot be reached; *fn* is not called.
            Exception: Whatever *fn* raised at its last attempt.
        """
        check_id(step_id, field="step_id")
        label = check_text(name or name_of(fn), field="name", limit=MAX_NAME)
        limit = self._max_attempts if max_attempts is None else check_attempts(max_attempts)
        work = Work(step_id, label, fingerprint_of(label, inputs), fn, idempotent, limit, codec)
        if step_id in self._running:
            raise StepMismatch(self.run_id, step_id, reason="under_way")
        self._running[step_id] = 0
        try:
            return await self._step(work)
        finally:
            del self._running[step_id]

    def approval_id(self, step_id: str, *, place: int = 1) -> str:
        """Return the id for an approval that the step's function asks for.

        It is the same whenever this attempt is resumed, in any process, so that nobody is asked
        twice; and another one for an attempt after a failure, which needs a new yes.

        Args:
            step_id: A step that is under way.
            place: Which of the approvals of this step, where it asks for several.

        Raises:
            StepMismatch: The step is not under way (`not_under_way`).
        """
        attempt = self._running.get(step_id)
        if not attempt:
            raise StepMismatch(self.run_id, step_id, reason="not_under_way")
        text = f"signoff/step-approval/v1\n{self.run_id}\n{step_id}\n{attempt}\n{place}"
        return "step-" + hashlib.sha256(text.encode()).hexdigest()[:40]

    async def history(self) -> Sequence[StepRow]:
        """Return the rows of the run, oldest first, as they are in the log now.

        Raises:
            StoreUnavailable: The log cannot be reached.
            StoreCorrupt: It cannot be read.
        """
        return await self._book.rows()

    async def reset(self) -> None:
        """Forget the whole run: every step is called anew.

        Raises:
            StepMismatch: A step of this runner is under way.
            StoreUnavailable: The log cannot be reached; nothing was forgotten.
        """
        for step_id in self._running:
            raise StepMismatch(self.run_id, step_id, reason="under_way")
        await self._book.clear()

    async def settle(self, step_id: str, *, result: Any) -> None:
        """Record the result of a step in doubt, for somebody who has looked what became of it.

        Takes the run from its worker, if one still lives.

        Args:
            step_id: A step in doubt.
            result: What the codec's `dump` would have returned: strict JSON.

        Raises:
            StepMismatch: The step is not in doubt (`not_in_doubt`).
            RunTaken: Another worker has written meanwhile.
            StoreUnavailable: Nothing was written.
        """
        state = await self._standing(step_id)
        if state.last is None or state.phase is not Phase.IN_DOUBT:
            raise StepMismatch(self.run_id, step_id, reason="not_in_doubt")
        kept = parse_json(canonical_text(result, max_size=MAX_RESULT))
        await self._book.write(self._book.like(state.last, StepKind.SETTLED, result=kept))

    async def repeat(self, step_id: str) -> None:
        """Let a step that is in doubt, or has failed for good, be called again as a new attempt.

        Takes the run from its worker, if one still lives.

        Raises:
            StepMismatch: The step is neither (`not_repeatable`).
            RunTaken: Another worker has written meanwhile.
            StoreUnavailable: Nothing was written.
        """
        state = await self._standing(step_id)
        if state.last is None or state.phase not in (Phase.IN_DOUBT, Phase.FAILED):
            raise StepMismatch(self.run_id, step_id, reason="not_repeatable")
        await self._book.write(self._book.like(state.last, StepKind.REPEATED))

    async def _standing(self, step_id: str) -> StepState:
        """Return where a step stands that nobody in this runner is at."""
        check_id(step_id, field="step_id")
        if step_id in self._running:
            raise StepMismatch(self.run_id, step_id, reason="under_way")
        return await self._book.state(step_id)

    async def _step(self, work: Work) -> Any:
        state = await self._book.state(work.step_id)
        last = state.last
        if last is not None and last.fingerprint != work.fingerprint:
            raise StepMismatch(self.run_id, work.step_id, reason="fingerprint")
        if last is not None and state.phase in (Phase.DONE, Phase.FAILED):
            self._tell("step:replay", work, state.attempt, error=last.error)
            if state.phase is Phase.DONE:
                return work.loaded(last.result)
            error = last.error or "unknown"
            raise StepFailed(self.run_id, work.step_id, error=error, error_code=last.error_code)
        if state.phase is Phase.IN_DOUBT and not work.idempotent:
            raise StepInDoubt(self.run_id, work.step_id, attempt=state.attempt)
        tries, attempt = state.tries, state.attempt
        while True:
            outcome = await self._attempt(work, attempt, last=tries + 1 >= work.max_attempts)
            if isinstance(outcome, _Ended):
                return work.loaded(outcome.kept)
            tries, attempt = tries + 1, attempt + 1
            if self._retry_delay:
                await sleep(self._clock, self._retry_delay)

    async def _attempt(self, work: Work, attempt: int, *, last: bool) -> _Ended | None:
        """Call the function once; return its end, or `None` if it failed and may be tried again."""
        if self._book.size >= MAX_ROWS:
            raise LimitExceeded(field="rows of a run", value=self._book.size + 1, limit=MAX_ROWS)
        row = partial(self._book.row, work, attempt=attempt)
        await self._book.write(row(StepKind.STARTED))
        self._running[work.step_id] = attempt
        self._tell("step:start", work, attempt)
        began = self._clock.monotonic()
        try:
            value = work.fn()
            if inspect.isawaitable(value):
                value = await value
        except Exception as error:
            seconds = self._clock.monotonic() - began
            if holds(error, _NOT_FAILURES):
                await self._paused(work, attempt, seconds, error, row)
                raise
            final = last or isinstance(error, Refused)
            await self._failed(work, row, error, seconds=seconds, final=final)
            if final:
                raise
            return None
        seconds = self._clock.monotonic() - began
        try:
            kept = work.dumped(value)
        except Exception as error:
            # It has run. What it returned is of no use, and that will not change by a second run.
            await self._failed(work, row, error, seconds=seconds, final=True)
            raise
        await self._book.end(row(StepKind.DONE, result=kept))
        self._tell("step:success", work, attempt, seconds=seconds)
        return _Ended(kept)

    async def _failed(
        self,
        work: Work,
        row: Callable[..., StepRow],
        error: Exception,
        *,
        seconds: float,
        final: bool,
    ) -> None:
        word = type(error).__name__[:MAX_NAME]
        code = error.code if isinstance(error, SignoffError) else None
        written = row(StepKind.FAILED, final=final, error=word, error_code=code)
        try:
            await self._book.end(written)
        except StepUnrecorded as unrecorded:
            raise unrecorded from error
        self._tell("step:failure", work, written.attempt, seconds=seconds, error=word)

    async def _paused(
        self,
        work: Work,
        attempt: int,
        seconds: float,
        error: Exception,
        row: Callable[..., StepRow],
    ) -> None:
        word = type(error).__name__[:MAX_NAME]
        if isinstance(error, _PAUSES):
            try:
                await self._book.write(row(StepKind.PAUSED))
            except Exception as trouble:  # noqa: BLE001  (the pause is what the caller must hear)
                # Without the row the step is in doubt: less comfortable, and never wrong.
                self._logger.warning(
                    "pause_unrecorded",
                    run_id=self.run_id,
                    step_id=work.step_id,
                    cause=type(trouble).__name__,
                )
        self._tell("step:pause", work, attempt, seconds=seconds, error=word)

    def _tell(
        self,
        kind: Literal["step:start", "step:success", "step:failure", "step:pause", "step:replay"],
        work: Work,
        attempt: int,
        *,
        seconds: float | None = None,
        error: str | None = None,
    ) -> None:
        if self._on_event is None:
            return
        event = StepEvent(
            kind, self.run_id, work.step_id, work.name, attempt, seconds=seconds, error=error
        )
        try:
            self._on_event(event)
        except Exception as failure:  # noqa: BLE001  (an observer never changes an outcome)
            self._logger.warning(
                "step_observer_failed",
                type=kind,
                step_id=work.step_id,
                error=type(failure).__name__,
            )
