"""Owns the terms of an approval: who is asked, who may answer, and what happens if nobody does.

They are fixed when the operator's side routes the approval; later configuration changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .wire import Moment, WireModel

__all__ = ["Offer", "Quorum", "Rung", "Terms"]

Offer = Literal["edit", "override", "skip"]
"""An answer besides yes and no: other arguments, a result in place of the run, go on without."""

Principals = tuple[Annotated[str, Field(min_length=1, max_length=200)], ...]


class Quorum(WireModel, frozen=True):
    """One demand of a route: *needed* distinct people out of *of*."""

    name: str = "approvers"
    of: tuple[str, ...]
    """Principals (`slack:T1:U1`, `cli:ana`) and groups (`slack:T1:S1`)."""
    needed: int = Field(default=1, ge=1, le=100, strict=True)


class Rung(WireModel, frozen=True):
    """What is done when nobody has decided *after* seconds from when it was routed.

    `remind` asks the same people again, in the thread; `widen` asks *also*, who from then on may
    answer for every quorum; `move` asks again in another channel.
    """

    after: float = Field(gt=0, le=90 * 86400, allow_inf_nan=False)
    action: Literal["remind", "widen", "move"]
    also: Principals = ()
    channel: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.action == "widen") is not bool(self.also):
            raise ValueError("a rung names further people exactly if it widens")
        if (self.action == "move") is not (self.channel is not None):
            raise ValueError("a rung names a channel exactly if it moves")
        return self


class Terms(WireModel, frozen=True):
    """Who is asked and who may answer."""

    channel: str
    quorums: tuple[Quorum, ...] = Field(min_length=1)
    deny_threshold: int = Field(default=1, ge=1, le=100, strict=True)
    expires_at: Moment | None = None
    """Only ever earlier than what the agent asked for."""
    notify: tuple[Literal["mention", "dm"], ...] = ()
    excluded: Principals = ()
    """People who must not decide what they own or asked for themselves, by the operator's word."""
    teams: Principals = ()
    """Other workspaces whose people may answer, where they are named."""
    ladder: tuple[Rung, ...] = Field(default=(), max_length=20)
    """In the order of time."""
    reveal: bool = Field(default=True, strict=True)
    """Whether what is masked as a secret may be revealed to those who may answer."""
    answers: tuple[Offer, ...] = ("edit", "override", "skip")
    """What people may answer besides yes and no; the first two only where the request allows it."""
    routed_at: Moment | None = None
    """When they were fixed, by the store's clock: a ladder's times count from then."""
    mac: str | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [rung.after for rung in self.ladder]
        if times != sorted(times):
            raise ValueError("the rungs of a ladder come in the order of time")
        return self

    def after(self, taken: Sequence[Rung]) -> Self:
        """Return the terms as they count when the rungs *taken* were taken."""
        also = tuple(who for rung in taken for who in rung.also)
        moves = [rung.channel for rung in taken if rung.channel is not None]
        if not also and not moves:
            return self
        wider = tuple(
            quorum.model_copy(update={"of": tuple(dict.fromkeys((*quorum.of, *also)))})
            for quorum in self.quorums
        )
        return self.model_copy(update={"quorums": wider, "channel": [self.channel, *moves][-1]})
