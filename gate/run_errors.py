"""Owns the errors of runs that go on after a crash; `errors` draws them into its tree."""

from __future__ import annotations

from typing import ClassVar

from .errors import SignoffError

__all__ = ["StepFailed", "StepInDoubt", "StepMismatch", "StepPaused", "StepUnrecorded"]


class StepFailed(SignoffError, RuntimeError):
    """The step is on record as failed for good; its function is not called again.

    ``error`` is the class of what it raised then, ``error_code`` that error's code if it was one of
    this tree. The text of an error is never recorded.
    """

    code: ClassVar[str] = "step_failed"

    def __init__(
        self, run_id: str, step_id: str, *, error: str, error_code: str | None = None
    ) -> None:
        super().__init__(f"step {step_id!r} of run {run_id!r} previously failed: {error}")
        self.run_id = run_id
        self.step_id = step_id
        self.error = error
        self.error_code = error_code


class StepInDoubt(SignoffError, RuntimeError):
    """The step has started and no end is on record: it may have run, or may be running elsewhere.

    It is not run again by itself. Look what became of it, then `settle` or `repeat` it.
    """

    code: ClassVar[str] = "step_in_doubt"

    def __init__(self, run_id: str, step_id: str, *, attempt: int) -> None:
        super().__init__(
            f"step {step_id!r} of run {run_id!r} has started (attempt {attempt}), "
            "it is not known how it ended"
        )
        self.run_id = run_id
        self.step_id = step_id
        self.attempt = attempt


class StepMismatch(SignoffError, ValueError):
    """The step's id stands for something else in this run; nothing ran and nothing changed.

    ``reason`` is a stable word: ``fingerprint`` (another name or other inputs are on record),
    ``under_way`` (another call of this runner is at it), ``not_in_doubt`` or ``not_repeatable``
    (there is nothing to settle or to repeat).
    """

    code: ClassVar[str] = "step_mismatch"

    def __init__(self, run_id: str, step_id: str, *, reason: str) -> None:
        super().__init__(f"step {step_id!r} of run {run_id!r} does not fit the record: {reason}")
        self.run_id = run_id
        self.step_id = step_id
        self.reason = reason


class StepPaused(SignoffError):
    """Raised by a step's own function: it has done nothing yet, and is to be called again later."""

    code: ClassVar[str] = "step_paused"

    def __init__(self, reason: str = "") -> None:
        super().__init__(f"the step paused{f': {reason}' if reason else ''}")
        self.reason = reason


class StepUnrecorded(SignoffError):
    """The step's function has ended, and its end could not be written down.

    The same runner keeps it: calling the step again writes it, and does not call the function.
    In any other runner the step is in doubt.
    """

    code: ClassVar[str] = "step_unrecorded"

    def __init__(self, run_id: str, step_id: str, *, cause: str) -> None:
        super().__init__(
            f"step {step_id!r} of run {run_id!r} has ended, but is not on record: {cause}"
        )
        self.run_id = run_id
        self.step_id = step_id
        self.cause = cause
