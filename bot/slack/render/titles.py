"""Owns what a request is called: its title, its names in full, its digest in short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gate import Approval

from ..text import quoted, visible
from .line import Foreign, Line, Words, section

__all__ = [
    "AGENT_LIMIT",
    "DIGEST_SHOWN",
    "NAME_LIMIT",
    "full_names",
    "names_fit",
    "preformatted",
    "short_digest",
    "title",
    "title_line",
]

Block = dict[str, Any]

DIGEST_SHOWN: Final = 12
"""Hexadecimal digits of the digest that people see, on every surface."""
NAME_LIMIT, AGENT_LIMIT = 80, 50
"""Characters of a name in the header, which holds 150."""


def title(approval: Approval) -> str:
    """Return who asks for what, in at most 150 characters of plain text."""
    who, what = quoted(approval.agent, AGENT_LIMIT), quoted(approval.name, NAME_LIMIT)
    return f"{who} asks to run {what}"


def title_line(approval: Approval) -> Line:
    """Return the title as a line, the names in bold."""
    return [
        Foreign(approval.agent, AGENT_LIMIT, bold=True),
        Words(" asks to run "),
        Foreign(approval.name, NAME_LIMIT, bold=True),
    ]


def short_digest(approval: Approval) -> str:
    """Return the part of the digest that people compare."""
    return approval.effective_digest[:DIGEST_SHOWN]


def names_fit(approval: Approval) -> bool:
    """Say whether the title has both names in full."""
    return next(full_names(approval), None) is None


def full_names(approval: Approval) -> Iterator[list[Block]]:
    """Yield the names in full length, where the title had to cut them."""
    for label, name, limit in (
        ("Action", approval.name, NAME_LIMIT),
        ("Agent", approval.agent, AGENT_LIMIT),
    ):
        shown = visible(name)
        if quoted(name, limit) != quoted(name, 4 * limit + len(shown)):
            yield [section([Words(f"{label}, in full:", bold=True)]), preformatted(shown)]


def preformatted(text: str) -> Block:
    """Return *text* word for word, as part of a rich text."""
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
