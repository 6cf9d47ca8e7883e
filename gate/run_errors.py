"""Owns the errors of runs that go on after a crash; `errors` draws them into its tree."""

from __future__ import annotations

from typing import ClassVar

from .errors import SignoffError

__all__ = [
    "ModelFailed",
    "RunNotFound",
    "RunTaken",
    "RunUnfinished",
    "SnapshotUnsupported",
    "StepFailed",
    "StepInDoubt",
    "StepMismatch",
    "StepPaused",
    "StepUnrecorded",
]


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
    ``under_way`` (another call of this runner is at it), ``not_under_way`` (nobody is),
    ``not_in_doubt`` or ``not_repeatable`` (there is nothing to settle or to repeat).
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
        # The reason may quote anything: it is data, not a word of the message.
        super().__init__("the step paused, having done nothing")
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


class RunUnfinished(SignoffError, RuntimeError):
    """The agent's last run has not ended: `resume` it, or `abandon` it, before the next one.

    ``pending`` are the call ids that wait for a decision; ``running`` says whether this very object
    is at work on it.
    """

    code: ClassVar[str] = "run_unfinished"

    def __init__(
        self, agent_id: str, *, run_id: str, pending: tuple[str, ...] = (), running: bool = False
    ) -> None:
        word = "is running" if running else "has not ended"
        super().__init__(
            f"run {run_id!r} of agent {agent_id!r} {word} ({len(pending)} calls wait for people)"
        )
        self.agent_id = agent_id
        self.run_id = run_id
        self.pending = pending
        self.running = running


class RunTaken(SignoffError):
    """Another worker has written to the run since this one read it: this one does nothing more."""

    code: ClassVar[str] = "run_taken"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"another worker goes on with run {run_id!r}")
        self.run_id = run_id


class RunNotFound(SignoffError, LookupError):
    """There is no run to go on with."""

    code: ClassVar[str] = "run_not_found"

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"agent {agent_id!r} has no run")
        self.agent_id = agent_id


class SnapshotUnsupported(SignoffError, ValueError):
    """A snapshot of a version that this code does not know. Nothing of it was used."""

    code: ClassVar[str] = "snapshot_unsupported"

    def __init__(self, version: object) -> None:
        shown = str(version) if isinstance(version, int) and abs(version) < 10**9 else "unknown"
        super().__init__(f"snapshots of version {shown} are not supported here")
        self.version = version


class ModelFailed(SignoffError, RuntimeError):
    """The model gave no answer to go on with. The run is as it was: `resume` asks it again.

    ``error`` is the class of what it raised; the error itself is the cause.
    """

    code: ClassVar[str] = "model_failed"

    def __init__(self, run_id: str, *, step: int, error: str) -> None:
        super().__init__(f"the model failed with {error} at step {step} of run {run_id!r}")
        self.run_id = run_id
        self.step = step
        self.error = error
