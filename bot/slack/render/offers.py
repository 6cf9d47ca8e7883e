"""Owns which answers are offered besides yes and no: what request, route and forms allow."""

from __future__ import annotations

from typing import Final

from gate import Approval, Offer

from ...masking import Masking
from .editing import why_no_edit

__all__ = ["offers_of"]

_OFFERS: Final[tuple[Offer, ...]] = ("edit", "override", "skip")


def offers_of(approval: Approval, masking: Masking) -> frozenset[Offer]:
    """Return what people may answer to *approval* besides yes and no; nothing once it is over.

    Args:
        approval: What is asked: the record itself, not a veiled one.
        masking: What is masked cannot be edited.
    """
    if approval.final:
        return frozenset()
    found: set[Offer] = {offer for offer in _OFFERS if approval.offers(offer)}
    # Last: it looks at every argument and at the schema.
    if "edit" in found and why_no_edit(approval, masking) is not None:
        found.discard("edit")
    return frozenset(found)
