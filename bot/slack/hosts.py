"""Owns host names inside foreign texts: which of them are not what they look like.

A host name with other letters than ASCII's is reached under its `xn--` form (RFC 5891); both forms
are worth showing. In `https://known.example@other.example/` the host is what stands behind the at
sign (RFC 3986 part 3.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .alphabets import lookalike

__all__ = ["Host", "hosts_of"]

_PREFIX: Final = "xn--"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[/\\]{2}([^\s/\\?#\"'<>`]{1,2000})")
_LABEL = r"[\w-]{1,63}"
# A dotted name outside of a URL: the last part is ASCII or an xn-- form, as top domains are.
_BARE = re.compile(
    rf"(?<![\w.@-])(?:{_LABEL}\.){{1,20}}(?:[A-Za-z]{{2,20}}|xn--[A-Za-z0-9-]{{2,60}})\b"
)
_MAIL = re.compile(rf"@((?:{_LABEL}\.){{1,20}}{_LABEL})")


@dataclass(frozen=True)
class Host:
    """A host name that a reader should be told of."""

    ascii: str
    """As it is looked up."""
    shown: str
    """As programs like to show it."""
    lookalike: bool = False
    """Whether a part of it could pass for another."""
    behind: str | None = None
    """What a URL shows before the host, made to look like one."""


def hosts_of(text: str) -> Iterator[Host]:
    """Yield the host names of *text* that have two forms, or that hide behind another name."""
    if text.isascii() and _PREFIX not in text.lower() and not ("@" in text and "//" in text):
        return
    taken: list[tuple[int, int]] = []
    for found in _URL.finditer(text):
        taken.append(found.span())
        user, _, rest = found[1].rpartition("@")
        host = _host(rest.partition(":")[0], behind=user.partition(":")[0] or None)
        if host is not None:
            yield host
    for pattern in (_BARE, _MAIL):
        for found in pattern.finditer(text):
            if not any(start <= found.start() < end for start, end in taken):
                host = _host(found[found.lastindex or 0])
                if host is not None:
                    yield host


def _host(name: str, *, behind: str | None = None) -> Host | None:
    labels = [_forms(label) for label in name.rstrip(".").split(".")]
    ascii_form = ".".join(one for one, _ in labels)
    shown = ".".join(other for _, other in labels)
    odd = any(lookalike(other) for _, other in labels)
    if behind is not None and "." not in behind:
        behind = None
    if ascii_form == shown and behind is None:
        return None
    return Host(ascii_form, shown, odd, behind)


def _forms(label: str) -> tuple[str, str]:
    """Return a label's ASCII form and the form with letters."""
    try:
        if not label.isascii():
            return _PREFIX + label.lower().encode("punycode").decode("ascii"), label
        if label.lower().startswith(_PREFIX):
            return label, label[len(_PREFIX) :].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        pass
    return label, label
