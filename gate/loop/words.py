"""Owns the words for how a call ended, and what the model is told about each.

Outcomes that a model must treat differently are different words. Only a person's no is called one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["CallOutcome", "FinishReason", "is_error", "sentence"]


class CallOutcome(StrEnum):
    """How a proposed call ended."""

    DONE = "done"
    """The tool ran to its end."""
    FAILED = "failed"
    """The tool raised."""
    TIMED_OUT = "timed_out"
    """The tool was stopped; it may have had its effect."""
    OVERRIDDEN = "overridden"
    """A person answered in place of the tool, which did not run."""
    DENIED = "denied"
    """A person said no."""
    SKIPPED = "skipped"
    """A person said: leave it out, go on."""
    EXPIRED = "expired"
    """Nobody answered in time."""
    CANCELLED = "cancelled"
    """It was withdrawn before anybody decided."""
    UNDELIVERABLE = "undeliverable"
    """Nobody could be asked."""
    NOT_ALLOWED = "not_allowed"
    """The policy forbids it; nobody was asked."""
    BLOCKED = "blocked"
    """A guardrail stopped it; nobody was asked."""
    INVALID = "invalid"
    """No such tool, or arguments that do not fit it."""
    NO_APPROVER = "no_approver"
    """A person would have to be asked, and there is no way to."""
    APPROVER_FAILED = "approver_failed"
    """The way to ask failed. Nobody said no."""
    NOT_VERIFIED = "not_verified"
    """A yes that could not be proved to be the operator's, or is one to something else."""
    UNCONFIRMED = "unconfirmed"
    """It was started, and its end is not known."""


class FinishReason(StrEnum):
    """Why a run came to its end, or stands still."""

    DONE = "done"
    MAX_STEPS = "max_steps"
    GUARDRAIL = "guardrail"
    ABORTED = "aborted"
    PAUSED = "paused"
    """It waits for decisions, or for a store that is away; `resume` goes on."""
    STOPPED = "stopped"
    """Somebody called `stop`; `resume` goes on."""


_GOOD: Final = {CallOutcome.DONE, CallOutcome.OVERRIDDEN, CallOutcome.SKIPPED}

_SENTENCES: Final = {
    CallOutcome.DENIED: "A person denied this call. It did not run. Do not try it again unless "
    "you are asked to.",
    CallOutcome.SKIPPED: "A person skipped this call. It did not run; go on without it.",
    CallOutcome.EXPIRED: "Nobody answered in time, so this call did not run. Nobody said no; it "
    "may be asked for again later.",
    CallOutcome.CANCELLED: "The question was withdrawn before anybody decided. This call did not "
    "run. Nobody said no.",
    CallOutcome.UNDELIVERABLE: "Nobody could be asked, so this call did not run. Nobody said no; "
    "tell the user that approvals cannot be delivered.",
    CallOutcome.NOT_ALLOWED: "The policy does not allow this call. It did not run and nobody was "
    "asked. Do not try it again.",
    CallOutcome.BLOCKED: "A guardrail blocked this call. It did not run and nobody was asked.",
    CallOutcome.INVALID: "This call cannot be run as it is. It did not run.",
    CallOutcome.NO_APPROVER: "This call needs a person's approval and no approver is configured. "
    "It did not run. Nobody said no.",
    CallOutcome.APPROVER_FAILED: "This call needs a person's approval and the approval channel "
    "failed. It did not run. Nobody said no.",
    CallOutcome.NOT_VERIFIED: "The approval of this call could not be verified. It did not run. "
    "Nobody said no; tell the user.",
    CallOutcome.UNCONFIRMED: "This call was started and its outcome is not known: it may have had "
    "its effect, or a part of it. Do not run it again; ask the user to look.",
    CallOutcome.TIMED_OUT: "The tool was stopped because it took too long. It may have had its "
    "effect, or a part of it.",
    CallOutcome.FAILED: "The tool failed.",
    CallOutcome.DONE: "The tool ran and returned nothing.",
    CallOutcome.OVERRIDDEN: "A person answered in place of the tool, which did not run. The "
    "answer is:",
}


def sentence(outcome: CallOutcome, *, detail: str | None = None) -> str:
    """Return what the model is told about *outcome*, with *detail* after it."""
    told = _SENTENCES[outcome]
    return f"{told} {detail}" if detail else told


def is_error(outcome: CallOutcome) -> bool:
    """Say whether the model is to take *outcome* for an error."""
    return outcome not in _GOOD
