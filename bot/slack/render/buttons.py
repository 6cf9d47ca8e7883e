"""Owns the buttons: what each says, and the sealed value that it gives back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Protocol

from gate import Approval, InvalidId, Offer

from ..ids import ANSWER, APPROVE, EDIT, REJECT, REVIEW, SKIP
from ..text import clip, quoted

__all__ = ["LABELS", "Stamp", "amending", "answering", "button", "plain", "stamped"]

LABELS: Final[Mapping[Offer, str]] = {
    "edit": "Edit…",
    "override": "Answer instead…",
    "skip": "Skip",
}
"""What the buttons say for answers besides yes and no."""


class Stamp(Protocol):
    """Seals a button's value; `bot.slack.seal.Seal.value` is one."""

    def __call__(self, approval: Approval, *, surface: str, place: str) -> str:
        """Return the value for a button of *approval* on *surface* at *place*.

        Raises:
            InvalidId: The record has an id, nonce or digest that no gate makes.
        """
        ...


def stamped(stamp: Stamp, approval: Approval, *, surface: str, place: str) -> str | None:
    """Return the sealed value, or `None` for a record that no button can stand for."""
    try:
        return stamp(approval, surface=surface, place=place)
    except InvalidId:
        return None


def answering(
    approval: Approval,
    value: str,
    *,
    approve: bool,
    review: bool,
    offers: Collection[Offer] = (),
) -> Iterator[dict[str, Any]]:
    """Yield the buttons that answer *approval*: Approve or Review, what is offered, always Reject.

    An edit and a result in place of a run are approvals, too: they are offered beside Approve only.

    Args:
        approval: What is answered.
        value: The sealed value, the same for all of them.
        approve: Whether everything that would run stands beside them.
        review: Whether everything can be shown in a review.
        offers: What else may be answered; see `offers_of`.
    """
    if approve:
        yield button(APPROVE, "Approve", value, approval, style="primary")
    elif review:
        yield button(REVIEW, "Review", value, approval, style="primary")
    if approve:
        yield from amending(approval, value, offers)
    if "skip" in offers:
        yield button(SKIP, LABELS["skip"], value, approval)
    yield button(REJECT, "Reject", value, approval, style="danger")


def amending(approval: Approval, value: str, offers: Collection[Offer]) -> Iterator[dict[str, Any]]:
    """Yield the buttons for a yes to what a person makes of *approval*, where it is offered."""
    if "edit" in offers:
        yield button(EDIT, LABELS["edit"], value, approval)
    if "override" in offers:
        yield button(ANSWER, LABELS["override"], value, approval)


def button(
    action: str, label: str, value: str, approval: Approval, *, style: str | None = None
) -> dict[str, Any]:
    """Return a button; screen readers hear the name of the action with its label."""
    made = {
        "type": "button",
        "action_id": action,
        "text": plain(label),
        "value": value,
        "accessibility_label": clip(f"{label} {quoted(approval.name, 50)}", 75),
    }
    return made | {"style": style} if style else made


def plain(text: str) -> dict[str, Any]:
    """Return a plain text object, without emoji codes."""
    return {"type": "plain_text", "text": text, "emoji": False}
