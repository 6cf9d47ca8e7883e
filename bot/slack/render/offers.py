"""Owns which answers are offered besides yes and no, and the words for one that has no button."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gate import Approval, Offer

from ...masking import Masking
from .buttons import LABELS
from .editing import why_no_edit
from .shell import edit_there

__all__ = ["Offers", "offers_of", "unedited"]

_YES: Final[tuple[Offer, ...]] = ("edit", "override")
"""Yeses to what a person makes of a request: they stand beside Approve only."""


@dataclass(frozen=True)
class Offers:
    """What people may answer to a request besides yes and no."""

    answers: frozenset[Offer] = frozenset()
    no_form: str | None = None
    """Why no form takes the arguments although they may be edited, in a sentence."""

    @property
    def verbs(self) -> str:
        """What can be done where Approve is, for the middle of a sentence."""
        words = {"edit": "edit", "override": "answer instead"}
        return _listed(["approve", *(words[each] for each in _YES if each in self.answers)], "or")

    @property
    def labels(self) -> str:
        """The buttons that stand where Approve is, with the verb, to begin a sentence."""
        labels = ["Approve", *(LABELS[each] for each in _YES if each in self.answers)]
        return f"{_listed(labels, 'and')} {'are' if len(labels) > 1 else 'is'}"


def offers_of(approval: Approval, masking: Masking) -> Offers:
    """Return what people may answer to *approval* besides yes and no; nothing once it is over.

    Args:
        approval: What is asked: the record itself, not a veiled one.
        masking: What is masked cannot be edited.
    """
    if approval.final:
        return Offers()
    found: set[Offer] = {offer for offer in LABELS if approval.offers(offer)}
    no_form = None
    # Last: it looks at every argument and at the schema.
    if "edit" in found:
        no_form = why_no_edit(approval, masking)
    if no_form is not None:
        found.discard("edit")
    # Where there are no arguments nobody misses a form for them.
    nothing = approval.effective_payload in (None, {})
    return Offers(frozenset(found), None if nothing else no_form)


def unedited(no_form: str, approval: Approval) -> str:
    """Return why a form does not take the arguments, and where they can be edited all the same."""
    return f"{no_form} {edit_there(approval)}"


def _listed(words: list[str], last: str) -> str:
    *some, end = words
    return f"{', '.join(some)} {last} {end}" if some else end
