"""Owns what the agent says for itself: its reason, and what its own policy says of the asking.

Both are claims: nobody on our side has checked them, and they are shown as somebody else's words.
"""

from __future__ import annotations

from typing import Any, Final

from gate import Approval

from .line import QUOTE_LIMIT, QUOTE_ROWS, Foreign, Line, Words, quote, section

__all__ = ["claim_lines", "claims"]

_POLICY_LIMIT: Final = 300
"""Characters of the policy's words: a rule has a name and a reason, not an essay."""
_POLICY_ROWS: Final = 5
_SHORT: Final = 150
"""Characters of either where there is little room."""
_REASON, _POLICY = "The agent says:", "The agent's policy says:"


def claims(approval: Approval, *, short: bool = False) -> list[dict[str, Any]]:
    """Return the agent's words as quotations, each under its label; nothing where it says nothing.

    Args:
        approval: A veiled one.
        short: Whether there is little room.
    """
    parts: list[dict[str, Any]] = []
    for label, said, limit, rows in (
        (_REASON, approval.reason, QUOTE_LIMIT, QUOTE_ROWS),
        (_POLICY, approval.policy, _POLICY_LIMIT, _POLICY_ROWS),
    ):
        if said:
            limit = min(limit, _SHORT) if short else limit
            parts += [section([Words(label, bold=True)]), *quote(said, limit=limit, rows=rows)]
    return parts


def claim_lines(approval: Approval, limit: int) -> list[Line]:
    """Return the agent's words on a line each, for lists.

    Args:
        approval: A veiled one.
        limit: Characters of each.
    """
    said = ((_REASON, approval.reason), (_POLICY, approval.policy))
    return [[Words(f"{label} "), Foreign(text, limit)] for label, text in said if text]
