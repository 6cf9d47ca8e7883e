"""Owns the warning line: what the foreign texts of a request hide, or could be mistaken for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from gate import Approval

from ..alphabets import strangers
from ..hosts import Host, hosts_of
from ..text import Finding, findings
from .line import Foreign, Line, Part, Words, join, section
from .notation import strings_of

__all__ = ["cautions"]

MOST_HOSTS: Final = 2
HOST_LIMIT: Final = 40
MOST_LETTERS: Final = 5

_NOUNS: Final = {
    Finding.INVISIBLE: ("invisible character", "invisible characters"),
    Finding.DIRECTION: (
        "hidden change of reading direction",
        "hidden changes of reading direction",
    ),
    Finding.CONTROL: ("control character", "control characters"),
    Finding.SPACE: ("unusual space", "unusual spaces"),
    Finding.UNKNOWN: ("character without a meaning", "characters without a meaning"),
    Finding.MARK: ("stray or stacked accent", "stray or stacked accents"),
    Finding.PADDING: ("blank of padding", "blanks of padding"),
    Finding.RIGHT_TO_LEFT: ("right-to-left letter", "right-to-left letters"),
    Finding.LOOKALIKE: ("word with look-alike letters", "words with look-alike letters"),
}
_ESCAPED: Final = frozenset(Finding) - {Finding.RIGHT_TO_LEFT, Finding.LOOKALIKE}


def cautions(approval: Approval) -> list[dict[str, Any]]:
    """Return rich text sections that name what is odd in the texts of others; none if nothing is.

    Args:
        approval: Its names, its arguments, a proposed result and the agent's words are looked at.
    """
    lines = [*_characters(approval), *_names(approval), *_hosts(approval)]
    return [section([Words("❗ "), *line]) for line in lines]


def _characters(approval: Approval) -> Iterator[Line]:
    said = []
    escaped = False
    for where, texts in (
        ("in the arguments", strings_of(approval.effective_payload)),
        ("in the names", iter((approval.name, approval.agent, approval.run or ""))),
        ("in the result", iter((_result(approval),))),
        ("in the agent's words", iter((approval.reason or "", approval.policy or ""))),
    ):
        found = _sum(texts)
        if found:
            counted = ", ".join(f"{count:,} {_NOUNS[kind][count != 1]}" for kind, count in found)
            said.append(f"{where} {counted}")
            escaped = escaped or any(kind in _ESCAPED for kind, _ in found)
    if said:
        tail = ". Shown as ⟨U+…⟩." if escaped else "."
        yield [Words("Look closely:", bold=True), Words(f" {'; '.join(said)}{tail}")]


def _result(approval: Approval) -> str:
    """Return what a person proposes in place of a run; what was decided stands as a quotation."""
    return "" if approval.final else approval.proposed_result or ""


def _names(approval: Approval) -> Iterator[Line]:
    """Yield which letters of the names are not the ones that they look like."""
    for label, name in (("action", approval.name), ("agent", approval.agent)):
        odd = strangers(name)
        if odd:
            letters: list[Line] = [
                [Foreign(char), Words(f" is U+{ord(char):04X}")] for char in odd[:MOST_LETTERS]
            ]
            more = len(odd) - len(letters)
            tail: list[Line] = [[Words(f"{more} more")]] if more else []
            head = f"The {label}'s name has letters of another alphabet:"
            yield [Words(head, bold=True), Words(" "), *join([*letters, *tail], "and"), Words(".")]


def _hosts(approval: Approval) -> Iterator[Line]:
    """Yield how the odd host names of the arguments are written in ASCII, and in full."""
    texts = (*strings_of(approval.effective_payload), _result(approval))
    odd = dict.fromkeys(host for text in texts for host in hosts_of(text))
    if not odd:
        return
    shown = [_host(host) for host in list(odd)[:MOST_HOSTS]]
    more = len(odd) - len(shown)
    tail: list[Line] = [[Words(f"{more} more")]] if more else []
    yield [Words("Host names:", bold=True), Words(" "), *join([*shown, *tail], "and"), Words(".")]


def _host(host: Host) -> list[Part]:
    parts: list[Part] = [Foreign(host.ascii, HOST_LIMIT)]
    if host.shown != host.ascii:
        parts += [Words(" is shown as "), Foreign(host.shown, HOST_LIMIT)]
    if host.lookalike:
        parts.append(Words(" with look-alike letters"))
    if host.behind:
        parts += [Words(", not "), Foreign(host.behind, HOST_LIMIT)]
    return parts


def _sum(texts: Iterable[str]) -> list[tuple[Finding, int]]:
    total: dict[Finding, int] = {}
    for text in texts:
        for kind, count in findings(text).items():
            total[kind] = total.get(kind, 0) + count
    return [(kind, total[kind]) for kind in Finding if kind in total]
